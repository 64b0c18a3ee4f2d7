"""What a shell does after scores were written: the space for maps holds there, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.console import Screen
from app.options import hold_maps
from core.workflow import evaluating
from core.workflow.review import NEAR
from tests.scored import Shot, add_training, make_project

SHOTS = [Shot("good", "good", "test", 0.01), Shot("bad", "defective", "test", 0.9)]
SHOTS += [Shot(f"tuning {n}", "good", "tuning", 0.3) for n in range(3)]
SHOTS += [Shot(f"far {n}", "good", "train", 0.01) for n in range(NEAR + 4)]


@pytest.mark.parametrize(("space", "goes"), [(20, False), (0, True)])
def test_heatmaps_keep_to_the_space_of_the_settings_and_what_went_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], space: int, goes: bool
) -> None:
    monkeypatch.setenv("FLAWSCOPE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.json").write_text(json.dumps({"train.map_quota_gb": space}))
    with make_project(tmp_path / "work", SHOTS) as project:
        run = add_training(project, SHOTS)
        evaluating.evaluate(project, run.number, decide=True)
        (run.folder / "model.json").write_text("{}")
        before = len(list(run.folder.glob("scores/*/heatmaps/*.png")))
        hold_maps(project, Screen())
        after = len(list(run.folder.glob("scores/*/heatmaps/*.png")))
    assert before == len(SHOTS) and (after < before) == goes
    assert ("of older heatmaps removed" in capsys.readouterr().out) == goes
