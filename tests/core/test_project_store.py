"""The store as the rest of Flawscope uses it: adding, listing, labelling, splitting, masks, trainings, judgement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.annotation import masks
from core.errors import InputError, ProjectError
from core.project import Alignment, Cell, CheckItem, NewImage, NewJudgement, NewScore, Project, Zone


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve small files in two lots; the store never decodes them."""
    root = tmp_path / "pictures"
    for lot in ("A", "B"):
        (root / lot).mkdir(parents=True)
        for number in range(6):
            (root / lot / f"{number}.png").write_bytes(f"{lot}{number}".encode())
    return root


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "work", "pill", author="AB") as opened:
        yield opened


def rows(root: Path, *, product: str = "pill", by_part: bool = False) -> list[NewImage]:
    """Images of `root`: lot A for training, lot B for testing, every third one defective; two images a part."""
    found = []
    for path in sorted(root.rglob("*.png")):
        number, lot = int(path.stem), path.parent.name
        bad = lot == "B" and number % 3 == 0
        found.append(
            NewImage(
                path,
                product,
                split="train" if lot == "A" else "test",
                label="defective" if bad else "good",
                defect_class="crack" if bad else "",
                lot=lot,
                part=f"{lot}{number // 2}" if by_part else "",
            )
        )
    return found


def add(project: Project, root: Path, *, by_part: bool = False) -> list[int]:
    project.add_images(rows(root, by_part=by_part), root=root)
    return [image.id for image in project.images()]


def test_images_come_back_as_they_were_added(project: Project, pictures: Path) -> None:
    report = project.add_images(rows(pictures), root=pictures)
    assert (report.new, report.changed, report.known, report.gone) == (12, 0, 0, 0)
    first = next(project.images(split="test", label="defective"))
    assert first.path == pictures / "B" / "0.png"
    assert (first.product, first.view, first.lot, first.defect_class) == ("pill", "main", "B", "crack")
    assert (first.size, first.sha256, first.state) == (2, None, "present")
    assert [image.relative for image in project.images(split="train")] == [f"A/{n}.png" for n in range(6)]
    assert len(list(project.images(ids=[1, 3, 99]))) == 2
    assert project.find_image(pictures / "A" / "3.png")[0].relative == "A/3.png"
    assert {(c.lot, c.label, c.images) for c in project.counts()} == {
        ("A", "good", 6),
        ("B", "good", 4),
        ("B", "defective", 2),
    }


def test_a_second_look_finds_what_is_new_changed_and_gone(project: Project, pictures: Path) -> None:
    add(project, pictures)
    project.hash_images()
    (pictures / "A" / "0.png").write_bytes(b"other bytes")
    os.utime(pictures / "A" / "1.png", ns=(1, 1))  # copied: another time, the same bytes
    (pictures / "B" / "5.png").unlink()
    (pictures / "B" / "7.png").write_bytes(b"new")
    report = project.add_images(rows(pictures), root=pictures, complete=True)
    assert (report.new, report.changed, report.known, report.gone) == (1, 1, 10, 1)
    assert report.changed_examples == ("A/0.png",)
    assert report.gone_examples == ("B/5.png",)
    states = {image.relative: image.state for image in project.images()}
    assert (states["A/0.png"], states["A/1.png"], states["B/5.png"]) == ("changed", "present", "gone")
    assert "B/5.png" not in [image.relative for image in project.images(present_only=True)]
    (pictures / "B" / "5.png").write_bytes(b"B5")
    os.utime(pictures / "B" / "5.png", ns=(5, 5))
    assert project.add_images(rows(pictures), root=pictures, complete=True).back == 1


def test_a_new_lot_alone_marks_nothing_as_gone(project: Project, pictures: Path) -> None:
    add(project, pictures)
    (pictures / "C").mkdir()
    (pictures / "C" / "1.png").write_bytes(b"C1")
    report = project.add_images(rows(pictures)[-1:], root=pictures)
    assert (report.new, report.gone) == (1, 0)


