"""What trainings, caches and backups take on the disk, and making room without losing what counts.

Never offered, whatever is asked for: the project file, annotations, images, scores and figures, and the record of each
training (settings, images, log, curves). A training that a decision or a verdict rests on keeps its model and its
heatmaps; so does the latest training of a view that has a model, and everything of a training that is at work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from core.errors import ProjectError
from core.jobfiles import weights_file
from core.jobs import Job
from core.project import Project
from core.project.backup import last_good_backup
from core.project.results import RunRow
from core.reconstructions import FOLDER as RECONSTRUCTIONS
from core.workflow import training

Kind = Literal["working", "resume", "reconstructions", "thumbnails", "pictures", "maps", "backups", "model"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_ENDED: Final = frozenset({"finished", "stopped", "failed", "interrupted", "discarded"})
_RECORDED: Final = frozenset({"model", "maps"})  # whose removal the audit trail tells
_BACKUPS_KEPT: Final = 3
_EMPTY_CACHE: Final = 200_000  # what a cache takes that holds nothing


@dataclass(frozen=True)
class Heap:
    """Files of one kind, of one training or of the whole project, that can only go or stay together.

    `loss` says what cannot be done without them, '' when they are made again by themselves; `kept` says why they
    stay, '' when they may go.
    """

    key: str
    kind: Kind
    number: int | None
    title: str
    size: int
    files: int
    loss: str
    kept: str
    places: tuple[Path, ...]

    @property
    def may_go(self) -> bool:
        """Whether a person may remove it at all."""
        return not self.kept

    @property
    def goes_freely(self) -> bool:
        """Whether nothing is lost with it: what is proposed."""
        return not self.kept and not self.loss


@dataclass(frozen=True)
class Survey:
    """Everything that takes room, largest first within a training; `document` is the project file itself."""

    heaps: tuple[Heap, ...]
    document: int

    @property
    def total(self) -> int:
        """Bytes of all that was looked at."""
        return self.document + sum(heap.size for heap in self.heaps)

    def free(self) -> int:
        """Bytes that can go without loss."""
        return sum(heap.size for heap in self.heaps if heap.goes_freely)


@dataclass(frozen=True)
class Cleaned:
    """What went, and what stayed against the wish, with the reason."""

    removed: tuple[Heap, ...]
    freed: int
    stayed: tuple[str, ...]

    def sentence(self) -> str:
        """For a person."""
        said = f"{size_words(self.freed)} freed." if self.removed else "Nothing was removed."
        return " ".join([said, *self.stayed])


def survey(project: Project, *, stop: Callable[[], bool] = lambda: False) -> Survey:
    """Look at every file of the project's trainings, caches and backups; takes seconds when there are many."""
    heaps: list[Heap] = []
    reasons = _reasons(project)
    for run in project.runs():
        if stop():
            break
        heaps += _of_training(project, run, reasons.get(run.id, ""))
    heaps += [heap for heap in [_thumbnails(project)] if heap.size > _EMPTY_CACHE]
    heaps.append(_backups(project))
    document = sum(_size(path)[0] for path in project.folder.glob(f"{project.file.name}*"))
    return Survey(tuple(heap for heap in heaps if heap.files), document)


def clean(project: Project, keys: Iterable[str]) -> Cleaned:
    """Remove what `keys` name, as it stands now: what may not go (any more) stays, and is said.

    Raises `ProjectError` for a project that is open for reading only.
    """
    if project.read_only:
        raise ProjectError("the project is open for reading only", path=project.file, kept="Nothing was removed")
    wanted = set(keys)
    removed: list[Heap] = []
    stayed: list[str] = []
    freed = 0
    for heap in survey(project).heaps:
        if heap.key not in wanted:
            continue
        if heap.kept:
            stayed.append(f"{heap.title}: {heap.kept}.")
            continue
        gone, held = _remove(heap.places)
        freed += gone
        removed.append(replace(heap, size=gone))
        if held:
            stayed.append(f"{heap.title}: {held} files are held by another program.")
    _record(project, removed)
    return Cleaned(tuple(removed), freed, tuple(stayed))


def size_words(size: float) -> str:
    """`640 kB`, `12.4 MB`, `3.1 GB`."""
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5 or unit == "GB":
            return f"{size:.0f} {unit}" if size >= 99.5 or unit == "kB" else f"{size:.1f} {unit}"
    raise AssertionError("the last unit takes everything")


