"""Sample parts, drawn and not photographed: two flip chips, a chip with bond wires, a strip of five vials.

The demo, the tests and a first look need parts whose defects are known to the pixel. Everything follows from
(kind, seed, index, defect): light, noise, place, texture, bubbles, defect. No image is stored.
"""

from core.samples.names import CLASSES, KIND_CLASSES, KINDS, SIZES, DefectClass, Kind
from core.samples.part import SamplePart, cells, draw, roi
from core.samples.write import contact_sheet, write_samples

__all__ = [
    "CLASSES",
    "KINDS",
    "KIND_CLASSES",
    "SIZES",
    "DefectClass",
    "Kind",
    "SamplePart",
    "cells",
    "contact_sheet",
    "draw",
    "roi",
    "write_samples",
]
