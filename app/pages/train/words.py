"""What the page says of a training: its state now, how it ended, what to do then."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final

from app.pages.train.about import About, Rate
from app.trace import Trace
from app.words import state_word, tr
from core.project.results import RunRow
from core.workflow.readiness import clock, span

ENDED: Final = frozenset({"finished", "stopped", "failed", "interrupted", "discarded"})
WAITING: Final = frozenset({"queued", "waiting"})  # waiting: it starts by itself when the one before has ended
_GUESS: Final = 0.65  # image AUROC below which a training has learnt next to nothing
RUNNING: Final = frozenset({"starting", "running", "paused", "stopping", "not_responding", "collecting"})


def now_word(state: str) -> str:
    """A state in one or two words."""
    more = {"not_responding": tr("Not responding"), "collecting": tr("Measuring"), "waiting": state_word("queued")}
    return more.get(state) or state_word(state)


def doing_word(state: str, trace: Trace | None) -> str:
    """What goes on: its state, or that what was learnt is measured and scored now."""
    if state == "running" and trace is not None and has_learnt(trace):
        return tr("Scoring") if trace.phase == "scoring" else tr("Measuring")
    return now_word(state)


def has_learnt(trace: Trace) -> bool:
    """Whether nothing more is learnt: what follows is measured, saved and scored."""
    return trace.phase in ("finishing", "scoring") or trace.position >= 1.0


def is_by_clock(run: RunRow) -> bool:
    """Whether minutes decide how long it learns: how many steps that makes, nobody knows before."""
    return dict(run.config.get("train") or {}).get("minutes") is not None


def now_sentence(state: str, trace: Trace | None, *, by_clock: bool = False) -> str:
    """What happens at this moment."""
    if state == "collecting":
        return tr("Done. The figures are being measured …")
    if state == "not_responding":
        return tr("Nothing was heard for 30 seconds. It may only be busy; killing it keeps the last checkpoint.")
    if state == "stopping":
        return tr("Stopping: what was learnt is saved, then the images are scored …")
    if state == "paused":
        return tr("Paused. What was learnt is saved; nothing is computed.")
    phase = "" if trace is None else trace.phase
    if state == "starting" or phase in ("", "loading"):
        return tr("Starting: the program that trains is being loaded …")
    if phase == "preparing":
        return tr("Reading the good images …")
    if phase == "finishing":
        return tr("Finishing the model …")
    if phase == "scoring" and trace is not None:
        return tr("Learnt. Scoring image {done} of {total} …", done=trace.done, total=trace.total)
    return _learning(trace, by_clock)


def _learning(trace: Trace | None, by_clock: bool) -> str:
    if trace is None or not trace.step:
        return tr("Getting ready for the first step …")
    if trace.position >= 1.0:
        return tr("Learnt. Measuring on the tuning images which state is the best …")
    if by_clock:
        return tr("Step {step:,} · pass {epoch} over the good images", step=trace.step, epoch=trace.epoch + 1)
    return tr(
        "Step {step:,} of {steps:,} · pass {epoch} over the good images", step=trace.step, steps=trace.steps,
        epoch=trace.epoch + 1,
    )  # fmt: skip


def finish_clock(finish: float | None) -> str:
    """The clock time at which it will be done; '' when nobody knows yet."""
    return "" if finish is None else clock(datetime.fromtimestamp(finish), datetime.now())


def no_finish(state: str) -> str:
    """Why there is no finish time."""
    return {"paused": tr("after you go on"), "stopping": tr("soon"), "collecting": tr("soon")}.get(
        state, tr("known soon")
    )


def left(finish: float | None) -> str:
    """How long it will still take."""
    return "" if finish is None else tr("{span} left", span=span(max(1.0, finish - time.time())))


def ending(run: RunRow, escapes: Rate | None = None) -> tuple[str, str]:
    """How it ended: a headline, and what that means and what to do."""
    when = _when(run.finished)
    caution = _caution(run, escapes)
    if run.state == "finished":
        return tr("Finished {when}", when=when), " ".join(part for part in (_took(run), caution) if part)
    if run.state == "stopped":
        if not run.figures:
            return tr("Stopped {when}", when=when), tr("It was stopped before there was anything to measure.")
        usable = caution or tr("What it had learnt is a usable model.")
        return tr("Stopped {when}", when=when), f"{tr('You stopped it.')} {usable}"
    if run.state == "failed":
        return tr("Failed {when}", when=when), run.error or tr("It did not say why. The log may.")
    if run.state == "interrupted":
        return tr("Interrupted {when}", when=when), tr("The last checkpoint was kept: it can go on from there.")
    if run.state == "discarded":
        return tr("Discarded"), tr("Its files were removed.")
    return now_word(run.state), ""


def waiting(state: str) -> str:
    """What a training that has not begun waits for."""
    if state == "waiting":
        return tr("It starts by itself when the training before it has ended.")
    return tr("It has not begun, and does not begin by itself.")


def facts(trace: Trace) -> list[str]:
    """Small things that a person may want to know while it runs."""
    found: list[str] = []
    if not trace.step:
        return found
    if trace.computing_on:
        found.append(tr("Computing on {what}", what=trace.computing_on))
    if trace.step_seconds:
        found.append(tr("{seconds:.2g} s a step", seconds=trace.step_seconds))
    if trace.checkpoint_at is not None and trace.ended is None:
        at = clock(datetime.fromtimestamp(trace.checkpoint_at), datetime.now())
        found.append(tr("last checkpoint {clock}", clock=at))
    if trace.best_step:
        best = tr("best so far at step {step:,}") if trace.ended is None else tr("best at step {step:,}")
        found.append(best.format(step=trace.best_step))
    if trace.memory:
        found.append(tr("{size:.1f} GB memory", size=trace.memory / 2**30))
    return found


def figures(run: RunRow) -> str:
    """The headline figures with what they rest on; '' when nothing was measured."""
    found: dict[str, Any] = dict(run.figures)
    image, pixel = found.get("image_auroc"), found.get("pixel_auroc")
    if image is None:
        return ""
    words = tr("Image AUROC {value:.1f} %", value=100 * image)
    if pixel is not None:
        words += tr(" · pixel AUROC {value:.1f} %", value=100 * pixel)
    good = int(found.get("images", 0)) - int(found.get("defective", 0))
    words += tr("  ({bad} defective, {good} good test images)", bad=found.get("defective", 0), good=good)
    return words + (tr(" · out of date: the region was changed") if run.is_outdated else "")


def at_threshold(about: About) -> str:
    """What passes and what is rejected at the threshold, in parts; '' when that was not measured."""
    named = ((tr("escapes"), about.escapes), (tr("false rejects"), about.false_rejects))
    said = [_rate(name, rate) for name, rate in named if rate is not None]
    return tr("At the threshold: {rates}", rates=" · ".join(said)) if said else ""


def _rate(name: str, rate: Rate) -> str:
    return tr(
        "{name} {k:,} of {n:,} ({share:.0f} %, {low:.0f}–{high:.0f} %)", name=name, k=rate.k, n=rate.n,
        share=100 * rate.k / max(1, rate.n), low=100 * rate.low, high=100 * rate.high,
    )  # fmt: skip


def short_end(run: RunRow) -> str:
    """The second line of a training in the list."""
    if run.state in ("finished", "stopped"):
        image = run.figures.get("image_auroc")
        figure = tr(" · out of date") if image is not None and run.is_outdated else ""  # first: the end may be cut
        figure += "" if image is None else tr(" · AUROC {value:.1f} %", value=100 * image)
        return f"{state_word(run.state)} {_when(run.finished)}{figure}"
    if run.state in ENDED:
        return f"{state_word(run.state)} {_when(run.finished)}"
    return now_word(run.state)


def title(run: RunRow) -> str:
    """`Training #12`."""
    return tr("Training #{n}", n=run.number)


def place(product: str, view: str | None) -> str:
    """`chip` or `chip > top`."""
    return product if view in (None, "", "main") else f"{product} › {view}"


def _when(moment: str | None) -> str:
    if moment is None:
        return ""
    return clock(datetime.fromisoformat(moment).astimezone().replace(tzinfo=None), datetime.now())


def is_guess(run: RunRow) -> bool:
    """Whether its figures are those of a guess."""
    image = run.figures.get("image_auroc")
    return image is not None and image < _GUESS


def _caution(run: RunRow, escapes: Rate | None) -> str:
    """What the figures mean where they are poor, which a percentage alone does not tell."""
    if is_guess(run):
        return tr("That is hardly better than guessing (50 %): give it more time, or choose a finer preset.")
    if escapes is not None and 2 * escapes.k > escapes.n:
        return tr("Most defective parts pass: look at the threshold in Review, or give it more time.")
    return ""


def _took(run: RunRow) -> str:
    if run.started is None or run.finished is None:
        return ""
    seconds = (datetime.fromisoformat(run.finished) - datetime.fromisoformat(run.started)).total_seconds()
    return tr("It took {span}.", span=span(seconds))
