"""Annotations in from other tools and out to them: what, where, in which format; then what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.dialogs.folders import choose_folder
from app.dialogs.progress import CancelledError
from app.dialogs.working import WorkingDialog
from app.icons import icon
from app.session import Session
from app.words import describe, tr
from core.annotation.formats import FORMATS, Format, Style
from core.workflow.annotations import ExportReport, ImportReport, export_annotations, import_annotations
from core.workflow.disagreement import table

_AUTO: Final = "auto"
_SHOWN: Final = 500
_NAME_PX: Final = 300  # of the list's column of images at most
Finding = tuple[str, str, str]  # kind, image or file, what
_IMAGE: Final = Qt.ItemDataRole.UserRole


class AnnotationsDialog(WorkingDialog):
    """What both directions share: a form, the progress, and a list of what did not go smoothly."""

    def __init__(self, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._session = session
        self._findings: list[Finding] = []
        self._images: dict[int, int] = {}  # the image that a finding is about, by its place in the list
        self._place: Path | None = None
        self.setMinimumSize(640, 420)
        self.resize(940, 520)
        self._build(title)
        session.closing.connect(self.cancel_work)

    @property
    def format(self) -> Format | None:
        """The chosen format; None: it is to be recognised."""
        return next((one for one in FORMATS if one.id == self.formats.currentData()), None)

    @property
    def findings(self) -> Sequence[Finding]:
        """What the list shows once the work is done."""
        return self._findings

    def set_place(self, place: Path) -> None:
        """From where, or to where."""
        self._place = place
        self.where.setText(str(place))
        self._show_state()

    def start(self) -> None:
        """Do it; the result follows."""
        work = None if self.is_working else self.make_work()
        if work is not None:
            self.trouble.hide()
            self._stack.setCurrentWidget(self.waiting)
            self._session.background.run(work, self._on_done, self._on_failed, owner=self)
            self._show_state()

    def save_findings(self, path: Path) -> None:
        """The list as a table for a spreadsheet."""
        lines: list[Sequence[object]] = [("kind", "image or file", "what"), *self._findings]

        def work() -> None:
            from core.files import atomic_write

            atomic_write(path, table(lines))

        self._session.background.run(work, lambda _: self.said.setText(tr("Saved as {path}", path=path)), owner=self)

    # -- what each direction fills in

    def build_form(self, form: QFormLayout) -> None:
        """Its own rows."""

    def make_work(self) -> Callable[[], Any] | None:
        """What `start` does in the background, begun; None when it cannot yet."""
        return None

    def show_report(self, report: Any) -> None:
        """Its words about what was done."""

    # -- building

    def _build(self, title: str) -> None:
        self._stack = QStackedWidget(self)
        self.column.addWidget(self._stack, 1)
        self.choices = QWidget(self)
        column = QVBoxLayout(self.choices)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        heading = QLabel(title, self.choices)
        heading.setProperty("role", "title")
        column.addWidget(heading)
        form = QFormLayout()
        form.setHorizontalSpacing(2 * theme.SPACE)
        form.setVerticalSpacing(theme.SPACE)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._build_shared(form)
        self.build_form(form)
        column.addLayout(form)
        self.trouble = self._words("warning")
        self.trouble.hide()
        column.addWidget(self.trouble)
        column.addStretch(1)
        self._build_outcome()
        for page in (self.choices, self.waiting, self.outcome):
            self._stack.addWidget(page)
        self._build_buttons()
        self.formats.currentIndexChanged.connect(self._show_state)
        self._show_state()

    def _build_shared(self, form: QFormLayout) -> None:
        self.where = QLabel(self.choices)
        self.where.setWordWrap(True)
        self._places = QHBoxLayout()
        self.folder = QPushButton(icon("folder"), " " + tr("Folder …"), self.choices)
        self.folder.setAutoDefault(False)
        self.folder.clicked.connect(self._on_folder_clicked)
        self._places.addWidget(self.folder)
        self._places.addWidget(self.where, 1)
        self.formats = QComboBox(self.choices)
        for one in FORMATS:
            self.formats.addItem(one.title, one.id)
        self.about = self._words("muted")
        self.product = QComboBox(self.choices)
        self.product.addItem(tr("All products"), None)
        for name in sorted({view.product for view in self._session.views}):
            self.product.addItem(name, name)
        form.addRow(tr("Where"), self._places)
        form.addRow(tr("Format"), self.formats)
        form.addRow("", self.about)
        if self.product.count() > 2:
            form.addRow(tr("Product"), self.product)
        else:
            self.product.hide()

    def _build_outcome(self) -> None:
        self.outcome = QWidget(self)
        column = QVBoxLayout(self.outcome)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        self.headline = QLabel(self.outcome)
        self.headline.setProperty("role", "title")
        self.headline.setWordWrap(True)
        self.headline.setTextFormat(Qt.TextFormat.PlainText)
        self.said = self._words("muted")
        self.list = _Findings(self.outcome)
        self.list.setHeaderLabels([tr("Kind"), tr("Image or file"), tr("What")])
        self.list.setRootIsDecorated(False)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(True)
        column.addWidget(self.headline)
        column.addWidget(self.said)
        column.addWidget(self.list, 1)
        self._filler = QWidget(self.outcome)
        column.addWidget(self._filler, 1)

    def _build_buttons(self) -> None:
        self.buttons_row = row = QHBoxLayout()
        self.save = QPushButton(tr("Save the list …"), self)
        self.save.setAutoDefault(False)
        self.save.clicked.connect(self._on_save_clicked)
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.close)
        self.go = QPushButton(self)
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self._on_go_clicked)
        row.addWidget(self.save)
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.go)
        self.column.addLayout(row)

    def _words(self, role: str) -> QLabel:
        label = QLabel(self)
        label.setProperty("role", role)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    # -- slots

    def _show_state(self, *_: object) -> None:
        working, over = self.is_working, self._stack.currentWidget() is self.outcome
        self.go.setVisible(not working)
        self.go.setText(tr("Close") if over else self.go_word())
        self.go.setEnabled(over or self._place is not None)
        self.cancel.setVisible(not working and not over)
        self.save.setVisible(over and bool(self._findings))
        used = self.format
        self.about.setText(tr(used.about) if used is not None else tr("Told by a look at the files."))

    def go_word(self) -> str:
        """What the main button says."""
        return tr("Go on")

    def _on_folder_clicked(self) -> None:
        choose_folder(self, self.windowTitle(), self._session.memory, self.set_place)

    def _on_go_clicked(self) -> None:
        if self._stack.currentWidget() is self.outcome:
            self.accept()
        else:
            self.start()

    def _on_done(self, report: Any) -> None:
        self.end()
        self.show_report(report)
        shown = self._findings[:_SHOWN]
        for at, one in enumerate(shown):
            line = QTreeWidgetItem(list(one))
            line.setData(0, _IMAGE, self._images.get(at))
            for column, words in enumerate(one):
                line.setToolTip(column, words)
            self.list.addTopLevelItem(line)
        if len(self._findings) > len(shown):
            more = tr("and {n} more, all in the list that is saved", n=f"{len(self._findings) - len(shown):,}")
            self.list.addTopLevelItem(QTreeWidgetItem(["", "", more]))
        self.list.header().resizeSection(1, min(self.list.sizeHintForColumn(1), _NAME_PX))
        self.list.setVisible(bool(self._findings))
        self._filler.setVisible(not self._findings)
        self._stack.setCurrentWidget(self.outcome)
        self._show_state()
        self.go.setFocus()

    def _on_failed(self, error: Exception) -> None:
        self.end()
        self._stack.setCurrentWidget(self.choices)
        if isinstance(error, CancelledError):
            text = self.cancelled_words()
        else:
            headline, rest = describe(error)
            text = f"{headline}\n{rest}"
        self.trouble.setText(text)
        self.trouble.show()
        self._show_state()
        self._session.reload()

    def cancelled_words(self) -> str:
        """What is said after a cancel."""
        return tr("Cancelled.")

    def _on_save_clicked(self) -> None:
        start = str(Path(self._session.memory.recall("folder", str(Path.home()))) / "annotations.csv")
        dialog = QFileDialog(self, tr("Save the list"), start, tr("Tables") + " (*.csv)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda chosen: self.save_findings(Path(chosen)))
        dialog.open()


class _Findings(QTreeWidget):
    """A list in which Enter opens a line, and does not press the dialog's button."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()


