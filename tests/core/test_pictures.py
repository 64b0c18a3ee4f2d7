"""Heatmap pictures and the page of an evaluation: what is drawn where, and what is said when nothing can be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import ImageError
from core.evaluation.curves import to_levels
from core.evaluation.decisions import ThresholdChoice, choose_threshold
from core.evaluation.figures import Figures, ScoredImage, compute_figures
from core.evaluation.gallery import GalleryItem, write_gallery
from core.evaluation.pictures import CONTOUR, contour_region, heat_overlay, heatmap_picture, panels
from core.imaging import decode

GREY = np.full((60, 90, 3), 128, np.uint8)


def _map(value: float = 0.9, background: float = 0.05) -> NDArray[np.uint16]:
    found = np.full((40, 60), background, np.float32)
    found[10:20, 20:40] = value
    return to_levels(found)


def test_heat_is_clear_below_half_the_threshold_and_dense_above_it() -> None:
    values = np.array([[0.0, 0.19, 0.3, 0.4, 1.0]], np.float32)
    grey = np.full((1, 5, 3), 128, np.uint8)
    heat = heat_overlay(grey, values, threshold=0.4).astype(int)
    assert (heat[0, :2] == 128).all()
    change = np.abs(heat[0] - 128).sum(axis=1)
    assert 0 < change[2] < change[3]
    assert heat[0, 4].sum() > heat[0, 3].sum()  # the hot end of inferno is bright


def test_the_contour_is_drawn_on_the_untouched_image_only_where_the_map_exceeds_the_threshold() -> None:
    made = panels(GREY, _map(), threshold=0.4, side=180)
    assert made.image.shape == made.heat.shape == (120, 180, 3)
    yellow = (made.image == CONTOUR).all(axis=2)
    rows, columns = np.nonzero(yellow)
    assert rows.min() >= 26 and rows.max() <= 63
    assert columns.min() >= 56 and columns.max() <= 123
    assert (made.image[90:, :] == 128).all()
    assert made.truth is None and made.reconstruction is None


def test_a_pass_shows_no_contour_and_a_known_reject_always_shows_one() -> None:
    passed = panels(GREY, _map(0.3), threshold=0.4, side=90)
    assert (passed.image == 128).all()
    assert (panels(GREY, _map(), threshold=0.4, rejected=False, side=90).image == 128).all()
    speck = np.zeros((100, 100), np.float32)
    speck[50, 50] = 0.9
    assert not contour_region(speck, 0.4).any()
    assert contour_region(speck, 0.4, rejected=True).sum() == 1


def test_specks_that_no_score_rests_on_get_no_contour() -> None:
    values = np.zeros((120, 120), np.float32)
    values[20:50, 20:50], values[90, 90] = 0.8, 0.8
    region = contour_region(values, 0.4)
    assert region[20:50, 20:50].all() and region.sum() == 900


def test_ground_truth_and_reconstruction_are_panels_of_their_own() -> None:
    mask = np.zeros((600, 900), np.uint8)
    mask[300, 100:800] = 3  # one pixel thin: still shown in a picture a tenth of the size
    made = panels(GREY, _map(), threshold=0.4, mask=mask, reconstruction=np.full((64, 64, 3), 99, np.uint8), side=90)
    assert [name for name, _ in made.named()] == ["Image", "Heatmap", "Ground truth", "Reconstruction"]
    assert made.truth is not None and (made.truth != 128).any()
    assert made.reconstruction is not None and made.reconstruction.shape == (60, 90, 3)


def test_the_strip_holds_all_panels_beside_each_other() -> None:
    strip = heatmap_picture(GREY, _map(), threshold=0.4, side=90, caption="a very long caption that cannot fit at all")
    assert strip.shape == (60 + 30 + 8, 2 * 98 + 8, 3)
    assert (strip[30:90, 8:98] == panels(GREY, _map(), threshold=0.4, side=90).image).all()


def test_panels_of_a_wide_image_stand_below_each_other() -> None:
    strip = np.full((40, 160, 3), 128, np.uint8)
    made = heatmap_picture(strip, _map(), threshold=0.4, side=160)
    assert made.shape == (2 * (40 + 30) + 8, 160 + 16, 3)


def _items() -> list[GalleryItem]:
    def item(key: int, label: str, score: float, name: str = "") -> GalleryItem:
        mask = np.zeros((60, 90), np.uint8)
        mask[15:30, 30:60] = 1
        return GalleryItem(
            key,
            name or f"{label}/{key:03}.png",
            label,  # type: ignore[arg-type]
            score,
            load_image=lambda: GREY,
            load_map=lambda: _map(score),
            load_mask=lambda: mask if label == "defective" else None,
            defect_class="scratch" if label == "defective" else "",
        )

    return [
        item(1, "good", 0.6),
        item(2, "good", 0.7, "good/<script>alert(1)</script>划痕.png"),
        item(3, "good", 0.1),
        item(4, "defective", 0.2),
        item(5, "defective", 0.9),
        item(6, "unlabelled", 0.8),
    ]


def _figures() -> Figures:
    choice = choose_threshold([0.3, 0.5])
    assert isinstance(choice, ThresholdChoice)
    rows = [
        ScoredImage(i.id, str(i.id), i.label, i.defect_class, i.score, load_map=lambda: None, load_mask=lambda: None)
        for i in _items()
    ]
    return compute_figures(rows, threshold=choice)


def test_the_page_shows_false_rejects_escapes_and_catches_worst_first_with_working_links(tmp_path: Path) -> None:
    page = write_gallery(tmp_path, iter(_items()), _figures(), title="Pill <1>", side=90)
    text = page.read_text(encoding="utf-8")
    order = [text.index(name) for name in ("alert(1)", "good/001.png", "defective/004.png", "defective/005.png")]
    assert order == sorted(order)
    assert "good/003.png" not in text
    assert "unlabelled/006.png" in text
    links = re.findall(r'src="([^"]+)"', text)
    assert len(links) == len(set(links)) == 2 * 3 + 3 * 2
    for link in links:
        assert decode(tmp_path / link).shape == (60, 90, 3)
    assert "2/3" in text and "1/2" in text and "optimistic" in text


def test_the_page_is_self_contained_and_escapes_names(tmp_path: Path) -> None:
    text = write_gallery(tmp_path, _items(), _figures(), title="Pill <1>", side=60).read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text and "划痕" in text
    assert "http" not in text
    assert "prefers-color-scheme: dark" in text


def test_an_image_that_has_gone_is_listed_with_its_problem(tmp_path: Path) -> None:
    def gone() -> NDArray[np.uint8]:
        raise ImageError("the file has gone", path="x.png")

    items = [
        GalleryItem(1, "a.png", "good", 0.9, gone, _map),
        GalleryItem(2, "b.png", "good", 0.8, lambda: GREY, lambda: None),
    ]
    text = write_gallery(tmp_path, items, compute_figures([]), title="t", threshold=0.5, side=60).read_text("utf-8")
    assert "the file has gone" in text and "was not kept" in text
    assert "No defective image passed." in text


def test_without_a_threshold_the_highest_scores_are_shown(tmp_path: Path) -> None:
    text = write_gallery(tmp_path, _items(), compute_figures([]), title="t", side=60, per_group=2).read_text("utf-8")
    assert "Highest scores" in text and "The first 2 of 6." in text
    assert text.index("defective/005.png") < text.index("unlabelled/006.png")


@pytest.mark.parametrize("module", ["core.evaluation.gallery", "core.evaluation.figures"])
def test_nothing_heavy_is_imported_at_start(module: str) -> None:
    import subprocess
    import sys

    heavy = "torch sklearn scipy statsmodels pandas matplotlib onnxruntime jinja2"
    code = f"import sys, {module}; print([m for m in {heavy.split()!r} if m in sys.modules])"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
