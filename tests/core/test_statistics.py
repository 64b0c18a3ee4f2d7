"""Golden numbers of intervals, sample sizes, DeLong and agreement; statsmodels as a second opinion."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.curves import NotMeasured
from core.evaluation.statistics import (
    AucEstimate,
    Interval,
    KnappKushner,
    Outgoing,
    Rate,
    clopper_pearson,
    cohen_kappa,
    delong,
    fleiss_kappa,
    knapp_kushner,
    mcnemar_exact,
    outgoing,
    rate,
    sample_size,
    upper_bound,
    wilson,
)


def _ends(interval: Interval) -> tuple[float, float]:
    return round(interval.low, 5), round(interval.high, 5)


def test_intervals_of_published_examples() -> None:
    assert _ends(clopper_pearson(5, 100)) == (0.01643, 0.11283)
    assert _ends(wilson(5, 100)) == (0.02154, 0.11175)
    assert _ends(clopper_pearson(48, 50)) == (0.86286, 0.99512)
    assert round(upper_bound(0, 59), 5) == 0.04951
    assert round(upper_bound(0, 299), 5) == 0.00997
    assert upper_bound(7, 7) == 1.0


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_wilson_agrees_with_statsmodels(counts: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(*counts, alpha=0.1, method="wilson")
    ours = wilson(*counts, level=0.9)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= ours.low <= counts[0] / counts[1] <= ours.high <= 1


def test_a_rate_is_shown_with_its_counts_and_its_interval() -> None:
    five = rate(5, 100)
    assert isinstance(five, Rate)
    assert str(five) == "5.0 % (5/100, 2.2–11.2 %)"
    assert rate(0, 0) == NotMeasured("there is nothing to count")
    with pytest.raises(ValueError, match="no count"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("confidence", "reliability", "n"),
    [(0.90, 0.90, 22), (0.95, 0.90, 29), (0.95, 0.95, 59), (0.95, 0.99, 299), (0.99, 0.99, 459), (0.95, 0.999, 2995)],
)
def test_parts_needed_to_claim_detection_without_a_miss(confidence: float, reliability: float, n: int) -> None:
    assert sample_size(reliability, confidence=confidence) == n


def test_parts_needed_when_some_may_be_missed() -> None:
    assert [sample_size(0.95, misses=r) for r in range(6)] == [59, 93, 124, 153, 181, 208]
    assert [sample_size(0.99, misses=r) for r in range(4)] == [299, 473, 628, 773]


def test_what_leaves_the_line_at_one_percent_defects() -> None:
    result = outgoing(prevalence=0.01, escape=0.02, false_reject=0.05)
    assert isinstance(result, Outgoing)
    assert round(result.ppm, 1) == 212.6
    assert round(result.good_share_of_rejects, 3) == 0.835
    assert isinstance(outgoing(prevalence=0.5, escape=0.0, false_reject=1.0), NotMeasured)


def test_delong_of_the_published_example() -> None:
    defective, good = [0.9, 0.8, 0.7, 0.6, 0.55], [0.5, 0.65, 0.4, 0.3, 0.2, 0.1]
    found = delong(defective + good, [True] * 5 + [False] * 6)
    assert isinstance(found, AucEstimate)
    assert round(found.auc, 6) == 0.933333
    assert found.se is not None and round(found.se, 6) == 0.078174
    assert found.interval is not None
    assert 0.5 < found.interval.low < 0.933333 < found.interval.high < 1.0


def test_delong_covers_the_truth_about_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(7)
    truth = np.arange(120) < 40
    area, hits = 0.8556, 0  # two normal distributions 1.5 apart: Phi(1.5 / sqrt 2)
    for _ in range(300):
        found = delong(rng.normal(size=120) + 1.5 * truth, truth)
        assert isinstance(found, AucEstimate) and found.interval is not None
        hits += found.interval.low <= area <= found.interval.high
    assert 0.91 <= hits / 300 <= 0.99


def test_perfect_separation_or_too_few_images_give_an_area_but_no_interval() -> None:
    perfect = delong([0.9, 0.8, 0.1, 0.2], [True, True, False, False])
    assert isinstance(perfect, AucEstimate)
    assert (perfect.auc, perfect.interval) == (1.0, None)
    assert "no width" in perfect.note
    tied = delong([0.5] * 4, [True, True, False, False])
    assert isinstance(tied, AucEstimate)
    assert (tied.auc, tied.interval) == (0.5, None)
    assert "rank alike" in tied.note
    single = delong([0.9, 0.1, 0.2], [True, False, False])
    assert isinstance(single, AucEstimate)
    assert (single.auc, single.interval) == (1.0, None)
    assert "at least two" in single.note
    assert isinstance(delong([0.1, 0.2], [False, False]), NotMeasured)


def test_agreement_of_judges() -> None:
    assert cohen_kappa([[20, 5], [10, 15]]) == pytest.approx(0.4)
    classic = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert round(fleiss_kappa(classic), 4) == 0.2099
    assert round(mcnemar_exact(3, 12), 5) == 0.03516
    assert mcnemar_exact(0, 0) == 1.0


def test_knapp_kushner_of_the_published_example() -> None:
    manual = [0.95, 0.9, 1, 0.8, 0.72, 0.7, 0.5, 0.35, 0.1, 0, 0, 0.05]
    machine = [1, 0.9, 1, 0.9, 0.6, 0.8, 0.6, 0.5, 0.2, 0, 0.1, 0]
    found = knapp_kushner(manual, machine)
    assert isinstance(found, KnappKushner)
    assert (round(found.rze_manual, 4), round(found.rze_machine, 4)) == (0.8450, 0.8667)
    assert round(100 * found.efficiency, 2) == 102.56
    assert found.passed
    assert found.rag_accept_manual == pytest.approx(0.0375)
    assert found.rag_accept_machine == pytest.approx(0.0750)
    assert found.rag_all_manual == pytest.approx(0.1667, abs=5e-5)
    assert found.rag_all_machine == pytest.approx(0.2333, abs=5e-5)
    assert isinstance(knapp_kushner([0.1], [1.0]), NotMeasured)
