"""What a person may correct of what was recognised, each with its proposal filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.dialogs.folders import choose_folder
from app.dialogs.patterns import PatternField, field_words
from app.icons import icon
from app.settings import Memory
from app.throttle import Slowly
from app.words import count_words, tr
from core.layouts import Kind
from core.workflow.importing import Choice
from core.workflow.previewing import Field, Preview, default_place

_FIELDS: Final[tuple[Field, ...]] = ("part", "lot", "view")
_TYPING_MS: Final = 350
_WIDTH: Final = 350


class ImportForm(QScrollArea):
    """`changed` a moment after something that changes what is read; `place_changed` for where the project goes."""

    changed = Signal()
    place_changed = Signal()

    def __init__(self, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = memory
        self._problem = ""
        self._place_problem = ""
        self._filling = False
        self._is_named = False  # by the person
        self._slowly = Slowly(self.changed.emit, _TYPING_MS, self)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(_WIDTH + 14)
        body = QWidget(self)
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(0, 0, theme.SPACE, 0)
        self._column.setSpacing(4)
        self._build(body)
        self._column.addStretch(1)
        self.setWidget(body)

    # -- what is chosen

    def choice(self) -> Choice:
        """As it stands; what was not touched is left to recognition."""
        kind = self.kind.currentData()
        name = self.product.text().strip()
        return Choice(
            kind=cast(Kind, kind) if kind else None,
            product=(name or None) if self.product.isEnabled() and self._is_named else None,
            protocol="gtanoic200" if self.protocol.isChecked() and not self.protocol.isHidden() else "none",
            part_pattern=self.patterns["part"].pattern(),
            lot_pattern=self.patterns["lot"].pattern(),
            view_pattern=self.patterns["view"].pattern(),
            unlabelled_are_good=self.good.isChecked(),
        )

    def place(self) -> Path:
        """Where the project goes."""
        return Path(self.where.text().strip()).expanduser()

    def problem(self) -> str:
        """What does not fit, '' when all does."""
        return self._problem or next((found for one in self.patterns.values() if (found := one.problem())), "")

    def place_problem(self) -> str:
        """Why the project cannot lie there, '' when it can."""
        return self._place_problem

    # -- what is shown

    def show_preview(self, preview: Preview, choice: Choice) -> None:
        """What was recognised with `choice`."""
        self._filling = True
        found = preview.recognition
        several = len(found.products) > 1
        self.kind.setItemText(0, tr("As recognised: {kind}", kind=kind_words(found.kind)))
        if choice.kind is not None:
            self.kind.setItemText(0, tr("As recognised"))
        self.product.setEnabled(not several)
        if several:
            self.product.setPlaceholderText(count_words(len(found.products), "product", "products"))
            self.product.clear()
            names = ", ".join(found.products[:6]) + (" …" if len(found.products) > 6 else "")
            self._several.setText(tr("{names}. Each gets a detector of its own.", names=names))
        else:
            if not self._is_named:
                self.product.setText(found.products[0])
        self._several.setVisible(several)
        self.good.setVisible(bool(found.counts.unlabelled) or self.good.isChecked())
        self.protocol.setVisible(found.kind == "gtanoic" or self.protocol.isChecked())
        for field in self.patterns.values():
            field.set_names(preview.examples)
        self._sums.setText(_sums(preview))
        self.show_problem("")
        self._filling = False

    def show_problem(self, text: str) -> None:
        """What does not fit."""
        self._problem = text
        self._trouble.setText(text)
        self._trouble.setVisible(bool(text))

    def show_place_problem(self, text: str) -> None:
        """Why the project cannot lie there."""
        self._place_problem = text
        self._place_trouble.setText(tr(text) if text else tr("A new folder; it can be moved later."))
        self._place_trouble.setProperty("role", "warning" if text else "muted")
        self._place_trouble.style().polish(self._place_trouble)

    def set_place(self, place: Path) -> None:
        """Propose where the project goes."""
        self.where.setText(str(place))

    def forget(self) -> None:
        """Another folder: begin anew."""
        self._filling = True
        self.kind.setCurrentIndex(0)
        self._is_named = False
        self.product.clear()
        self.good.setChecked(False)
        self.protocol.setChecked(False)
        for field in self.patterns.values():
            field.ways.setCurrentIndex(0)
        self._filling = False

    # -- building

    def _build(self, body: QWidget) -> None:
        self.product = QLineEdit(body)
        self.product.textEdited.connect(self._on_product_edited)
        self._several = _small(body)
        self._add(tr("Product"), self.product, self._several)
        self.kind = QComboBox(body)
        self.kind.addItem(tr("As recognised"), "")
        for kind in ("mvtec", "good_bad", "gtanoic", "nested", "flat"):
            self.kind.addItem(kind_words(kind), kind)
        self.kind.currentIndexChanged.connect(self._on_kind_changed)
        self._trouble = QLabel(body)
        self._trouble.setWordWrap(True)
        self._trouble.setProperty("role", "warning")
        self._trouble.hide()
        self._add(tr("How the folders are read"), self.kind, self._trouble)
        self.good = QCheckBox(tr("Images without a label are good parts"), body)
        self.good.setToolTip(tr("Only when you know it: a defective part among them is learned as good"))
        self.good.toggled.connect(self._on_something_changed)
        self.protocol = QCheckBox(tr("Divide as published: 200 good images a type to train"), body)
        self.protocol.setToolTip(tr("The protocol of the GTanoIC data set; else Flawscope proposes how to divide"))
        self.protocol.toggled.connect(self._on_something_changed)
        self.protocol.hide()
        self.good.hide()
        self._column.addWidget(self.good)
        self._column.addWidget(self.protocol)
        self._build_patterns(body)
        self._build_place(body)

    def _build_patterns(self, body: QWidget) -> None:
        self.more = QPushButton(icon("folded"), " " + tr("Parts, lots and cameras"), body)
        self.more.setCheckable(True)
        self.more.setAutoDefault(False)
        self.more.setProperty("role", "link")
        self.more.setToolTip(tr("When several images show one part, or names say the lot"))
        self._folded = QWidget(body)
        column = QVBoxLayout(self._folded)
        column.setContentsMargins(theme.SPACE, 0, 0, theme.SPACE)
        column.setSpacing(4)
        self.patterns: dict[Field, PatternField] = {}
        for name in _FIELDS:
            word = QLabel(field_words(name), self._folded)
            word.setProperty("role", "muted")
            self.patterns[name] = PatternField(name, self._folded)
            self.patterns[name].changed.connect(self._on_something_changed)
            column.addWidget(word)
            column.addWidget(self.patterns[name])
        self._sums = _small(self._folded)
        column.addWidget(self._sums)
        self._folded.hide()
        self.more.toggled.connect(self._on_more_toggled)
        self._column.addSpacing(theme.SPACE)
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.addWidget(self._folded)

    def _build_place(self, body: QWidget) -> None:
        self.where = QLineEdit(body)
        self.where.textChanged.connect(self._on_where_changed)
        choose = QPushButton(icon("folder"), "", body)
        choose.setToolTip(tr("Choose the folder that the project's folder is made in"))
        choose.setAccessibleName(choose.toolTip())
        choose.setAutoDefault(False)
        choose.clicked.connect(self._on_choose_clicked)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.where, 1)
        row.addWidget(choose)
        holder = QWidget(body)
        row.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(row)
        self._place_trouble = _small(body)
        self._column.addSpacing(theme.SPACE)
        self._add(tr("The project is kept in"), holder, self._place_trouble)

    def _add(self, word: str, *widgets: QWidget) -> None:
        label = QLabel(word, self.widget())
        label.setProperty("role", "section")
        self._column.addWidget(label)
        for widget in widgets:
            self._column.addWidget(widget)
        self._column.addSpacing(theme.SPACE)

    # -- slots

    def _on_something_changed(self, *_: Any) -> None:
        if not self._filling:
            self._slowly.start()

    def _on_product_edited(self, _: str) -> None:
        self._is_named = True
        self._slowly.start()

    def _on_kind_changed(self, _: int) -> None:
        if not self._filling:
            self._is_named = False  # a name that was typed for one product does not choose among several
            self._slowly.start()

    def _on_where_changed(self, place: str) -> None:
        self.where.setToolTip(place)  # the field shows the end of a long one
        self.place_changed.emit()

    def _on_more_toggled(self, on: bool) -> None:
        self._folded.setVisible(on)
        self.more.setIcon(icon("fold" if on else "folded"))

    def _on_choose_clicked(self) -> None:
        name = self.place().name

        def chosen(parent: Path) -> None:
            self.set_place(default_place(parent, name))

        choose_folder(self, tr("Where shall the project's folder be made?"), self._memory, chosen)


def kind_words(kind: str) -> str:
    """How folders can be laid out, in words."""
    return {
        "mvtec": tr("Train and test folders (MVTec AD)"),
        "good_bad": tr("Folders of good and bad"),
        "gtanoic": tr("One folder a product"),
        "nested": tr("Folders that say no label"),
        "flat": tr("One folder of images"),
    }[kind]


def _small(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label


def _sums(preview: Preview) -> str:
    found = [count_words(preview.parts, "part", "parts")] if preview.parts else []
    for values, one, many in ((preview.lots, "lot", "lots"), (preview.views, "view", "views")):
        if len(values) > 1 or (values and values != ("main",)):
            shown = ", ".join(values[:4]) + (" …" if len(values) > 4 else "")
            found.append(f"{count_words(len(values), one, many)} ({shown})")
    text = " · ".join(found)
    return text if preview.is_whole or not text else tr("{sums} in the first images", sums=text)
