"""What a worker scored, read back into the project in one go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from core.errors import TrainingError
from core.project import Project
from core.project.results import NewScore, RunRow

FINAL: Final = "final"  # the scoring that ends a training
OWN: Final = "training"  # the purpose of that scoring: its figures are the training's
LOT: Final = "lot"  # the purpose of a scoring without test images: judged one by one, it has no figures


def read_back(
    project: Project,
    run: RunRow,
    name: str,
    *,
    purpose: str,
    roi_version_id: int | Literal["of training"] | None = "of training",
) -> int:
    """Store `runs/R/scores/<name>` and return the scoring's id. Raises `TrainingError` when it was never finished."""
    folder = run.folder / "scores" / name
    lines = folder / "scores.jsonl"
    if not lines.is_file():
        raise TrainingError(
            "this training has a model but no scores",
            path=folder,
            kept="The model is whole",
            mend=f"Score its images with: flawscope score {project.folder} --training {run.number}",
        )
    settings = json.loads((folder / "settings.json").read_bytes()) if (folder / "settings.json").is_file() else {}
    relative = folder.relative_to(project.folder).as_posix()
    version = run.roi_version_id if roi_version_id == "of training" else roi_version_id
    cells = _cells(project, run, version)
    scoring = project.add_scoring(run.id, settings, purpose=purpose, folder=relative, roi_version_id=version)
    project.add_scores(scoring, _rows(lines, cells))
    return scoring


def _cells(project: Project, run: RunRow, version: int | None) -> list[str]:
    """Names of the cells of a version of the ROI, in the order in which an image is cut into them; none: it is not."""
    if version is None or run.config.get("preprocess", {}).get("crop") != "roi":
        return []
    return [cell.name for cell in project.roi_version(version).cells]


def _rows(lines: Path, cells: Sequence[str]) -> Iterator[NewScore]:
    with lines.open(encoding="utf-8") as stream:
        for line in stream:
            record = json.loads(line)
            crops = record["crops"]
            yield _image_row(record, crops)
            for number, crop in enumerate(crops):
                box = (crop["box"][0], crop["box"][1], crop["box"][2], crop["box"][3])
                named = cells[number] if len(cells) == len(crops) else None
                yield NewScore(
                    image_id=record["id"],
                    scope="crop" if named is None else "cell",
                    name=str(number) if named is None else named,
                    box=box,
                    score=crop["score"],
                    peak=crop["peak"],
                    first=crop["first"],
                    gated=crop["gated"],
                    passes=record["passes"],
                    areas=crop["areas"],
                    heatmap=_heatmap(record["id"], number, len(crops)),
                )


def _image_row(record: Mapping[str, Any], crops: list[Any]) -> NewScore:
    if record.get("problem"):
        return NewScore(image_id=record["id"], score=None, problem=record["problem"])
    largest = record.get("areas") or [max(level) for level in zip(*(crop["areas"] for crop in crops), strict=True)]
    return NewScore(
        image_id=record["id"],
        score=record["score"],
        peak=record["peak"],
        first=record["first"],
        gated=record["gated"],
        passes=record["passes"],
        ms=record["ms"],
        areas=largest,
    )


def _heatmap(image_id: int, number: int, crops: int) -> str:
    return f"heatmaps/{image_id}.png" if crops == 1 else f"heatmaps/{image_id}_{number}.png"