def _of_training(project: Project, run: RunRow, reason: str) -> Iterator[Heap]:
    name = f"Training #{run.number}"
    folder = run.folder
    if not folder.resolve().is_relative_to(project.folder.resolve()):
        return
    state = run.state
    busy = _busy(run)
    best, kept_models = folder / weights_file("best"), tuple((folder / "checkpoints").glob("kept-*.safetensors"))
    has_model = best.is_file() and (folder / "model.json").is_file()
    ended = state in ("finished", "discarded") and (has_model or state == "discarded")
    scored = tuple(path for path in (folder / "scores").glob("*/heatmaps") if path.is_dir())
    again = "" if has_model else "they cannot be made again: the model is gone"
    plan: tuple[tuple[Kind, str, tuple[Path, ...], str, str], ...] = (
        ("working", "working files", (folder / "cache", folder / ".reserve"), "", ""),
        (
            "resume",
            "checkpoint to go on from",
            tuple(path for path in (folder / "checkpoints").glob("*") if path not in (best, *kept_models)),
            "" if ended else f"training #{run.number} cannot go on from where it stopped",
            "",
        ),
        ("reconstructions", "reconstructions", (folder / RECONSTRUCTIONS,), again, ""),
        ("pictures", "pictures of learning", (folder / "pictures",), "how it learned cannot be looked at again", ""),
        (
            "maps",
            "heatmaps",
            scored,
            "its heatmaps and pixel figures need another scoring" if has_model else again,
            reason,
        ),
        (
            "model",
            "model",
            (best, *kept_models, folder / "model.json"),
            "it can no longer score, reconstruct or be exported; its scores and figures stay",
            reason,
        ),
    )
    for kind, what, places, loss, kept in plan:
        yield _heap(f"{run.number}/{kind}", kind, run.number, f"{name}: {what}", places, loss=loss, kept=busy or kept)


def _busy(run: RunRow) -> str:
    if any(Job(path.parent).state().active for path in (run.folder / "scores").glob("*/job.json")):
        return f"training #{run.number} scores images just now"
    if run.state in _ENDED:
        return ""
    if training.state(run) in _ENDED:
        return f"the results of training #{run.number} were not read in yet"
    return f"training #{run.number} is at work or waits"


def _thumbnails(project: Project) -> Heap:
    return _heap("thumbnails", "thumbnails", None, "Thumbnails", (project.folder / "cache",))


def _backups(project: Project) -> Heap:
    """Rolling backups behind the newest few; the newest that passes its check always stays with them."""
    rolling = [backup.path for backup in project.backups() if backup.kind == "rolling"]
    behind = rolling[_BACKUPS_KEPT:]
    good = last_good_backup(project.file) if behind else None
    older = tuple(path for path in behind if path != good)
    days = "the project cannot be put back to those days"
    return _heap("backups", "backups", None, f"Backups before the newest {_BACKUPS_KEPT}", older, loss=days)


def _heap(
    key: str, kind: Kind, number: int | None, title: str, places: Sequence[Path], *, loss: str = "", kept: str = ""
) -> Heap:
    sizes = [_size(place) for place in places]
    size, files = sum(one[0] for one in sizes), sum(one[1] for one in sizes)
    return Heap(key, kind, number, title, size, files, loss, kept, tuple(places))


def _reasons(project: Project) -> dict[int, str]:
    """Why the model and heatmaps of a training stay, by the training's id."""
    runs = project.runs()
    found: dict[int, str] = {}
    latest = {(run.product, run.view): run for run in runs if (run.folder / "model.json").is_file()}
    for run in latest.values():
        found[run.id] = f"it is the latest model of {run.product}"
    for verdict in project.verdicts(all_of_them=True):
        if verdict.run_id is not None:
            found[verdict.run_id] = "verdicts rest on it"
    for decision in project.decisions():
        if decision.state != "draft" or decision.version > 1:  # the first draft is the machine's own proposal
            found[decision.run_id] = f"decision settings version {decision.version} rest on it"
    return found


def _size(place: Path) -> tuple[int, int]:
    """Bytes and number of the files at or below `place`; links count for nothing and are not followed."""
    size = files = 0
    for path in _files(place):
        try:
            size += path.stat(follow_symlinks=False).st_size
        except OSError:
            continue  # it went meanwhile
        files += 1
    return size, files


def _files(place: Path) -> Iterator[Path]:
    if place.is_symlink():
        return
    if place.is_file():
        yield place
        return
    for folder, _, names in os.walk(place, followlinks=False):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                yield path


def _remove(places: Iterable[Path]) -> tuple[int, int]:
    """Unlink all files at or below `places`; bytes that went, and how many files stayed."""
    gone = held = 0
    for place in places:
        for path in list(_files(place)):
            try:
                size = path.stat().st_size
                path.unlink()
                gone += size
            except FileNotFoundError:
                continue
            except OSError:
                held += 1
        _remove_empty(place)
    return gone, held


def _remove_empty(place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        return
    for folder, _, _ in os.walk(place, topdown=False, followlinks=False):
        try:
            Path(folder).rmdir()
        except OSError:
            continue  # something that we do not remove is left in it


def _record(project: Project, removed: Iterable[Heap]) -> None:
    """Say in the training's own record, and so in the audit trail, what of it was removed."""
    by_training: dict[int, set[str]] = {}
    for heap in removed:
        if heap.number is not None and heap.kind in _RECORDED:
            by_training.setdefault(heap.number, set()).add(heap.kind)
    for number, kinds in by_training.items():
        run = project.run_by_number(number)
        known = set(run.environment.get("removed", ()))
        project.update_run(
            run.id,
            environment=dict(run.environment) | {"removed": sorted(known | kinds)},
            reason=f"clean up: {', '.join(sorted(kinds))} removed",
        )
