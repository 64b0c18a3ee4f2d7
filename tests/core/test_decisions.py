"""Thresholds from tuning images, judgements with areas and a recheck band, and the confusion table in parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.curves import NotMeasured
from core.evaluation.decisions import (
    AREA_LEVELS,
    BestAccuracy,
    Confusion,
    DecisionSettings,
    PartTable,
    ThresholdChoice,
    by_hand,
    choose_threshold,
    judge,
    judge_part,
)
from core.evaluation.statistics import Rate, upper_bound
from core.words import Label


def _chosen(good: object, defective: object = ()) -> ThresholdChoice:
    choice = choose_threshold(good, defective)  # type: ignore[arg-type]
    assert isinstance(choice, ThresholdChoice)
    return choice


def test_below_twenty_good_tuning_images_the_maximum_is_taken_and_no_rate_is_claimed() -> None:
    choice = _chosen(np.linspace(0.1, 0.4, 19))
    assert choice.value == pytest.approx(0.4)
    assert (choice.how, choice.good_n, choice.claims_rate) == ("maximum", 19, False)
    assert "19 good tuning images" in choice.sentence and "no rate" in choice.sentence
    assert "only good tuning image" in _chosen([0.2]).sentence


def test_the_threshold_rejects_none_of_the_good_tuning_images_and_bounds_the_rest() -> None:
    scores = np.linspace(0.1, 0.4, 59)
    choice = _chosen(scores)
    assert all(judge(s, None, DecisionSettings(choice.value)) == "pass" for s in scores)
    assert judge(np.nextafter(0.4, 1), None, DecisionSettings(choice.value)) == "reject"
    assert choice.claims_rate and choice.how == "none_rejected"
    assert f"{100 * upper_bound(0, 59):.1f} %" in choice.sentence


def test_defective_tuning_images_propose_a_balanced_threshold_in_the_middle_of_the_gap() -> None:
    choice = _chosen([0.1, 0.2, 0.3, 0.9], [0.5, 0.6, 0.95])
    assert choice.value == pytest.approx(0.9)
    assert "rejects 1 of 3 defective tuning images" in choice.sentence
    (proposal,) = choice.proposals
    assert proposal.how == "balanced_accuracy"
    assert proposal.value == pytest.approx(0.4)
    assert "rejects 1 of 4 good, misses 0 of 3 defective" in proposal.sentence


def test_a_quantile_is_proposed_only_where_it_is_more_than_the_maximum() -> None:
    assert _chosen(np.linspace(0, 0.5, 199)).proposals == ()
    (proposal,) = _chosen([*np.linspace(0, 0.5, 199), 0.99]).proposals
    assert proposal.how == "quantile"
    assert proposal.value == pytest.approx(0.5)
    assert "1 of them are rejected" in proposal.sentence


def test_no_good_tuning_images_give_a_reason_instead_of_a_threshold() -> None:
    assert isinstance(choose_threshold([], [0.5]), NotMeasured)
    with pytest.raises(ValueError, match="finite"):
        choose_threshold([0.1, float("nan")])


def test_a_saturated_good_image_is_said() -> None:
    assert "nothing can be rejected" in _chosen([0.2, 1.0]).sentence


def test_a_threshold_set_by_hand_keeps_what_it_replaces() -> None:
    base = _chosen([0.1, 0.3], [0.5])
    moved = by_hand(0.25, base)
    assert (moved.value, moved.how, moved.claims_rate) == (0.25, "by_hand", False)
    assert [p.how for p in moved.proposals] == ["maximum", "balanced_accuracy"]


def test_what_cannot_be_inspected_is_never_a_pass() -> None:
    at_half = DecisionSettings(0.5, recheck_from=0.4)
    assert judge(0.1, "black image", at_half) == "not_inspectable"
    assert judge(None, None, at_half) == "not_inspectable"
    assert judge(float("nan"), None, at_half) == "not_inspectable"
    assert [judge(s, None, at_half) for s in (0.39, 0.4, 0.49, 0.5)] == ["pass", "recheck", "recheck", "reject"]
    with pytest.raises(ValueError, match="recheck band"):
        DecisionSettings(0.5, recheck_from=0.6)


def test_a_part_is_as_bad_as_its_worst_image() -> None:
    assert judge_part(["pass", "reject", "not_inspectable"]) == "reject"
    assert judge_part(["pass", "not_inspectable", "recheck"]) == "not_inspectable"
    assert judge_part(["pass", "recheck"]) == "recheck"
    assert judge_part(["pass"]) == "pass"


def _areas(*steps: tuple[float, int]) -> list[int]:
    """Largest component above each level: (up to this value, this many pixels)."""
    levels = (np.arange(AREA_LEVELS) + 0.5) / AREA_LEVELS
    return [next((size for upto, size in steps if level < upto), 0) for level in levels]


def test_a_defect_smaller_than_the_smallest_area_is_no_reject() -> None:
    spot = _areas((0.2, 400), (0.9, 12))
    assert judge(0.8, None, DecisionSettings(0.5), spot) == "reject"
    assert judge(0.8, None, DecisionSettings(0.5, minimum_area=12), spot) == "reject"
    assert judge(0.8, None, DecisionSettings(0.5, minimum_area=13), spot) == "pass"
    assert judge(0.8, None, DecisionSettings(0.15, minimum_area=13), spot) == "reject"
    # between two stored levels the larger area counts, so that coarse levels never hide a defect
    assert judge(0.8, None, DecisionSettings(0.204, minimum_area=13), spot) == "reject"
    assert judge(0.8, None, DecisionSettings(0.001, minimum_area=10_000), spot) == "reject"
    with pytest.raises(ValueError, match="areas"):
        judge(0.8, None, DecisionSettings(0.5, minimum_area=5))


rows = st.lists(
    st.tuples(
        st.sampled_from(["p1", "p2", "p3", "p4"]),
        st.sampled_from(["good", "defective", "unlabelled"]),
        st.one_of(st.none(), st.sampled_from([0.1, 0.3, 0.5, 0.7])),
        st.sampled_from([_areas((0.4, 50), (0.8, 5)), _areas((0.6, 20)), _areas((2.0, 9))]),
    ),
    min_size=1,
    max_size=12,
)


@given(rows, st.sampled_from([0.05, 0.3, 0.5, 0.6]), st.sampled_from([0.0, 0.15]), st.sampled_from([0, 6, 30]))
@settings(max_examples=150, deadline=None)
def test_the_fast_table_says_what_judging_every_image_says(
    images: list[tuple[str, Label, float | None, list[int]]], threshold: float, band: float, minimum_area: int
) -> None:
    start = max(0.0, threshold - band)
    decision = DecisionSettings(threshold, start, minimum_area)
    expected: dict[str, int] = dict.fromkeys(Confusion.__dataclass_fields__, 0)
    for part in {p for p, *_ in images}:
        own = [row for row in images if row[0] == part]
        verdict = judge_part(judge(score, None, decision, areas) for _, _, score, areas in own)
        labels = {label for _, label, _, _ in own}
        if "defective" in labels:
            names = {"reject": "true_rejects", "pass": "escapes"}
            expected[names.get(verdict, f"{verdict}_defective")] += 1
        elif "unlabelled" in labels:
            expected["unlabelled"] += 1
            expected["unlabelled_rejected"] += verdict == "reject"
        else:
            names = {"reject": "false_rejects", "pass": "true_passes"}
            expected[names.get(verdict, f"{verdict}_good")] += 1
    parts, labels_, scores, areas_ = zip(*images, strict=True)
    table = PartTable(parts, labels_, scores, areas=areas_, minimum_area=minimum_area)
    found = table.confusion(threshold, start)
    assert found == Confusion(**expected)
    members = table.members(threshold, start)
    assert len(members.false_rejects) == found.false_rejects
    assert len(members.escapes) == found.escapes
    assert len(members.true_rejects) == found.true_rejects
    assert len(members.true_passes) == found.true_passes


def test_counts_are_parts_with_their_names_worst_first_and_rates_have_counts() -> None:
    table = PartTable(
        ["a", "a", "b", "c", "d", "e", "f"],
        ["good", "good", "good", "good", "good", "defective", "defective"],
        [0.1, 0.8, 0.9, 0.2, None, 0.95, 0.3],
    )
    found = table.confusion(0.5)
    assert (found.true_rejects, found.false_rejects, found.escapes, found.true_passes) == (1, 2, 1, 1)
    assert found.not_inspectable_good == 1
    members = table.members(0.5)
    assert members.false_rejects == ("b", "a")
    assert members.escapes == ("f",)
    assert members.not_inspectable == ("d",)
    escapes = found.escape_rate()
    assert isinstance(escapes, Rate)
    assert (escapes.k, escapes.n) == (1, 2)
    false_rejects = found.false_reject_rate()
    assert isinstance(false_rejects, Rate)
    assert (false_rejects.k, false_rejects.n) == (2, 3)
    without_escape = table.false_rejects_without_escape()
    assert isinstance(without_escape, Rate)
    assert (without_escape.k, without_escape.n) == (2, 3)


def test_the_best_accuracy_is_never_below_that_of_any_threshold() -> None:
    rng = np.random.default_rng(3)
    labels: list[Label] = ["defective" if k < 30 else "good" for k in range(100)]
    scores = np.round(rng.random(100) + 0.2 * (np.arange(100) < 30), 1)
    table = PartTable([str(k) for k in range(100)], labels, scores)
    best = table.best_accuracy()
    assert isinstance(best, BestAccuracy)
    everywhere = [table.confusion(t).accuracy() for t in np.linspace(-0.05, 1.35, 29)]
    assert best.accuracy.k == max(a.k for a in everywhere if isinstance(a, Rate))
    at_best = table.confusion(best.threshold).accuracy()
    assert isinstance(at_best, Rate) and at_best.k == best.accuracy.k


def test_an_empty_table_counts_nothing_and_gives_reasons() -> None:
    table = PartTable([], [], [])
    assert table.confusion(0.5) == Confusion(0, 0, 0, 0)
    assert isinstance(table.best_accuracy(), NotMeasured)
    assert isinstance(table.confusion(0.5).escape_rate(), NotMeasured)
