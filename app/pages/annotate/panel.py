"""The inspector of Annotate: what this image is, its label, class and split, its mask, what is laid over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.canvas.overlays import Overlays, class_colours
from app.canvas.view import Canvas
from app.canvas.workbench import Workbench
from app.commands import keys_text
from app.fold import Fold
from app.icons import icon
from app.pages.annotate.book import DefectBook
from app.pages.annotate.classes import ClassList
from app.pages.annotate.components import ComponentList
from app.pages.annotate.facts import Facts
from app.pages.annotate.notes import NoteList
from app.pages.annotate.words import swatch
from app.session import Session
from app.words import class_word, label_word, split_word, tr
from core.project.records import DefectClass
from core.words import SPLITS, Label

_LABELS: Final[tuple[tuple[Label, str, str], ...]] = (
    ("good", "good", "label.good"),
    ("defective", "defective", "label.defective"),
    ("unlabelled", "unlabelled", "label.unsure"),
)


class ImagePanel(QWidget):
    """Shows facts and hands wishes on; it changes nothing itself."""

    label_wanted = Signal(str)
    class_wanted = Signal(str)
    split_wanted = Signal(str)
    area_wanted = Signal(object)  # an extent of the image

    def __init__(self, session: Session, canvas: Canvas, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._canvas = canvas
        self._bench = bench
        self._facts: Facts | None = None
        self._overlays: Overlays | None = None
        self._pixels: Mapping[int, int] = {}
        self._zones_fold: Fold | None = None
        self._draws_regions = False
        column = QVBoxLayout(self)
        column.setContentsMargins(12, theme.SPACE, 12, 12)
        column.setSpacing(theme.SPACE // 2)
        column.addWidget(self._image_section())
        column.addWidget(self._label_section())
        column.addWidget(self._mask_section())
        self._book_fold = self._book_section()
        column.addWidget(self._book_fold)
        column.addWidget(self._notes_section())
        column.addWidget(self._layer_section())
        column.addStretch(1)
        self.show_image(None)
        self.show_overlays(None)
        bench.changed.connect(self._on_value_changed)

    # -- what is shown

    def show_image(self, facts: Facts | None) -> None:
        """The image's facts; None: nothing is chosen."""
        self._facts = facts
        for widget in (*self._buttons.values(), self._classes, self._split):
            widget.setEnabled(facts is not None and self._session.can_write)
        if facts is None:
            self._tick(None)
            self._name.setText(tr("No image is chosen"))
            self._detail.setText("")
            self._note.hide()
            return
        self._name.setText(facts.name)
        self._name.setToolTip(str(facts.path))
        parts = [facts.place, tr("Lot {lot}", lot=facts.lot) if facts.lot else ""]
        parts.append(f"{facts.size[0]:,} × {facts.size[1]:,}" if facts.size else "")
        self._detail.setText(" · ".join(part for part in parts if part))
        self._tick(facts.label)
        self._split.setCurrentIndex(SPLITS.index(facts.split))
        self._classes.setEnabled(self._classes.isEnabled() and facts.label == "defective")
        at = self._classes.findData(facts.defect_class)
        self._classes.setCurrentIndex(max(at, 0))
        not_trained = facts.split == "train" and facts.label != "good"
        self._note.setText(tr("Left out of training: only good images are learned from."))
        self._note.setVisible(not_trained)

    def _tick(self, label: Label | None) -> None:
        self._group.setExclusive(False)  # else the one that was ticked last stays so
        for word, button in self._buttons.items():
            button.setChecked(word == label)
        self._group.setExclusive(True)

    def show_classes(self, classes: Sequence[DefectClass]) -> None:
        """What may be chosen as a defect class."""
        self._classes.clear()
        self._classes.addItem(tr("No class"), "")
        colours = class_colours(classes)
        for one in classes:
            self._classes.addItem(QIcon(swatch(colours[one.id])), class_word(one), one.code)
        self.class_list.show_classes(classes)
        if self._facts is not None:
            self.show_image(self._facts)

    def show_overlays(self, overlays: Overlays | None) -> None:
        """The classes that are painted on the image, and whether it has regions."""
        self._overlays = overlays
        self.show_amounts({} if overlays is None else dict(overlays.painted))
        self._mask_note.setText(self._mask_words(overlays))
        self.show_roi(overlays is not None and overlays.roi is not None)
        self._mask_fold.setVisible(overlays is not None and not self._draws_regions)

    def show_roi(self, has_roi: bool) -> None:
        """Whether there is a region to be seen on the image, also while it is drawn."""
        self._checks["roi"].setEnabled(has_roi)
        self._sliders["roi"].setEnabled(has_roi)
        self._roi_note.setText("" if has_roi else tr("No region of interest yet: all of the image is inspected."))
        self._roi_note.setVisible(self._overlays is not None and not has_roi and not self._draws_regions)

    def show_amounts(self, pixels: Mapping[int, int]) -> None:
        """How much of each class is painted now."""
        self._pixels = pixels
        scale = self._bench.scale_um
        self.class_list.show_amounts(pixels, None if scale is None else (scale / 1000) ** 2)
        self._zoom_to.setVisible(bool(pixels))

    def show_author(self, who: str) -> None:
        """Who painted what is on the image now: its mask is theirs from the first stroke on."""
        painted = tr("Painted by {who}.", who=who) if self._pixels else tr("Nothing is painted on this image.")
        self._mask_note.setText(painted)

    def use_zones(self, zones: QWidget) -> None:
        """What is shown in the place of defects while regions are drawn."""
        self._zones_fold = Fold("annotate.zones", tr("Region of interest"), self._session.memory, self)
        self._zones_fold.body.addWidget(zones)
        column = self.layout()
        if isinstance(column, QVBoxLayout):
            column.insertWidget(1, self._zones_fold)

    def show_regions(self, on: bool) -> None:
        """Regions are drawn now, or defects again: only what can be painted is offered."""
        self._draws_regions = on
        if self._zones_fold is not None:
            self._zones_fold.setVisible(on)
        self._mask_fold.setVisible(self._overlays is not None and not on)
        self._book_fold.setVisible(not on)
        self.show_roi(self._overlays is not None and self._overlays.roi is not None)

    # -- building

    def _image_section(self) -> QWidget:
        head = QWidget(self)
        column = QVBoxLayout(head)
        column.setContentsMargins(4, 0, 0, theme.SPACE)
        column.setSpacing(2)
        self._name = QLabel(head)
        self._name.setProperty("role", "section")
        self._name.setWordWrap(True)
        self._name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._detail = QLabel(head)
        self._detail.setProperty("role", "muted")
        self._detail.setWordWrap(True)
        self._detail.setFont(theme.mono_numbers(self._detail.font()))
        column.addWidget(self._name)
        column.addWidget(self._detail)
        return head

    def _label_section(self) -> QWidget:
        fold = Fold("annotate.label", tr("Label"), self._session.memory, self)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE // 2)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        for label, sign, command in _LABELS:
            button = QToolButton(fold)
            button.setText(f"{label_word(label)}  {keys_text(command)}")
            button.setToolTip(
                tr("{label}, then the next image  ({key})", label=label_word(label), key=keys_text(command))
            )
            button.setIcon(icon(sign, theme.COLOUR[label]))
            button.setIconSize(QSize(20, 20))
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setMinimumSize(84, 52)
            button.setObjectName(command)
            button.setStyleSheet(_button_sheet(theme.COLOUR[label]))
            button.clicked.connect(lambda _=False, label=label: self.label_wanted.emit(label))
            self._group.addButton(button)
            self._buttons[label] = button
            row.addWidget(button, 1)
        fold.body.addLayout(row)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(theme.SPACE)
        self._classes = QComboBox(fold)
        self._classes.setToolTip(tr("What kind of defect it is"))
        self._classes.activated.connect(lambda at: self.class_wanted.emit(self._classes.itemData(at)))
        self._split = QComboBox(fold)
        for split in SPLITS:
            self._split.addItem(split_word(split), split)
        self._split.activated.connect(lambda at: self.split_wanted.emit(self._split.itemData(at)))
        form.addRow(tr("Defect class"), self._classes)
        form.addRow(tr("Used for"), self._split)
        fold.body.addLayout(form)
        self._note = QLabel(fold)
        self._note.setProperty("role", "warning")
        self._note.setWordWrap(True)
        fold.body.addWidget(self._note)
        return fold

    def _mask_section(self) -> QWidget:
        self._mask_fold = fold = Fold("annotate.mask", tr("Defects"), self._session.memory, self)
        self._mask_note = QLabel(fold)
        self._mask_note.setProperty("role", "muted")
        self._mask_note.setWordWrap(True)
        self.class_list = ClassList(self._bench, fold)
        self._zoom_to = QPushButton(tr("Look closely"), fold)
        self._zoom_to.setProperty("role", "link")
        self._zoom_to.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._zoom_to.clicked.connect(self._on_zoom_to_clicked)
        fold.body.addWidget(self.class_list)
        fold.body.addWidget(self._mask_note)
        fold.body.addWidget(self._zoom_to, 0, Qt.AlignmentFlag.AlignLeft)
        self.components = ComponentList(fold)
        fold.body.addWidget(self.components)
        return fold

    def _book_section(self) -> QWidget:
        fold = Fold("annotate.book", tr("Defect book"), self._session.memory, self)
        self.book = DefectBook(self._session, self._bench, fold)
        fold.body.addWidget(self.book)
        return fold

    def _notes_section(self) -> QWidget:
        self._notes_fold = Fold("annotate.notes", tr("Notes"), self._session.memory, self)
        self.notes = NoteList(self._session, self._notes_fold)
        self._notes_fold.body.addWidget(self.notes)
        return self._notes_fold

    def begin_note(self) -> None:
        """Unfold the notes and type one."""
        self._notes_fold.open()
        self.notes.field.setFocus()
        frame = self.parentWidget()
        while frame is not None and not isinstance(frame, QScrollArea):
            frame = frame.parentWidget()
        layout = self.layout()
        if frame is not None and layout is not None:
            layout.activate()  # what was folded has its place now
            frame.ensureWidgetVisible(self.notes.field, 0, 2 * theme.SPACE)

    def set_writable(self, writable: bool) -> None:
        """Whether anything may be changed."""
        self.class_list.set_writable(writable)

    def _layer_section(self) -> QWidget:
        fold = Fold("annotate.layers", tr("Laid over the image"), self._session.memory, self)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        self._checks: dict[str, QCheckBox] = {}
        self._sliders: dict[str, QSlider] = {}
        for row, (name, word) in enumerate((("mask", tr("Defects")), ("roi", tr("Region of interest")))):
            check = QCheckBox(word, fold)
            check.setChecked(self._canvas.is_layer_visible(name))
            check.toggled.connect(lambda on, name=name: self._canvas.set_layer_visible(name, on))
            check.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            slider = QSlider(Qt.Orientation.Horizontal, fold)
            slider.setRange(5, 100)
            slider.setValue(round(100 * self._canvas.layer_opacity(name)))
            slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            slider.setToolTip(tr("Opacity  (Shift+wheel)") if name == "mask" else tr("Opacity"))
            slider.setAccessibleName(tr("Opacity of {layer}", layer=word))
            slider.valueChanged.connect(lambda value, name=name: self._canvas.set_layer_opacity(name, value / 100))
            grid.addWidget(check, row, 0)
            grid.addWidget(slider, row, 1)
            self._checks[name], self._sliders[name] = check, slider
        self._canvas.opacity_changed.connect(self._on_opacity_changed)
        fold.body.addLayout(grid)
        self._roi_note = QLabel(fold)
        hint = QLabel(tr("Hold {key} to see the bare image.", key=keys_text("view.hide_overlays")), fold)
        for words in (self._roi_note, hint):
            words.setProperty("role", "muted")
            words.setWordWrap(True)
            fold.body.addWidget(words)
        return fold

    def _mask_words(self, overlays: Overlays | None) -> str:
        if overlays is None:
            return ""
        if not overlays.painted:
            return tr("Nothing is painted on this image.")
        if overlays.origin == "import":
            return tr("Imported. The work of {who}.", who=overlays.author)
        return tr("Painted by {who}.", who=overlays.author)

    # -- slots

    def _on_value_changed(self, name: str) -> None:
        if name == "scale_um":
            self.show_amounts(self._pixels)

    def _on_opacity_changed(self, name: str, opacity: float) -> None:
        if name in self._sliders:
            self._sliders[name].setValue(round(100 * opacity))

    def _on_zoom_to_clicked(self) -> None:
        mask = None if self._overlays is None else self._overlays.mask
        if mask is not None and mask.extent is not None:
            self.area_wanted.emit(mask.extent)


def _button_sheet(colour: QColor) -> str:
    """The chosen one has a border and a wash of its colour."""
    wash = f"rgba({colour.red()}, {colour.green()}, {colour.blue()}, 44)"
    return (
        "QToolButton { border: 1px solid palette(mid); border-radius: 6px; background: palette(button); padding: 4px; }"
        f"QToolButton:hover {{ border-color: {colour.name()}; }} QToolButton:focus {{ border-color: {colour.name()}; }}"
        f"QToolButton:checked {{ border: 2px solid {colour.name()}; background: {wash}; padding: 3px; }}"
    )
