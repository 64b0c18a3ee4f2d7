"""Keeping a project: verify, audit trail, backups, packing. Thin: the project does the work, this says it in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.project import Project
from core.project.pack import unpack_project
from core.project.records import PackReport, VerifyReport
from core.project.store import restore_project


@dataclass(frozen=True)
class Verified:
    """What a check found, in words."""

    report: VerifyReport

    @property
    def fine(self) -> bool:
        """Whether the project is as it was written."""
        return self.report.is_whole

    @property
    def lines(self) -> list[str]:
        """The verdict first, then every fault."""
        found = self.report
        verdict = "The project is whole" if found.is_whole else "The project is not as it was written"
        counts = f"{found.audit_rows} audit records chain, {found.blobs} masks, {found.images_checked} images checked"
        limits = "Labels, splits and settings are as the file says: the trail tells who set them, not that they stayed."
        return [f"{verdict}: {counts}.", f"Audit head {found.head}", limits, *found.faults, *found.image_faults]

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self.report) | {"fine": self.fine}


def verify(project: Project, *, images: bool = True, head: str | None = None) -> Verified:
    """Check chain, masks, file and, with `images`, the bytes of every image; `head` must stand in the trail."""
    return Verified(project.verify(images=images, head=head))


def export_audit(project: Project, target: Path) -> int:
    """Write the trail as CSV or JSON by the file's ending; returns how many records."""
    return project.export_audit(target)


def backup(project: Project) -> Path:
    """A verified copy beside the project."""
    return project.backup()


def restore(path: Path, backup_file: Path, *, author: str | None = None) -> Path:
    """Put a backup in place of a project that nobody has open; returns where the file that stood there is kept."""
    return restore_project(path, backup_file, author=author, reason="restored from the command line")


def pack(project: Project, target: Path, *, images: bool) -> PackReport:
    """One verified file for transfer."""
    return project.pack(target, images=images)


def unpack(source: Path, folder: Path) -> Path:
    """Unpack into a new folder, every file checked; returns the project file."""
    return unpack_project(source, folder)
