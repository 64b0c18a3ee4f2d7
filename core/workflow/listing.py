"""What a project holds, as tables for a person and plain rows for a program."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.config import MODELS, presets
from core.errors import InputError
from core.project import Project
from core.project.records import ImageRow
from core.project.results import RunRow
from core.workflow import training
from core.workflow.classes import the_class
from core.workflow.deciding import proposed_passes
from core.workflow.results import proposal_lines

_NOT_NAMED: Final = "not named"


@dataclass(frozen=True)
class Listing:
    """One table."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]

    def as_json(self) -> list[dict[str, Any]]:
        """One object a row, by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def models() -> list[Listing]:
    """The models that are installed, and their presets by cost."""
    rows = [[info.name, info.title, info.line, info.paper] for info in MODELS.values()]
    found = [Listing("models", ("name", "title", "what it does", "paper"), rows)]
    for name in MODELS:
        table = [[one.name, one.cost, one.size, one.line] for one in presets(name)]
        found.append(Listing(f"presets of {name}", ("preset", "cost", "image side", "for"), table))
    return found


def overview(project: Project) -> list[Listing]:
    """Products and views with their counts, trainings, open problems."""
    totals: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for count in project.counts():
        cell = totals[count.product, count.view]
        cell["images"] += count.images
        cell[count.label] += count.images
        cell[count.split] += count.images
    names = ("images", "good", "defective", "unlabelled", "train", "tuning", "test", "unused")
    rows = [[*key, *(cell[name] for name in names)] for key, cell in sorted(totals.items())]
    trainings = [_training_row(run) for run in project.runs()]
    figures = ("image AUROC", "pixel AUROC", "out of date")
    columns = ("number", "product", "model", "preset", "state", "created", *figures, "error")
    found = [Listing("products", ("product", "view", *names), rows), Listing("trainings", columns, trainings)]
    open_problems = len(project.problems())
    if open_problems:
        found.append(Listing("problems", ("open",), [[open_problems]]))
    return found


def images(project: Project) -> Listing:
    """Every image with the score of the latest scoring that saw it."""
    scores: dict[int, float | None] = {}
    for scoring in project.scorings():
        scores |= {row.image_id: row.score for row in project.scores(scoring.id)}
    columns = ("id", "path", "product", "view", "lot", "part", "split", "label", "class", "score", "state", "problem")
    rows = [
        [
            *(row.id, str(row.path), row.product, row.view, row.lot, row.part, row.split, row.label, row.defect_class),
            *(scores.get(row.id), row.state, row.problem),
        ]
        for row in project.images()
    ]
    return Listing("images", columns, rows)


def defects(project: Project) -> Listing:
    """A row a product as GTanoIC's authors count theirs: instances by defect class, images, the usual size in pixels.

    An instance is a connected region of one class in a mask; a defective image without a mask counts as one.
    """
    counted: dict[str, Counter[str]] = {}
    sizes: dict[str, Counter[tuple[int, int]]] = {}
    labels: dict[str, Counter[str]] = {}
    codes = {one.id: one.code for one in project.classes()}
    for row in project.images(present_only=True):
        labels.setdefault(row.product, Counter())[row.label] += 1
        found = counted.setdefault(row.product, Counter())
        if row.label == "defective":
            found.update(_instances(project.mask(row.id), codes, row.defect_class))
        if row.width and row.height:
            sizes.setdefault(row.product, Counter())[row.width, row.height] += 1
    names = sorted({name for found in counted.values() for name in found})
    rows: list[list[Any]] = []
    for product, found in counted.items():
        usual = sizes.get(product, Counter()).most_common(1)
        size = f"{usual[0][0][0]}x{usual[0][0][1]}" if usual else ""
        known = labels[product]
        rows.append([product, *(found[name] for name in names), found.total(), known["defective"], known["good"], size])
    return Listing("defects", ("product", *names, "instances", "defective images", "good images", "size"), rows)


def problems(project: Project) -> Listing:
    """Files that could not be used, and why."""
    rows = [[problem.path, problem.text, problem.at] for problem in project.problems()]
    return Listing("problems", ("file", "problem", "since"), rows)


def one_training(project: Project, number: int | None) -> Listing:
    """Settings, state and headline figures of a training; the latest if no number is given."""
    runs = project.runs()
    if not runs:
        raise InputError("there is no training yet", path=project.folder, mend="Start one: flawscope train ...")
    run = runs[-1] if number is None else project.run_by_number(number)
    rows: list[list[Any]] = [
        ["training", run.number],
        ["product", run.product],
        ["view", run.view],
        ["model", MODELS[run.model].title],
        ["preset", run.preset],
        ["state", training.state(run)],
        ["started", run.started],
        ["finished", run.finished],
        ["error", run.error],
        ["folder", str(run.folder)],
    ]
    rows += [[name, value] for name, value in run.figures.items() if not isinstance(value, dict | list)]
    rows += [["out of date", _outdated(run)]] if run.figures and run.is_outdated else []
    rows += [line.split(": ", 1) for line in proposal_lines(proposed_passes(run.figures))]
    rows += [[f"set {key}", value] for key, value in _flat(run.config)]
    return Listing(f"training #{run.number}", ("what", "value"), rows)


def the_image(project: Project, wanted: str) -> ImageRow:
    """The image with this number, or whose path holds this text. Raises `InputError` unless that is just one."""
    found = [row for row in project.images() if wanted == str(row.id) or wanted in row.path.as_posix()]
    exact = [row for row in found if wanted == str(row.id)]
    if len(exact or found) != 1:
        many = f"{len(found)} images fit" if found else "no image fits"
        raise InputError(f"{many} {wanted!r}", mend="Name its number, or more of its path")
    return (exact or found)[0]


def one_image(project: Project, wanted: str) -> Listing:
    """All that is known of one image, named as for `the_image`."""
    row = the_image(project, wanted)
    rows: list[list[Any]] = [[name, getattr(row, name)] for name in row.__dataclass_fields__]
    rows += [[f"mask by {layer.author}", f"{layer.origin}, {layer.pixels} px"] for layer in project.layers(row.id)]
    for scoring in project.scorings():
        for score in project.scores(scoring.id, image_ids=[row.id]):
            number = project.run(scoring.run_id).number
            rows.append([f"score by training #{number}, scoring {scoring.id}", score.score])
    return Listing(f"image {row.id}", ("what", "value"), rows)


def classes(project: Project, *, retired: bool = False) -> Listing:
    """Defect classes in the order of the list; with `retired` also those no longer offered."""
    rows = [
        [one.id, one.code, _names(one.names), one.colour, "taken out" if one.retired else "", one.description]
        for one in project.classes(retired=retired)
    ]
    return Listing("classes", ("number", "code", "names", "colour", "state", "description"), rows)


def scales(project: Project, product: str | None = None, view: str | None = None) -> Listing:
    """Micrometres a pixel, view by view."""
    views = [one for one in project.views(product) if view is None or one.code == view]
    rows = [[one.product, one.code, one.scale_um] for one in views]
    return Listing("scales", ("product", "view", "µm a pixel"), rows)


def notes(project: Project, wanted: str | None = None) -> Listing:
    """Notes on images, or on one, oldest first."""
    found = project.notes("image", None if wanted is None else the_image(project, wanted).id)
    rows = [[one.id, project.image(one.subject_id).relative, one.text, one.who, one.at] for one in found]
    return Listing("notes", ("number", "image", "note", "who", "when"), rows)


def book(project: Project, code: str | None = None) -> Listing:
    """The defect book: places on images, class by class in the order of the list."""
    meant = project.classes() if code is None else [the_class(project, code)]
    rows = [
        [each.id, one.code, each.kind, project.image(each.image_id).relative, *(each.box or 4 * [None])]
        for one in meant
        for each in project.examples(one.id)
    ]
    return Listing("book", ("number", "class", "kind", "image", "x0", "y0", "x1", "y1"), rows)


def _names(names: Mapping[str, str]) -> str:
    return ", ".join(f"{language}: {name}" for language, name in sorted(names.items()))


def _training_row(run: RunRow) -> list[Any]:
    figures = run.figures
    return [
        *(run.number, run.product, MODELS[run.model].title, run.preset, training.state(run), run.created),
        *(_rounded(figures.get("image_auroc")), _rounded(figures.get("pixel_auroc")), _outdated(run), run.error),
    ]


def _outdated(run: RunRow) -> str:
    return "the ROI was changed" if run.figures and run.is_outdated else ""


def _instances(mask: NDArray[np.uint8] | None, codes: Mapping[int, str], defect_class: str) -> Counter[str]:
    """Defects of one defective image by class."""
    if mask is None or not mask.any():
        return Counter([defect_class or _NOT_NAMED])
    found: Counter[str] = Counter()
    for value in np.unique(mask[mask > 0]).tolist():
        regions, _ = cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)
        found[codes.get(value, _NOT_NAMED)] += regions - 1
    return found


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _flat(values: Any, prefix: str = "") -> list[tuple[str, Any]]:
    if not isinstance(values, dict):
        return [(prefix, values)]
    return [pair for key, value in values.items() for pair in _flat(value, f"{prefix}.{key}" if prefix else key)]
