"""The stream of entries: one folder in memory at a time, natural order, labels and splits from folder names."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from core.errors import InputError
from core.layouts.entries import Entry, Kind, Recognition, ScanReport
from core.layouts.folders import Listing, list_folder
from core.layouts.masks import NO_IMAGE, NO_MASK, MaskFinder, beside, strays
from core.layouts.words import is_plain_word, role_of
from core.words import Label, Split

Protocol = Literal["none", "gtanoic200"]
Pattern = str | re.Pattern[str]

DEFAULT_VIEW: Final = "main"
_GTANOIC_TRAIN: Final = 200
_LABELLED_KINDS: Final[frozenset[Kind]] = frozenset({"mvtec", "good_bad", "gtanoic"})
_GROUPS: Final = {"lot": "lot", "part": "part", "view": "view", "camera": "view"}


@dataclass(frozen=True)
class _Context:
    """What the folders above an image have said; None is not yet said."""

    split: Split | None = None
    label: Label | None = None
    defect_class: str = ""


def scan(
    recognition: Recognition,
    *,
    protocol: Protocol = "none",
    seed: int = 0,
    part_pattern: Pattern | None = None,
    lot_pattern: Pattern | None = None,
    view_pattern: Pattern | None = None,
    label: Label | None = None,
    report: ScanReport | None = None,
) -> Iterator[Entry]:
    """Stream the entries: depth first, natural order in each folder, images of a folder before its sub-folders.

    `label` is given to images whose layout does not say one ("these are good"). The patterns are searched in the
    relative posix path: named groups `lot`, `part`, `view` (or `camera`) of any of them count; a pattern without named
    groups gives its own field by its first group or whole match. `protocol` "gtanoic200": of each product 200 good
    images, drawn with `seed`, train and all others test. Problems and counts go to `report`.
    Raises `InputError` for a pattern that is none, and for a product with too few good images for the protocol.
    """
    report = report if report is not None else ScanReport()
    patterns = _compiled(part=part_pattern, lot=lot_pattern, view=view_pattern)
    chosen = _draw_training(recognition, seed, label) if protocol == "gtanoic200" else None
    return _stream(recognition, report, patterns, chosen, label)


def count(recognition: Recognition, report: ScanReport) -> None:
    """Fill `report` without making entries or sorting: what a recognition needs."""
    for _ in _walk(recognition, report, ordered=False):
        pass


def _stream(
    recognition: Recognition,
    report: ScanReport,
    patterns: dict[str, re.Pattern[str]],
    chosen: dict[str, set[int]] | None,
    told: Label | None,
) -> Iterator[Entry]:
    index = dict.fromkeys(recognition.products, 0)
    for found in _walk(recognition, report, ordered=True, told=told):
        split = found.split
        if chosen is not None:
            good = found.label == "good"
            split = "train" if good and index[found.product] in chosen[found.product] else "test"
            index[found.product] += good
        fields = _from_patterns(found.relative, patterns) if patterns else {}
        yield Entry(
            path=found.folder / found.name,
            relative=found.relative,
            product=found.product,
            view=fields.get("view") or DEFAULT_VIEW,
            split=split,
            label=found.label,
            defect_class=found.defect_class,
            mask=found.mask,
            lot=fields.get("lot", ""),
            part=fields.get("part", ""),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    folder: Path
    name: str
    relative: str
    product: str
    split: Split
    label: Label
    defect_class: str
    mask: Path | None


def _walk(
    recognition: Recognition, report: ScanReport, *, ordered: bool, told: Label | None = None
) -> Iterator[_Found]:
    for product, folder in zip(recognition.products, recognition.folders, strict=True):
        walker = _ProductWalk(recognition, product, report, ordered=ordered, told=told)
        yield from walker.below(folder, _Context())
        walker.masks.report_unclaimed()


class _ProductWalk:
    """One product's folders, depth first."""

    def __init__(
        self, recognition: Recognition, product: str, report: ScanReport, *, ordered: bool, told: Label | None
    ) -> None:
        self.masks: Final = MaskFinder(report)
        self._root = recognition.root
        self._kind = recognition.kind
        self._product = product
        self._report = report
        self._ordered = ordered
        self._told = told

    def below(self, folder: Path, context: _Context) -> Iterator[_Found]:
        listing = list_folder(folder, self._report, ordered=self._ordered)
        self._report.folders += bool(listing.images)
        roles = {name: role_of(name) for name in listing.folders}
        for name, role in roles.items():
            if role == "masks" and self._kind != "flat":
                self.masks.add_root(folder / name)
        yield from self._images(folder, listing, context)
        if self._kind == "flat":
            return
        for name, role in roles.items():
            if role != "masks":
                inner = context
                if self._kind in _LABELLED_KINDS:
                    inner = _descend(context, name, set(roles.values()))
                yield from self.below(folder / name, inner)

    def _images(self, folder: Path, listing: Listing, context: _Context) -> Iterator[_Found]:
        if not listing.images or (self._kind == "mvtec" and context.split is None):
            return  # beside train and test lie read-me pictures and regions of interest, no parts
        relative = folder.relative_to(self._root).as_posix()
        prefix = "" if relative == "." else relative + "/"
        mask_folders = self.masks.for_folder(folder)
        pairs = beside(listing.images)
        besides = set(pairs.values())
        alone = strays(listing.images, besides) if besides or self.masks.any_roots else set()
        label, split = _settled(context, self._told)
        for name in listing.images:
            if name in besides:
                continue
            if name in alone:
                self._report.problem(folder / name, NO_IMAGE)
                continue
            stem = name[: name.rfind(".")]
            mask = folder / pairs[stem.casefold()] if stem.casefold() in pairs else None
            for masks in mask_folders:
                mask = mask or masks.claim(stem)
            if label == "good":
                mask = None  # an empty mask beside a good image says nothing new
            elif label == "defective" and mask is None and (self.masks.any_roots or pairs):
                self._report.problem(folder / name, NO_MASK)
            self._report.count(
                product=self._product, split=split, label=label, defect_class=context.defect_class, mask=bool(mask)
            )
            yield _Found(folder, name, prefix + name, self._product, split, label, context.defect_class, mask)


