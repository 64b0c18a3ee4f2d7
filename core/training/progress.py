"""Where a training stands besides its tensors, and the files that it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from core.jobfiles import weights_file
from core.training.data import Place
from core.training.schedules import Plateau

LAST: Final = weights_file("last")
BEST: Final = weights_file("best")


@dataclass
class Progress:
    """Everything that a resumed training must know besides tensors."""

    step: int = 0
    place: Place = field(default_factory=Place)
    looks: int = 0  # judgements passed
    kept: float = 0.0  # share of the length up to which models were kept where that was asked for
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
