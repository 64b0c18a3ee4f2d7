"""Tomorrow's lot into the open project: look again where its images lie, or take another folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.dialogs.folders import choose_folder
from app.dialogs.progress import CancelledError
from app.dialogs.working import WorkingDialog
from app.icons import icon
from app.session import Session
from app.words import count_words, describe, tr
from core.project.records import Root
from core.workflow.importing import ImportReport

_PROBLEMS = 8


class AddImages(WorkingDialog):
    """Looks for new, changed and missing images. With `at_once` it begins with the project's own folders."""

    added = Signal(object)  # ImportReport
    lot_added = Signal(str)  # its name, '' when none was given

    def __init__(
        self, session: Session, parent: QWidget | None = None, *, folder: Path | None = None, at_once: bool = False
    ) -> None:
        super().__init__(tr("Add images"), parent)
        self._session = session
        self._folder = folder
        self._at_once = at_once
        self.setMinimumSize(620, 380)
        self._build()
        session.closing.connect(self.cancel_work)
        self._read_roots()
        self._show_button()
        if folder is not None:
            self._on_folder_chosen(folder)

    def start(self) -> None:
        """Look, and take in what is new; `added` follows."""
        project = self._session.project
        if project is None or self.is_working:
            return
        source = self._folder if self.another.isChecked() else None
        product = self.product.currentText().strip() or None
        lot = self.lot.text().strip() or None
        note = tr("What is known keeps its labels, splits and masks. You can work on meanwhile elsewhere.")
        following = self.begin(tr("Looking for images …"), note)
        self._stack.setCurrentWidget(self.waiting)
        self._show_button()

        def work() -> ImportReport:
            from core.workflow.importing import add_to

            return add_to(project, source, product=product, lot=lot, progress=following)

        self._session.background.run(work, self._on_added, self._on_failed, owner=self)

    # -- building

    def _build(self) -> None:
        self._stack = QStackedWidget(self)
        self.column.addWidget(self._stack, 1)
        self.choices = QWidget(self)
        self._build_choices()
        self.outcome = QWidget(self)
        column = QVBoxLayout(self.outcome)
        column.setContentsMargins(0, 0, 0, 0)
        self.headline = QLabel(self.outcome)
        self.headline.setProperty("role", "title")
        self.headline.setWordWrap(True)
        self.said = QLabel(self.outcome)
        self.said.setWordWrap(True)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(self.headline)
        column.addWidget(self.said, 1)
        for page in (self.choices, self.waiting, self.outcome):
            self._stack.addWidget(page)
        row = QHBoxLayout()
        row.addStretch(1)
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.close)
        self.go = QPushButton(tr("Look for new images"), self)
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self._on_go_clicked)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        self.column.addLayout(row)

    def _build_choices(self) -> None:
        column = QVBoxLayout(self.choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        title = QLabel(tr("Where are the new images?"), self.choices)
        title.setProperty("role", "title")
        column.addWidget(title)
        self.known = QRadioButton(tr("In the folders of this project"), self.choices)
        self.known.setChecked(True)
        self.roots = QLabel(self.choices)
        self.roots.setProperty("role", "muted")
        self.roots.setWordWrap(True)
        self.roots.setIndent(22)
        self.another = QRadioButton(tr("In another folder"), self.choices)
        group = QButtonGroup(self)
        for button in (self.known, self.another):
            group.addButton(button)
            button.toggled.connect(self._show_button)
        row = QHBoxLayout()
        row.setContentsMargins(22, 0, 0, 0)
        self.where = QLabel(self.choices)
        self.where.setWordWrap(True)
        choose = QPushButton(icon("folder"), " " + tr("Choose …"), self.choices)
        choose.setAutoDefault(False)
        choose.clicked.connect(self._on_choose_clicked)
        row.addWidget(choose)
        row.addWidget(self.where, 1)
        for widget in (self.known, self.roots, self.another):
            column.addWidget(widget)
        column.addLayout(row)
        column.addSpacing(theme.SPACE)
        column.addLayout(self._build_form())
        self.trouble = QLabel(self.choices)
        self.trouble.setProperty("role", "warning")
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        column.addWidget(self.trouble)
        column.addStretch(1)

    def _build_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setHorizontalSpacing(2 * theme.SPACE)
        self.product = QComboBox(self.choices)
        self.product.setEditable(True)
        names = sorted({view.product for view in self._session.views})
        self.product.addItems(names if len(names) == 1 else ["", *names])
        self._product_word = QLabel(tr("Product"), self.choices)
        form.addRow(self._product_word, self.product)
        self.lot = QLineEdit(self.choices)
        self.lot.setPlaceholderText(tr("For example a date or an order number; may stay empty"))
        form.addRow(tr("Name of the lot"), self.lot)
        hint = QLabel(tr("New images wait as “not used” until you score them or divide them."), self.choices)
        hint.setProperty("role", "muted")
        hint.setWordWrap(True)
        form.addRow("", hint)
        return form

    def _read_roots(self) -> None:
        project = self._session.project
        if project is not None:
            self._session.background.run(project.roots, self._on_roots_read, owner=self, key="roots")

    def _show_button(self, *_: object) -> None:
        working, over = self.is_working, self._stack.currentWidget() is self.outcome
        another = self.another.isChecked()
        self.go.setVisible(not working)
        self.cancel.setVisible(not working and not over)
        self.go.setText(tr("Close") if over else tr("Add this folder") if another else tr("Look for new images"))
        self.go.setEnabled(over or not another or self._folder is not None)
        self.product.setVisible(another)
        self._product_word.setVisible(another)

    # -- slots

    def _on_roots_read(self, roots: list[Root]) -> None:
        lines = []
        for root in roots:
            images = count_words(root.images, "image", "images")
            lines.append(f"{root.path}  ({images if root.is_there else tr('not there now')})")
        self.roots.setText("\n".join(lines))
        if self._at_once and not self.is_working:
            self._at_once = False
            self.start()

    def _on_choose_clicked(self) -> None:
        choose_folder(self, tr("The folder of the new images"), self._session.memory, self._on_folder_chosen)

    def _on_folder_chosen(self, folder: Path) -> None:
        self._folder = folder
        self.where.setText(str(folder))
        self.another.setChecked(True)
        if not self.lot.text():
            self.lot.setText(folder.name)
            self.lot.selectAll()
        self._show_button()

    def _on_go_clicked(self) -> None:
        if self._stack.currentWidget() is self.outcome:
            self.accept()
        else:
            self.start()

    def _on_added(self, report: ImportReport) -> None:
        self.end()
        self.headline.setText(_headline(report))
        known = count_words(report.found.known, "image is", "images are")
        lines = [tr("{images} as they were.", images=known)] if report.found.known else []
        lines += [report.split_sentence] if report.split_sentence else []
        lines += list(report.notes)
        lines += list(report.problems[:_PROBLEMS])
        hidden = len(report.problems) - _PROBLEMS
        if hidden > 0:
            lines.append(tr("and {n} more, listed beside the images", n=hidden))
        self.said.setText("\n\n".join(lines))
        self._stack.setCurrentWidget(self.outcome)
        self._show_button()
        self.go.setFocus()
        self._session.reload()
        self._session.scores_changed.emit()
        self.added.emit(report)
        self.lot_added.emit(self.lot.text().strip() if report.found.new else "")

    def _on_failed(self, error: Exception) -> None:
        cancelled = isinstance(error, CancelledError)
        self.end()
        self._stack.setCurrentWidget(self.choices)
        headline, rest = describe(error)
        text = tr("Cancelled. What was read before stays; look again to go on.") if cancelled else f"{headline}\n{rest}"
        self.trouble.setText(text)
        self.trouble.show()
        self._show_button()
        self._session.reload()


def _headline(report: ImportReport) -> str:
    found = report.found
    parts = [tr("{n} new", n=f"{found.new:,}")] if found.new else [tr("Nothing new")]
    for number, words in (
        (found.changed, tr("{n} changed")),
        (found.gone, tr("{n} gone")),
        (found.back, tr("{n} back again")),
    ):
        if number:
            parts.append(words.format(n=f"{number:,}"))
    return ", ".join(parts)