def test_an_unreadable_file_is_listed_and_the_rest_is_added(project: Project, pictures: Path) -> None:
    missing = NewImage(pictures / "A" / "404.png", "pill")
    report = project.add_images([missing, *rows(pictures)], root=pictures)
    assert (report.new, report.problems) == (13, 1)
    (problem,) = project.problems()
    assert problem.path.endswith("404.png")
    project.solve_problems([problem.id])
    assert project.problems() == []
    assert len(project.problems(solved=True)) == 1


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_is_listed_not_lost(project: Project, pictures: Path) -> None:
    strange = Path(os.fsdecode(os.fsencode(pictures) + b"/A/\xff.png"))
    report = project.add_images([NewImage(strange, "pill", size=1, mtime_ns=1)], root=pictures)
    assert (report.new, report.problems) == (0, 1)
    assert "not valid text" in project.problems()[0].text


def test_an_image_outside_its_folder_is_refused(project: Project, pictures: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "x.png", pictures / ".." / "x.png"):
        with pytest.raises(InputError, match="does not lie below"):
            project.add_images([NewImage(path, "pill")], root=pictures)


def test_images_are_found_again_when_project_and_pictures_move_together(tmp_path: Path, pictures: Path) -> None:
    with Project.create(tmp_path / "work", "pill") as project:
        add(project, pictures)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "work").rename(tmp_path / "elsewhere" / "work")
    pictures.rename(tmp_path / "elsewhere" / "pictures")
    with Project.open(tmp_path / "elsewhere" / "work") as project:
        assert all(image.path.is_file() for image in project.images())


def test_a_moved_folder_of_images_is_relocated(project: Project, pictures: Path, tmp_path: Path) -> None:
    add(project, pictures)
    (tmp_path / "archive").mkdir()
    target = tmp_path / "archive" / "of 2026"
    pictures.rename(target)
    (root,) = project.roots()
    assert not root.is_there
    with pytest.raises(InputError, match="not here"):
        project.relocate(root.id, tmp_path / "work")
    project.relocate(root.id, target)
    assert all(image.path.is_file() for image in project.images())


def test_whole_parts_move_between_splits(project: Project, pictures: Path) -> None:
    ids = add(project, pictures, by_part=True)
    report = project.set_split([ids[0]], "test", reason="fed back")
    assert (report.changed, report.with_part) == (2, 1)
    assert [image.split for image in project.images(ids=ids[:3])] == ["test", "test", "train"]
    assert project.straddling()["part"] == []
    assert project.straddling()["lot"] == ["A"]
    with pytest.raises(ProjectError, match="two splits"):
        project.set_splits({ids[0]: "train", ids[1]: "tuning"})


def test_a_new_image_follows_the_split_of_its_part(project: Project, pictures: Path) -> None:
    add(project, pictures, by_part=True)
    late = NewImage(
        pictures / "A" / "side.png", "pill", view="side", split="test", lot="A", part="A0", size=1, mtime_ns=1
    )
    report = project.add_images([late], root=pictures)
    assert report.moved_to_part == 1
    assert next(project.images(view="side")).split == "train"


def test_equal_bytes_in_training_and_test_are_listed_and_refused(project: Project, pictures: Path) -> None:
    (pictures / "B" / "1.png").write_bytes(b"A1")
    ids = add(project, pictures)
    assert project.duplicates_across_splits() == []
    assert project.hash_images() == 12
    (found,) = project.duplicates_across_splits("pill")
    assert [image.relative for image in found.images] == ["A/1.png", "B/1.png"]
    project.set_split([ids[1]], "unused")
    assert project.duplicates_across_splits() == []
    with pytest.raises(ProjectError, match="the same picture"):
        project.set_split([ids[1]], "tuning")
    assert project.image(ids[1]).split == "unused"


def test_a_new_label_on_another_image_ends_what_could_be_redone(tmp_path: Path, pictures: Path) -> None:
    with Project.create(tmp_path / "work", "pill") as project:
        ids = add(project, pictures)
        project.set_label(ids[:2], "unlabelled")
        project.set_label(ids[:1], "defective")
        project.undo()
        project.undo()
        project.set_label(ids[1:2], "unlabelled")
        assert project.redo() is None
        assert [image.label for image in project.images(ids=ids[:2])] == ["good", "unlabelled"]


def test_undo_and_redo_say_which_images_they_touched(tmp_path: Path, pictures: Path) -> None:
    with Project.create(tmp_path / "work", "pill") as project:
        ids = add(project, pictures)
        project.set_label(ids[1:3], "unlabelled")
        project.add_verdict(ids[0], "good", score=0.4, threshold=0.3)
        project.add_class("dent")
        assert (
            [step.images for step in (project.undo(), project.undo(), project.undo()) if step]
            == [
                None,  # a class: any image may show it
                (ids[0],),
                tuple(sorted(ids[1:3])),
            ]
        )
        again = project.redo()
        assert again is not None and again.images == tuple(sorted(ids[1:3]))