class ImportAnnotations(AnnotationsDialog):
    """Masks or labels of others for images of this project; each author has masks of their own."""

    image_wanted = Signal(int, bool)  # an image of the list, and whether its masks wait for a decision

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Import annotations"), session, parent)
        self._clashes: set[int] = set()
        self.list.itemActivated.connect(self._on_line_activated)
        self.walk = QPushButton(tr("Decide …"), self)
        self.walk.setAutoDefault(False)
        self.walk.setToolTip(tr("See both masks of each image, and keep one, take the other, or join them"))
        self.walk.clicked.connect(lambda: self._open(min(self._images)))
        self.walk.hide()
        self.buttons_row.insertWidget(1, self.walk)

    def build_form(self, form: QFormLayout) -> None:
        file = QPushButton(tr("File …"), self.choices)
        file.setAutoDefault(False)
        file.clicked.connect(self._on_file_clicked)
        self._places.insertWidget(1, file)
        self.formats.insertItem(0, tr("Recognise"), _AUTO)
        self.formats.setCurrentIndex(0)
        self.author = QLineEdit(self.choices)
        project = self._session.project
        self.author.setText(project.author if project is not None else "")
        self.author.setMaxLength(40)
        form.addRow(tr("Whose work"), self.author)
        note = self._words("muted")
        note.setText(tr("Imported masks lie beside what was painted here and never change it. Differences are listed."))
        form.addRow("", note)
        self.replace = QCheckBox(tr("Labels (CSV): replace labels and splits that are set already"), self.choices)
        form.addRow("", self.replace)

    def make_work(self) -> Callable[[], Any] | None:
        project, source = self._session.project, self._place
        if project is None or source is None:
            return None
        name, author = str(self.formats.currentData()), self.author.text().strip() or None
        product, overwrite = self.product.currentData(), self.replace.isChecked()
        following = self.begin(tr("Reading annotations …"), tr("You can work on meanwhile elsewhere."))

        def work() -> ImportReport:
            return import_annotations(
                project, source, name, author=author, product=product, overwrite=overwrite, progress=following
            )

        return work

    def show_report(self, report: ImportReport) -> None:
        headline, *rest = report.lines()
        self.headline.setText(headline)
        if report.written or report.labelled:
            rest.append(tr("Ctrl+Z takes all of it back in one step."))
        self._clashes = {one.image_id for one in report.conflicts if one.what == "mask"}
        self._images = {at: one.image_id for at, one in enumerate(report.conflicts)}
        if self._images:
            rest.append(tr("A double click on a difference, or Enter, shows its image."))
        self.walk.setVisible(bool(self._clashes))
        self.said.setText("\n".join(rest))
        self._findings = [(tr("Difference"), one.image, str(one).partition(": ")[2]) for one in report.conflicts]
        self._findings += [(tr("Left out"), path.name, f"{text} ({path})") for path, text in report.left_out]
        self._findings += [(tr("Overlap"), path.name, text) for path, text in report.overlaps]
        self._session.reload()

    def go_word(self) -> str:
        return tr("Import")

    def cancelled_words(self) -> str:
        return tr("Cancelled. What was read before stays; import it again to go on.")

    def _on_line_activated(self, line: QTreeWidgetItem) -> None:
        if line.data(0, _IMAGE) is not None:
            self._open(self.list.indexOfTopLevelItem(line))

    def _open(self, at: int) -> None:
        """The image of a line, on Annotate."""
        image_id = self._images[at]
        self.accept()
        self.image_wanted.emit(image_id, image_id in self._clashes)

    def _on_file_clicked(self) -> None:
        start = self._session.memory.recall("folder", str(Path.home()))
        kinds = tr("Annotations") + " (*.json *.txt *.csv *.png)"
        dialog = QFileDialog(self, self.windowTitle(), start, kinds)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda chosen: self.set_place(Path(chosen)))
        dialog.open()


