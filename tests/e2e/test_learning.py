"""That the whole job finds real defects: minutes of training on drawn chips, from the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.samples import write_samples
from tests.e2e.conftest import flawscope


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_quick_learns_chips_at_64_pixels(tmp_path: Path) -> None:
    """The specification's toy check (PRFF-AD, 17.11): 700 steps with the drops reach 0.95 and 0.97.

    On its kinds of defect (scratches, blobs, a missing corner, specks): a whole missing die is left out.
    """
    write_samples(tmp_path / "parts", kinds=["flip_chip_a"], train=60, test_good=20, per_class=4)
    for folder in ("test", "ground_truth"):
        shutil.rmtree(tmp_path / "parts" / "flip_chip_a" / folder / "no_die")
    assert flawscope("import", "parts", "project", cwd=tmp_path).code == 0
    settings = ["preprocess.size=64", "train.steps=700", "train.batch=16"]
    arguments = [word for setting in settings for word in ("--set", setting)]
    trained = flawscope("train", "project", "--preset", "quick", *arguments, "--json", cwd=tmp_path, timeout=1200)
    assert trained.code == 0, trained.err
    assert trained.document["image_auroc"] > 0.95
    assert trained.document["pixel_auroc"] > 0.97