def test_labels_splits_classes_and_verdicts_are_undone_and_redone_after_a_restart(
    tmp_path: Path, pictures: Path
) -> None:
    with Project.create(tmp_path / "work", "pill") as project:
        ids = add(project, pictures)
        project.set_label(ids[:2], "defective", defect_class="scratch")
        project.set_split(ids[:2], "unused")
        verdict = project.add_verdict(ids[0], "good", score=0.4, threshold=0.3)
        scratch = next(c.id for c in project.classes() if c.code == "scratch")
        project.set_class(scratch, colour="#123456", names={"en": "Scratch", "de": "Kratzer"})
        assert project.verdicts()[0].id == verdict
    with Project.open(tmp_path / "work") as project:
        for _ in range(4):
            project.undo()
        assert project.next_undo() is None
        assert [(i.label, i.split, i.defect_class) for i in project.images(ids=ids[:2])] == [("good", "train", "")] * 2
        assert project.verdicts() == []
        for _ in range(4):
            project.redo()
        assert project.redo() is None
        assert [(i.label, i.split, i.defect_class) for i in project.images(ids=ids[:2])] == [
            ("defective", "unused", "scratch")
        ] * 2
        assert next(c for c in project.classes() if c.id == scratch).names == {"en": "Scratch", "de": "Kratzer"}
        project.undo()
        project.set_label([ids[5]], "unlabelled")  # a new step: what was taken back cannot be done again
        assert project.next_redo() is None
        assert project.verify().is_whole


