"""What an evaluation says: figures for a program, sentences for a person, never a rate without its counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.evaluation.figures import ClassFigures, Figures, RateFigure
from core.evaluation.passes import PassesMeasured, PassesProposal


@dataclass(frozen=True)
class Result:
    """The figures of one scoring of one training; `unit` says what the confusion table counts: parts, or cells."""

    training: int
    scoring: int
    title: str
    state: str
    figures: Figures
    passes: int
    taps: str
    gate: float
    unit: str
    training_seconds: float | None
    epochs: int | None
    peak_memory_mib: float | None
    warnings: tuple[str, ...] = ()
    proposal: PassesProposal | None = None
    """Number of passes and gate that tuning images proposed at the end of the training."""

    def lines(self) -> list[str]:
        """Headline first; then what it rests on."""
        found = self.figures
        interval = ""
        if found.image_auroc_low is not None and found.image_auroc_high is not None:
            interval = f" ({_percent(found.image_auroc_low)} to {_percent(found.image_auroc_high)})"
        lines = [
            f"{self.title} · {self.state} · n = {self.passes}, taps of the {self.taps} pass, gate {self.gate:g}",
            f"Image AUROC {_percent(found.image_auroc)}{interval} · pixel AUROC {_percent(found.pixel_auroc)} · AUPRO "
            f"{_percent(found.aupro)} · image AP {_percent(found.image_ap)} · pixel AP {_percent(found.pixel_ap)}",
            f"From {found.images} test images: {found.good} good, {found.defective} defective, "
            f"{found.masks} with masks",
        ]
        if found.threshold is not None:
            lines.append(f"Threshold {found.threshold.value:.4f}. {found.threshold.sentence}")
        if found.confusion is not None:
            escapes, over = found.confusion.escape_rate, found.confusion.false_reject_rate
            lines.append(f"Escapes {_rate(escapes)} · false rejects {_rate(over)} ({self.unit})")
            lines.append(f"Accuracy {_rate(found.confusion.accuracy)} at that threshold ({self.unit})")
        if found.accuracy_best is not None and found.accuracy_best_threshold is not None:
            lines.append(
                f"Optimistic, chosen on these test images: best accuracy {_rate(found.accuracy_best)} at "
                f"{found.accuracy_best_threshold:.4f}, largest F1 {_percent(found.f1_max)}"
            )
        if found.region is not None:
            lines += found.region.sentences()
        if found.inside_pixel_auroc is not None:
            lines.append(
                f"Of the pixels inside the region alone: pixel AUROC {_percent(found.inside_pixel_auroc)} · AUPRO "
                f"{_percent(found.inside_aupro)} (above, those outside count as good ones, never rejected)"
            )
        return [*lines, self._cost(), *proposal_lines(self.proposal)]

    def _cost(self) -> str:
        parts = [f"Went on to a second pass: {_rate(self.figures.gated)}"] if self.passes > 1 else []
        if self.figures.ms_per_image is not None:
            parts.append(f"{self.figures.ms_per_image:.1f} ms an image")
        if self.training_seconds is not None:
            parts.append(f"trained and scored in {self.training_seconds / 60:.1f} min")
        if self.epochs is not None:
            parts.append(f"{self.epochs} epochs")
        if self.peak_memory_mib is not None:
            parts.append(f"peak memory {self.peak_memory_mib:,.0f} MiB")
        return " · ".join(parts)

    def table(self) -> tuple[list[str], list[list[object]]]:
        """A table by defect class: columns and rows."""
        columns = ["defect class", "images", "masks", "image AUROC", "image AP"]
        columns += ["pixel AUROC", "pixel AP", "AUPRO", "escapes"]
        rows: list[list[object]] = [
            [
                *(one.name, one.images, one.masks, _between(one), _percent(one.image_ap)),
                *(_percent(one.pixel_auroc), _percent(one.pixel_ap), _percent(one.aupro), _rate(one.escapes)),
            ]
            for one in self.figures.classes
        ]
        return columns, rows

    def notes(self) -> list[str]:
        """What was not measured, and why; what else a person should know."""
        groups: dict[str, list[str]] = {}
        for name, why in self.figures.not_measured.items():
            groups.setdefault(why, []).append(name.replace("_", " "))
        return [f"Not measured: {', '.join(names)}: {why}." for why, names in groups.items()] + list(self.warnings)

    def as_json(self) -> dict[str, Any]:
        """Flat headline figures; everything else below `figures`."""
        found = self.figures
        return {
            "training": self.training,
            "scoring": self.scoring,
            "title": self.title,
            "state": self.state,
            "image_auroc": found.image_auroc,
            "pixel_auroc": found.pixel_auroc,
            "aupro": found.aupro,
            "images": found.images,
            "defective": found.defective,
            "masks": found.masks,
            "seconds": self.training_seconds if self.training_seconds is not None else found.seconds,
            "ms_per_image": found.ms_per_image,
            "gated": None if found.gated is None else found.gated.value,
            "passes": self.passes,
            "taps": self.taps,
            "gate": self.gate,
            "threshold": None if found.threshold is None else found.threshold.value,
            "epochs": self.epochs,
            "peak_memory_mib": self.peak_memory_mib,
            "warnings": list(self.warnings),
            "proposal": None if self.proposal is None else self.proposal.model_dump(mode="json"),
            "figures": found.model_dump(mode="json"),
        }


def proposal_lines(proposal: PassesProposal | None) -> list[str]:
    """The sentence of a proposal, and what each number of passes came to."""
    if proposal is None:
        return []
    return [f"Proposed: {proposal.sentence}", *(_measured(one, proposal) for one in proposal.options)]


def _measured(one: PassesMeasured, proposal: PassesProposal) -> str:
    found = f"image {_percent(one.image_auroc)}, pixel {_percent(one.pixel_auroc)}, {one.ms:.1f} ms"
    if one.passes == 1:
        on = f"{proposal.good} good and {proposal.defective} artificially defective images"
        return f"Measured with one pass on {on}: {found}"
    on = f"{one.good_on}/{proposal.good} good and {one.defective_on}/{proposal.defective} artificially defective go on"
    return f"Measured with {one.passes} passes above {one.gate:g}: {found}; {on}"


def _between(one: ClassFigures) -> str:
    """The AUROC of a class with its interval."""
    if one.image_auroc_low is None or one.image_auroc_high is None:
        return _percent(one.image_auroc)
    return f"{_percent(one.image_auroc)} ({100 * one.image_auroc_low:.1f}–{100 * one.image_auroc_high:.1f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _rate(value: RateFigure | None) -> str:
    return "–" if value is None else str(value)
