"""The kinds of sample part, their sizes, and the defect classes that each can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from core.errors import InputError

Kind = Literal["flip_chip_a", "flip_chip_b", "wire_chip", "vial_strip"]

KINDS: Final[tuple[Kind, ...]] = ("flip_chip_a", "flip_chip_b", "wire_chip", "vial_strip")

SIZES: Final[dict[Kind, tuple[int, int]]] = {
    "flip_chip_a": (350, 400),
    "flip_chip_b": (400, 340),
    "wire_chip": (340, 340),
    "vial_strip": (800, 480),
}
"""Width and height in pixels; the chips are of the resolutions of GTanoIC's D_A, D_B and D_F."""


@dataclass(frozen=True)
class DefectClass:
    """A defect class: the number in a label mask, the folder name, a name per language, a colour."""

    id: int
    code: str
    names: dict[str, str]
    colour: str


def _entry(number: int, code: str, colour: str, en: str, de: str, zh: str) -> DefectClass:
    return DefectClass(number, code, {"en": en, "de": de, "zh": zh}, colour)


CLASSES: Final[dict[str, DefectClass]] = {
    entry.code: entry
    for entry in (
        _entry(1, "pollution", "#E69F00", "Pollution", "Verschmutzung", "污染"),
        _entry(2, "crack", "#D55E00", "Crack", "Riss", "裂纹"),
        _entry(3, "broken", "#0072B2", "Broken", "Ausbruch", "破损"),
        _entry(4, "no_die", "#F0E442", "No die", "Chip fehlt", "缺芯片"),
        _entry(5, "foreign_substance", "#CC79A7", "Foreign substance", "Fremdkörper", "异物"),
        _entry(6, "no_wires", "#882255", "No wires", "Drähte fehlen", "缺线"),
        _entry(7, "wire_residue", "#AA4499", "Wire residue", "Drahtrest", "残线"),
        _entry(8, "particle", "#D55E00", "Particle", "Partikel", "颗粒"),
        _entry(9, "scratch", "#E69F00", "Scratch", "Kratzer", "划痕"),
        _entry(10, "black_spot", "#0072B2", "Black spot", "Schwarzer Fleck", "黑点"),
    )
}
"""Every class by code. Numbers are unique over all kinds, so chips and vials can share a project."""

_FLIP_CHIP: Final = ("pollution", "crack", "broken", "no_die", "foreign_substance")

KIND_CLASSES: Final[dict[Kind, tuple[str, ...]]] = {
    "flip_chip_a": _FLIP_CHIP,
    "flip_chip_b": _FLIP_CHIP,
    "wire_chip": ("pollution", "no_wires", "no_die", "wire_residue"),
    "vial_strip": ("particle", "scratch", "black_spot"),
}
"""The classes that each kind can show: GTanoIC's tables 1 and 2, GRD-Net's figures 9 and 10."""


def check(kind: str, defect: str | None) -> Kind:
    """`kind` as a known kind; raises `InputError` for an unknown kind or a class that it does not show."""
    for known in KINDS:
        if known == kind:
            if defect is not None and defect not in KIND_CLASSES[known]:
                raise InputError(
                    f"a {kind} shows no defect {defect!r}", mend=f"Choose one of {', '.join(KIND_CLASSES[known])}"
                )
            return known
    raise InputError(f"there is no sample part {kind!r}", mend=f"Choose one of {', '.join(KINDS)}")
