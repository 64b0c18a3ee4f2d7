"""Regions of interest from a shell: set, repeated, aligned, imported, taken out again."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.imaging import save_png
from core.project import Project
from tests.e2e.conftest import flawscope


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of three images of a strip that lies differently in each."""
    for number, shift in enumerate((0, 4, -3)):
        picture = np.full((60, 160, 3), 50, np.uint8)
        for cell in range(3):
            left = 12 + 45 * cell + shift
            cv2.rectangle(picture, (left, 10), (left + 32, 50), (200, 190, 170), -1)
            cv2.circle(picture, (left + 10 + 4 * cell, 22), 5, (30, 40, 60), -1)
        save_png(tmp_path / "strips" / "train" / "good" / f"{number}.png", picture)
    assert flawscope("import", "strips", "project", "--good", cwd=tmp_path).code == 0
    return tmp_path


@pytest.mark.slow
def test_a_region_is_set_aligned_copied_and_written_out_again(folder: Path) -> None:
    region = {"align": "translation", "zones": [{"name": "strip", "box": [8, 6, 140, 54]}]}
    (folder / "region.json").write_text(json.dumps(region))
    assert flawscope("roi", "show", "project", cwd=folder).out.startswith("No region is set")
    done = flawscope("roi", "set", "project", "region.json", "--template", "good/0.png", "--json", cwd=folder)
    assert done.document == {"version": 1, "zones": 1, "cells": 0, "own": 0}, done.err
    pitch = ("--first", "12,10,45,51", "--count", "3", "--pitch", "45,0")
    assert flawscope("roi", "cells", "project", *pitch, "--json", cwd=folder).document["cells"] == 3

    aligned = flawscope("roi", "align", "project", "--json", cwd=folder)

    assert aligned.document["aligned"] == 3 and aligned.document["low"] == [], aligned.err
    with Project.open(folder / "project", read_only=True) as project:
        roi_id = next(iter(project.roi_ids().values()))
        assert sorted(round(one.matrix[2]) for one in project.alignments(roi_id)) == [-3, 0, 4]
    copied = flawscope("roi", "copy", "project", "--from", "1.png", "--to", "2.png", "--json", cwd=folder)
    assert copied.document["own"] == 1
    shown = flawscope("roi", "show", "project", "--out", "out.json", "--json", cwd=folder)
    assert shown.document["own"] and [cell["name"] for cell in shown.document["cells"]] == ["1", "2", "3"]
    assert json.loads((folder / "out.json").read_text())["zones"][0]["box"] == [8, 6, 140, 54]
    assert flawscope("roi", "reset", "project", "--json", cwd=folder).document["own"] == 0
    save_png(folder / "regions" / "train" / "good" / "0.png", np.full((60, 160), 255, np.uint8))
    taken = flawscope("roi", "import", "project", "regions", "--json", cwd=folder)
    assert taken.document == {"written": 1, "unchanged": 0, "problems": []}, taken.err


def test_what_makes_no_sense_ends_with_a_sentence(folder: Path) -> None:
    (folder / "region.json").write_text('{"zones": [{"box": [5, 5, 5, 9]}]}')
    done = flawscope("roi", "set", "project", "region.json", cwd=folder)
    assert done.code == 3 and "zone 1 is empty" in done.err


def test_a_mask_of_another_size_is_taken_and_its_stretching_said(folder: Path) -> None:
    save_png(folder / "region.png", np.full((30, 160), 255, np.uint8))
    done = flawscope("roi", "set", "project", "region.png", cwd=folder)
    assert done.code == 0 and "1 zone, 0 cells" in done.out
    assert "The mask measures 160 x 30 pixels" in done.err and "160 x 60: it is stretched" in done.err
    assert "align is off" in flawscope("roi", "align", "project", cwd=folder).out
    done = flawscope("annotations", "export", "project", "out", "--format", "x", cwd=folder)
    assert done.code == 2 and "'x' is not one of 'mvtec'" in done.err and "Value error" not in done.err
