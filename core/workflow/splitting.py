"""Splits for what came in: equal images never on both sides, tuning drawn, whole parts and lots kept together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from core.project import Project
from core.project.records import Duplicate, ImageRow
from core.project.splits import SplitItem, propose_splits
from core.workflow import problems


def propose(project: Project, *, seed: int = 0) -> str:
    """Assign what has no split yet, product by product, and say by what rule. What a person assigned stays.

    Not an undo step: the first Ctrl+Z of a person must not take back what none of them did.
    """
    taken_out = _take_out_duplicates(project)
    sentences = (
        [f"{len(taken_out)} test images equal a training image and were taken out of test."] if taken_out else []
    )
    twins = _twins(project)
    for product in project.products():
        items = [
            SplitItem(row.id, twins.get(row.part_id, row.part_id), row.lot, row.label, row.split, row.taken)
            for row in project.images(product=product.code, present_only=True)
            if not row.problem and row.id not in taken_out
        ]
        tuned = any(item.split == "tuning" for item in items)
        if not items or tuned:
            continue  # assigned before: a later lot waits as "not used" until a person decides
        proposal = propose_splits(items, seed=seed)
        if proposal.splits:
            project.set_splits(proposal.splits, reason=proposal.sentence, undoable=False)
            sentences.append(f"{product.code}: {proposal.sentence}")
    return " ".join(sentences)


def counts(project: Project) -> dict[str, int]:
    """Images by label and by split, in the order in which a person reads them."""
    found: Counter[str] = Counter()
    for count in project.counts():
        found[count.label] += count.images
        found[count.split if count.split != "unused" else "not used"] += count.images
    names = ("good", "defective", "unlabelled", "train", "tuning", "test", "not used")
    return {name: found[name] for name in names}


def _twins(project: Project) -> dict[int, int]:
    """Parts that share an image with an earlier part, and that part: drawn together, they never lie on two sides.

    Equal images with different labels become a problem: one of the labels is wrong.
    """
    first: dict[str, ImageRow] = {}
    contradictions: list[tuple[Path, str]] = []
    joined: dict[int, int] = {}
    for row in project.images(present_only=True):
        if row.sha256 is None:
            continue
        other = first.setdefault(f"{row.product} {row.sha256}", row)
        if other.part_id != row.part_id:
            joined[row.part_id] = joined.get(other.part_id, other.part_id)
        if other.label != row.label:
            text = f"equals {other.path}, which is {other.label}, and is {row.label} itself: one of the labels is wrong"
            contradictions.append((row.path, text))
    problems.keep(project, contradictions)
    return joined


def _take_out_duplicates(project: Project) -> set[int]:
    """Equal images on both sides of the fence: the test copies are taken out, by name."""
    duplicates = project.duplicates_across_splits()
    twins = {
        row.id: (row, _other(duplicate)) for duplicate in duplicates for row in duplicate.images if row.split == "test"
    }
    why = "which is not for testing; it was taken out of test"
    problems.keep(project, [(row.path, f"has the same content as {other}, {why}") for row, other in twins.values()])
    if twins:
        reason = "equal to an image in train or tuning"
        project.set_split(twins, "unused", reason=reason, allow_duplicates=True, undoable=False)
    return set(twins)


def _other(duplicate: Duplicate) -> str:
    return next(str(row.path) for row in duplicate.images if row.split in ("train", "tuning"))
