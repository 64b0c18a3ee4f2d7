"""What can be done about a problem, from the dataset page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.dialogs.folders import choose_folder
from app.session import Session
from app.words import tr
from core.workflow.findings import Finding

if TYPE_CHECKING:
    from core.project import Project


class Mends(QObject):
    """`mended` when something was changed and problems should be looked for again."""

    mended = Signal()

    def __init__(self, session: Session, page: QWidget) -> None:
        super().__init__(page)
        self._session = session
        self._page = page

    def mend(self, finding: Finding) -> None:
        """Do what the finding's button says."""
        if finding.mend == "find_folder":
            self.find_folder()
        elif finding.mend == "look_again":
            self.look_again()
        elif finding.mend == "seen":
            self.take_off(finding.problems)
        elif finding.mend == "take_out":
            self.take_out(finding.images)

    def find_folder(self) -> None:
        """Ask where the images of a missing folder are now."""
        choose_folder(self._page, tr("Where are the images now?"), self._session.memory, self.relocate)

    def relocate(self, folder: Path) -> None:
        """The images of the missing folder lie here."""

        def change(project: Project) -> Path:
            from core.workflow.importing import relocate

            return relocate(project, folder)

        self._session.write(change, self._on_mended, touched=None, say=tr("The images are found again"))

    def look_again(self) -> None:
        """Look for new, changed and missing images in the project's own folders."""
        from app.dialogs.add_images import AddImages

        AddImages(self._session, self._page.window(), at_once=True).open()

    def take_off(self, problems: tuple[int, ...]) -> None:
        """These were seen: list them no more."""
        self._session.write(lambda project: project.solve_problems(problems), self._on_mended, touched=None)

    def take_out(self, ids: tuple[int, ...]) -> None:
        """Equal pictures leave test."""
        self._session.write(
            lambda project: project.set_split(
                ids, "unused", reason="equal to an image in train or tuning", allow_duplicates=True
            ),
            self._on_mended,
            touched=None,
            say=tr("Taken out of test; undo brings them back"),
        )

    def propose_splits(self) -> None:
        """Divide what was never divided, and say by what rule."""

        def change(project: Project) -> str:
            from core.workflow.splitting import propose

            return propose(project)

        self._session.write(change, self._session.said.emit, touched=None)

    def _on_mended(self, _: object) -> None:
        self.mended.emit()
