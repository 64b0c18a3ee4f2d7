"""Which images should train, tune and test: proposals, pure and seeded.

A public benchmark keeps its official test set; tuning is a tenth of its good training parts, or a whole lot of them
where lots are known. Own data: the newest lot is test, because tomorrow's lot is what the model will meet. Parts never
lie in two splits. Test shares no lot with train and tuning; tuning gets a lot of its own when there are enough, and the
defective parts of the training lots, since training takes good parts only.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.words import Label, Split

TUNING_SHARE: Final = 0.1
TEST_SHARE: Final = 0.2  # of good parts, where no lots are known
DEFECTIVE_TUNING_SHARE: Final = 0.3
_LARGEST_TUNING_LOT: Final = 0.35  # of the good parts that are left: a larger lot is worth more as training


@dataclass(frozen=True)
class SplitItem:
    """What a proposal needs to know of one image. `made` sorts lots when known (ISO text)."""

    image_id: int
    part: int
    lot: str
    label: Label
    split: Split
    made: str | None = None


@dataclass(frozen=True)
class SplitProposal:
    """The proposed split of every image whose split would change, and why, in a sentence."""

    splits: Mapping[int, Split]
    rule: Literal["benchmark", "lots", "parts"]
    sentence: str


@dataclass(frozen=True)
class _Part:
    key: int
    lot: str
    images: tuple[int, ...]
    label: Label
    split: Split
    made: str


def propose_splits(items: Iterable[SplitItem], *, seed: int = 0) -> SplitProposal:
    """Propose splits: as a benchmark when a test set is there already, by lots when they are known, else by parts."""
    images = list(items)
    parts = _parts(images)
    lots = _lots_by_age(parts)
    if any(part.split == "test" for part in parts) and any(part.split == "train" for part in parts):
        wanted, rule, sentence = _benchmark(parts, seed)
    elif len(lots) > 1:
        wanted, rule, sentence = _by_lots(parts, lots, seed)
    else:
        wanted, rule, sentence = _by_parts(parts, seed)
    now = {item.image_id: item.split for item in images}
    splits = {image: split for part, split in wanted for image in part.images if now[image] != split}
    return SplitProposal(splits, rule, sentence)


_Wanted = tuple[list[tuple[_Part, Split]], Literal["benchmark", "lots", "parts"], str]


def _benchmark(parts: Sequence[_Part], seed: int) -> _Wanted:
    good = [part for part in parts if part.split == "train" and part.label == "good"]
    if any(part.split == "tuning" for part in parts):
        return [], "benchmark", "The official test set is kept; tuning was chosen before."
    tuning_lot = _tuning_lot(good, _lots_by_age(good))
    tuning = [part for part in good if part.lot == tuning_lot] if tuning_lot else _draw(good, TUNING_SHARE, seed)
    wanted: list[tuple[_Part, Split]] = [(part, "tuning") for part in tuning]
    which = f" (the lot {tuning_lot})" if tuning_lot else ""
    sentence = f"The official test set is kept; {len(tuning)} of {len(good)} good training parts{which} are for tuning."
    return wanted, "benchmark", sentence


def _by_lots(parts: Sequence[_Part], lots: Sequence[str], seed: int) -> _Wanted:
    *older, newest = lots
    wanted: list[tuple[_Part, Split]] = []
    rest = [part for part in parts if part.lot != newest]
    good = [part for part in rest if part.label == "good"]
    tuning_lot = _tuning_lot(good, older)
    drawn = {part.key for part in ([] if tuning_lot else _draw(good, TUNING_SHARE, seed))}
    for part in parts:
        wanted.append((part, _split_by_lot(part, newest, tuning_lot, drawn)))
    sentence = f"The newest lot, {newest}, is for testing; "
    sentence += f"the lot {tuning_lot} for tuning." if tuning_lot else f"{len(drawn)} good parts of the others tune."
    return wanted, "lots", sentence


def _split_by_lot(part: _Part, newest: str, tuning_lot: str, drawn: set[int]) -> Split:
    if part.lot == newest:
        return "test" if part.label != "unlabelled" else "unused"
    if part.label == "good":
        return "tuning" if part.key in drawn or part.lot == tuning_lot else "train"
    return "tuning" if part.label == "defective" else "unused"


def _tuning_lot(good: Sequence[_Part], older: Sequence[str]) -> str:
    """The older lot nearest to a tenth of the good parts, '' when there are too few lots or all are too large."""
    if len(older) < 3:
        return ""
    shares = {lot: sum(1 for part in good if part.lot == lot) / max(1, len(good)) for lot in older}
    fitting = [lot for lot in older if lot and 0 < shares[lot] <= _LARGEST_TUNING_LOT]
    return min(fitting, key=lambda lot: abs(shares[lot] - TUNING_SHARE), default="")


def _by_parts(parts: Sequence[_Part], seed: int) -> _Wanted:
    good = [part for part in parts if part.label == "good"]
    bad = [part for part in parts if part.label == "defective"]
    test = {part.key for part in _draw(good, TEST_SHARE, seed)}
    left = [part for part in good if part.key not in test]
    tuning = {part.key for part in _draw(left, TUNING_SHARE, seed + 1)}
    tuning |= {part.key for part in (_draw(bad, DEFECTIVE_TUNING_SHARE, seed + 2) if len(bad) > 3 else [])}
    test |= {part.key for part in bad if part.key not in tuning}
    wanted: list[tuple[_Part, Split]] = []
    for part in parts:
        split: Split = "train" if part.label == "good" else "unused"
        wanted.append((part, "test" if part.key in test else "tuning" if part.key in tuning else split))
    return wanted, "parts", f"No lots are known: {len(test)} parts are drawn for testing, {len(tuning)} for tuning."


def _draw(parts: Sequence[_Part], share: float, seed: int) -> list[_Part]:
    """A seeded draw of a share of the parts: at least one of two or more."""
    if len(parts) < 2:
        return []
    ordered = sorted(parts, key=lambda part: part.key)
    return random.Random(seed).sample(ordered, max(1, round(len(parts) * share)))


def _parts(items: Sequence[SplitItem]) -> list[_Part]:
    """Parts from images: defective when any image is, good when all are."""
    grouped: dict[int, list[SplitItem]] = {}
    for item in items:
        grouped.setdefault(item.part, []).append(item)
    return [_part(key, images) for key, images in grouped.items()]


def _part(key: int, images: Sequence[SplitItem]) -> _Part:
    labels = {item.label for item in images}
    label: Label = "defective" if "defective" in labels else "good" if labels == {"good"} else "unlabelled"
    made = max((item.made or "" for item in images), default="")
    first = images[0]
    return _Part(key, first.lot, tuple(item.image_id for item in images), label, first.split, made)


def _lots_by_age(parts: Sequence[_Part]) -> list[str]:
    """Known lots, oldest first: by time where it is known, else by the numbers in their names."""
    made: dict[str, str] = {}
    for part in parts:
        made[part.lot] = max(made.get(part.lot, ""), part.made)
    return sorted((lot for lot in made if lot), key=lambda lot: (made[lot], _natural(lot)))


def _natural(name: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(piece)) if piece.isdigit() else (1, piece) for piece in re.split(r"(\d+)", name) if piece)
