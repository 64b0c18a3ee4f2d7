"""The defect book beside the canvas: what a class looks like, where it begins, and where it does not yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QImage, QKeySequence, QPainter, QPixmap
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.canvas.workbench import Workbench
from app.commands import keys_text
from app.icons import icon
from app.letters import LetterMenu
from app.session import Session
from app.words import class_word, tr
from core.imaging.small import shrunk
from core.project.records import ClassExample, ExampleKind
from core.words import Box

_SIDE: Final = 84
_ACROSS: Final = 3
_MARGIN: Final = 0.35  # of the longer side, round what is shown
_LEAST: Final = 24  # pixels of the image that are shown at least
_KEPT: Final = 300
_KINDS: Final[tuple[tuple[ExampleKind, str, str], ...]] = (
    ("example", "book.example", "accent"),
    ("limit_good", "book.limit_good", "good"),
    ("limit_defective", "book.limit_defective", "defective"),
)
Pixels = NDArray[np.uint8]


class DefectBook(QWidget):
    """Examples and limit samples of the class that is painted."""

    wanted = Signal(int, object)  # image id and box: to be looked at
    add_wanted = Signal(str)  # ExampleKind, of what is on the canvas

    def __init__(self, session: Session, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._bench = bench
        self._pictures: OrderedDict[int, QPixmap] = OrderedDict()
        self._tiles: dict[int, QToolButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        self._description = QLabel(self)
        self._description.setWordWrap(True)
        self._description.setTextFormat(Qt.TextFormat.PlainText)
        column.addWidget(self._description)
        self._holder = QVBoxLayout()
        self._page = QWidget(self)
        self._holder.addWidget(self._page)
        column.addLayout(self._holder)
        column.addLayout(self._foot())
        bench.changed.connect(self._on_value_changed)
        session.table_loaded.connect(self.read)
        session.images_changed.connect(self._on_images_changed)
        session.closed.connect(self._on_session_closed)
        self.read()

    def read(self, *_: object) -> None:
        """What the book holds of the class that is painted."""
        one = next((one for one in self._session.classes if one.id == self._bench.class_id), None)
        text = "" if one is None else one.description
        self._description.setText(text or tr("No description yet: “Edit classes …” takes one."))
        self._description.setProperty("role", "" if text else "muted")
        self._description.style().polish(self._description)
        self._description.setVisible(one is not None)
        self._add.setEnabled(one is not None and self._session.can_write)
        project = self._session.project
        if project is None or one is None:
            self._show(0, [])
            return
        class_id = one.id
        self._session.background.run(
            lambda: project.examples(class_id), partial(self._show, class_id), owner=self, key="book"
        )

    def add(self, class_id: int, image_id: int, kind: ExampleKind, box: Box) -> None:
        """Keep a place of an image under a class."""
        name = next((class_word(one) for one in self._session.classes if one.id == class_id), "")
        self._session.write(
            lambda project: project.add_example(class_id, image_id, kind, box=box),
            self.read,
            say=tr("Kept in the defect book: {kind} of {name}", kind=kind_word(kind).lower(), name=name),
        )

    # -- building

    def _foot(self) -> QHBoxLayout:
        self._add = QToolButton(self)
        self._add.setText(tr("Add from the image"))
        self._add.setIcon(icon("add"))
        self._add.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._add.setProperty("role", "field")
        self._add.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._add.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._add.setToolTip(tr("What is seen of the image now; by its key, the defect under the cursor"))
        menu = LetterMenu(self._add)
        for kind, command, _ in _KINDS:
            action = menu.addAction(f"{kind_word(kind)}\t{keys_text(command)}", partial(self.add_wanted.emit, kind))
            action.setObjectName(kind)
        self._add.setMenu(menu)
        row = QHBoxLayout()
        row.addWidget(self._add)
        row.addStretch(1)
        return row

    def _show(self, class_id: int, examples: list[ClassExample]) -> None:
        if class_id and class_id != self._bench.class_id:
            return
        fresh = QWidget(self)
        column = QVBoxLayout(fresh)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE // 2)
        self._tiles = {}
        for kind, _, meaning in _KINDS:
            ours = [one for one in examples if one.kind == kind]
            if ours:
                column.addWidget(_heading(kind, meaning, fresh))
                column.addLayout(self._grid(ours, meaning, fresh))
        self._holder.replaceWidget(self._page, fresh)
        self._page.hide()
        self._page.deleteLater()
        self._page = fresh
        fresh.setVisible(bool(examples))
        for one in examples:
            self._load(one)

    def _grid(self, examples: list[ClassExample], meaning: str, parent: QWidget) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(theme.SPACE // 2)
        grid.setColumnStretch(_ACROSS, 1)
        for place, one in enumerate(examples):
            tile = QToolButton(parent)
            tile.setObjectName(f"example {one.id}")
            tile.setIconSize(QSize(_SIDE - 6, _SIDE - 6))
            tile.setFixedSize(_SIDE, _SIDE)
            tile.setStyleSheet(_tile_sheet(theme.COLOUR[meaning]))
            tile.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            tile.setToolTip(self._tip(one))
            tile.setAccessibleName(kind_word(one.kind))
            tile.clicked.connect(partial(self._on_tile_clicked, one))
            tile.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
            remove = QAction(tr("Take out of the book"), tile)
            remove.setShortcut(QKeySequence(Qt.Key.Key_Delete))
            remove.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            remove.setEnabled(self._session.can_write)
            remove.triggered.connect(partial(self._remove, one.id))
            tile.addAction(remove)
            grid.addWidget(tile, place // _ACROSS, place % _ACROSS)
            self._tiles[one.id] = tile
        return grid

    def _tip(self, one: ClassExample) -> str:
        table = self._session.table
        row = -1 if table is None else int(table.row_of([one.image_id])[0])
        name = "" if table is None or row < 0 else table.path(row).name
        return f"{name}\n{tr('Click: look at it. Delete: take it out of the book.')}"

    # -- pictures

    def _load(self, one: ClassExample) -> None:
        if one.id in self._pictures:
            self._tiles[one.id].setIcon(QIcon(self._pictures[one.id]))
            return
        work = self._reader(one)
        if work is not None:
            self._session.background.run(
                work,
                partial(self._on_crop_read, one.id),
                partial(self._on_crop_failed, one.id),
                owner=self,
                key=f"crop {one.id}",
                lane="thumbs",
            )

    def _reader(self, one: ClassExample) -> Callable[[], Pixels] | None:
        """Work that cuts the example out: from the image in memory, or from its file."""
        table = self._session.table
        row = -1 if table is None else int(table.row_of([one.image_id])[0])
        if table is None or row < 0:
            return None
        picture = self._session.loader.picture(one.image_id)
        path, window = table.path(row), self._session.window_of(one.image_id)

        def work() -> Pixels:
            from core.imaging import load_rgb8

            return crop(load_rgb8(path, window) if picture is None else picture.pixels, one.box)

        return work

    def _on_crop_read(self, example_id: int, pixels: Pixels) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        side, ratio = _SIDE - 6, Qt.AspectRatioMode.KeepAspectRatio
        how = Qt.TransformationMode.SmoothTransformation
        self._pictures[example_id] = QPixmap.fromImage(image.copy()).scaled(side, side, ratio, how)
        if len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        if example_id in self._tiles:
            self._tiles[example_id].setIcon(QIcon(self._pictures[example_id]))

    def _on_crop_failed(self, example_id: int, error: Exception) -> None:
        """The file is gone or damaged: its sign, and what is wrong with it where the mouse rests."""
        if example_id in self._tiles:
            self._tiles[example_id].setIcon(icon("warning", theme.COLOUR["warning"]))
            self._tiles[example_id].setToolTip(str(error))

    # -- slots

    def _on_tile_clicked(self, one: ClassExample) -> None:
        self.wanted.emit(one.image_id, one.box)

    def _remove(self, example_id: int) -> None:
        self._session.write(
            lambda project: project.remove_example(example_id), self.read, say=tr("Taken out of the defect book")
        )

    def _on_value_changed(self, name: str) -> None:
        if name == "class_id":
            self.read()

    def _on_images_changed(self, ids: object) -> None:
        if ids is None:
            self.read()

    def _on_session_closed(self) -> None:
        self._pictures.clear()
        self.read()


def kind_word(kind: ExampleKind) -> str:
    """What an entry of the book is."""
    words: dict[ExampleKind, str] = {
        "example": tr("Example"),
        "limit_good": tr("Just still good"),
        "limit_defective": tr("Just defective"),
    }
    return words[kind]


def crop(pixels: Pixels, box: Box | None, side: int = _SIDE) -> Pixels:
    """A square around `box` (None: all) of (H, W, 3), at most `side` high; what lies beside the image is left out."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = box or (0, 0, width, height)
    half = max(x1 - x0, y1 - y0, _LEAST) * (0.5 + (0.0 if box is None else _MARGIN))
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    left, top = max(0, int(cx - half)), max(0, int(cy - half))
    right, bottom = min(width, round(cx + half)), min(height, round(cy + half))
    part = np.ascontiguousarray(pixels[top : max(bottom, top + 1), left : max(right, left + 1)])
    return np.ascontiguousarray(shrunk(part, side))


def _heading(kind: ExampleKind, meaning: str, parent: QWidget) -> QWidget:
    """The word with its shape: colour alone says nothing to many eyes."""
    holder = QWidget(parent)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.SPACE // 2)
    if kind != "example":
        sign = QLabel(holder)
        sign.setPixmap(_sign(meaning))
        row.addWidget(sign)
    word = QLabel({"example": tr("Examples")}.get(kind, kind_word(kind)), holder)
    word.setProperty("role", "muted")
    row.addWidget(word)
    row.addStretch(1)
    return holder


def _sign(meaning: str) -> QPixmap:
    pixmap = QPixmap(14, 14)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    icon(meaning, theme.COLOUR[meaning]).paint(painter, pixmap.rect())
    painter.end()
    return pixmap


def _tile_sheet(colour: QColor) -> str:
    border = f"border: 2px solid {colour.name()}; border-radius: 5px"
    return (
        f"QToolButton {{ {border}; background: palette(base); padding: 0; }}"
        "QToolButton:hover, QToolButton:focus { border-width: 3px; } QToolButton::menu-indicator { image: none; }"
    )