class ExportAnnotations(AnnotationsDialog):
    """The masks that count, or the labels, as files of another tool; where and how the last time is proposed again."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(tr("Export annotations"), session, parent)
        known = session.memory.recall(self._key(), {})
        for combo, key in ((self.formats, "format"), (self.shapes, "shapes"), (self.product, "product")):
            combo.setCurrentIndex(max(combo.findData(known.get(key)), 0))
        if known.get("folder") and Path(known["folder"]).is_dir():
            self.set_place(Path(known["folder"]))

    def _key(self) -> str:
        project = self._session.project
        return f"annotations.export {'' if project is None else project.file}"

    def _remember(self) -> None:
        combos = {"format": self.formats, "shapes": self.shapes, "product": self.product}
        known = {key: combo.currentData() for key, combo in combos.items()}
        self._session.memory.remember(self._key(), known | {"folder": str(self._place)})

    def build_form(self, form: QFormLayout) -> None:
        self.shapes = QComboBox(self.choices)
        self.shapes.addItem(tr("Polygons: outlines that can be edited"), "polygons")
        self.shapes.addItem(tr("Masks: the pixels themselves"), "masks")
        self._shapes_word = QLabel(tr("Shapes"), self.choices)
        form.addRow(self._shapes_word, self.shapes)
        self.replace = QCheckBox(tr("Replace files that were not written by an export, too"), self.choices)
        form.addRow("", self.replace)

    def make_work(self) -> Callable[[], Any] | None:
        project, folder, used = self._session.project, self._place, self.format
        if project is None or folder is None or used is None:
            return None
        style: Style = self.shapes.currentData() if len(used.styles) > 1 else used.styles[0]
        product, overwrite = self.product.currentData(), self.replace.isChecked()
        self._remember()
        following = self.begin(tr("Writing annotations …"))

        def work() -> ExportReport:
            return export_annotations(
                project, folder, used.id, product=product, style=style, overwrite=overwrite, progress=following
            )

        return work

    def show_report(self, report: ExportReport) -> None:
        self.headline.setText(report.sentence())
        self.said.setText("")
        self._findings = [(tr("Left as it was"), path.name, f"{text} ({path})") for path, text in report.left_out]

    def go_word(self) -> str:
        return tr("Export")

    def cancelled_words(self) -> str:
        return tr("Cancelled. What was written before stays; export again to go on.")

    def _show_state(self, *_: object) -> None:
        super()._show_state()
        used = self.format
        has_choice = used is not None and len(used.styles) > 1
        self.shapes.setVisible(has_choice)
        self._shapes_word.setVisible(has_choice)
