"""Proposed splits: parts stay whole, test shares no lot with training, a benchmark keeps its test set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.project.splits import SplitItem, propose_splits
from core.words import LABELS, Label


def result(items: list[SplitItem], seed: int = 0) -> dict[int, str]:
    """Every image's split after the proposal."""
    return {item.image_id: item.split for item in items} | dict(propose_splits(items, seed=seed).splits)


def lots(counts: dict[str, int], *, defective: int = 0) -> list[SplitItem]:
    items: list[SplitItem] = []
    for lot, count in counts.items():
        for number in range(count):
            label: Label = "defective" if number < defective else "good"
            items.append(SplitItem(len(items) + 1, len(items) + 1, lot, label, "unused"))
    return items


def test_a_benchmark_keeps_its_test_set_and_a_tenth_of_its_good_training_parts_tune() -> None:
    items = [SplitItem(n, n, "", "good", "train") for n in range(1, 268)]
    items += [SplitItem(n, n, "", "defective" if n % 2 else "good", "test") for n in range(300, 467)]
    proposal = propose_splits(items)
    assert proposal.rule == "benchmark"
    assert len(proposal.splits) == 27
    assert set(proposal.splits.values()) == {"tuning"}
    assert max(proposal.splits) < 268
    assert "27 of 267" in proposal.sentence
    assert propose_splits(items).splits == proposal.splits
    assert propose_splits(items, seed=1).splits != proposal.splits
    settled = [SplitItem(i.image_id, i.part, "", i.label, proposal.splits.get(i.image_id, i.split)) for i in items]  # type: ignore[arg-type]
    assert propose_splits(settled).splits == {}


def test_a_benchmark_with_lots_tunes_on_a_whole_lot_of_its_training_parts() -> None:
    items = [SplitItem(n, n, f"L{n // 20}", "good", "train") for n in range(80)]
    items += [SplitItem(n, n, "L9", "defective" if n % 2 else "good", "test") for n in range(100, 150)]
    proposal = propose_splits(items)
    assert proposal.rule == "benchmark"
    assert sorted(proposal.splits) == list(range(20))
    assert "20 of 80" in proposal.sentence and "the lot L0" in proposal.sentence


def test_the_newest_lot_is_test_by_the_number_in_its_name_or_by_its_time() -> None:
    items = lots({"lot 9": 20, "lot 10": 20})
    assert {i.lot for i in items if result(items)[i.image_id] == "test"} == {"lot 10"}
    timed = [
        SplitItem(i.image_id, i.part, i.lot, i.label, i.split, "2026-02" if i.lot == "lot 9" else "2026-01")
        for i in items
    ]
    assert {i.lot for i in timed if result(timed)[i.image_id] == "test"} == {"lot 9"}


def test_with_enough_lots_one_small_lot_is_for_tuning() -> None:
    items = lots({"1": 100, "2": 20, "3": 80, "4": 50}, defective=5)
    splits = result(items)
    by_lot = {lot: {splits[i.image_id] for i in items if i.lot == lot and i.label == "good"} for lot in "1234"}
    assert by_lot == {"1": {"train"}, "2": {"tuning"}, "3": {"train"}, "4": {"test"}}
    assert all(splits[i.image_id] in ("tuning", "test") for i in items if i.label == "defective")


def test_without_lots_parts_are_drawn() -> None:
    items = lots({"": 100}, defective=20)
    splits = result(items)
    good = [splits[i.image_id] for i in items if i.label == "good"]
    bad = [splits[i.image_id] for i in items if i.label == "defective"]
    assert (good.count("test"), good.count("tuning"), good.count("train")) == (16, 6, 58)
    assert (bad.count("test"), bad.count("tuning")) == (14, 6)


ITEMS = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(["", "a", "b1", "b2", "c"]), st.sampled_from(LABELS)), max_size=40
).map(
    lambda rows: [
        SplitItem(n, part, {p: lot for p, lot, _ in reversed(rows)}[part], label, "unused")
        for n, (part, _, label) in enumerate(rows, 1)
    ]
)


@settings(deadline=None)
@given(ITEMS, st.integers(0, 3))
def test_whatever_comes_parts_stay_whole_train_is_good_and_test_shares_no_lot(
    items: list[SplitItem], seed: int
) -> None:
    splits = result(items, seed)
    proposal = propose_splits(items, seed=seed)
    for part in {item.part for item in items}:
        assert len({splits[i.image_id] for i in items if i.part == part}) == 1
    assert all(i.label == "good" for i in items if splits[i.image_id] == "train")
    if proposal.rule == "lots":
        tested = {i.lot for i in items if splits[i.image_id] == "test"}
        assert not tested & {i.lot for i in items if splits[i.image_id] in ("train", "tuning")}
