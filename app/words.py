"""What is written on the screen: translation, and the words for splits, labels, judgements and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QCoreApplication, QLocale

from core.errors import FlawscopeError

if TYPE_CHECKING:
    from core.project.records import DefectClass

_CONTEXT: Final = "flawscope"


def tr(text: str, **fields: Any) -> str:
    """`text` in the person's language, its {fields} filled in."""
    shown = QCoreApplication.translate(_CONTEXT, text)
    return shown.format(**fields) if fields else shown


def language() -> str:
    """The person's language: `en`, `de`, ..."""
    code = QLocale().name().split("_")[0]
    return "en" if code == "C" else code


def class_word(one: DefectClass) -> str:
    """The name of a defect class in the person's language, else its code."""
    return one.names.get(language()) or one.names.get("en") or one.code


def class_words(classes: Iterable[DefectClass]) -> dict[str, str]:
    """Code -> name of defect classes: codes stand in files, names are read by people."""
    return {one.code: class_word(one) for one in classes}


def class_code(text: str, names: Mapping[str, str]) -> str:
    """The code of the class that a person means by `text`; what is no name in `names` (code -> name) is a new code."""
    wanted = text.strip()
    folded = wanted.casefold()
    by_name = [code for code, name in names.items() if name.casefold() == folded]
    return next(iter(by_name or [code for code in names if code.casefold() == folded]), wanted)


def label_word(label: str) -> str:
    """Good, Defective or Unlabelled."""
    return {"good": tr("Good"), "defective": tr("Defective"), "unlabelled": tr("Unlabelled")}.get(label, label)


def split_word(split: str) -> str:
    """Train, Tuning, Test or Not used."""
    words = {"train": tr("Train"), "tuning": tr("Tuning"), "test": tr("Test"), "unused": tr("Not used")}
    return words.get(split, split)


def state_word(state: str) -> str:
    """How a training is doing."""
    words = {
        "queued": tr("Queued"),
        "starting": tr("Starting"),
        "running": tr("Training"),
        "paused": tr("Paused"),
        "stopping": tr("Stopping"),
        "finished": tr("Finished"),
        "stopped": tr("Stopped"),
        "failed": tr("Failed"),
        "interrupted": tr("Interrupted"),
        "discarded": tr("Discarded"),
    }
    return words.get(state, state)


def judgement_word(judgement: str) -> str:
    """What the machine says."""
    words = {
        "pass": tr("Pass"),
        "recheck": tr("Recheck"),
        "reject": tr("Reject"),
        "not_inspectable": tr("Not inspectable"),
    }
    return words.get(judgement, judgement)


def verdict_word(verdict: str) -> str:
    """What a person says."""
    return {"good": tr("Good"), "defective": tr("Defective"), "unsure": tr("Unsure")}.get(verdict, verdict)


def count_words(count: int, one: str, many: str) -> str:
    """`1 image`, `1,234 images`."""
    return f"{count:,} {tr(one) if count == 1 else tr(many)}"


def describe(error: Exception) -> tuple[str, str]:
    """A headline and the rest (which file, what was kept, what to do) of an error, for a person."""
    if not isinstance(error, FlawscopeError):
        return tr("Something unforeseen happened"), f"{type(error).__name__}: {error}"
    lines = [str(error.path)] if error.path is not None else []
    lines += [f"{part}." for part in (error.kept, error.mend) if part]
    headline = error.what[:1].upper() + error.what[1:]
    return headline, "\n".join(lines)
