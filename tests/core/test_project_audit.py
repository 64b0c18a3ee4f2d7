"""The audit trail: complete, append-only, chained; and `verify` finds what was tampered with."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.cells import escape_cell
from core.errors import InputError, ProjectError
from core.project import NewImage, Project
from core.project.audit import COLUMNS, canonical


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed project with five images, two label changes and a mask."""
    with Project.create(tmp_path / "work", "pill", author="AB") as project:
        images = [NewImage(tmp_path / f"{n}.png", "pill", size=n, mtime_ns=n) for n in range(5)]
        project.add_images(images, root=tmp_path)
        project.set_label([1], "good", reason="looked again")
        project.author = "CD"
        project.set_label([1, 2, 3], "defective", defect_class="crack")
        project.import_mask(1, np.eye(9, dtype=np.uint8))
    return tmp_path / "work"


def tamper(folder: Path, *statements: str) -> None:
    """Change the file behind Flawscope's back, as somebody with a database tool would."""
    with closing(sqlite3.connect(folder / "pill.flawscope", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_every_change_has_its_row_with_who_before_after_and_reason(folder: Path) -> None:
    with Project.open(folder, read_only=True) as project:
        labels = [row for row in project.audit_rows() if row.action == "label"]
        assert [(row.who, row.subject_id, row.reason) for row in labels] == [
            ("AB", 1, "looked again"),
            ("CD", None, ""),
        ]
        assert labels[0].before == '["unlabelled",null]'
        assert json.loads(labels[1].after or "")["first"] == [1, 2, 3]
        assert all(row.at.endswith("+00:00") and row.workstation and row.account for row in labels)
        assert [row.seq for row in project.audit_rows(subject="image", subject_id=1)][-1] == project.verify().audit_rows


def test_the_hash_is_that_of_the_row_before_and_the_canonical_row(folder: Path) -> None:
    with Project.open(folder, read_only=True) as project:
        rows = list(project.audit_rows())
    previous = bytes(32)
    for row in rows:
        fields = {name: getattr(row, name) for name in COLUMNS}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(previous + text.encode()).digest()
        assert row.hash == previous.hex()


def test_canonical_json_is_the_same_text_for_equal_values() -> None:
    assert canonical({"b": 1, "a": [1.5, "ä", None]}) == '{"a":[1.5,"ä",null],"b":1}'
    with pytest.raises(ValueError, match="range"):
        canonical(float("nan"))


def test_the_trail_refuses_update_delete_and_replacement(folder: Path) -> None:
    with Project.open(folder) as project:
        for statement in (
            "UPDATE audit SET who = 'nobody'",
            "DELETE FROM audit WHERE seq = 1",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        ):
            with pytest.raises(ProjectError, match="append-only"):
                project._write(lambda tx, s=statement: tx.execute(s))  # type: ignore[misc]
        assert project.verify().is_whole


def test_a_change_without_an_audit_row_is_rolled_back(folder: Path) -> None:
    with Project.open(folder) as project:
        with pytest.raises(AssertionError):
            project._write(lambda tx: tx.execute("UPDATE image SET label = 'good'"))
        assert project.image(1).label == "defective"


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DROP TRIGGER audit_no_update", "UPDATE audit SET who = 'XY' WHERE seq = 4"], "audit row 4 was changed"),
        (["DROP TRIGGER audit_no_delete", "DELETE FROM audit WHERE seq = 4"], "audit rows 4 to 4 are missing"),
        (["DROP TRIGGER blob_no_update", "UPDATE blob SET data = x'00'"], "stored mask"),
        (["UPDATE image SET class_id = 77 WHERE id = 1"], "missing defect_class"),
    ],
)
def test_verify_finds_what_was_tampered_with(folder: Path, statements: list[str], words: str) -> None:
    tamper(folder, *statements)
    with Project.open(folder, read_only=True) as project:
        report = project.verify()
    assert not report.is_whole
    assert any(words in fault for fault in report.faults)


def test_a_head_seen_earlier_shows_that_the_end_was_cut_off(folder: Path) -> None:
    with Project.open(folder) as project:
        early = project.audit_head()
        project.set_label([4], "good")
        late = project.audit_head()
        assert project.verify(head=early).is_whole
        assert project.verify(head=late).is_whole
    guard = "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN\n"
    guard += "    SELECT RAISE(ABORT, 'the audit trail is append-only');\nEND"
    cut = "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"
    tamper(folder, "DROP TRIGGER audit_no_delete", cut, guard)
    with Project.open(folder, read_only=True) as project:
        assert project.verify().is_whole  # a trail that was cut and mended looks whole: only a head seen earlier tells
        assert "does not hold the given head" in project.verify(head=late).faults[0]
        with pytest.raises(InputError):
            project.verify(head="no hash")


def test_verify_compares_images_with_their_hashes(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"x" * number)
    with Project.create(tmp_path / "work") as project:
        project.add_images([NewImage(tmp_path / f"{n}.png", "pill") for n in range(3)], root=tmp_path)
        project.hash_images()
        assert project.verify(images=True).image_faults == ()
        (tmp_path / "1.png").write_bytes(b"y")
        (tmp_path / "2.png").unlink()
        report = project.verify(images=True)
    assert report.is_whole
    assert report.images_checked == 3
    assert [fault.split("png ")[1][:12] for fault in report.image_faults] == ["is not the f", "cannot be re"]


def test_the_trail_is_exported_and_a_spreadsheet_runs_none_of_it(folder: Path, tmp_path: Path) -> None:
    with Project.open(folder) as project:
        project.set_label([5], "good", reason="=cmd|' /C calc'!A0")
        rows = project.export_audit(tmp_path / "audit.csv")
        assert project.export_audit(tmp_path / "audit.json") == rows
        with pytest.raises(InputError):
            project.export_audit(tmp_path / "audit.xlsx")
    lines = list(csv.DictReader((tmp_path / "audit.csv").open(newline="")))
    assert len(lines) == rows
    assert lines[-1]["reason"] == "'=cmd|' /C calc'!A0"
    assert json.loads((tmp_path / "audit.json").read_text())[-1]["reason"] == "=cmd|' /C calc'!A0"
    assert [escape_cell(value) for value in ("+1", "-1", "@x", -1, None, "a=b")] == [
        "'+1",
        "'-1",
        "'@x",
        "-1",
        "",
        "a=b",
    ]


def test_a_dropped_guard_is_found(tmp_path: Path) -> None:
    with Project.create(tmp_path / "project") as project:
        file = project.file
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DROP TRIGGER audit_no_delete")
    with Project.open(file) as project:
        assert project.verify().faults == ("the guard audit_no_delete is missing or was changed",)
