"""Curves agree with scikit-learn, ties included; streamed pixel figures agree with exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from core.evaluation.curves import LEVELS, BestF1, NotMeasured, PixelCounts, Ranking, Roc, to_levels

# a few distinct values only, so that ties are the rule
scored = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 1.0]), st.booleans()), min_size=2).filter(
    lambda rows: {truth for _, truth in rows} == {True, False}
)


@given(scored)
@settings(max_examples=60, deadline=None)
def test_curves_over_scores_equal_scikit_learn_with_ties(rows: list[tuple[float, bool]]) -> None:
    scores, truth = [s for s, _ in rows], [t for _, t in rows]
    ranking = Ranking.of(scores, truth)
    assert ranking.auroc() == pytest.approx(metrics.roc_auc_score(truth, scores), abs=1e-12)
    assert ranking.ap() == pytest.approx(metrics.average_precision_score(truth, scores), abs=1e-12)
    roc = ranking.roc()
    assert isinstance(roc, Roc)
    fpr, tpr, thresholds = metrics.roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc.fpr, fpr)
    np.testing.assert_allclose(roc.tpr, tpr)
    np.testing.assert_array_equal(roc.thresholds, thresholds)
    best = ranking.f1_max()
    assert isinstance(best, BestF1)
    everywhere = [metrics.f1_score(truth, np.asarray(scores) >= t) for t in set(scores)]
    assert best.f1 == pytest.approx(max(everywhere))
    assert metrics.f1_score(truth, np.asarray(scores) >= best.threshold) == pytest.approx(best.f1)


def test_without_defects_or_without_good_images_there_is_no_curve_but_a_reason() -> None:
    assert Ranking.of([0.1, 0.2], [False, False]).auroc() == NotMeasured("there is nothing defective to find")
    assert Ranking.of([0.1, 0.2], [True, True]).roc() == NotMeasured("there is nothing good to compare with")
    assert isinstance(Ranking.of([], []).f1_max(), NotMeasured)
    assert isinstance(PixelCounts().aupro(), NotMeasured)
    assert isinstance(PixelCounts().auroc(), NotMeasured)


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Ranking.of([0.1, float("nan")], [True, False])


def test_a_thinned_curve_keeps_its_ends_and_its_area() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(20_000) < 0.2
    ranking = Ranking.of(rng.normal(size=truth.size) + truth, truth)
    thin = ranking.roc(points=200)
    assert isinstance(thin, Roc)
    assert len(thin.fpr) <= 201
    assert (thin.fpr[0], thin.tpr[0], thin.fpr[-1], thin.tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert metrics.auc(thin.fpr, thin.tpr) == pytest.approx(ranking.auroc(), abs=5e-4)


def test_thinning_a_perfect_curve_leaves_its_corner() -> None:
    thin = Ranking.of([0.9, 0.8, 0.2, 0.1, 0.05], [True, True, False, False, False]).roc(points=10)
    assert isinstance(thin, Roc)
    assert list(zip(thin.fpr, thin.tpr, strict=True)) == [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]


def _maps(count: int, seed: int = 0, side: int = 64) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Smooth-ish maps whose defects are brighter, with one to three defects of different sizes, some images good."""
    rng = np.random.default_rng(seed)
    pairs = []
    for index in range(count):
        mask = np.zeros((side, side), np.uint8)
        for _ in range(index % 4):
            y, x, size = (int(v) for v in (*rng.integers(0, side - 12, 2), rng.integers(2, 12)))
            mask[y : y + size, x : x + size] = 1 + index % 3
        logit = rng.normal(-2.5, 1.2, mask.shape) + 2.2 * (mask > 0)
        pairs.append(((1 / (1 + np.exp(-logit))).astype(np.float32), mask))
    return pairs


def test_streamed_pixel_figures_are_within_1e_4_of_exact_ones() -> None:
    pairs = _maps(20)
    counts = PixelCounts()
    for pixels, mask in pairs:
        counts.add(pixels, mask)
    values = np.concatenate([p.ravel() for p, _ in pairs])
    truth = np.concatenate([m.ravel() > 0 for _, m in pairs])
    exact = metrics.roc_auc_score(truth, values)
    assert counts.auroc() == pytest.approx(exact, abs=1e-4)
    assert abs(exact - float(str(counts.auroc()))) <= counts.resolution() < 1e-4
    assert counts.ap() == pytest.approx(metrics.average_precision_score(truth, values), abs=1e-4)
    roc = counts.roc(100)
    assert isinstance(roc, Roc)
    assert len(roc.fpr) <= 101


