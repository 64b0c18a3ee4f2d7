"""Sample parts: same arguments, same bytes; masks true to the pixel; everything where ROI and cells say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import samples
from core.assets import resources
from core.errors import InputError
from core.imaging import decode_mask, load_rgb8
from core.samples import vial
from core.samples.light import stream
from core.samples.part import MIN_AREA, MODEL_SIDE
from core.samples.write import orders

EVERY = [(kind, code) for kind in samples.KINDS for code in samples.KIND_CLASSES[kind]]


@pytest.mark.parametrize("kind", samples.KINDS)
def test_the_same_arguments_give_the_same_bytes_in_any_order(kind: samples.Kind) -> None:
    code = samples.KIND_CLASSES[kind][0]
    first = samples.draw(kind, seed=4, index=7, defect=code)
    good = samples.draw(kind, seed=4, index=8)
    again = samples.draw(kind, seed=4, index=7, defect=code)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    assert not np.array_equal(good.image, samples.draw(kind, seed=5, index=8).image)
    assert not np.array_equal(good.image, samples.draw(kind, seed=4, index=9).image)


@pytest.mark.parametrize(("kind", "code"), EVERY)
def test_a_defect_changes_the_pixels_of_its_mask_and_no_other(kind: samples.Kind, code: str) -> None:
    good = samples.draw(kind, seed=1, index=2)
    bad = samples.draw(kind, seed=1, index=2, defect=code)
    defective = bad.mask > 0
    assert set(np.unique(bad.mask)) == {0, samples.CLASSES[code].id}
    assert np.array_equal(good.image[~defective], bad.image[~defective])
    change = np.abs(good.image.astype(int) - bad.image.astype(int)).max(axis=2)
    assert change[defective].mean() > 20


@pytest.mark.parametrize(("kind", "code"), EVERY)
def test_a_defect_is_big_enough_for_a_small_model_and_lies_in_the_roi(kind: samples.Kind, code: str) -> None:
    for index in (0, 2):
        part = samples.draw(kind, seed=0, index=index, defect=code)
        boxes = part.cells or ((0, 0, part.image.shape[1], part.image.shape[0]),)
        shares = [
            part.mask[y0:y1, x0:x1].astype(bool).sum() * MODEL_SIDE**2 / ((x1 - x0) * (y1 - y0))
            for x0, y0, x1, y1 in boxes
        ]
        assert max(shares) >= MIN_AREA
        assert not np.any(part.mask[part.roi == 0])


@pytest.mark.parametrize("kind", samples.KINDS)
def test_a_good_part_has_the_size_of_its_kind_an_empty_mask_and_a_roi(kind: samples.Kind) -> None:
    part = samples.draw(kind, seed=0, index=45)
    width, height = samples.SIZES[kind]
    assert part.image.shape == (height, width, 3)
    assert part.mask.shape == part.roi.shape == (height, width)
    assert not part.mask.any()
    assert 0.2 < part.roi.mean() < 0.95
    assert 5 < part.image.mean() < 250
    assert (part.lot, part.part, part.name) == ("L03", "P0046", "L03_P0046")


def test_light_drifts_from_lot_to_lot_and_varies_within_one() -> None:
    means = np.array([samples.draw("flip_chip_a", seed=0, index=index).image.mean() for index in range(0, 60, 6)])
    assert 0.5 < means.std() < 0.1 * means.mean()


def test_every_vial_stands_inside_its_cell_whatever_its_position() -> None:
    extremes = [vial.plan_strip(stream("vial_strip", 3, 3, index)) for index in range(40)]
    half = vial.half_width()
    tall = np.flatnonzero(half > 0)
    for strip in extremes:
        for one, (x0, y0, x1, y1) in zip(strip.vials, vial.CELLS, strict=True):
            middle = x0 + vial.CELL_WIDTH / 2 + one.shift
            reach = float(half.max())
            corners = [(middle + side * reach, y0 + float(row)) for side in (-1, 1) for row in (tall[0], tall[-1])]
            placed = np.asarray(corners) @ strip.matrix[:, :2].T + strip.matrix[:, 2]
            assert placed[:, 0].min() >= x0 and placed[:, 0].max() < x1
            assert placed[:, 1].min() >= y0 and placed[:, 1].max() < y1


def test_the_liquid_level_moves_from_vial_to_vial() -> None:
    levels = [one.level for index in range(10) for one in vial.plan_strip(stream("vial_strip", 0, 3, index)).vials]
    assert np.ptp(levels) > 20


def test_only_strips_have_cells() -> None:
    assert len(samples.cells("vial_strip")) == 5
    assert samples.cells("wire_chip") == ()


def test_unknown_kinds_classes_and_numbers_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="ball_chip"):
        samples.draw("ball_chip", seed=0, index=0)
    with pytest.raises(InputError, match="no_wires"):
        samples.draw("flip_chip_a", seed=0, index=0, defect="no_wires")
    with pytest.raises(InputError, match="-1"):
        samples.draw("flip_chip_a", seed=0, index=-1)


def test_test_parts_are_of_other_lots_than_training_parts_and_mix_good_with_defective() -> None:
    rows = orders("wire_chip", train=50, test_good=20, per_class=6, seed=0)
    lots = {split: {index // 20 for index, which, _ in rows if which == split} for split in ("train", "test")}
    assert not lots["train"] & lots["test"]
    for lot in lots["test"]:
        labels = {defect is None for index, split, defect in rows if split == "test" and index // 20 == lot}
        assert labels == {True, False}
    assert len({index for index, _, _ in rows}) == len(rows) == 50 + 20 + 4 * 6


def test_a_written_folder_is_an_mvtec_layout_with_masks_roi_and_cells(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folders = samples.write_samples(
        tmp_path,
        kinds=("wire_chip", "vial_strip"),
        train=2,
        test_good=1,
        per_class=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert folders == [tmp_path / "wire_chip", tmp_path / "vial_strip"]
    assert seen == [(done, 13) for done in range(1, 14)]
    for folder in folders:
        assert len(list((folder / "train/good").glob("L01_P*.png"))) == 2
        assert len(list((folder / "test/good").glob("*.png"))) == 1
        for code in samples.KIND_CLASSES[folder.name]:  # type: ignore[index]
            (image,) = (folder / "test" / code).glob("*.png")
            mask = decode_mask(folder / "ground_truth" / code / f"{image.stem}_mask.png")
            assert mask.shape == load_rgb8(image).shape[:2]
            assert set(np.unique(mask)) == {0, 255}
        assert set(np.unique(decode_mask(folder / "roi.png"))) == {0, 255}
    cells = json.loads((tmp_path / "vial_strip/cells.json").read_text())["cells"]
    assert [tuple(cell["box"]) for cell in cells] == list(samples.cells("vial_strip"))
    assert json.loads((tmp_path / "wire_chip/cells.json").read_text())["cells"] == []


def test_a_file_holds_exactly_the_drawn_pixels(tmp_path: Path) -> None:
    samples.write_samples(tmp_path, kinds=("flip_chip_b",), train=1, test_good=0, per_class=0, seed=9)
    (file,) = (tmp_path / "flip_chip_b/train/good").glob("*.png")
    assert np.array_equal(load_rgb8(file), samples.draw("flip_chip_b", seed=9, index=0).image)


def test_a_contact_sheet_shows_every_part() -> None:
    parts = [samples.draw("flip_chip_b", seed=0, index=index) for index in range(3)]
    sheet = samples.contact_sheet(parts, columns=2, side=96)
    assert sheet.shape == (2 * (82 + 4) + 4, 2 * (96 + 4) + 4, 3)
    grey = cv2.cvtColor(sheet, cv2.COLOR_RGB2GRAY)
    assert grey[4:86, 104:200].std() > 10 and grey[90:172, 4:100].std() > 10
    assert np.ptp(grey[90:172, 104:200]) == 0


def test_the_class_files_say_what_the_drawings_show() -> None:
    listed = {}
    for name in ("chip", "vial"):
        text = (resources() / "classes" / f"{name}.toml").read_text(encoding="utf-8")
        rows = tomllib.loads(text)["class"]
        assert len({row["colour"] for row in rows}) == len(rows)
        listed |= {row["code"]: row for row in rows}
    assert set(listed) == set(samples.CLASSES)
    for code, row in listed.items():
        entry = samples.CLASSES[code]
        assert (row["id"], row["colour"], row["names"]) == (entry.id, entry.colour, entry.names)
        assert set(row["names"]) == {"en", "de", "zh"}
