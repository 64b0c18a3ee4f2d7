"""Images in tiles: learnt at the scale that they are scored at, blended without seams, measured as they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import regions
from core.config import PreprocessConfig, ProgressiveConfig, ScoreConfig, preset, with_overrides
from core.imaging import decode, load_rgb8, save_png
from core.inference.loading import to_input
from core.inference.predictor import Predictor
from core.inference.scoring import Scorer
from core.jobs import ManifestRow
from core.models.base import Batch, Detector, Taps
from core.preprocess import Geometry, Preprocessor
from core.project import Project
from core.project.results import RunRow
from core.workflow import evaluating
from core.workflow.scores import FINAL, read_back
from tests.scored import make_project, strip_of_shots
from tests.tiny import Run, TinyDetector, a_config, kept_settings, make_rows

TILE, WIDTH, HEIGHT = 32, 80, 56


@pytest.fixture(autouse=True, scope="module")
def _settings() -> Iterator[None]:
    with kept_settings():
        torch.set_num_threads(1)
        yield


class Pointwise(Detector):
    """Every pixel for itself: how red it is."""

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Taps]:
        return x, ()

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        return (x[:, :1] - x[:, 1:2]).clamp(0, 1)


def a_predictor(model: Detector) -> Predictor:
    return Predictor(model, progressive=ProgressiveConfig(n=1), score=ScoreConfig(), size=TILE)


def tiles() -> Preprocessor:
    return Preprocessor(PreprocessConfig(crop="tiles", size=TILE, overlap=0.25))


def scored(model: Detector, pixels: NDArray[np.uint8], folder: Path) -> dict[str, object]:
    """Score one picture in tiles, as a worker does; its record."""
    save_png(folder / "picture.png", pixels)
    scorer = Scorer(
        a_predictor(model),
        tiles(),
        folder,
        window=None,
        device=torch.device("cpu"),
        batch=4,
        threads=1,
        heatmaps=True,
    )
    rows = [ManifestRow(7, str(folder / "picture.png"), "test", "good")]
    scorer.run(rows, progress=lambda _: None, keep_going=lambda: True, unreadable=lambda _: None)
    record: dict[str, object] = json.loads((folder / "scores.jsonl").read_text())
    return record


def stored(record: dict[str, object], folder: Path) -> tuple[list[NDArray[np.float32]], list[Geometry]]:
    crops = record["crops"]
    assert isinstance(crops, list)
    files = [folder / "heatmaps" / f"7_{k}.png" for k in range(len(crops))]
    maps = [decode(file)[..., 0].astype(np.float32) / np.float32(65535) for file in files]
    return maps, [Geometry(tuple(crop["box"]), TILE) for crop in crops]


@pytest.mark.parametrize("reach", [0, 1])
def test_blended_tiles_are_the_map_of_the_whole_image(reach: int, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = TinyDetector(norm=False) if reach else Pointwise()
    pixels = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    whole = a_predictor(model).predict(to_input(pixels[None])).maps[0].numpy()
    maps, geometries = stored(scored(model, pixels, tmp_path), tmp_path)
    assert len(maps) == 6 and all(geometry.scale == (1, 1) for geometry in geometries)
    blended = tiles().restore(maps, geometries, WIDTH, HEIGHT)
    away = np.abs(blended - whole)
    inner = np.zeros((HEIGHT, WIDTH), bool)  # pixels at a border of a tile within the image: zeros lie beside them
    for x0, y0, x1, y1 in (geometry.box for geometry in geometries):
        inner[y0:y1, [x for x in (x0, x1 - 1) if 0 < x < WIDTH - 1]] = True
        inner[[y for y in (y0, y1 - 1) if 0 < y < HEIGHT - 1], x0:x1] = True
    assert away[~inner].max() < 2e-5  # 16 bits
    alone = max(
        float(np.abs(one - whole[g.box[1] : g.box[3], g.box[0] : g.box[2]]).max())
        for one, g in zip(maps, geometries, strict=True)
    )
    assert away[inner].max() < max(2e-5, 0.25 * alone)  # a border counts little where another tile sees more


def test_a_component_across_tiles_is_one(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[24:28, 6:74] = (255, 0, 0)
    record = scored(Pointwise(), pixels, tmp_path)
    crops, areas = record["crops"], record["areas"]
    assert isinstance(crops, list) and isinstance(areas, list)
    assert max(crop["areas"][32] for crop in crops) == 4 * TILE
    assert areas[32] == 4 * 68


class Undecided(Pointwise):
    """No number wherever there is blue."""

    def discriminate(self, x: Tensor, r: Tensor, taps: Taps) -> Tensor:
        return super().discriminate(x, r, taps).masked_fill(x[:, 2:] > 0.5, torch.nan)


@pytest.mark.parametrize("place", [(4, 4), (50, 70)])
def test_an_image_with_a_tile_that_has_no_number_was_not_inspected(place: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert scored(Undecided(), pixels, tmp_path)["score"] == 0
    pixels[place] = (0, 0, 255)
    found = scored(Undecided(), pixels, tmp_path)
    assert (found["score"], found["problem"]) == (None, "the model gave no number for it")


def test_a_training_sees_the_tiles_that_are_scored(tmp_path: Path) -> None:
    seen: set[bytes] = set()

    def look(_: int, batch: Batch) -> None:
        for image in batch.image:
            seen.add((image * 255).round().byte().permute(1, 2, 0).numpy().tobytes())

    rows = make_rows(tmp_path)  # 40 x 40 pixels: four tiles each
    run = Run(tmp_path / "run", rows, a_config("preprocess.crop=tiles", "augment.rotate_p=0", "train.workers=0"))
    run.go(look)
    records = [json.loads(line) for line in (run.job.folder / "scores/final/scores.jsonl").read_text().splitlines()]
    boxes = {tuple(crop["box"]) for record in records for crop in record["crops"]}
    assert boxes == {(x, y, x + TILE, y + TILE) for x in (0, 8) for y in (0, 8)}
    pictures = [load_rgb8(Path(row.path)) for row in rows if row.split == "train"]
    tiles_ = {picture[y0:y1, x0:x1].tobytes() for picture in pictures for x0, y0, x1, y1 in boxes}
    assert seen == tiles_  # native pixels, every tile of every image


def tiled_run(folder: Path) -> tuple[Project, RunRow]:
    """A project whose images were scored in tiles by how red they are."""
    project = make_project(folder, strip_of_shots())
    config = with_overrides(preset("prff", "micro"), ["preprocess.crop=tiles", f"preprocess.size={TILE}"])
    run = project.add_run(
        product="nut", view="main", model="prff", preset="micro", config=config.model_dump(mode="json")
    )
    out = run.folder / "scores" / FINAL
    scorer = Scorer(
        a_predictor(Pointwise()),
        Preprocessor(config.preprocess),
        out,
        window=None,
        device=torch.device("cpu"),
        batch=8,
        threads=1,
        heatmaps=True,
    )
    rows = [ManifestRow(row.id, str(row.path), row.split, row.label) for row in project.images()]
    scorer.run(rows, progress=lambda _: None, keep_going=lambda: True, unreadable=lambda _: None)
    return project, run


def test_pixel_figures_come_from_the_blended_map(tmp_path: Path) -> None:
    project, run = tiled_run(tmp_path)
    with project:
        found = evaluating.evaluate(project, run.number, read_back(project, run, FINAL, purpose="training")).figures
        (image, *_) = project.images(split="test", label="defective")
        (score,) = project.scores(project.scorings(run.id)[0].id, image_ids=[image.id])
    assert found.masks == found.components == 3  # the spot lies in four tiles and is one component
    assert found.pixel_auroc == pytest.approx(1.0)
    assert score.areas is not None and score.areas[32] == 16 * 20


@pytest.mark.parametrize(("top", "outside"), [(36, None), (50, (3, 3))])
def test_a_defect_across_tiles_is_outside_the_region_as_a_whole_and_once(
    top: int, outside: tuple[int, int] | None, tmp_path: Path
) -> None:
    project, run = tiled_run(tmp_path)
    region = np.zeros((64, 64), np.uint8)
    region[top:] = 1  # the spot ends at 40: in the upper tiles none of it lies inside
    regions.write(run.folder, region, {})
    with project:
        figures = evaluating.evaluate(project, run.number, read_back(project, run, FINAL, purpose="training")).figures
        assert figures.region is not None
        found = figures.region.outside
        assert (found and (found.k, found.n)) == outside
