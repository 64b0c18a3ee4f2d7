"""The devices that a training computes on; the only file that knows accelerate."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from core.config import MODELS

Precision = Literal["off", "auto", "bf16", "fp16"]
_LOOSE_ON_CUDA: Final = (
    "backward of bilinear upsampling",
    "backward of adaptive average pooling",
    "backward of reflection padding",
)
_MOST_LOADERS: Final = 8  # at 4 ms an image (quick) they feed 2,000 images a second
_MEMORY_WORDS: Final = (
    "CUDA out of memory",
    "CUDA error: out of memory",  # of what does not ask torch's own store: libraries, kernels that are loaded
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_NOT_SUPPORTED",
    "can't allocate memory",
    "not enough memory",
)


class Device:
    """Where tensors live, in what precision, and how gradients are made; one object a process.

    `sharing` processes on this computer divide its processor among them. On the CPU every result is the same bit for
    bit for the same number of threads; elsewhere `nondeterministic` names what is not.
    """

    def __init__(self, *, precision: Precision = "off", threads: int | None = None, sharing: int = 1) -> None:
        torch.use_deterministic_algorithms(True, warn_only=True)
        # a help for debugging: every temporary is written once more
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (the module has no types)
        torch.backends.cudnn.benchmark = False
        self._sharing = sharing
        self._accelerator = Accelerator(mixed_precision=_mixed(precision))
        torch.set_num_threads(max(1, (threads or available_cores()) // sharing))
        self.kind: str = self._accelerator.device.type
        self.device: torch.device = self._accelerator.device

    @property
    def name(self) -> str:
        """What a person calls it."""
        if self.kind == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self.kind == "cpu":
            threads = torch.get_num_threads()
            return f"processor, {threads} thread{'' if threads == 1 else 's'}"
        return self.kind

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    @property
    def framework(self) -> str:
        return f"torch {torch.__version__}, Python {platform.python_version()}"

    @property
    def nondeterministic(self) -> tuple[str, ...]:
        return _LOOSE_ON_CUDA if self.kind == "cuda" else ()

    def loaders(self, wanted: int | None) -> int:
        """Threads that make batches ahead: as many as `wanted`, or what suits the machine."""
        return loaders_for(self.kind, available_cores(), self._sharing) if wanted is None else wanted

    def likes_channels_last(self, model: str) -> bool:
        """Whether the networks of `model` are faster here with the channels of a pixel side by side."""
        return self.kind == "cuda" or (self.kind == "cpu" and MODELS[model].channels_last)

    def place(self, model: nn.Module, *, channels_last: bool) -> None:
        """Move `model` here, its convolutions in the memory order of the images that they will see."""
        model.to(self.device)
        if channels_last:
            model.to(memory_format=torch.channels_last)

    def autocast(self) -> AbstractContextManager[Any]:
        """Mixed precision for a forward pass, when it was asked for."""
        context: AbstractContextManager[Any] = self._accelerator.autocast()
        return context

    def backward(self, loss: Tensor) -> None:
        self._accelerator.backward(loss)

    def optimizer(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """`optimizer`, scaled and skipping overflows under fp16."""
        if self._accelerator.scaler is None:
            return optimizer
        prepared: torch.optim.Optimizer = self._accelerator.prepare(optimizer)
        return prepared

    @property
    def scale(self) -> dict[str, Any]:
        """How fp16 scales the losses by now, for a checkpoint; empty in other precisions."""
        return {} if self._accelerator.scaler is None else self._accelerator.scaler.state_dict()

    @scale.setter
    def scale(self, state: dict[str, Any]) -> None:
        if state and self._accelerator.scaler is not None:
            self._accelerator.scaler.load_state_dict(state)

    def clip(self, parameters: Iterable[nn.Parameter], norm: float) -> None:
        """Limit the norm of all gradients together."""
        self._accelerator.clip_grad_norm_(list(parameters), norm)

    def synchronize(self) -> None:
        """Wait for the device, so that a clock tells the truth."""
        if self.kind == "cuda":
            torch.cuda.synchronize(self.device)

    @property
    def peak_memory(self) -> int:
        """Most bytes of the device's own memory held so far; 0 where it shares the computer's."""
        return int(torch.cuda.max_memory_reserved(self.device)) if self.kind == "cuda" else 0

    def release_memory(self) -> None:
        if self.kind == "cuda":
            torch.cuda.empty_cache()


def available_cores() -> int:
    """Processor cores that this process may use: no more than OMP_NUM_THREADS, where that is set."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked)) if asked.isdecimal() and int(asked) else cores)


def loaders_for(kind: str, cores: int, sharing: int = 1) -> int:
    """Loader threads of each of `sharing` processes: where the processor trains, one, for more would take from it."""
    return 1 if kind == "cpu" else max(1, min(_MOST_LOADERS, cores // sharing - 1))


def reading_threads(wanted: int | None) -> int:
    """Threads that decode image files, where the computation may have `wanted`."""
    return max(1, min(4, wanted or torch.get_num_threads()))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a smaller batch could help."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _MEMORY_WORDS)


def _mixed(precision: Precision) -> str:
    if precision == "auto":
        able = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
        return "bf16" if able else "no"
    if precision == "fp16" and not torch.cuda.is_available():
        return "no"
    return "no" if precision == "off" else precision
