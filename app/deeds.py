"""What the commands of the whole window do: opening, closing, settings, help. The pages bind their own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from app import theme
from app.dialogs.folders import choose_folder
from app.importing import import_packages
from app.words import tr
from core.errors import ProjectBusyError

if TYPE_CHECKING:
    from app.window import MainWindow

_SUFFIX = ".flawscope"
_RESCUE = ".flawrescue"


class Deeds(QObject):
    """Bound once, for the life of the window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._bind()
        self._session.busy_elsewhere.connect(self._on_busy_elsewhere)

    def _bind(self) -> None:
        window, actions = self._window, self._window.actions_table
        session = self._session

        def is_open() -> bool:
            return session.project is not None

        def may_write() -> bool:
            return session.can_write

        actions.bind("file.open_folder", self.ask_folder)
        actions.bind("file.open_project", self.ask_project)
        actions.bind("file.open_sample", self.open_sample)
        actions.bind("file.add_images", self.add_images, enabled=may_write)
        actions.bind("file.import_annotations", self.import_annotations, enabled=may_write)
        actions.bind("file.export_annotations", self.export_annotations, enabled=is_open)
        actions.bind("file.backup", self.back_up, enabled=may_write)
        actions.bind("file.close", self.close_project, enabled=is_open)
        actions.bind("file.quit", window.close)
        actions.bind("edit.undo", session.undo, enabled=may_write)
        actions.bind("edit.redo", session.redo, enabled=may_write)
        actions.bind("edit.settings", self.show_settings)
        for key in ("start", "dataset", "annotate", "train", "review"):
            allowed = None if key == "start" else is_open
            actions.bind(f"go.{key}", partial(window.go, key), enabled=allowed)
        actions.bind("train.start", lambda: window.go("train", {"start": True}), enabled=may_write)
        actions.bind("view.inspector", lambda: window.toggle("inspector"))
        actions.bind("view.filmstrip", lambda: window.toggle("filmstrip"))
        actions.bind("view.theme", self.switch_theme)
        actions.bind("view.full_screen", self.switch_full_screen)
        actions.bind("help.palette", self.show_palette)
        actions.bind("help.keys", self.show_keys)
        for page in ("first_steps", "painting", "annotations", "models", "clusters", "experiments"):
            actions.bind(f"help.{page}", partial(self.show_help, page))
        actions.bind("help.about", self.show_about)
        session.opened.connect(actions.refresh)
        session.closed.connect(actions.refresh)

    # -- opening

    def ask_folder(self) -> None:
        """Choose a folder of images, or of a project."""
        choose_folder(self._window, tr("Open a folder of images"), self._session.memory, self.open_path)

    def ask_project(self) -> None:
        """Choose a project file."""
        start = self._session.memory.recall("folder", str(Path.home()))
        dialog = QFileDialog(
            self._window, tr("Open a project"), start, tr("Flawscope projects") + f" (*{_SUFFIX} *{_RESCUE})"
        )
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda chosen: self.open_path(Path(chosen)))
        dialog.open()

    def open_path(self, path: Path) -> None:
        """A project is opened, a rescue copy is put in; a folder of images goes to the import assistant."""
        if path.suffix == _RESCUE:
            self._session.strokes.put_in(path)
            return
        if path.suffix == _SUFFIX or (path.is_dir() and any(path.glob(f"*{_SUFFIX}"))):
            if self._is_open_here(path):
                self._window.go(self._window.last_page())
            elif self._may_leave_project():
                self._session.open(path)
            return
        folder = path if path.is_dir() else path.parent
        import_packages()  # which the background may be reading just now
        from app.dialogs.import_assistant import ImportAssistant

        assistant = ImportAssistant(self._session, folder, self._window)
        assistant.open_wanted.connect(self.open_path)
        assistant.open()

    def open_sample(self) -> None:
        """The sample project, unpacked into the person's data folder when it is not there yet."""

        def work() -> Path:
            from core.workflow.sample import open_sample, sample_folder

            return open_sample(sample_folder())

        self._session.said.emit(tr("Unpacking the sample project …"))
        self._session.background.run(work, self._open_for_review, owner=self, key="sample")

    def add_images(self) -> None:
        """Look for new images: the dataset page knows how."""
        self._window.go("dataset", {"add": True})

    def import_annotations(self) -> None:
        """Masks or labels of others for images of this project."""
        from app.dialogs.annotations import ImportAnnotations

        dialog = ImportAnnotations(self._session, self._window)
        dialog.image_wanted.connect(self._on_imported_wanted)
        dialog.open()

    def _on_imported_wanted(self, image_id: int, is_conflict: bool) -> None:
        self._window.go("annotate", {"id": image_id, **({"queue": "conflicts"} if is_conflict else {})})

    def export_annotations(self) -> None:
        """Masks or labels for other tools."""
        from app.dialogs.annotations import ExportAnnotations

        ExportAnnotations(self._session, self._window).open()

    def back_up(self) -> None:
        """A verified copy now; every change is saved as it is made anyway."""
        self._session.write(lambda project: project.backup(), lambda made: self._session.said.emit(
            tr("Everything is saved. Backup made: {name}", name=made.name)
        ))  # fmt: skip

    def close_project(self) -> None:
        """Back to the start page."""
        if self._may_leave_project():
            self._session.close()

    def may_close(self) -> bool:
        """Ask what shall become of a running training; False: stay open."""
        return self._may_leave_project()

    def _is_open_here(self, path: Path) -> bool:
        """Whether this window has the project open for changes, so that opening it would meet its own lock."""
        project = self._session.project
        if project is None or not self._session.can_write:
            return False
        return path.resolve() in (project.file.resolve(), project.folder.resolve())

    def _open_for_review(self, path: Path) -> None:
        if self._is_open_here(path):
            self._window.go("review")
        elif self._may_leave_project():
            self._session.memory.remember(f"page {path}", "review")
            self._session.open(path)

    def _may_leave_project(self) -> bool:
        if self._session.project is None:
            return True
        from app.dialogs import closing, unsaved

        if not unsaved.ask_and_leave(self._session, self._window):
            return False
        return "trainings" not in vars(self._session) or closing.ask_and_leave(self._session.trainings, self._window)

    def _on_busy_elsewhere(self, path: Path, error: ProjectBusyError) -> None:
        box = QMessageBox(self._window)
        box.setObjectName("busy")
        box.setIcon(QMessageBox.Icon.Information)
        box.setWindowTitle(tr("Open elsewhere"))
        box.setText(error.what[:1].upper() + error.what[1:])
        box.setInformativeText(tr("You can look at it meanwhile: nothing is changed, and nothing can be."))
        look = box.addButton(tr("Open for reading"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(look)
        look.clicked.connect(lambda: self._session.open(path, read_only=True))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    # -- the rest

    def ask_initials(self) -> None:
        """Who works from now on."""
        now = self._session.settings.get("work.initials")
        text, fine = QInputDialog.getText(
            self._window, tr("Who works?"), tr("Your initials. They stand beside every label and verdict."), text=now
        )
        if fine:
            self._session.settings.set("work.initials", text.strip()[:12])

    def switch_theme(self) -> None:
        """From light to dark and back."""
        self._session.settings.set("look.theme", "light" if theme.is_dark() else "dark")

    def switch_full_screen(self) -> None:
        """In and out of full screen."""
        if self._window.isFullScreen():
            self._window.showNormal()
        else:
            self._window.showFullScreen()

    def show_settings(self) -> None:
        """Every setting of the table."""
        from app.dialogs.settings import SettingsDialog

        SettingsDialog(self._session.settings, self._window).open()

    def show_palette(self) -> None:
        """Find a command by typing."""
        from app.dialogs.palette import Palette

        Palette(self._window.actions_table, self._window).open()

    def show_keys(self) -> None:
        """Every key on one sheet."""
        from app.dialogs.keys import KeySheet

        KeySheet(self._window).open()

    def show_help(self, page: str) -> None:
        """A page of resources/help."""
        from app.dialogs.help import HelpDialog

        HelpDialog(page, self._window).open()

    def show_about(self) -> None:
        """Versions and notices."""
        from app.dialogs.about import AboutDialog

        AboutDialog(self._window).open()
