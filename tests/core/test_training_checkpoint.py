"""Checkpoints come back as they were, or the old one stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import StorageError, TrainingError
from core.training import checkpoint
from core.training.checkpoint import load, read_record, save

TENSORS = {
    "model/weight": torch.arange(12, dtype=torch.float32).reshape(3, 4).t(),  # not contiguous
    "model/steps": torch.tensor(7),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "empty": torch.empty(0, 3),
    "flags": torch.tensor([True, False]),
}


def test_tensors_and_record_come_back(tmp_path: Path) -> None:
    size = save(tmp_path / "last.safetensors", TENSORS, {"step": 3, "name": "Prüfung"})
    tensors, record = load(tmp_path / "last.safetensors")
    assert (tmp_path / "last.safetensors").stat().st_size == size
    assert record["step"] == 3 and record["name"] == "Prüfung"
    assert read_record(tmp_path / "last.safetensors") == record
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype and torch.equal(tensors[name], tensor)


def test_anybody_can_read_it(tmp_path: Path) -> None:
    save(tmp_path / "best.safetensors", TENSORS, {})
    assert torch.equal(load_file(tmp_path / "best.safetensors")["half"], TENSORS["half"])


def test_moments_of_an_optimiser_come_back(tmp_path: Path) -> None:
    def trained(steps: int) -> tuple[torch.nn.Linear, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.ones(1, 3)).square().sum().backward()
            optimizer.step()
        return model, optimizer

    _, optimizer = trained(3)
    tensors, numbers = checkpoint.optimizer_tensors("o", optimizer)
    save(tmp_path / "x", tensors, {"numbers": numbers})
    read, record = load(tmp_path / "x")
    _, other = trained(0)
    checkpoint.load_optimizer("o", other, read, record["numbers"])
    moments = checkpoint.optimizer_tensors("o", other)[0]
    assert moments.keys() == tensors.keys() and all(torch.equal(moments[name], tensors[name]) for name in tensors)


def test_moments_lie_in_memory_as_their_parameters_do(tmp_path: Path) -> None:
    convolution = torch.nn.Conv2d(4, 6, 3).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(convolution.parameters(), lr=0.1, fused=True)
    convolution(torch.ones(1, 4, 8, 8)).square().sum().backward()
    optimizer.step()
    tensors, numbers = checkpoint.optimizer_tensors("o", optimizer)
    save(tmp_path / "x", tensors, {"numbers": numbers})
    read, record = load(tmp_path / "x")

    checkpoint.load_optimizer("o", optimizer, read, record["numbers"])

    moments = optimizer.state[convolution.weight]
    assert torch.equal(moments["exp_avg"], tensors["o/0/exp_avg"])
    assert moments["exp_avg"].stride() == moments["exp_avg_sq"].stride() == convolution.weight.stride()


def test_the_state_of_the_generators_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(5)
    save(tmp_path / "x", checkpoint.random_state(), {})
    drawn = torch.rand(4)
    checkpoint.restore_random_state(load(tmp_path / "x")[0])
    assert torch.equal(torch.rand(4), drawn)


@pytest.mark.parametrize("damage", ["absent", "empty", "cut", "garbage", "other"])
def test_a_damaged_checkpoint_is_named_and_nothing_else_happens(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "last.safetensors"
    save(path, TENSORS, {"step": 3})
    whole = path.read_bytes()
    if damage == "absent":
        path.unlink()
    elif damage == "other":
        from safetensors.torch import save_file

        save_file({"a": torch.zeros(1)}, path)
    else:
        path.write_bytes({"empty": b"", "cut": whole[:-10], "garbage": b"\x80\x04pickle" * 9}[damage])
    with pytest.raises(TrainingError, match=r"last\.safetensors") as caught:
        load(path)
    assert caught.value.reason == "checkpoint"


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.safetensors"
    save(path, TENSORS, {"step": 3})
    monkeypatch.setattr(checkpoint, "free_bytes", lambda _: 100)
    with pytest.raises(StorageError, match="disk is full"):
        save(path, TENSORS, {"step": 4})
    assert read_record(path)["step"] == 3


def test_a_disk_that_fills_while_writing_leaves_the_old_checkpoint_whole(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small_disk / "last.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "free_bytes", lambda _: 2**40)  # another program takes the space meanwhile
        save(path, {"weights": torch.ones(200_000)}, {"step": 1})
        with pytest.raises(StorageError, match="disk is full") as caught:
            save(path, {"weights": torch.zeros(600_000)}, {"step": 2})
    assert "unchanged" in str(caught.value)
    tensors, record = load(path)
    assert record["step"] == 1 and bool((tensors["weights"] == 1).all())
    assert [child.name for child in small_disk.iterdir()] == ["last.safetensors"]
