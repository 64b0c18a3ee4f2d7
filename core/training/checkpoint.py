"""Checkpoints: tensors and their record in one safetensors file, replaced in one step, never pickled."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import StorageError, TrainingError
from core.files import atomic_writer, free_bytes

SCHEMA: Final = 1
_RECORD: Final = "flawscope"
_SPARE_BYTES: Final = 16 * 1024 * 1024
_CHUNK: Final = 32 * 1024 * 1024
_NAMES: Final[dict[torch.dtype, str]] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def save(path: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> int:
    """Write `tensors` with `record` (anything JSON) as `path`; returns the bytes written.

    The old file stays whole until the new one is complete on the disk. Written tensor by tensor: memory stays flat,
    and a full disk is an `OSError` here. Raises `StorageError`.
    """
    header, tidy, size = _layout(tensors, record)
    needed = len(header) + size + _SPARE_BYTES
    if free_bytes(path.parent) < needed:
        raise StorageError(
            f"the disk is full: a checkpoint needs {needed / 2**20:.0f} MB",
            path=path,
            kept="The checkpoint before it was kept",
            mend="Free some space and resume the training",
        )
    with atomic_writer(path) as stream:
        stream.write(struct.pack("<Q", len(header)))
        stream.write(header)
        for tensor in tidy:
            raw = tensor.flatten().view(torch.uint8)
            for start in range(0, len(raw), _CHUNK):
                stream.write(raw[start : start + _CHUNK].numpy().tobytes())
    return 8 + len(header) + size


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (on the CPU, owned) and record of a checkpoint. Raises `TrainingError` when it is absent or damaged."""
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            record = json.loads((stream.metadata() or {}).get(_RECORD, "null"))
            tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, ValueError) as error:
        raise TrainingError(
            f"the checkpoint cannot be read: {error}", path=path, kept="Nothing was changed", reason="checkpoint"
        ) from error
    if not isinstance(record, dict) or record.get("schema", 0) > SCHEMA:
        raise TrainingError(
            "this checkpoint is not one of this version's", path=path, kept="Nothing was changed", reason="checkpoint"
        )
    return tensors, record


def read_record(path: Path) -> dict[str, Any]:
    """Only the record; cheap. Raises `TrainingError`."""
    try:
        with safe_open(path, framework="pt", device="cpu") as stream:
            record = json.loads((stream.metadata() or {}).get(_RECORD, "null"))
    except (OSError, SafetensorError, ValueError) as error:
        raise TrainingError(f"the checkpoint cannot be read: {error}", path=path, reason="checkpoint") from error
    return record if isinstance(record, dict) else {}


def optimizer_tensors(prefix: str, optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's moments as tensors below `prefix`, and what else it holds (step counts that are plain numbers)."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for index, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            key = f"{prefix}/{index}/{name}"
            if isinstance(value, Tensor):
                tensors[key] = value
            elif value is not None:
                numbers[key] = value
    return tensors, numbers


def load_optimizer(
    prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
) -> None:
    """Put back what `optimizer_tensors` took out; settings (rates, decay) stay those of the optimiser.

    Every moment lies in memory as its parameter does: fused optimisers pair numbers by address, not by index.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for source in (tensors, numbers):
        for key, value in source.items():
            if key.startswith(f"{prefix}/"):
                index, name = key.removeprefix(f"{prefix}/").split("/")
                state.setdefault(int(index), {})[name] = _laid_as(parameters[int(index)], value)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_as(parameter: Tensor, value: Any) -> Any:
    """`value` in the memory order of `parameter`, where both have one shape."""
    if not isinstance(value, Tensor) or value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype, device=value.device).copy_(value)


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def without_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors below `prefix`, by the rest of their names."""
    return {
        name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")
    }


def random_state() -> dict[str, Tensor]:
    """The state of the generators of this process (images and layers draw from seeds of their own)."""
    state = {"rng/torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["rng/cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["rng/torch"])
    if torch.cuda.is_available() and "rng/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["rng/cuda"])


def _layout(tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> tuple[bytes, list[Tensor], int]:
    entries: dict[str, Any] = {"__metadata__": {_RECORD: json.dumps({"schema": SCHEMA, **record})}}
    tidy: list[Tensor] = []
    offset = 0
    for name, tensor in tensors.items():
        plain = tensor.detach().to("cpu").contiguous()
        size = plain.numel() * plain.element_size()
        entries[name] = {
            "dtype": _NAMES[plain.dtype],
            "shape": list(plain.shape),
            "data_offsets": [offset, offset + size],
        }
        tidy.append(plain)
        offset += size
    header = json.dumps(entries, separators=(",", ":")).encode()
    return header + b" " * (-len(header) % 8), tidy, offset
