"""What every test shares: where real images are, and a home of its own for whatever a test starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; a test that needs it is skipped where it is absent."""
    named = os.environ.get("FLAWSCOPE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent (set FLAWSCOPE_DATA)")
    return folder
