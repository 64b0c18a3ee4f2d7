"""Settings, presets and changing them by text."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from core.config import MODELS, ScoreConfig, Settings, TrainingConfig, keys, preset, presets, with_overrides
from core.errors import ConfigError

_PRESETS = {
    "prff": ["micro", "quick", "small", "medium", "large", "paper"],
    "grdnet": ["micro", "quick", "small", "medium", "paper"],
    "draem": ["micro", "quick", "medium", "paper"],
    "ganomaly": ["micro", "quick", "medium", "paper"],
}


@pytest.mark.parametrize("model", MODELS)
def test_presets_go_from_cheap_to_dear(model: str) -> None:
    found = presets(model)

    assert [info.name for info in found] == _PRESETS[model]
    assert all(info.cost and info.line for info in found)
    assert all(preset(model, info.name).preprocess.size == info.size for info in found)
    assert all(preset(model, info.name).network.kind == preset(model, info.name).loss.kind == model for info in found)


def test_settings_of_before_there_were_several_models_are_those_of_prff() -> None:
    values = preset("prff", "micro").model_dump(mode="json")
    del values["loss"]["kind"]

    assert TrainingConfig.model_validate(values) == preset("prff", "micro")


def test_networks_of_another_model_are_refused() -> None:
    values = preset("prff", "micro").model_dump(mode="json")

    with pytest.raises(ValidationError, match="network is of prff, the model is draem"):
        TrainingConfig.model_validate({**values, "model": "draem"})


def test_the_paper_preset_is_what_was_published() -> None:
    config = preset("prff", "paper")

    assert (config.preprocess.size, config.train.batch, config.train.epochs) == (256, 4, 700)
    assert (config.train.optimizer, config.train.lr, config.train.weight_decay) == ("adam", 1e-4, 0)
    assert (config.train.milestones, config.train.gamma, config.train.warmup) == ((0.8, 0.9), 0.2, 0)
    assert (config.train.clip, config.train.ema, config.train.amp) == (None, None, "off")
    assert config.network.taps == ("enc3", "enc5", "dec3")
    assert config.network.disc.swin.depths == (2, 2, 42, 4)
    assert (config.simulate.texture_augs, config.simulate.p_clean, config.simulate.redraw_empty) == (4, 0.5, 0)
    assert (config.simulate.mild, config.simulate.strokes) == (0, 0)
    assert (config.augment.rotate_p, config.augment.rotate_fill) == (0.3, "black")
    assert (config.progressive.n, config.progressive.gate, config.progressive.taps) == (2, 0.5, "first")
    assert config.score.kernel(256) == 21


def test_quick_learns_at_128_px_with_care_for_batch_norm() -> None:
    config = preset("prff", "quick")

    assert (config.preprocess.size, config.train.batch, config.train.optimizer, config.train.lr) == (
        128,
        8,
        "adamw",
        5e-4,
    )
    assert (config.train.milestones, config.train.gamma, config.train.clip) == ((0.8, 0.9), 0.2, 1.0)
    assert config.train.ema is not None and config.train.bn_reestimate > 0 and config.train.warmup > 0


@pytest.mark.parametrize(("size", "kernel"), [(256, 21), (128, 11), (64, 5), (320, 27)])
def test_the_smoothing_kernel_follows_the_image_side(size: int, kernel: int) -> None:
    assert ScoreConfig().kernel(size) == kernel
    assert ScoreConfig(scale_kernel=False).kernel(size) == 21


def test_settings_survive_json() -> None:
    config = preset("prff", "quick")

    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        preset("prff", "micro").train.lr = 1.0  # type: ignore[misc]


def test_every_setting_has_a_title_for_a_form() -> None:
    def untitled(group: type[BaseModel], prefix: str = "") -> list[str]:
        missing = []
        for name, field in group.model_fields.items():
            missing += [] if field.title else [prefix + name]
            if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
                missing += untitled(field.annotation, f"{prefix}{name}.")
        return missing

    assert [name for name in untitled(TrainingConfig) if not name.startswith("preprocess.")] == []


def test_settings_change_by_full_name_or_by_an_ending_that_is_theirs_alone() -> None:
    config = with_overrides(
        preset("prff", "micro"), ["train.lr=2e-4", "swin.window=7", "textures=procedural, folder:/a b", "clip=none"]
    )

    assert (config.train.lr, config.network.disc.swin.window, config.train.clip) == (2e-4, 7, None)
    assert config.simulate.textures == ("procedural", "folder:/a b")


def test_none_is_a_word_where_a_setting_knows_it() -> None:
    assert with_overrides(preset("prff", "micro"), ["ppm_norm=none"]).network.disc.upernet.ppm_norm == "none"


def test_one_value_is_enough_for_a_list() -> None:
    config = with_overrides(preset("prff", "micro"), ["textures=self", "network.taps=T2", "milestones=0.5"])

    assert config.simulate.textures == ("self",)
    assert config.network.taps == ("enc4", "dec1", "dec4")
    assert config.train.milestones == (0.5,)


@pytest.mark.parametrize("key", ["minutes", "steps", "epochs"])
def test_a_new_length_replaces_the_old_one(key: str) -> None:
    train = with_overrides(preset("prff", "quick"), [f"train.{key}=7"]).train

    assert {name: getattr(train, name) for name in ("minutes", "steps", "epochs") if getattr(train, name)} == {key: 7}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("train.learning_rte=1", "there is no setting 'train.learning_rte'"),
        ("trian.lr=1", "Did you mean train.lr"),
        ("fusion.modes=off", "network.fusion.mode"),
        ("taps=T1", "could be network.taps, progressive.taps"),
        ("train.lr", "is not a setting"),
        ("train.lr=fast", "train.lr"),
        ("train.lr=-1", "train.lr"),
        ("fusion.mode=rgb16", "network.fusion.mode"),
        ("network.taps=enc3,enc9,dec3", "'enc9' is not a stage"),
        ("network.taps=T9", "not one of T1"),
        ("preprocess.size=100", "multiple of 32"),
        ("milestones=0.9,0.8", "rising"),
        ("swin.heads=5,5,5,5", "not divisible by 5"),
        ("textures=drawn", "simulate.textures"),
        ("model=yolo", "'yolo' is not one of"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_probably_meant(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        with_overrides(preset("prff", "micro"), [text])

    assert said in str(raised.value)


def test_unknown_presets_and_models_are_named_with_their_neighbours() -> None:
    with pytest.raises(ConfigError, match="quick"):
        preset("prff", "quik")
    with pytest.raises(ConfigError, match="prff"):
        presets("prf")


def test_keys_list_every_setting_by_its_dotted_name() -> None:
    found = keys(preset("prff", "micro"))

    assert found["network.disc.swin.embed"] == 24
    assert found["simulate.perlin.threshold"] == 0.5
    assert not any(isinstance(value, Settings) for value in found.values())


def test_settings_and_presets_load_without_torch() -> None:
    code = "import sys, core.config as c; c.preset('prff', 'quick'); sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
