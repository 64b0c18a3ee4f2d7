"""What was chosen for a view the last time: detector, preset, changes. Kept for every project by itself."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import Memory
from core.config import MODELS, presets

Place = tuple[str, str, str]  # project file, product, view


@dataclass(frozen=True)
class Choice:
    """`changes` as `key=value`."""

    model: str = "prff"
    preset: str = "quick"
    changes: tuple[str, ...] = ()


def recall_choice(memory: Memory, place: Place) -> Choice:
    """The last choice; the defaults where there was none, or where what was chosen no longer exists."""
    found = memory.recall(_key(place), {}).get(_view(place))
    if not isinstance(found, list) or len(found) < 2 or not all(isinstance(part, str) for part in found):
        return Choice()
    model, preset, *changes = found
    if model not in MODELS or all(one.name != preset for one in presets(model)):
        return Choice()
    return Choice(model, preset, tuple(changes))


def remember_choice(memory: Memory, place: Place, choice: Choice) -> None:
    """Keep a choice; the defaults are not kept."""
    known = dict(memory.recall(_key(place), {}))
    known.pop(_view(place), None)
    if choice != Choice():
        known[_view(place)] = [choice.model, choice.preset, *choice.changes]
    memory.remember(_key(place), known or None)


def _key(place: Place) -> str:
    return f"training choice {place[0]}"


def _view(place: Place) -> str:
    return f"{place[1]} > {place[2]}"
