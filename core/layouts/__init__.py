"""Which folder is what: recognises how a set of images is laid out, says so in one sentence, streams its entries.

    recognition = recognise(Path("pill"))          # "MVTec AD layout: 1 product, 267 training and 167 test images, ..."
    report = ScanReport()
    for entry in scan(recognition, report=report): ...
    report.problems                                # masks without image, unreadable folders, ...

Kinds: `mvtec` (train/ and test/ below each product, what lies beside them is left out; a root of several categories
too), `good_bad` (folders named good and bad in one of many languages, or good beside one folder a defect class),
`gtanoic` (one folder a type, each a product of its own with good and bad inside), `flat` (images in one folder),
`nested` (images in folders that say nothing about labels). A wrong guess is corrected with `kind=` and `product=`.

Splits: only what a layout states. `train` and `test` come from mvtec folders and from the protocol "gtanoic200"; every
other entry is `unused`, which here means "not assigned yet". `tuning` is never assigned here.
"""

from core.layouts.entries import Counts, Entry, Kind, Problem, Recognition, ScanReport
from core.layouts.masks import NO_IMAGE, NO_MASK
from core.layouts.recognition import recognise
from core.layouts.scanning import DEFAULT_VIEW, Protocol, scan
from core.layouts.words import Role, is_image_name, natural_key, role_of

__all__ = [
    "DEFAULT_VIEW",
    "NO_IMAGE",
    "NO_MASK",
    "Counts",
    "Entry",
    "Kind",
    "Problem",
    "Protocol",
    "Recognition",
    "Role",
    "ScanReport",
    "is_image_name",
    "natural_key",
    "recognise",
    "role_of",
    "scan",
]
