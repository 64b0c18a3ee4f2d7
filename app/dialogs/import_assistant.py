"""From a folder to a project: what was recognised in one sentence, what may be corrected, one button."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app import theme
from app.dialogs.folders import choose_folder
from app.dialogs.import_form import ImportForm
from app.dialogs.import_pictures import ImportPictures
from app.dialogs.progress import CancelledError
from app.dialogs.working import WorkingDialog
from app.gallery.empty import EmptyState
from app.icons import icon
from app.session import Session
from app.words import count_words, describe, tr
from core.workflow.existing import candidates, projects_of
from core.workflow.importing import Choice, ImportReport
from core.workflow.previewing import Preview, default_place, look_into, place_problem

_PLACE: Final = "projects folder"


class ImportAssistant(WorkingDialog):
    """Looks into `folder` in the background; what a person corrects is looked at again. Ends with the project open."""

    imported = Signal(object)  # ImportReport
    open_wanted = Signal(object)  # the project that was made of this folder before

    def __init__(self, session: Session, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(tr("A new project"), parent)
        self._session = session
        self._folder = folder
        self._preview: Preview | None = None
        self._project_there: Path | None = None
        self.setMinimumSize(1020, 560)  # pictures beside the form
        self.resize(1060, 700)
        self._build()
        self.look()

    @property
    def preview(self) -> Preview | None:
        """What was recognised last."""
        return self._preview

    def look(self) -> None:
        """Look into the folder with what the form says."""
        folder, choice, first = self._folder, self.form.choice(), self._preview is None
        if first:
            self.waiting.phase.setText(tr("Looking into {name} …", name=folder.name or str(folder)))
            self._stack.setCurrentWidget(self.waiting)
        self._show_button()
        self._session.background.run(
            lambda: look_into(folder, choice),
            lambda found: self._on_looked(found, choice),
            lambda error: self._on_look_failed(error, choice),
            owner=self,
            key="look",
        )

    def start(self) -> None:
        """Import; `imported` follows and the project is opened, or the form comes back with what went wrong."""
        preview = self._preview
        if preview is None or self.is_working or self.form.problem() or self.form.place_problem():
            return
        source, place, choice = self._folder, self.form.place(), self.form.choice()
        author = self._session.settings.get("work.initials") or None
        self._session.memory.remember(_PLACE, str(place.parent))
        note = tr("The images stay where they are and are never changed. Each is read once to see that it is whole.")
        self.waiting.cancel.show()
        following = self.begin(tr("Reading images"), note)
        self._stack.setCurrentWidget(self.waiting)
        self._show_button()

        def work() -> ImportReport:
            from core.workflow.importing import import_folder

            return import_folder(source, place, choice, author=author, progress=following)

        self._session.background.run(work, self._on_imported, self._on_import_failed, owner=self)

    # -- building

    def _build(self) -> None:
        self.title = QLabel(self)
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.column.addWidget(self.title)
        row = QHBoxLayout()
        self.where = QLabel(self)
        self.where.setProperty("role", "muted")
        self.other = QPushButton(tr("Another folder …"), self)
        self.other.setProperty("role", "link")
        self.other.setAutoDefault(False)
        self.other.clicked.connect(self._on_other_clicked)
        row.addWidget(self.where)
        row.addWidget(self.other)
        row.addStretch(1)
        self.column.addLayout(row)
        self._stack = QStackedWidget(self)
        self.column.addWidget(self._stack, 1)
        self.waiting.cancel.hide()
        self.waiting.bar.setRange(0, 0)
        self.trouble = EmptyState(self)
        self.trouble.pressed.connect(self._on_other_clicked)
        self.choices = QWidget(self)
        self._build_choices()
        for page in (self.waiting, self.trouble, self.choices):
            self._stack.addWidget(page)
        self.column.addSpacing(theme.SPACE)
        self.column.addLayout(self._build_buttons())

    def _build_buttons(self) -> QHBoxLayout:
        buttons = QHBoxLayout()
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.hint.setWordWrap(True)
        policy = self.hint.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.hint.setSizePolicy(policy)
        self.instead = QPushButton(self)
        self.instead.setProperty("role", "link")
        self.instead.setAutoDefault(False)
        self.instead.clicked.connect(self._on_instead_clicked)
        project = self._session.project
        if project is not None:
            self.instead.setText(tr("Add to {name} instead", name=project.name))
        self.cancel = QPushButton(tr("Cancel"), self)
        self.cancel.setAutoDefault(False)
        self.cancel.clicked.connect(self.close)
        self.go = QPushButton(tr("Import"), self)
        self.go.setProperty("role", "primary")
        self.go.setDefault(True)
        self.go.clicked.connect(self.start)
        buttons.addWidget(self.hint, 1)
        buttons.addWidget(self.instead)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.go)
        return buttons

    def _build_choices(self) -> None:
        row = QHBoxLayout(self.choices)
        row.setContentsMargins(0, theme.SPACE, 0, 0)
        row.setSpacing(3 * theme.SPACE)
        left = QVBoxLayout()
        self.noted, self.notes, _ = _remark(self.choices)
        left.addWidget(self.noted)
        left.addWidget(self._build_there())
        self.pictures = ImportPictures(self._session.background, self.choices)
        left.addWidget(self.pictures, 1)
        row.addLayout(left, 1)
        self.form = ImportForm(self._session.memory, self.choices)
        self.form.changed.connect(self._on_form_changed)
        self.form.place_changed.connect(self._on_place_changed)
        row.addWidget(self.form)

    def _build_there(self) -> QWidget:
        """A project of this folder that there is already."""
        self.there, self.there_words, line = _remark(self.choices)
        self.there_open = QPushButton(self.there)
        self.there_open.setProperty("role", "link")
        self.there_open.setAutoDefault(False)
        self.there_open.clicked.connect(self._on_open_clicked)
        line.addWidget(self.there_open, 0, Qt.AlignmentFlag.AlignTop)
        self.there.hide()
        return self.there

    # -- what was found

    def _on_looked(self, preview: Preview, choice: Choice) -> None:
        first = self._preview is None
        self._preview = preview
        self.form.show_preview(preview, choice)
        if first:
            self._propose_place(preview)
        found = preview.recognition
        self.title.setText(found.sentence.rstrip("."))
        self.where.setText(str(self._folder))
        self.notes.setText("\n".join(found.notes))
        self.noted.setVisible(bool(found.notes))
        self.pictures.show_groups(preview.groups, products=len(found.products))
        self._stack.setCurrentWidget(self.choices)
        self._show_button()
        if first:
            self.go.setFocus()

    def _on_look_failed(self, error: Exception, choice: Choice) -> None:
        headline, rest = describe(error)
        if self._preview is not None:  # only what was just corrected does not fit
            self.form.show_problem(f"{headline}. {getattr(error, 'mend', '')}")
            self._show_button()
            return
        self.title.setText(tr("Nothing to import here"))
        self.where.setText(str(self._folder))
        self.trouble.say(headline, rest, button=tr("Another folder …"), sign="folder", primary=True)
        self._stack.setCurrentWidget(self.trouble)
        self._show_button()
        self.trouble.button.setFocus()

    def _propose_place(self, preview: Preview) -> None:
        from platformdirs import user_documents_path

        parent = Path(self._session.memory.recall(_PLACE, str(user_documents_path() / "Flawscope")))
        products = preview.recognition.products
        name = products[0] if len(products) == 1 else self._folder.name
        self.form.set_place(default_place(parent, name))
        self._on_place_changed()
        self._look_for_projects(parent)

    def _look_for_projects(self, parent: Path) -> None:
        """A second project of the same images is seldom meant."""
        folder, recent = self._folder, list(self._session.memory.recall("recent", []))

        def found(files: list[Path]) -> None:
            if folder == self._folder:
                self._show_there(files)

        self._session.background.run(
            lambda: projects_of(folder, candidates(parent, recent)), found, owner=self, key="projects of it"
        )

    def _show_there(self, files: list[Path]) -> None:
        self._project_there = files[0] if files else None
        self.there.setVisible(bool(files))
        if files:
            name = files[0].stem
            self.there_words.setText(tr("There is a project of this folder already: {name}", name=name))
            self.there_words.setToolTip("\n".join(str(one) for one in files))
            self.there_open.setText(tr("Open {name}", name=name))

    def _show_button(self) -> None:
        working, preview = self.is_working, self._preview
        choosing = preview is not None and not working
        for widget in (self.go, self.other):
            widget.setVisible(choosing)
        self.cancel.setVisible(not working)
        self.hint.setVisible(choosing)
        self.instead.setVisible(choosing and self._session.can_write)
        if preview is None:
            return
        count = preview.recognition.counts.images
        self.go.setText(tr("Import {images}", images=count_words(count, "image", "images")))
        self.go.setEnabled(choosing and not self.form.problem() and not self.form.place_problem())
        if not working:
            self.hint.setText(tr("The images stay where they are. Everything here can be changed later."))

    # -- slots

    def _on_form_changed(self) -> None:
        self.look()

    def _on_place_changed(self) -> None:
        self.form.show_place_problem(place_problem(self.form.place(), self._folder))
        self._show_button()

    def _on_other_clicked(self) -> None:
        choose_folder(self, tr("Open a folder of images"), self._session.memory, self._on_folder_chosen)

    def _on_folder_chosen(self, folder: Path) -> None:
        self._folder, self._preview = folder, None
        self._show_there([])
        self.title.setText("")
        self.where.setText(str(folder))
        self.form.forget()
        self.look()

    def _on_open_clicked(self) -> None:
        if self._project_there is not None:
            self.open_wanted.emit(self._project_there)
            self.reject()

    def _on_instead_clicked(self) -> None:
        from app.dialogs.add_images import AddImages

        AddImages(self._session, self.parentWidget(), folder=self._folder).open()
        self.reject()

    def _on_imported(self, report: ImportReport) -> None:
        self.end()
        self.imported.emit(report)
        self._session.open(report.project)
        self.accept()

    def _on_import_failed(self, error: Exception) -> None:
        cancelled = isinstance(error, CancelledError)
        self.end()
        self._stack.setCurrentWidget(self.choices)
        self._show_button()
        if cancelled:
            self.hint.setText(tr("Cancelled: nothing was made."))
            return
        headline, rest = describe(error)
        self.form.show_problem(headline if not rest else f"{headline}\n{rest}")
        self._show_button()

    # -- closing

    def end(self) -> None:
        super().end()
        self.waiting.cancel.hide()

    def reject(self) -> None:
        """An import that runs is cancelled first, and leaves nothing behind."""
        if not self.is_working:
            self.pictures.cancel()
        super().reject()


def _remark(parent: QWidget) -> tuple[QWidget, QLabel, QHBoxLayout]:
    """A line with the sign of a warning: itself, the text beside the sign, and its layout."""
    whole = QWidget(parent)
    line = QHBoxLayout(whole)
    line.setContentsMargins(0, 0, 0, theme.SPACE)
    sign = QLabel(whole)
    sign.setPixmap(icon("warning", theme.COLOUR["warning"]).pixmap(18, 18))
    words = QLabel(whole)
    words.setWordWrap(True)
    line.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    line.addWidget(words, 1)
    return whole, words, line
