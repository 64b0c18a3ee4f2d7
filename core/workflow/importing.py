"""Folders into a project: a first import, and every later lot (new, changed, gone)."""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast, get_args

from core import layouts
from core.errors import ConfigError, FlawscopeError, ImageError, InputError
from core.files import sha256_of, storage_error
from core.imaging import decode, guess_window, probe
from core.project import Project
from core.project.records import AddReport, NewImage, Root
from core.workflow import masks, problems, splitting
from core.workflow.progress import Progress, silent

_AHEAD: Final = 64  # files read ahead of the one being stored
_CHOICES: Final = "import.choices"
_LOOKED_AT: Final = 50  # images of a folder that tell whether another folder is the same
_WINDOW_SAMPLES: Final = 16  # images from which a 16-bit view's window is proposed
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Choice:
    """What a person may correct of what was recognised; None leaves it as seen. Raises `ConfigError`."""

    kind: layouts.Kind | None = None
    product: str | None = None
    protocol: layouts.Protocol = "none"
    part_pattern: str | None = None
    lot_pattern: str | None = None
    view_pattern: str | None = None
    unlabelled_are_good: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        protocols = get_args(layouts.Protocol)
        if self.protocol not in protocols:
            raise ConfigError(f"there is no protocol {self.protocol!r}", mend=f"Choose one of {', '.join(protocols)}")

    def scan(self, recognition: layouts.Recognition, report: layouts.ScanReport) -> Iterator[layouts.Entry]:
        """The entries of a recognised folder, read as chosen; `report` says what was left out. Raises `InputError`."""
        return layouts.scan(
            recognition,
            protocol=self.protocol,
            seed=self.seed,
            part_pattern=self.part_pattern,
            lot_pattern=self.lot_pattern,
            view_pattern=self.view_pattern,
            label="good" if self.unlabelled_are_good else None,
            report=report,
        )


@dataclass(frozen=True)
class ImportReport:
    """What came in, for a person (`lines`) and a program (`as_json`)."""

    project: Path
    sentence: str
    notes: tuple[str, ...]
    found: AddReport
    counts: dict[str, int]
    masks: int
    split_sentence: str
    problems: tuple[str, ...]
    seconds: float

    def lines(self) -> list[str]:
        """Two to four sentences, most important first."""
        found = self.found
        parts = [f"{found.new:,} new"]
        parts += [f"{value:,} {name}" for name, value in (("changed", found.changed), ("gone", found.gone)) if value]
        if found.known:
            parts.append(f"{found.known:,} already known")
        counts = ", ".join(f"{value:,} {name}" for name, value in self.counts.items() if value)
        lines = [self.sentence, *self.notes, f"{', '.join(parts)} images; now {counts}; {self.masks:,} masks taken in."]
        if self.split_sentence:
            lines.append(self.split_sentence)
        return [*lines, f"Project: {self.project}"]

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self) | {"project": str(self.project)}


@dataclass(frozen=True)
class _Examined:
    entry: layouts.Entry
    image: NewImage


def kind_of(word: str) -> layouts.Kind:
    """`word` as a kind of layout. Raises `ConfigError`."""
    for kind in get_args(layouts.Kind):
        if kind == word:
            return cast(layouts.Kind, kind)
    raise ConfigError(f"there is no layout {word!r}", mend=f"Choose one of {', '.join(get_args(layouts.Kind))}")


def import_folder(
    source: Path, folder: Path, choice: Choice, *, author: str | None = None, progress: Progress = silent
) -> ImportReport:
    """A new project in `folder` from the images in `source`, which is only read.

    Raises `InputError` (nothing to import, project exists), `StorageError`; a failed import leaves no half project.
    """
    source, folder = source.resolve(), _absolute(folder)
    if folder.is_relative_to(source):
        raise InputError("a project cannot lie in its folder of images", path=folder, mend="Name a folder elsewhere")
    recognition = _recognise(source, choice)
    kept, top = _before(folder)
    try:
        project = Project.create(folder, author=author)
        try:
            report = take_in(project, recognition, choice, progress=progress)
        except BaseException:
            with contextlib.suppress(FlawscopeError, OSError):  # a full disk may refuse this, too: it all goes anyway
                project.close()
            raise
        project.close()
    except BaseException as error:
        _take_back(folder, kept, top)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise storage_error(error, folder) from error
        raise
    return report


def _absolute(folder: Path) -> Path:
    try:
        return folder.resolve(strict=False)
    except OSError as error:
        raise InputError(f"this name cannot be used ({error.strerror or error})", path=folder) from error


def _before(folder: Path) -> tuple[set[Path] | None, Path]:
    """What `folder` holds (None: it is not there yet), and the outermost folder that will be made for it."""
    top = folder
    while not top.parent.exists():
        top = top.parent
    return (set(folder.iterdir()) if folder.is_dir() else None), top


