"""Where resources/ is: in a checkout, in an installed wheel, in a frozen bundle."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path

from core.errors import FlawscopeError


@cache
def resources() -> Path:
    """The folder of presets, classes and templates; raises `FlawscopeError` when the installation lacks it."""
    bundle = getattr(sys, "_MEIPASS", None)
    places = [
        *([Path(bundle) / "resources"] if bundle else []),
        Path(__file__).resolve().parent.parent / "resources",
        Path(sysconfig.get_path("data")) / "share" / "flawscope" / "resources",
    ]
    for place in places:
        if (place / "presets").is_dir():
            return place
    raise FlawscopeError("this installation lacks its resources folder", mend="Install flawscope again")
