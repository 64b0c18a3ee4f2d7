"""What a person reads in a shell about masks that cannot come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.imaging import save_png
from tests.e2e.conftest import flawscope


def test_masks_that_are_left_out_are_named_once_until_they_are_mended(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    nut = tmp_path / "nut"
    for name in ("good/0", "good/1", "good/2", "bad/0", "bad/1"):
        save_png(nut / f"{name}.png", rng.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    save_png(nut / "ground_truth" / "bad" / "0_mask.png", np.full((8, 8), 255, np.uint8))
    save_png(nut / "ground_truth" / "bad" / "9_mask.png", np.full((16, 24), 255, np.uint8))
    first = flawscope("import", "nut", "project", cwd=tmp_path)
    said = " ".join((first.out + first.err).split())
    assert first.code == 0, first.err
    assert said.count("0_mask.png: this mask measures 8 x 8 pixels, its image 24 x 16: it is left out") == 1
    assert said.count("9_mask.png: this mask has no image of its name: it is left out") == 1
    assert said.count("1.png: this defective image has no mask: it is kept") == 1
    save_png(nut / "ground_truth" / "bad" / "0_mask.png", np.full((16, 24), 255, np.uint8))
    (nut / "ground_truth" / "bad" / "9_mask.png").rename(nut / "ground_truth" / "bad" / "1_mask.png")
    again = flawscope("add", "project", "--json", cwd=tmp_path)
    assert again.code == 0, again.err
    assert (again.document["masks"], again.document["problems"]) == (2, [])
