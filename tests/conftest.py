"""What every test shares: where real images are, and a home of its own for whatever a test starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import disks

settings.register_profile("landing", derandomize=True)  # .ci/run: what lands is judged by the same examples each time
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:  # several tests at once: one thread each, or they wait for one another
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; a test that needs it is skipped where it is absent."""
    named = os.environ.get("FLAWSCOPE_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images: {folder} is absent (set FLAWSCOPE_DATA)")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB; where only a child may mount it the test runs there, and this is a folder."""
    if disks.can_be_root():
        yield tmp_path
        return
    with disks.small() as place:
        yield place


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Whoever is not root runs a test of a small disk as root of a name space of its own."""
    if "small_disk" not in pyfuncitem.fixturenames or not disks.can_be_root():
        return None
    disks.run_as_root(pyfuncitem)
    return True
