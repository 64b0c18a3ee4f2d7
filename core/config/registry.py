"""The models that exist: what a person reads about each, and where its code is. A new model is one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ModelInfo:
    """One model. `module` names a Python module below the torch line that has `build(config) -> Recipe`.

    `channels_last` says whether a processor trains it faster with the channels of a pixel side by side, as measured by
    `tests/benchmarks/bench_training.py`. With `own_score` the score of an image is not the maximum of its smoothed map:
    a threshold of scores says nothing about the map.
    """

    name: str
    title: str
    paper: str
    line: str
    module: str
    research: bool = False
    channels_last: bool = False
    own_score: bool = False


_ALL: Final = (
    ModelInfo(
        name="prff",
        title="PRFF-AD",
        paper="Liu, Zhu, Feng, Zeng: Anomaly Detection via Progressive Reconstruction and Hierarchical Feature "
        "Fusion. Sensors 2023, 23(21), 8750",
        line="Rebuilds the part as it should look, compares, and looks twice when in doubt.",
        module="core.models.prff.recipe",
        channels_last=True,
    ),
    ModelInfo(
        name="grdnet",
        title="GRD-Net",
        paper="Ferrari, Fraccaroli, Lamma: GRD-Net: Generative-Reconstructive-Discriminative Anomaly "
        "Detection with Region of Interest Attention Module. Int. J. Intelligent Systems 2023, 7773481",
        line="Learns where to look: what lies outside the region of interest is taught to be no defect.",
        module="core.models.grdnet.recipe",
    ),
    ModelInfo(
        name="draem",
        title="DRAEM",
        paper="Zavrtanik, Kristan, Skocaj: DRAEM - A discriminatively trained reconstruction embedding for surface "
        "anomaly detection. ICCV 2021",
        line="The baseline: rebuilds once and compares.",
        module="core.models.draem.recipe",
        research=True,
    ),
    ModelInfo(
        name="ganomaly",
        title="GANomaly",
        paper="Akcay, Atapour-Abarghouei, Breckon: GANomaly: Semi-supervised anomaly detection via adversarial "
        "training. ACCV 2018",
        line="The oldest baseline: compares two latents, shows no places.",
        module="core.models.ganomaly.recipe",
        research=True,
        channels_last=True,
        own_score=True,
    ),
)

MODELS: Final = MappingProxyType({info.name: info for info in _ALL})