def test_a_class_belongs_to_defective_images_only(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    with pytest.raises(InputError):
        project.set_label(ids[:1], "good", defect_class="crack")
    with pytest.raises(ProjectError, match="no image 999"):
        project.set_label([999], "good")
    assert project.set_label(ids[:1], "good").changed == 0


def test_a_class_stays_until_another_or_none_is_given(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    project.set_label(ids[:1], "defective", defect_class="crack")
    project.set_label(ids[:2], "defective")
    assert [project.image(one).defect_class for one in ids[:2]] == ["crack", ""]
    project.undo()
    assert [project.image(one).label for one in ids[:2]] == ["defective", "good"]
    project.set_label(ids[:1], "defective", defect_class="")
    assert project.image(ids[0]).defect_class == ""
    project.undo()
    project.set_label(ids[:1], "good")
    assert project.image(ids[0]).defect_class == ""
    project.undo()
    assert project.image(ids[0]).defect_class == "crack"


def test_imported_masks_come_back_and_a_persons_strokes_start_from_them(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    truth = masks.empty(32, 24)
    truth[3:9, 4:20] = 1
    project.set_sizes([(ids[0], 32, 24, 3, 8)])
    project.import_mask(ids[0], truth, author="ground truth")
    with pytest.raises(InputError, match="measures 31 x 24"):
        project.import_mask(ids[0], masks.empty(31, 24))
    painted = truth.copy()
    painted[0:2, 0:2] = 2
    delta = masks.delta_between(truth, painted)
    assert delta is not None
    project.add_stroke(ids[0], delta, tool="brush", class_id=2)
    np.testing.assert_array_equal(project.mask(ids[0]), painted)
    np.testing.assert_array_equal(project.mask(ids[0], origin="import"), truth)
    assert project.mask(ids[1]) is None
    assert [image_id for image_id, _ in project.masks(ids)] == [ids[0]]
    assert project.masked_images() == [ids[0]]
    assert {(layer.origin, layer.author) for layer in project.layers(ids[0])} == {
        ("import", "ground truth"),
        ("person", "AB"),
    }


def test_a_models_mask_is_never_taken_for_the_truth(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    project.import_mask(ids[0], np.ones((4, 4), np.uint8), origin="model", author="Training #1")
    assert project.mask(ids[0]) is None
    assert project.mask(ids[0], origin="model") is not None


def test_strokes_are_undone_across_snapshots(project: Project, pictures: Path) -> None:
    (image, *_) = add(project, pictures)
    states = [masks.empty(16, 16)]
    for step in range(4):
        after = states[-1].copy()
        after[step : step + 5, step] = step + 1
        delta = masks.delta_between(states[-1], after)
        assert delta is not None
        project.add_stroke(image, delta, tool="brush", class_id=step + 1)
        states.append(after)
        if step == 2:
            assert project.snapshot(project.layers(image)[0].id) == masks.mask_sha256(after)
    for state in reversed(states[1:]):
        np.testing.assert_array_equal(project.mask(image), state)
        assert project.undo(image) is not None
    np.testing.assert_array_equal(project.mask(image), states[0])
    for state in states[1:3]:
        project.redo(image)
        np.testing.assert_array_equal(project.mask(image), state)
    project.snapshot(project.layers(image)[0].id)
    fresh = masks.delta_between(states[2], masks.empty(16, 16))
    assert fresh is not None
    project.add_stroke(image, fresh, tool="eraser", class_id=0)  # drops the two that were taken back
    assert not np.any(project.mask(image))
    assert [stroke.state for stroke in project.strokes(project.layers(image)[0].id)] == [
        "done",
        "done",
        "dropped",
        "dropped",
        "done",
    ]
    assert project.verify().is_whole


def test_zones_cells_and_alignments_have_versions(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    view = project.views("pill")[0]
    stamp = masks.empty(8, 8)
    stamp[2:4, 2:4] = 1
    zones = [
        Zone("die", "inspect", {"box": [1, 2, 30, 40]}),
        Zone("laser mark", "ignore", {}, stamp),
    ]
    first = project.set_roi(view.id, zones=zones, cells=[Cell("1", (0, 0, 10, 20))], template_image_id=ids[0])
    second = project.set_roi(view.id, zones=zones[:1], reason="the mark moved")
    assert (first.number, second.number) == (1, 2)
    assert [roi.number for roi in project.rois(view.id)] == [1, 2]
    kept = project.rois(view.id)[0]
    np.testing.assert_array_equal(kept.zones[1].mask, stamp)
    assert kept.cells == (Cell("1", (0, 0, 10, 20)),)
    latest = project.roi(view.id)
    assert latest is not None
    assert latest.number == 2
    place = Alignment(ids[0], (1, 0, 3.5, 0, 1, -2), 0.75, "phase", "model")
    project.set_alignments(second.id, [place])
    assert project.alignments(second.id) == [place]
    with pytest.raises(InputError, match="empty"):
        project.set_roi(view.id, cells=[Cell("x", (5, 0, 5, 9))])


def test_a_view_keeps_window_scale_and_settings(project: Project) -> None:
    view_id = project.add_view("vial", "side")
    project.set_view(view_id, window=(100, 3000), scale_um=4.5, size=(640, 480), settings={"crop": "roi"})
    (view,) = project.views("vial")
    assert (view.window, view.scale_um, view.size, view.settings) == ((100, 3000), 4.5, (640, 480), {"crop": "roi"})
    project.set_view(view_id, name="Side")
    assert project.views("vial")[0].window == (100, 3000)


def test_trainings_scorings_and_scores(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    revision = project.freeze_revision("pill", "first training")
    run = project.add_run(product="pill", model="prff", preset="quick", config={"lr": 1e-3}, revision_id=revision.id)
    assert (run.number, run.state, run.folder) == (1, "queued", project.folder / "runs" / "1")
    run = project.update_run(run.id, state="running")
    assert run.started is not None
    run = project.update_run(run.id, state="finished", figures={"image_auroc": 0.97})
    assert run.finished is not None
    assert project.run_by_number(1).figures == {"image_auroc": 0.97}
    assert [r.id for r in project.runs(product="pill", state=["finished", "failed"])] == [run.id]
    scoring = project.add_scoring(run.id, {"passes": 2})
    areas = np.arange(64)[::-1]
    scored = [NewScore(i, i / 100, peak=0.9, first=0.2, areas=areas, ms=1.5) for i in ids[:-1]]
    cell = NewScore(ids[0], 0.7, scope="cell", name="1", box=(0, 0, 5, 5))
    broken = NewScore(ids[-1], None, problem="cannot be read")
    assert project.add_scores(scoring, [*scored, cell, broken]) == 13
    project.finish_scoring(scoring, {"images": 11})
    found = list(project.scores(scoring))
    assert [row.image_id for row in found] == ids
    assert found[-1].problem == "cannot be read"
    np.testing.assert_array_equal(found[0].areas, areas)
    assert next(iter(project.scores(scoring, scope="cell"))).box == (0, 0, 5, 5)
    table = project.score_table(scoring)
    assert table.areas.shape == (11, 64)
    np.testing.assert_allclose(table.score, np.array(ids[:-1]) / 100)
    assert project.scorings(run.id)[0].images == 12
    with pytest.raises(InputError, match="64 levels"):
        project.add_scores(scoring, [NewScore(ids[0], 0.1, areas=[1, 2])])


def test_a_revision_is_frozen_once_and_holds_what_was(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    first = project.freeze_revision("pill")
    assert project.freeze_revision("pill").id == first.id
    project.set_split(ids[:1], "tuning")
    second = project.freeze_revision("pill", "one image moved")
    assert (second.number, first.images, second.images) == (2, 12, 12)
    assert next(m.split for m in project.revision_members(first.id)) == "train"
    assert next(m.split for m in project.revision_members(second.id)) == "tuning"


def test_decision_settings_go_forward_and_are_never_edited(project: Project, pictures: Path) -> None:
    add(project, pictures)
    run = project.add_run(product="pill", model="prff")
    first = project.add_decision(
        run.id, 0.41, recheck=(0.38, 0.44), min_area=9, how={"rule": "maximum of tuning", "n": 18}
    )
    second = project.add_decision(run.id, 0.43, parent_id=first.id, optimistic=True, reason="two false rejects")
    assert (first.version, second.version, first.recheck) == (1, 2, (0.38, 0.44))
    with pytest.raises(ProjectError, match="cannot become online"):
        project.set_decision_state(first.id, "online", reason="hurry")
    with pytest.raises(InputError, match="reason"):
        project.set_decision_state(first.id, "approved", reason=" ")
    for decision in (first, second):
        project.set_decision_state(decision.id, "approved", reason="checked on 59 parts")
        project.set_decision_state(decision.id, "online", reason="go")
    assert [d.state for d in project.decisions(run.id)] == ["approved", "online"]
    with pytest.raises(ProjectError, match="never edited"):
        project._write(lambda tx: tx.execute("UPDATE decision SET threshold = 0.1"))


def test_judgements_verdicts_check_sets_notes_and_settings(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    run = project.add_run(product="pill", model="prff")
    scoring = project.add_scoring(run.id)
    decision = project.add_decision(run.id, 0.5)
    project.set_judgements(decision.id, scoring, [NewJudgement(ids[0], "reject"), NewJudgement(ids[1], "pass")])
    assert project.judgements(decision.id, scoring) == {(ids[0], ""): "reject", (ids[1], ""): "pass"}
    project.add_verdict(ids[0], "unsure", run_id=run.id, decision_id=decision.id)
    project.add_verdict(ids[0], "good", run_id=run.id, decision_id=decision.id, reason="dust")
    assert [v.verdict for v in project.verdicts()] == ["good"]
    assert [v.verdict for v in project.verdicts(all_of_them=True)] == ["unsure", "good"]
    assert project.image(ids[0]).label == "good"
    challenge = project.add_check_set("pill", "kit", [CheckItem(ids[0], "good"), CheckItem(ids[6], "defective")])
    project.approve_check_set(challenge.id, reason="signed")
    assert project.check_sets()[0].state == "approved"
    project.add_note("image", ids[0], "=HYPERLINK(...) is text")
    assert project.notes("image", ids[0])[0].text == "=HYPERLINK(...) is text"
    assert project.setting("stop_by", None) is None
    project.set_setting("stop_by", {"hour": 6})
    assert project.setting("stop_by", None) == {"hour": 6}
    assert project.verify().is_whole


def test_a_reader_works_beside_the_writer_and_cannot_write(project: Project, pictures: Path) -> None:
    ids = add(project, pictures)
    with Project.open(project.folder, read_only=True) as reader:
        project.set_label(ids[:1], "unlabelled")
        assert reader.image(ids[0]).label == "unlabelled"
        with pytest.raises(ProjectError, match="reading only"):
            reader.set_label(ids[:1], "good")


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no project here"):
        Project.open(tmp_path)
    Project.create(tmp_path, "a").close()
    with pytest.raises(InputError, match="already"):
        Project.create(tmp_path, "b")
    for name in ("../b", "/b", "a/b", "C:b"):
        with pytest.raises(InputError):
            Project.create(tmp_path / "new", name)
