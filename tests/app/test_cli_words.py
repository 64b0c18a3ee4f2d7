"""Classes, scale, notes and defect book from a shell: as in the window, and undone like there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from app.cli import app
from core.annotation.masks import Delta
from core.errors import FlawscopeError, InputError, ProjectError
from core.project import Project
from core.project.records import Alignment, Zone

Shell = Callable[..., str]


@pytest.fixture
def shell(project_file: Path) -> Shell:
    """Runs a command on the project; what it printed."""

    def run(*arguments: str, project: Path | None = project_file) -> str:
        words = list(arguments)
        at = 2 if words[0] in ("classes", "notes", "book", "roi") else 1
        done = CliRunner().invoke(app, [*words[:at], str(project), *words[at:]], env={"FLAWSCOPE_AUTHOR": "AB"})
        if isinstance(done.exception, FlawscopeError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def codes(shell: Shell, *more: str) -> list[str]:
    return [one["code"] for one in json.loads(shell("classes", "list", "--json", *more))]


def test_classes_are_added_renamed_taken_out_and_brought_back(shell: Shell, project_file: Path) -> None:
    shell("classes", "add", "crack", "--name", "de=Riss", "--name", "Crack", "--colour", "#123456")
    shell("classes", "add", "dirt")
    with pytest.raises(InputError, match="already"):
        shell("classes", "add", "dirt")
    shell("classes", "rename", "crack", "split", "--name", "de=", "--description", "runs across")
    shell("classes", "delete", "dirt")
    assert codes(shell) == ["split"] and codes(shell, "--all") == ["split", "dirt"]
    shell("classes", "add", "dirt", "--name", "fr=saleté")
    with Project.open(project_file, read_only=True) as project:
        split, dirt = project.classes()
        assert (split.code, dict(split.names), split.colour) == ("split", {"en": "Crack"}, "#123456")
        assert split.description == "runs across" and dict(dirt.names) == {"fr": "saleté"}
        assert {row.who for row in project.audit_rows() if row.subject == "defect_class"} == {"AB"}
    with pytest.raises(InputError, match="Those of the project: split, dirt"):
        shell("classes", "rename", "scratch", "x")
    with pytest.raises(InputError, match="two classes have the code split"):
        shell("classes", "rename", "dirt", "split")


def test_every_change_of_classes_is_one_step_back(shell: Shell) -> None:
    shell("classes", "presets", "chip")
    before = codes(shell)
    assert len(before) > 3
    assert "All of them are there" in shell("classes", "presets", "chip")
    for change in (("add", "own"), ("rename", before[0], "other"), ("delete", before[1]), ("merge", *before[1:3])):
        shell("classes", *change)
        assert codes(shell) != before
        assert "Undone" in shell("undo")
        assert codes(shell) == before
    shell("undo")
    assert codes(shell) == [] and "Redone: Edit classes" in shell("undo", "--redo")
    assert codes(shell) == before
    assert set(json.loads(shell("classes", "presets", "--json"))) == {"chip", "vial"}
    with pytest.raises(InputError, match="Name one of: chip, vial"):
        shell("classes", "presets", "wafer")


def test_a_merged_class_takes_its_pixels_along(shell: Shell, project_file: Path) -> None:
    with Project.open(project_file) as project:
        first, second = project.add_class("crack"), project.add_class("dirt")
        project.add_stroke(
            9, Delta((48, 64), (2, 2, 6, 6), np.full((4, 4), first, np.uint8)), tool="brush", class_id=first
        )
    with pytest.raises(ProjectError, match="Merge it"):
        shell("classes", "delete", "crack")
    report: dict[str, Any] = json.loads(shell("classes", "merge", "crack", "dirt", "--reason", "one of them", "--json"))
    assert report["masks"] == 1
    with Project.open(project_file, read_only=True) as project:
        mask = project.mask(9)
        assert mask is not None and np.count_nonzero(mask == second) == 16 and not (mask == first).any()


def test_a_scale_comes_from_a_line_and_is_undone(shell: Shell) -> None:
    def known() -> float | None:
        found: float | None = json.loads(shell("scale", "--json"))[0]["µm a pixel"]
        return found

    assert known() is None
    shell("scale", "--px", "200", "--mm", "5")
    assert known() == 25.0
    shell("scale", "--clear")
    assert known() is None
    shell("undo")
    assert known() == 25.0
    with pytest.raises(InputError, match="together"):
        shell("scale", "--px", "3")
    with pytest.raises(InputError, match="above 0"):
        shell("scale", "--px", "3", "--mm", "0")


def test_notes_are_listed_withdrawn_and_undone(shell: Shell) -> None:
    def texts(*image: str) -> list[str]:
        return [one["note"] for one in json.loads(shell("notes", "list", *image, "--json"))]

    shell("notes", "add", "part 03", " scratched in the tray ")
    shell("notes", "add", "5", "again?")
    assert texts() == ["scratched in the tray", "again?"] and texts("part 03") == ["scratched in the tray"]
    assert "part 03.png" in shell("notes", "list") and "AB" in shell("notes", "list")
    shell("notes", "withdraw", "1")
    assert texts() == ["again?"]
    shell("undo")
    assert texts() == ["scratched in the tray", "again?"]
    with pytest.raises(InputError, match="images fit"):
        shell("notes", "add", "part", "which?")
    with pytest.raises(InputError, match="has words"):
        shell("notes", "add", "5", " ")


def test_the_defect_book_is_filled_and_read(shell: Shell) -> None:
    shell("classes", "add", "crack")
    shell("book", "add", "crack", "part 08", "30,20,44,28")
    shell("book", "add", "crack", "part 09", "30,20,40,28", "--kind", "limit_good", "--note", "just fine")
    found = json.loads(shell("book", "list", "--json"))
    assert [(one["class"], one["kind"], one["x1"]) for one in found] == [
        ("crack", "example", 44),
        ("crack", "limit_good", 40),
    ]
    shell("book", "remove", str(found[0]["number"]))
    assert [one["kind"] for one in json.loads(shell("book", "list", "crack", "--json"))] == ["limit_good"]
    with pytest.raises(InputError, match="four whole numbers"):
        shell("book", "add", "crack", "part 08", "1,2,3")


def test_a_region_that_is_not_aligned_is_nowhere_said_to_lie_wrong(shell: Shell, project_file: Path) -> None:
    with Project.open(project_file) as project:
        (view,) = project.views()
        roi = project.set_roi(view.id, zones=[Zone("part", "inspect", {"box": [2, 2, 40, 40]})])
        still = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
        project.set_alignments(roi.id, [Alignment(one, still, 0.1 * one, "none", "model") for one in (1, 9)])
    said = shell("roi", "show")
    assert "align is off" in said and "may lie wrong" not in said
    assert "Of 2 images that were compared, 1 may show the part elsewhere" in said
