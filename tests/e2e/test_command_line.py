"""The main job from a shell: every command, its exit code, its JSON, and what a person reads when it goes wrong."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from core.imaging import decode, save_png
from core.project import Project
from core.samples import draw
from tests.e2e.conftest import Trained, flawscope


def test_import_says_what_it_saw(trained: Trained) -> None:
    assert trained.imported.code == 0, trained.imported.err
    report = trained.imported.document
    assert report["found"]["new"] == 12 + 4 + 5
    assert report["masks"] == 5
    assert "MVTec AD" in report["sentence"]


def test_train_ends_with_its_number_and_figures(trained: Trained) -> None:
    assert trained.trained.code == 0, trained.trained.err
    result = trained.trained.document
    assert result["training"] == 1
    assert result["state"] == "finished"
    assert 0 <= result["image_auroc"] <= 1
    assert 0 <= result["pixel_auroc"] <= 1
    assert (result["images"], result["defective"], result["masks"]) == (9, 5, 5)
    proposal = result["proposal"]
    assert {one["passes"] for one in proposal["options"]} == {1, 2, 3} and proposal["images"] == 1
    shown = flawscope("show", "project", "--training", "1", cwd=trained.folder)
    assert proposal["sentence"][:20] in shown.out, shown.err


@pytest.mark.slow
def test_a_training_is_estimated_and_not_made(trained: Trained) -> None:
    arguments = ("train", "project", "--preset", "micro", "--minutes", "90", "--estimate")
    result = flawscope(*arguments, "--json", cwd=trained.folder)
    assert result.code == 0, result.err
    found = result.document
    assert found["seconds"] == 90 * 60 and found["step"] > 0 and found["memory"] > 1e8 and found["disk"] > 1e5
    assert "One step takes" in result.err and "1 h 30 min, done" in result.err
    assert sorted(path.name for path in (trained.project / "runs").iterdir()) == ["1"]
    assert not (trained.project / "cache" / "measuring").exists()


def test_evaluate_gives_the_same_figures_again(trained: Trained) -> None:
    result = flawscope("evaluate", "project", "--json", cwd=trained.folder)
    assert result.code == 0, result.err
    first, second = trained.trained.document, result.document
    for name in ("image_auroc", "pixel_auroc", "images", "defective", "masks", "seconds"):
        assert first[name] == second[name], name


def test_heatmaps_are_written_as_a_page(trained: Trained) -> None:
    result = flawscope("evaluate", "project", "--heatmaps", "pictures", cwd=trained.folder)
    assert result.code == 0, result.err
    page = trained.folder / "pictures" / "index.html"
    assert str(Path("pictures") / "index.html") in result.out
    assert page.read_text().count("<img") >= 3


def test_scoring_again_takes_other_passes_without_training(trained: Trained) -> None:
    arguments = ("--passes", "2", "--gate", "-1", "--taps", "last", "--json")
    result = flawscope("score", "project", *arguments, cwd=trained.folder)
    assert result.code == 0, result.err
    again = result.document
    assert (again["passes"], again["taps"], again["gated"]) == (2, "last", 1.0)
    assert again["scoring"] != trained.trained.document["scoring"]
    kept = flawscope("evaluate", "project", "--scoring", str(again["scoring"]), "--json", cwd=trained.folder)
    assert kept.document["image_auroc"] == again["image_auroc"]


def test_scores_and_the_draft_of_a_threshold_are_in_the_project(trained: Trained) -> None:
    with Project.open(trained.project, read_only=True) as project:
        run = project.run_by_number(1)
        first = project.scorings(run.id)[0]
        assert sum(1 for _ in project.scores(first.id)) == 9 + 1  # test and tuning
        (decision, *_) = project.decisions(run.id)
        assert decision.state == "draft"
        assert decision.how["split"] == "tuning"
        maps = sorted((project.folder / first.folder / "heatmaps").glob("*.png"))
        assert len(maps) == 10
        assert decode(maps[0]).dtype.name == "uint16"


def test_list_and_show_answer(trained: Trained) -> None:
    listed = flawscope("list", "project", "--json", cwd=trained.folder).document
    assert listed["products"][0]["train"] == 11
    assert listed["trainings"][0]["state"] == "finished"
    images = flawscope("list", "project", "--images", "--json", cwd=trained.folder).document["images"]
    assert len(images) >= 21
    shown = flawscope("show", "project", "--json", cwd=trained.folder)
    assert shown.code == 0, shown.err
    assert shown.document["set train.batch"] == 2
    one = flawscope("show", "project", "--image", str(images[-1]["id"]), cwd=trained.folder)
    assert Path(images[-1]["path"]).name in one.out
    assert "quick" in flawscope("list", "--models", cwd=trained.folder).out


def test_masks_go_out_and_in(trained: Trained) -> None:
    assert flawscope("annotations", "export", "project", "masks", cwd=trained.folder).code == 0
    assert len(list((trained.folder / "masks").rglob("*_mask.png"))) == 5
    back = flawscope("annotations", "import", "project", "masks", "--json", cwd=trained.folder)
    assert (back.document["unchanged"], back.document["problems"]) == (5, [])


def test_annotations_go_to_other_tools_and_differences_come_back(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.project, tmp_path / "project")
    out = ("annotations", "export", "project", "out", "--format", "labelme", "--shapes", "masks")
    first = flawscope(*out, "--json", cwd=tmp_path)
    assert (first.document["masks"], first.document["written"], first.code) == (5, 5, 0), first.err
    path = sorted((tmp_path / "out").rglob("[!.]*.json"))[0]
    document = json.loads(path.read_text())
    document["shapes"] = [{"label": "mine", "points": [[0, 0], [30, 20]], "shape_type": "rectangle"}]
    path.write_text(json.dumps(document))
    refused = flawscope(*out, cwd=tmp_path)
    assert refused.code == 3 and "did not write" in refused.err and json.loads(path.read_text()) == document
    arguments = ("--author", "CD", "--conflicts", "differences.csv", "--json")
    back = flawscope("annotations", "import", "project", "out", *arguments, cwd=tmp_path)
    report = back.document
    assert (report["format"], report["written"], report["classes"]) == ("labelme", 5, ["mine"]), back.err
    (conflict,) = report["conflicts"]
    assert conflict["whom"] == "AB (imported)" and conflict["iou"] < 0.1
    assert conflict["image"] in (tmp_path / "differences.csv").read_text(encoding="utf-8-sig")
    listed = flawscope("annotations", "conflicts", "project", "--json", cwd=tmp_path).document
    assert listed == {"decided": 0, "conflicts": [{"image": conflict["image"], "author": "CD", "decided": False}]}
    decide = ("annotations", "conflicts", "project", "--decide", "mine", "--json")
    assert flawscope(*decide, "--image", "no such", cwd=tmp_path).document["conflicts"] == []
    decided = flawscope(*decide, "--author", "EF", cwd=tmp_path)
    assert decided.document["decided"] == 1, decided.err
    with Project.open(tmp_path / "project", read_only=True) as project:
        (row,) = (one for one in project.images() if one.relative == conflict["image"])
        kept, first = project.mask(row.id, author="EF"), project.mask(row.id, origin="import", author="AB")
        assert kept is not None and first is not None and (kept == first).all()
    wrong = flawscope("annotations", "export", "project", "out", "--format", "yolo", "--shapes", "masks", cwd=tmp_path)
    assert wrong.code == 3 and "holds no masks" in wrong.err


def test_the_record_chains_and_can_be_read(trained: Trained) -> None:
    verified = flawscope("audit", "verify", "project", cwd=trained.folder)
    assert verified.code == 0
    assert "whole" in verified.out
    assert flawscope("audit", "export", "project", "trail.csv", cwd=trained.folder).code == 0
    assert "AB" in (trained.folder / "trail.csv").read_text()


@pytest.mark.slow
def test_tomorrows_lot_is_added_scored_and_judged_without_labels(trained: Trained) -> None:
    for index in range(40, 43):
        part = draw("flip_chip_a", seed=7, index=index, defect=None)
        save_png(trained.folder / "tomorrow" / f"{part.name}.png", part.image)
    added = flawscope("add", "project", "tomorrow", "--lot", "L9", "--json", cwd=trained.folder)
    assert added.code == 0, added.err
    assert added.document["found"]["new"] == 3
    scored = flawscope("score", "project", "--training", "1", "--lot", "L9", "--json", cwd=trained.folder)
    assert scored.code == 0, scored.err
    lot = scored.document
    assert lot["images"] == 3
    assert lot["reject"] + lot["pass"] == 3
    nothing = flawscope("score", "project", "--lot", "L77", cwd=trained.folder)
    assert nothing.code == 3
    assert "L77" in nothing.err


def test_a_record_changed_behind_its_back_is_found(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.project, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "project.flawscope")) as db, db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET who = 'XX' WHERE seq = 2")
    verified = flawscope("audit", "verify", tmp_path / "copy", cwd=tmp_path)
    assert verified.code == 5
    assert "row 2" in verified.out


def test_backup_restore_pack_and_unpack(trained: Trained) -> None:
    assert flawscope("backup", "project", cwd=trained.folder).code == 0
    (newest, *_) = sorted((trained.project / "backups").glob("*"), reverse=True)
    restored = flawscope("backup", "project", "--restore", newest, cwd=trained.folder)
    assert restored.code == 0, restored.err
    packed = flawscope("pack", "project", "carry.flawpack", "--images", cwd=trained.folder)
    assert packed.code == 0, packed.err
    assert flawscope("unpack", "carry.flawpack", "elsewhere", cwd=trained.folder).code == 0
    there = flawscope("evaluate", "elsewhere", "--training", "1", "--json", cwd=trained.folder)
    assert there.code == 0, there.err
    assert there.document["images"] == 9


def test_what_takes_room_is_listed_and_goes_only_when_asked(trained: Trained, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trained.project, copy)
    found = flawscope("clean-up", copy, "--json", cwd=tmp_path).document
    assert {"1/resume", "1/maps", "1/model"} <= {heap["key"] for heap in found["heaps"]}
    kept = flawscope("clean-up", copy, "--remove", "1/model", cwd=tmp_path)
    assert kept.code == 0 and "Nothing was removed. Training #1: model: it is the latest model" in kept.out
    held = flawscope("clean-up", copy, "--quota", "10", cwd=tmp_path)
    assert held.code == 0 and "0 kB of maps freed" in held.out, held.err
    done = flawscope("clean-up", copy, "--free", "--json", cwd=tmp_path).document
    assert "1/resume" in done["removed"] and done["freed"] > 0
    assert not (copy / "runs" / "1" / "checkpoints" / "last.safetensors").exists()
    assert (copy / "runs" / "1" / "checkpoints" / "best.safetensors").exists()


@pytest.mark.slow
def test_a_folder_with_its_own_app_and_core_does_not_get_in_the_way(trained: Trained) -> None:
    here = trained.folder / "shadow"
    (here / "core").mkdir(parents=True)
    (here / "app.py").write_text("raise SystemExit('the wrong app')")
    (here / "core" / "__init__.py").write_text("raise SystemExit('the wrong core')")
    assert flawscope("list", trained.project, cwd=here).code == 0
    scored = flawscope("score", trained.project, "--passes", "1", "--split", "tuning", "--json", cwd=here)
    assert "wrong" not in scored.out + scored.err
    assert scored.code == 0, scored.err
    assert scored.document["images"] == 1  # the one tuning image, judged by the threshold it gave
    assert scored.document["pass"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["frobnicate"], 2, "No such command"),
        (["train"], 2, "Missing argument"),
        (["evaluate", "nowhere"], 3, "nowhere"),
        (["import", "nowhere", "new"], 3, "nowhere"),
        (["train", "project", "--preset", "huge"], 3, "preset"),
        (["train", "project", "--model", "yolo"], 3, "prff"),
        (["train", "project", "--set", "train.lrr=1"], 3, "train.lr"),
        (["train", "project", "--product", "nothing"], 3, "flip_chip_a"),
        (["evaluate", "project", "--training", "77"], 3, "77"),
        (["show", "project", "--image", "no such name"], 3, "no image fits"),
        (["audit", "export", "project", "trail.xls"], 3, ".csv or .json"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(trained: Trained, arguments: list[str], code: int, words: str) -> None:
    ended = flawscope(*arguments, cwd=trained.folder)
    assert ended.code == code, ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_project_that_is_open_elsewhere_says_by_whom(trained: Trained) -> None:
    with Project.open(trained.project, author="CD"):
        ended = flawscope("train", "project", "--preset", "micro", cwd=trained.folder)
        assert ended.code == 4
        assert "CD" in ended.err
        assert flawscope("list", "project", cwd=trained.folder).code == 0


def test_a_product_without_good_images_is_not_trained(trained: Trained, tmp_path: Path) -> None:
    test = trained.parts / "flip_chip_a" / "test"
    made = flawscope("import", test, tmp_path / "bad", "--kind", "nested", cwd=tmp_path)
    assert made.code == 0, made.err
    ended = flawscope("train", tmp_path / "bad", "--preset", "micro", cwd=tmp_path)
    assert ended.code == 3
    assert "no good images" in ended.err


def test_doctor_names_versions_and_what_it_computes_on(tmp_path: Path) -> None:
    ended = flawscope("doctor", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.document["versions"]["torch"]
    assert ended.document["computing_on"]
    assert ended.document["gui_start_s"] > 0
    assert ended.document["torch_in_gui"] is False


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    script = tmp_path / "look.py"
    script.write_text(
        "import sys\n"
        "sys.argv = ['flawscope', '--help']\n"
        "from app.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = 'torch timm sklearn scipy statsmodels pandas matplotlib onnxruntime PySide6'.split()\n"
        "found = set(heavy) & set(sys.modules)\n"
        "sys.exit(f'loaded: {found}' if found else 0)\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