def _descend(context: _Context, name: str, siblings: set[str]) -> _Context:
    """The context inside sub-folder `name`, whose siblings (itself included) have these roles."""
    role = role_of(name)
    if context.label == "good" or context.label == "unlabelled":
        return context
    if context.label == "defective":
        return context if context.defect_class else replace(context, defect_class=name)
    if role in ("train", "tuning", "test") and context.split is None:
        return replace(context, split="unused" if role == "tuning" else role)
    if role == "good":
        return replace(context, label="good")
    if role == "unlabelled":
        return replace(context, label="unlabelled")
    if role == "bad":
        return replace(context, label="defective", defect_class="" if is_plain_word(name, "bad") else name)
    beside_good = "good" in siblings and ("bad" not in siblings or context.split is not None)
    if context.split in ("test", "unused") or beside_good:
        return replace(context, label="defective", defect_class=name)  # a folder beside "good" names a defect class
    return context


def _settled(context: _Context, told: Label | None) -> tuple[Label, Split]:
    label: Label = context.label or ("good" if context.split == "train" else told or "unlabelled")
    split: Split = context.split or "unused"
    if split == "train" and label != "good":
        split = "unused"  # training uses good images only
    return label, split


def _draw_training(recognition: Recognition, seed: int, told: Label | None) -> dict[str, set[int]]:
    report = ScanReport()
    for _ in _walk(recognition, report, ordered=False, told=told):
        pass
    chosen = {}
    for product in recognition.products:
        good = report.good.get(product, 0)
        if good <= _GTANOIC_TRAIN:
            raise InputError(
                f"{product} has {good} good images; the protocol gtanoic200 needs more than {_GTANOIC_TRAIN}",
                path=recognition.root,
                mend="Import it without a protocol: Flawscope then proposes a split",
            )
        chosen[product] = set(random.Random(f"{seed}:{product}").sample(range(good), _GTANOIC_TRAIN))
    return chosen


def _compiled(**patterns: Pattern | None) -> dict[str, re.Pattern[str]]:
    compiled = {}
    for name, pattern in patterns.items():
        if pattern is None:
            continue
        try:
            compiled[name] = re.compile(pattern)
        except re.error as error:
            raise InputError(f"the {name} pattern {pattern!r} is not a regular expression ({error})") from error
    return compiled


def _from_patterns(relative: str, patterns: dict[str, re.Pattern[str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, pattern in patterns.items():
        match = pattern.search(relative)
        if match is None:
            continue
        named = {_GROUPS[group]: value for group, value in match.groupdict().items() if group in _GROUPS and value}
        if not pattern.groupindex:
            named = {name: (match[1] if pattern.groups else match[0]) or ""}
        fields |= named
    return fields
