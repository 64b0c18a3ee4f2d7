"""Lists of defect classes that come with the program: resources/classes/*.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Final

from core.assets import resources
from core.project.records import ClassDraft

PRESETS: Final = ("chip", "vial")


@cache
def preset_classes(name: str) -> tuple[ClassDraft, ...]:
    """The classes of one of `PRESETS` in their order, as new ones. Raises `FileNotFoundError` for another name."""
    text = (resources() / "classes" / f"{name}.toml").read_text(encoding="utf-8")
    return tuple(
        ClassDraft(None, row["code"], row["names"], row["colour"].lower()) for row in tomllib.loads(text)["class"]
    )
