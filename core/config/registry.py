"""The models that exist: what a person reads about each, and where its code is. A new model is one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ModelInfo:
    """One model. `module` names a Python module below the torch line that has `build(config) -> Recipe`."""

    name: str
    title: str
    paper: str
    line: str
    module: str


_ALL: Final = (
    ModelInfo(
        name="prff",
        title="PRFF-AD",
        paper="Liu, Zhu, Feng, Zeng: Anomaly Detection via Progressive Reconstruction and Hierarchical Feature "
        "Fusion. Sensors 2023, 23(21), 8750",
        line="Rebuilds the part as it should look, compares, and looks twice when in doubt.",
        module="core.models.prff.recipe",
    ),
)

MODELS: Final = MappingProxyType({info.name: info for info in _ALL})