def _take_back(folder: Path, kept: set[Path] | None, top: Path) -> None:
    """Remove a project that was begun a moment ago and holds nothing of a person's, with the folders made for it."""
    for path in [top] if kept is None else [path for path in folder.iterdir() if path not in kept]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def add_lot(
    project_path: Path,
    source: Path | None,
    *,
    product: str | None = None,
    lot: str | None = None,
    author: str | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Look again at the project's own folders, or at another one: new, changed and missing images.

    Nothing is forgotten: what is gone is marked, with its annotations kept. A new folder belongs to `product`, or to
    the only one there is. Raises `InputError` (a folder is not there, or holds what lay elsewhere), `StorageError`.
    """
    with Project.open(project_path, author=author) as project:
        return add_to(project, source, product=product, lot=lot, progress=progress)


def add_to(
    project: Project,
    source: Path | None,
    *,
    product: str | None = None,
    lot: str | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """`add_lot` for a project that is open."""
    if source is None:
        return _look_again(project, lot=lot, progress=progress)
    source = source.resolve()
    known = any(root.path == source for root in project.roots())
    if not known:
        _refuse_moved(project, source)
    choice = _earlier_choice(project, source)
    only = [one.code for one in project.products()]
    if not known and (product or len(only) == 1):
        choice = replace(choice, product=product or only[0])
    return take_in(project, _recognise(source, choice), choice, lot=lot, progress=progress)


def relocate(project: Project, folder: Path) -> Path:
    """The images of a missing folder now lie in `folder`; returns where they lay. Raises `InputError`."""
    folder = folder.resolve()
    for root in project.roots():
        if not root.is_there and _holds(project, root, folder):
            project.relocate(root.id, folder, reason="the images were moved")
            return root.path
    missing = ", ".join(str(root.path) for root in project.roots() if not root.is_there)
    raise InputError(
        "these are not the images of a missing folder" if missing else "no folder of this project is missing",
        path=folder,
        kept="Nothing was changed",
        mend=f"Missing: {missing}" if missing else "",
    )


def _look_again(project: Project, *, lot: str | None, progress: Progress) -> ImportReport:
    """Every folder of the project that is there; the others are named, their images stay as they are."""
    roots = project.roots()
    if not any(root.is_there for root in roots):
        where = ", ".join(str(root.path) for root in roots) or "no folder"
        mend = f"If they were moved: flawscope relocate {project.folder} NEWFOLDER" if roots else "Name a folder to add"
        raise InputError(f"the images are not where they were ({where})", path=project.folder, mend=mend)
    reports = []
    for root in roots:
        if root.is_there:
            choice = _earlier_choice(project, root.path)
            reports.append(take_in(project, _recognise(root.path, choice), choice, lot=lot, progress=progress))
    absent = tuple(f"{root.path}: this folder is not there" for root in roots if not root.is_there)
    last = reports[-1]
    return replace(
        last,
        sentence=" ".join(dict.fromkeys(report.sentence for report in reports)),
        found=_sum([report.found for report in reports]),
        masks=sum(report.masks for report in reports),
        problems=last.problems + absent,
        seconds=round(sum(report.seconds for report in reports), 2),
    )


def _sum(found: list[AddReport]) -> AddReport:
    total: dict[str, Any] = {}
    for one in found:
        for name, value in vars(one).items():
            total[name] = value if name not in total else total[name] + value
    return AddReport(**total)


def _refuse_moved(project: Project, folder: Path) -> None:
    for root in project.roots():
        if not root.is_there and _holds(project, root, folder):
            raise InputError(
                f"these are the images that lay in {root.path}",
                path=folder,
                kept="Nothing was added twice",
                mend=f"Say where they are now: flawscope relocate {project.folder} {folder}",
            )


def _holds(project: Project, root: Root, folder: Path) -> bool:
    """Whether most of the first images of a root lie below `folder`."""
    first = [row.relative for row, _ in zip(project.images(root_id=root.id), range(_LOOKED_AT), strict=False)]
    return bool(first) and 2 * sum((folder / name).is_file() for name in first) > len(first)


def take_in(
    project: Project,
    recognition: layouts.Recognition,
    choice: Choice,
    *,
    lot: str | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """One recognised folder into an open project: images, masks, splits, problems."""
    begin = time.monotonic()
    report = layouts.ScanReport()
    masked: list[layouts.Entry] = []
    troubled = _unreadable_before(project)
    clean: list[int] = []

    def rows() -> Iterator[NewImage]:
        entries = choice.scan(recognition, report)
        total = recognition.counts.images
        for done, examined in enumerate(_ahead(_examine, entries), 1):
            progress("Reading images", done, max(total, done))
            if examined.entry.mask is not None and not examined.image.problem:
                masked.append(examined.entry)
            if not examined.image.problem and str(examined.entry.path) in troubled:
                clean.append(troubled[str(examined.entry.path)])
            yield replace(examined.image, lot=lot) if lot else examined.image

    found = project.add_images(rows(), root=recognition.root, complete=True)
    _remember(project, recognition, choice)
    _solve_problems(project, clean)
    _propose_windows(project)
    taken = masks.take_in(project, masked, progress=progress)
    _keep_problems(project, recognition, report, taken)
    sentence = splitting.propose(project, seed=choice.seed)
    named = tuple(f"{problem.path}: {problem.text}" for problem in project.problems())
    return ImportReport(
        project=project.folder,
        sentence=recognition.sentence,
        notes=recognition.notes,
        found=found,
        counts=splitting.counts(project),
        masks=taken.written + taken.unchanged,
        split_sentence=sentence,
        problems=named,
        seconds=round(time.monotonic() - begin, 2),
    )


def _recognise(source: Path, choice: Choice) -> layouts.Recognition:
    return layouts.recognise(source, kind=choice.kind, product=choice.product)


def _earlier_choice(project: Project, folder: Path) -> Choice:
    """How this folder was read before, so that a rescan reads it the same way; a new one is read as the first was."""
    stored: dict[str, dict[str, Any]] = project.setting(_CHOICES, {})
    key = next((str(root.id) for root in project.roots() if root.path == folder), None)
    if key in stored:
        known = stored[key]
    else:
        known = {**next(iter(stored.values()), {}), "product": None, "kind": None, "protocol": "none"}
    return Choice(**{name: value for name, value in known.items() if name in Choice.__dataclass_fields__})


def _remember(project: Project, recognition: layouts.Recognition, choice: Choice) -> None:
    """Keep how a folder was read, by its number: the folder may be moved, and its name be another then."""
    if len(recognition.products) == 1:
        choice = replace(choice, product=recognition.products[0])
    stored: dict[str, Any] = project.setting(_CHOICES, {})
    project.set_setting(_CHOICES, stored | {str(project.add_root(recognition.root)): asdict(choice)})


def _unreadable_before(project: Project) -> dict[str, int]:
    """Open problems of images that could not be read, by path."""
    found = {}
    for problem in project.problems():
        if any(row.problem for row in project.find_image(Path(problem.path))):
            found[problem.path] = problem.id
    return found


def _solve_problems(project: Project, ids: list[int]) -> None:
    """Problems of images that are well now."""
    if ids:
        project.solve_problems(ids)


def _keep_problems(
    project: Project, recognition: layouts.Recognition, report: layouts.ScanReport, taken: masks.MaskReport
) -> None:
    """What is wrong in the folder now; problems with masks that were mended since the last look close."""
    seen = [(found.path, found.text) for found in report.problems]
    problems.keep(project, [one for one in seen if not problems.is_of_mask(one[1])])
    of_masks = [one for one in seen if problems.is_of_mask(one[1])]
    is_whole = report.problem_count == len(seen)
    problems.settle_masks(project, recognition.folders, [*of_masks, *taken.left_out], is_whole=is_whole)


def _examine(entry: layouts.Entry) -> _Examined:
    """Hash, header, and whether every pixel decodes; a file that fails keeps its row, with its problem."""
    image = NewImage(
        path=entry.path,
        product=entry.product,
        view=entry.view,
        split=entry.split,
        label=entry.label,
        defect_class=entry.defect_class,
        part=entry.part,
        lot=entry.lot,
    )
    try:
        info = probe(entry.path)
        decode(entry.path)
        image = replace(
            image,
            sha256=sha256_of(entry.path),
            width=info.width,
            height=info.height,
            channels=info.channels,
            bits=info.bits,
        )
    except ImageError as error:
        image = replace(image, problem=error.what, split="unused")
    except OSError as error:
        image = replace(image, problem=f"cannot be read ({error.strerror or error})", split="unused")
    return _Examined(entry, image)


def _ahead(work: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
    """`map` in threads, in order, at most `_AHEAD` items ahead: memory stays flat however long `items` is."""
    pool = ThreadPoolExecutor(thread_name_prefix="import")
    waiting: deque[Future[Out]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _propose_windows(project: Project) -> None:
    """A fixed window for each view whose images have more than 8 bits and that has none yet."""
    for view in project.views():
        if view.window is not None:
            continue
        deep = (row.path for row in project.images(product=view.product, view=view.code) if (row.bits or 8) > 8)
        sample = [path for path, _ in zip(deep, range(_WINDOW_SAMPLES), strict=False)]
        window = guess_window(sample) if sample else None
        if window is not None:
            project.set_view(view.id, window=(window.low, window.high))
