"""Artificial defects: what a detector that has only seen good parts learns to tell apart."""

from __future__ import annotations

from core.synthesis.defects import DefectSynthesiser, Draw, sample_rng
from core.synthesis.perlin import perlin
from core.synthesis.textures import TextureSource

__all__ = ["DefectSynthesiser", "Draw", "TextureSource", "perlin", "sample_rng"]