def test_maps_stored_with_16_bits_are_counted_without_any_loss() -> None:
    pairs = [(to_levels(p), m) for p, m in _maps(8, seed=3)]
    counts = PixelCounts()
    for pixels, mask in pairs:
        counts.add(pixels, mask)
    values = np.concatenate([p.ravel() for p, _ in pairs])
    truth = np.concatenate([m.ravel() > 0 for _, m in pairs])
    assert counts.auroc() == pytest.approx(metrics.roc_auc_score(truth, values), abs=1e-12)


def _aupro_by_the_book(pairs: list[tuple[NDArray[np.uint16], NDArray[np.uint8]]], limit: float) -> float:
    """Every threshold, every component, nothing clever."""
    from scipy.ndimage import label

    components = []
    for pixels, mask in pairs:
        labelled, count = label(mask > 0, structure=np.ones((3, 3)))
        components += [pixels[labelled == k] for k in range(1, count + 1)]
    good = np.concatenate([p[m == 0] for p, m in pairs])
    thresholds = np.unique(np.concatenate([p.ravel() for p, _ in pairs]))[::-1]
    fpr = np.array([0.0, *((good >= t).mean() for t in thresholds)])
    pro = np.array([0.0, *(np.mean([(c >= t).mean() for c in components]) for t in thresholds)])
    grid = np.unique(np.concatenate([fpr[fpr <= limit], [limit]]))
    # at a repeated false positive rate the curve rises vertically: integrate point by point up to the limit
    inside = fpr <= limit
    x, y = fpr[inside], pro[inside]
    if grid[-1] > x[-1]:
        following = int(inside.sum())
        share = (limit - x[-1]) / (fpr[following] - x[-1])
        x, y = np.append(x, limit), np.append(y, y[-1] + share * (pro[following] - y[-1]))
    return float(metrics.auc(x, y) / limit)


@pytest.mark.parametrize("limit", [0.05, 0.3, 1.0])
def test_aupro_equals_the_definition_computed_component_by_component(limit: float) -> None:
    pairs = [(to_levels(p) // 512 * 512, m) for p, m in _maps(8, seed=5, side=40)]  # coarse, so that values tie
    counts = PixelCounts()
    for pixels, mask in pairs:
        counts.add(pixels, mask)
    assert counts.aupro(limit) == pytest.approx(_aupro_by_the_book(pairs, limit), abs=1e-9)


def test_a_small_defect_weighs_as_much_as_a_large_one_in_pro() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[0:10, 0:10], mask[15, 15] = 1, 1
    found = np.where(mask == 1, 1.0, 0.0).astype(np.float32)
    found[15, 15] = 0.0  # the single pixel is missed: half of the defects, 1 % of the pixels
    counts = PixelCounts()
    counts.add(found, mask)
    # the curve jumps to 0.5 at no false positive, then goes straight to (1, 1): mean height up to 0.3 is 0.575
    assert counts.aupro() == pytest.approx(0.575)


def test_counts_of_two_halves_add_up_to_the_whole() -> None:
    whole, first, second = PixelCounts(), PixelCounts(), PixelCounts()
    for index, (pixels, mask) in enumerate(_maps(6, seed=9)):
        whole.add(pixels, mask)
        (first if index < 3 else second).add(pixels, mask)
    both = first + second
    assert both.auroc() == whole.auroc()
    assert both.aupro() == pytest.approx(whole.aupro())
    assert both.maps == whole.maps == 6


def test_a_map_is_refused_when_its_mask_or_its_values_do_not_fit() -> None:
    with pytest.raises(ValueError, match="mask of"):
        PixelCounts().add(np.zeros((4, 4), np.float32), np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match="outside"):
        PixelCounts().add(np.full((4, 4), 1.5, np.float32))
    with pytest.raises(ValueError, match="outside"):
        PixelCounts().add(np.full((4, 4), np.nan, np.float32))
    with pytest.raises(ValueError, match="uint16 or float"):
        PixelCounts().add(np.zeros((4, 4), np.uint8))


def test_the_ends_of_the_scale_are_the_first_and_the_last_level() -> None:
    assert to_levels(np.array([[0.0, 1.0, 0.5]], np.float32)).tolist() == [[0, LEVELS - 1, 32768]]
