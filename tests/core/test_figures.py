"""One streamed pass gives every figure, k/n beside every rate, and a reason where nothing could be measured."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from core.evaluation.curves import to_levels
from core.evaluation.decisions import DecisionSettings, ThresholdChoice, choose_threshold
from core.evaluation.figures import Figures, ScoredImage, compute_figures
from core.words import Label


def _painted(side: int = 32) -> NDArray[np.uint8]:
    mask = np.zeros((side, side), np.uint8)
    mask[4:10, 6:14] = 2
    return mask


def _map(seed: int, mask: NDArray[np.uint8] | None = None, side: int = 32) -> NDArray[np.uint16]:
    noise = np.random.default_rng(seed).random((side, side)) * 0.4
    if mask is not None:
        noise[mask > 0] += 0.3
    return to_levels(noise.astype(np.float32))


def _tiny_set() -> list[ScoredImage]:
    """Ten good images, four scratches of which one is missed, two cracks without masks."""
    mask = _painted()
    good = [
        ScoredImage(k, f"g{k}", "good", score=0.05 * k, first=0.05 * k, ms=2.0, load_map=lambda k=k: _map(k))
        for k in range(10)
    ]
    scratches = [
        ScoredImage(
            20 + k,
            f"s{k}",
            "defective",
            "scratch",
            score=s,
            first=s,
            gated=s > 0.5,
            ms=4.0,
            load_map=lambda k=k: _map(20 + k, mask),
            load_mask=lambda: mask,
        )
        for k, s in enumerate([0.9, 0.8, 0.7, 0.2])
    ]
    cracks = [ScoredImage(30 + k, f"c{k}", "defective", "crack", score=0.95, first=0.95, ms=4.0) for k in range(2)]
    return [*good, *scratches, *cracks]


def _threshold() -> ThresholdChoice:
    choice = choose_threshold([0.1, 0.42], [0.6, 0.3])
    assert isinstance(choice, ThresholdChoice)
    return choice


@pytest.fixture(scope="module")
def figures() -> Figures:
    return compute_figures(iter(_tiny_set()), threshold=_threshold(), seconds=1.5)


def test_counts_say_what_the_figures_rest_on(figures: Figures) -> None:
    assert (figures.images, figures.good, figures.defective, figures.parts) == (16, 10, 6, 16)
    assert (figures.masks, figures.masks_empty, figures.components) == (4, 0, 4)
    assert (figures.seconds, figures.ms_per_image) == (1.5, 2.0)
    assert figures.gated is not None and (figures.gated.k, figures.gated.n) == (3, 16)


def test_image_figures_equal_scikit_learn(figures: Figures) -> None:
    rows = _tiny_set()
    truth, scores = [r.label == "defective" for r in rows], [r.score for r in rows]
    assert figures.image_auroc == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert figures.image_ap == pytest.approx(metrics.average_precision_score(truth, scores))
    assert figures.first_auroc == figures.image_auroc
    assert figures.image_auroc_low is not None and figures.image_auroc_high is not None
    assert figures.image_auroc is not None
    assert figures.image_auroc_low < figures.image_auroc < figures.image_auroc_high
    assert figures.histogram is not None
    assert (sum(figures.histogram.good), sum(figures.histogram.defective)) == (10, 6)


def test_pixel_figures_leave_out_defective_images_without_masks(figures: Figures) -> None:
    rows = [r for r in _tiny_set() if r.defect_class != "crack"]
    values = np.concatenate([np.asarray(r.load_map()).ravel() for r in rows])
    empty = np.zeros((32, 32), np.uint8)
    masks = [r.load_mask() if r.label == "defective" else empty for r in rows]
    truth = np.concatenate([np.asarray(m).ravel() > 0 for m in masks])
    assert figures.pixel_auroc == pytest.approx(metrics.roc_auc_score(truth, values), abs=1e-9)
    assert figures.pixel_error < 1e-4
    assert figures.aupro is not None and 0 < figures.aupro < 1


def test_each_defect_class_is_measured_against_all_good_images(figures: Figures) -> None:
    crack, scratch = figures.classes
    assert (crack.name, crack.images, crack.masks, crack.image_auroc) == ("crack", 2, 0, 1.0)
    assert crack.pixel_auroc is None
    assert (scratch.images, scratch.masks) == (4, 4)
    assert scratch.escapes is not None and (scratch.escapes.k, scratch.escapes.n) == (1, 4)
    assert scratch.pixel_auroc == pytest.approx(figures.pixel_auroc)
    assert scratch.pixel_ap == pytest.approx(figures.pixel_ap) and scratch.aupro == pytest.approx(figures.aupro)
    scores, truth = [0.05 * k for k in range(10)] + [0.9, 0.8, 0.7, 0.2], [False] * 10 + [True] * 4
    assert scratch.image_ap == pytest.approx(metrics.average_precision_score(truth, scores))
    assert scratch.f1_max == pytest.approx(6 / 7)  # three of four found, none of the good ones
    assert scratch.image_auroc is not None and crack.image_auroc_low is None  # all above every good one: no width
    assert scratch.image_auroc_low is not None and scratch.image_auroc_high is not None
    assert scratch.image_auroc_low < scratch.image_auroc < scratch.image_auroc_high


def test_the_confusion_table_is_taken_at_the_threshold_of_the_tuning_images(figures: Figures) -> None:
    table = figures.confusion
    assert table is not None and figures.threshold is not None
    assert table.threshold == figures.threshold.value
    assert (table.true_rejects, table.false_rejects, table.escapes, table.true_passes) == (5, 1, 1, 9)
    assert table.escape_rate is not None and str(table.escape_rate).startswith("16.7 % (1/6, ")
    assert table.accuracy is not None and figures.accuracy_best is not None
    assert (table.accuracy.k, table.accuracy.n) == (14, 16)
    assert figures.accuracy_best.k == 15


def test_figures_survive_json(figures: Figures) -> None:
    text = figures.model_dump_json()
    assert Figures.model_validate_json(text) == figures
    assert figures.threshold is not None and figures.threshold.proposals
    flat = json.loads(text)
    assert {"image_auroc", "pixel_auroc", "images", "defective", "masks", "seconds"} <= flat.keys()


def test_without_defective_images_there_is_no_auroc_but_a_reason_and_a_false_reject_rate() -> None:
    only_good = [r for r in _tiny_set() if r.label == "good"]
    found = compute_figures(only_good, threshold=_threshold())
    assert found.image_auroc is None and found.pixel_auroc is None and found.image_roc is None
    assert found.not_measured["image_auroc"] == "there is nothing defective to find"
    assert found.not_measured["pixel_auroc"] == "no defect is painted in these images"
    assert found.confusion is not None and found.confusion.false_reject_rate is not None
    assert (found.confusion.false_reject_rate.k, found.confusion.false_reject_rate.n) == (1, 10)
    assert found.confusion.escape_rate is None


def test_nothing_scored_at_all_is_still_an_answer() -> None:
    found = compute_figures([ScoredImage(1, "p", "good", problem="truncated file")])
    assert (found.images, found.not_inspectable, found.image_auroc) == (1, 1, None)
    assert compute_figures([]).images == 0


def test_an_image_that_could_not_be_inspected_is_counted_and_never_passes() -> None:
    rows = [*_tiny_set(), ScoredImage(40, "x", "defective", "crack", problem="black image")]
    found = compute_figures(rows, threshold=_threshold())
    assert found.not_inspectable == 1
    assert found.confusion is not None
    assert (found.confusion.not_inspectable_defective, found.confusion.escapes) == (1, 1)


def test_unlabelled_images_are_counted_but_measure_nothing() -> None:
    rows = [*_tiny_set(), ScoredImage(50, "u", "unlabelled", score=0.99, load_map=lambda: pytest.fail("not needed"))]
    found = compute_figures(rows, threshold=_threshold())
    assert found.unlabelled == 1
    assert found.confusion is not None and found.confusion.unlabelled_rejected == 1


def test_several_crops_of_one_image_count_together() -> None:
    mask, empty = _painted(), np.zeros((32, 32), np.uint8)
    whole = [ScoredImage(1, "a", "defective", "s", 0.9, load_map=lambda: _map(1, mask), load_mask=lambda: mask)]
    pair = [
        ScoredImage(
            1, "a", "defective", "s", 0.9, load_map=lambda: [_map(1, mask), _map(2)], load_mask=lambda: [mask, empty]
        )
    ]
    one, two = compute_figures(whole), compute_figures(pair)
    assert (one.masks, two.masks, one.components, two.components) == (1, 1, 1, 1)
    assert one.pixel_auroc is not None and two.pixel_auroc is not None


def test_pixels_that_were_never_judged_do_not_count_inside_the_region() -> None:
    """Noise in a fifth of the image is a coin there; with the silent four fifths it looks like 90 %."""
    region = np.zeros((40, 40), np.uint8)
    region[:8] = 1
    defect = np.zeros_like(region)
    defect[2:12, 10:30] = 1  # cut by the region
    noise = [np.random.default_rng(k).random((40, 40)).astype(np.float32) for k in range(30)]
    rows = [
        ScoredImage(
            k,
            f"p{k}",
            "defective" if k % 2 else "good",
            score=0.5,
            load_map=lambda k=k: noise[k] * region,
            load_mask=lambda: defect * region,
            load_region=lambda: region,
        )
        for k in range(30)
    ]
    found = compute_figures(rows)
    truth = np.concatenate([(defect[:8] > 0).ravel() & bool(k % 2) for k in range(30)])
    values = np.concatenate([one[:8].ravel() for one in noise])
    assert found.inside_pixel_auroc == pytest.approx(metrics.roc_auc_score(truth, values), abs=1e-4)
    assert found.inside_aupro == pytest.approx(0.15, abs=0.03)  # a coin: the mean of 0 .. 0.3
    assert found.pixel_auroc is not None and found.pixel_auroc > 0.85
    assert found.aupro is not None and found.aupro > 0.5
    assert compute_figures(_tiny_set()).inside_pixel_auroc is None


def test_a_map_that_does_not_fit_its_mask_names_its_image() -> None:
    wrong = ScoredImage(7, "a", "defective", "s", 0.9, load_map=lambda: _map(1), load_mask=lambda: _painted(16))
    with pytest.raises(ValueError, match="image 7"):
        compute_figures([wrong])


def test_a_smallest_area_judges_without_maps() -> None:
    rows = [
        ScoredImage(1, "a", "good", score=0.9, areas=[5] * 64),
        ScoredImage(2, "b", "defective", "s", score=0.9, areas=[50] * 64),
    ]
    found = compute_figures(rows, settings=DecisionSettings(0.5, minimum_area=10))
    assert found.confusion is not None
    assert (found.confusion.false_rejects, found.confusion.true_rejects) == (0, 1)
    with pytest.raises(ValueError, match="image 3"):
        compute_figures([ScoredImage(3, "c", "good", score=0.9)], settings=DecisionSettings(0.5, minimum_area=10))


def test_maps_are_loaded_one_at_a_time_and_dropped() -> None:
    import gc
    import weakref

    alive: list[weakref.ref[NDArray[np.uint16]]] = []

    def load(seed: int) -> NDArray[np.uint16]:
        gc.collect(0)
        assert sum(ref() is not None for ref in alive) <= 1
        found = _map(seed)
        alive.append(weakref.ref(found))
        return found

    def rows() -> Iterator[ScoredImage]:
        label: Label = "good"
        for k in range(6):
            yield ScoredImage(k, str(k), label, score=0.1, load_map=lambda k=k: load(k))

    compute_figures(rows())
    assert len(alive) == 6
