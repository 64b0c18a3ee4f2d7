"""Networks that torch compiles: the same training where it works, and a warning where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.config import TrainingConfig
from core.events import Done, Warn
from core.jobs import ManifestRow
from core.training.progress import LAST
from tests.tiny import Hook, Run, TinyRecipe, a_config, kept_settings, make_rows, same

NEEDS_A_COMPILER = "train.channels_last=false"  # with channels last nothing of these networks is left to generate


class Steady(TinyRecipe):
    """Without dropout, which a compiled network draws in its own way, and without weights that nothing depends on."""

    def __init__(self, config: TrainingConfig, hook: Hook | None = None) -> None:
        super().__init__(config, hook, norm=False)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with kept_settings():
        yield
    torch.compiler.reset()


@pytest.fixture
def rows(tmp_path: Path) -> list[ManifestRow]:
    return make_rows(tmp_path)


@pytest.fixture
def plain(tmp_path: Path, rows: list[ManifestRow]) -> Run:
    run = Run(tmp_path / "plain", rows, a_config("train.steps=4", NEEDS_A_COMPILER))
    run.go(recipe=Steady)
    return run


@pytest.mark.slow
def test_without_a_compiler_a_training_says_so_and_goes_on(plain: Run, tmp_path: Path, rows: list[ManifestRow]) -> None:
    from torch._inductor import config

    run = Run(tmp_path / "run", rows, a_config("train.steps=4", "train.compile=true", NEEDS_A_COMPILER))
    with config.patch({"cpp.cxx": (None, "/nowhere/compiler"), "fx_graph_cache": False}):
        assert isinstance(run.go(recipe=Steady), Done)
    (warning,) = [event for event in run.events if isinstance(event, Warn) and event.code == "compile"]
    assert "run as they are" in warning.text
    assert same(run.weights(LAST), plain.weights(LAST))


@pytest.mark.slow
def test_compiled_networks_train_to_the_same_weights(plain: Run, tmp_path: Path, rows: list[ManifestRow]) -> None:
    run = Run(tmp_path / "run", rows, a_config("train.steps=4", "train.compile=true", NEEDS_A_COMPILER))
    run.go(recipe=Steady)
    assert "compile" not in run.warnings()
    ours, theirs = run.weights(LAST), plain.weights(LAST)
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-4, msg=name)
