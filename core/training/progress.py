"""Where a training stands besides its tensors, and the files that it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from core.training.data import Place
from core.training.schedules import Plateau

LAST: Final = "checkpoints/last.safetensors"
BEST: Final = "checkpoints/best.safetensors"


@dataclass
class Progress:
    """Everything that a resumed training must know besides tensors."""

    step: int = 0
    place: Place = field(default_factory=Place)
    looks: int = 0  # judgements passed
    setbacks: int = 0
    rate: float = 1.0  # factor on every rate after setbacks
    best: float | None = None
    best_step: int = 0
    without_gain: int = 0
    finished: bool = False
    early: bool = False  # ended by patience
    plateau: Plateau = field(default_factory=Plateau)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "place": [self.place.epoch, self.place.position], "plateau": vars(self.plateau)}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Progress:
        return cls(**{**record, "place": Place(*record["place"]), "plateau": Plateau(**record.get("plateau", {}))})
