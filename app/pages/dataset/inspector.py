"""The panel on the right: what is chosen and what can be done with it, else the counts of the place; problems below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.commands import keys_text
from app.icons import icon
from app.pages.dataset.bars import Bar, Bars
from app.pages.dataset.findings import FindingList
from app.pages.dataset.summary import Counts
from app.words import class_code, count_words, label_word, split_word, tr
from core.project.records import ImageRow
from core.words import LABELS, SPLITS

_ICONS: Final = {"good": "good", "defective": "defective", "unlabelled": "unlabelled"}
_KEYS: Final = {"good": "label.good", "defective": "label.defective", "unlabelled": "label.unsure"}


class DatasetInspector(QWidget):
    """Shows; the page acts. Words of labels and splits are those of `core.words`."""

    label_wanted = Signal(str, str)  # label, defect class
    split_wanted = Signal(str)
    open_wanted = Signal()
    folder_wanted = Signal(object)  # Path of the image

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._names: dict[str, str] = {}  # of defect classes, by code
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * theme.SPACE, theme.SPACE, 2 * theme.SPACE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        self.title = QLabel(self)
        self.title.setProperty("role", "heading")
        self.title.setWordWrap(True)
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.about = QLabel(self)
        self.about.setProperty("role", "muted")
        self.about.setWordWrap(True)
        column.addWidget(self.title)
        column.addWidget(self.about)
        column.addSpacing(4)
        self._facts = QWidget(self)
        self._form = QFormLayout(self._facts)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(2 * theme.SPACE)
        self._form.setVerticalSpacing(4)
        column.addWidget(self._facts)
        self._deeds = self._build_deeds()
        column.addWidget(self._deeds)
        self._counts = QWidget(self)
        self._build_counts()
        column.addWidget(self._counts)
        self.findings = FindingList(self)
        column.addWidget(self.findings)
        column.addStretch(1)

    # -- what is shown

    def show_place(self, words: str, counts: Counts, classes: Sequence[tuple[str, int]]) -> None:
        """Nothing is chosen: the counts of the place."""
        self.title.setText(words)
        self.about.setText(tr("Choose images to label them or to move them. Enter opens one."))
        self._show_counts(counts, classes)
        self._show_parts(facts=False, deeds=False, counts=True)

    def show_one(self, row: ImageRow, score: float | None) -> None:
        """One image and all that is known of it."""
        self._path = row.path
        self.title.setText(Path(row.relative).name)
        self.about.setText(row.problem or str(row.path.parent))
        facts = [(tr("Label"), label_word(row.label)), (tr("Split"), split_word(row.split))]
        if row.defect_class:
            facts.insert(1, (tr("Defect class"), self._class_word(row.defect_class)))
        if score is not None:
            facts.append((tr("Anomaly score"), f"{score:.3f}"))
        if row.width and row.height:
            facts.append((tr("Size"), f"{row.width} x {row.height} px, {_depth(row)}"))
        view = row.product if row.view == "main" else f"{row.product} > {row.view}"
        facts += [(tr("Product"), view), (tr("Part"), row.part), (tr("Lot"), row.lot), (tr("Camera"), row.camera)]
        facts += [(tr("Taken"), row.taken or "")]
        if row.state != "present":
            facts.append((tr("File"), tr("gone") if row.state == "gone" else tr("changed since it was added")))
        self._show_facts([(word, value) for word, value in facts if value and value != row.relative])
        self._tick(row.label, row.split)
        self._say_class(self._class_word(row.defect_class))
        self.open.setEnabled(not row.problem)
        self.folder.show()
        self._show_parts(facts=True, deeds=True, counts=False)

    def show_many(self, counts: Counts) -> None:
        """Several images: how they are labelled and divided."""
        self._path = None
        self.title.setText(tr("{images} chosen", images=count_words(counts.images, "image", "images")))
        parts = count_words(counts.parts, "part", "parts")
        self.about.setText(tr("What you set goes for all of them. {parts}.", parts=parts))
        self._show_counts(counts, ())
        labels = [label for label in LABELS if counts.label(label) == counts.images]
        splits = [split for split in SPLITS if counts.split(split) == counts.images]
        self._tick(labels[0] if labels else "", splits[0] if splits else "")
        self._say_class("")
        self.open.setEnabled(True)
        self.folder.hide()
        self._show_parts(facts=False, deeds=True, counts=True)

    def set_classes(self, classes: Mapping[str, str]) -> None:
        """Defect classes that are offered, code -> name."""
        self._names = dict(classes)
        text = self.defect_class.currentText()
        self.defect_class.blockSignals(True)
        self.defect_class.clear()
        self.defect_class.addItem("")
        self.defect_class.addItems(list(classes.values()))
        self.defect_class.setEditText(text)
        self.defect_class.blockSignals(False)

    def set_writable(self, writable: bool) -> None:
        """A project that is open for reading shows no way to change it."""
        for button in (*self.labels.values(), *self.splits.values(), self.defect_class):
            button.setEnabled(writable)

    # -- building

    def _build_deeds(self) -> QWidget:
        panel = QWidget(self)
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(_section(tr("Label"), panel))
        grid = QGridLayout()
        grid.setSpacing(6)
        self.labels: dict[str, QPushButton] = {}
        for index, label in enumerate(LABELS):
            button = self._button(f" {label_word(label)}", panel)
            button.setIcon(icon(_ICONS[label], theme.COLOUR[label]))
            button.setToolTip(f"{label_word(label)}  ({keys_text(_KEYS[label])})")
            button.clicked.connect(lambda _=False, label=label: self._on_label_clicked(label))
            self.labels[label] = button
            grid.addWidget(button, index // 2, index % 2, 1, 2 if index == 2 else 1)
        column.addLayout(grid)
        self.defect_class = QComboBox(panel)
        self.defect_class.setEditable(True)
        self.defect_class.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.defect_class.setToolTip(tr("The class that Defective gives; a new word makes a new class"))
        column.addWidget(self.defect_class)
        column.addWidget(_section(tr("Split"), panel))
        grid = QGridLayout()
        grid.setSpacing(6)
        self.splits: dict[str, QPushButton] = {}
        for index, split in enumerate(SPLITS):
            button = self._button(split_word(split), panel)
            button.setToolTip(_split_hint(split))
            button.clicked.connect(lambda _=False, split=split: self._on_split_clicked(split))
            self.splits[split] = button
            grid.addWidget(button, index // 2, index % 2)
        column.addLayout(grid)
        self.open = QPushButton(" " + tr("Open in Annotate"), panel)
        self.open.setIcon(icon("annotate"))
        self.open.clicked.connect(self.open_wanted)
        self.folder = QPushButton(" " + tr("Show in folder"), panel)
        self.folder.setIcon(icon("folder"))
        self.folder.setProperty("role", "flat")
        self.folder.clicked.connect(self._on_folder_clicked)
        column.addSpacing(4)
        column.addWidget(self.open)
        column.addWidget(self.folder)
        return panel

    def _build_counts(self) -> None:
        column = QVBoxLayout(self._counts)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.by_label, self.by_split, self.by_class = Bars(self), Bars(self), Bars(self)
        self._class_section = _section(tr("Defect classes"), self)
        column.addWidget(_section(tr("Labels"), self))
        column.addWidget(self.by_label)
        column.addSpacing(8)
        column.addWidget(_section(tr("Splits"), self))
        column.addWidget(self.by_split)
        column.addSpacing(8)
        column.addWidget(self._class_section)
        column.addWidget(self.by_class)

    def _button(self, word: str, parent: QWidget) -> QPushButton:
        button = QPushButton(word, parent)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the grid keeps the focus, and with it the keys
        return button

    # -- inside

    def _show_parts(self, *, facts: bool, deeds: bool, counts: bool) -> None:
        self._facts.setVisible(facts)
        self._deeds.setVisible(deeds)
        self._counts.setVisible(counts)

    def _show_counts(self, counts: Counts, classes: Sequence[tuple[str, int]]) -> None:
        self.by_label.show_bars(
            [Bar(label_word(one), counts.label(one), theme.COLOUR[one], theme.SHAPE[one]) for one in LABELS]
        )
        self.by_split.show_bars([Bar(split_word(one), counts.split(one), theme.COLOUR[one]) for one in SPLITS])
        self.by_class.show_bars(
            [Bar(self._class_word(code), number, theme.COLOUR["defective"]) for code, number in classes]
        )
        self._class_section.setVisible(bool(classes))
        self.by_class.setVisible(bool(classes))

    def _show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        while self._form.rowCount():
            self._form.removeRow(0)
        for word, value in facts:
            name = QLabel(word, self._facts)
            name.setProperty("role", "muted")
            text = QLabel(value, self._facts)
            text.setWordWrap(True)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            text.setFont(theme.mono_numbers(text.font()))
            self._form.addRow(name, text)

    def _class_word(self, code: str) -> str:
        return self._names.get(code, code)

    def _say_class(self, defect_class: str) -> None:
        """What stays as it is while no other class is chosen."""
        edit = self.defect_class.lineEdit()
        if edit is not None:
            edit.setPlaceholderText(defect_class or tr("Defect class (may stay empty)"))

    def _tick(self, label: str, split: str) -> None:
        for word, button in (*self.labels.items(), *self.splits.items()):
            button.setChecked(word in (label, split))

    def _on_label_clicked(self, label: str) -> None:
        chosen = self.defect_class.currentText() if label == "defective" else ""
        self.label_wanted.emit(label, class_code(chosen, self._names))

    def _on_split_clicked(self, split: str) -> None:
        self.split_wanted.emit(split)

    def _on_folder_clicked(self) -> None:
        if self._path is not None:
            self.folder_wanted.emit(self._path)


def _section(word: str, parent: QWidget) -> QLabel:
    label = QLabel(word, parent)
    label.setProperty("role", "section")
    return label


def line(parent: QWidget) -> QFrame:
    """A hairline."""
    made = QFrame(parent)
    made.setProperty("role", "line")
    return made


def _depth(row: ImageRow) -> str:
    colour = tr("grey") if row.channels == 1 else tr("colour")
    return tr("{bits} bit {colour}", bits=row.bits or 8, colour=colour)


def _split_hint(split: str) -> str:
    return {
        "train": tr("The detector learns from these: good parts only"),
        "tuning": tr("The threshold is found on these"),
        "test": tr("Figures come from these alone"),
        "unused": tr("Left out of training and figures"),
    }[split]
