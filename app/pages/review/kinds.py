"""The words of queues and scopes, and what stands where a queue is empty."""

from __future__ import annotations

from app.words import tr
from core.workflow.review import KINDS, Kind, Scope


def kind_word(kind: Kind) -> str:
    """The name of a queue."""
    words: dict[Kind, str] = {
        "false_rejects": tr("False rejects"),
        "escapes": tr("Escapes"),
        "caught": tr("Caught"),
        "passed": tr("Passed"),
        "rejects": tr("All rejected"),
        "recheck": tr("To recheck"),
        "near": tr("Near the threshold"),
        "unreviewed": tr("Not reviewed yet"),
        "disagreements": tr("Person and machine differ"),
        "not_inspectable": tr("Not inspectable"),
        "all": tr("All"),
    }
    return words[kind]


def kind_hint(kind: Kind) -> str:
    """What a queue holds, and in which order."""
    words: dict[Kind, str] = {
        "false_rejects": tr("Good parts at or above the threshold, the worst first"),
        "escapes": tr("Defective parts below the threshold, the lowest score first"),
        "caught": tr("Defective parts that are rejected, the highest score first"),
        "passed": tr("Good parts that pass, those nearest to the threshold first"),
        "rejects": tr("Everything that is rejected, whatever its label"),
        "recheck": tr("Parts in the band below the threshold that a person looks at"),
        "near": tr("The units nearest to the threshold, on both sides"),
        "unreviewed": tr("Nobody has given a verdict on these, the highest score first"),
        "disagreements": tr("The last verdict differs from the judgement or from the label"),
        "not_inspectable": tr("No score could be measured: never a pass"),
        "all": tr("The highest score first"),
    }
    return words[kind]


def empty_words(kind: Kind) -> tuple[str, str]:
    """Headline and a line for a queue that holds nothing."""
    words: dict[Kind, tuple[str, str]] = {
        "false_rejects": (
            tr("No false rejects"),
            tr("No part that is labelled good is rejected at this threshold. Escapes are worth a look next."),
        ),
        "escapes": (
            tr("No escapes"),
            tr("Every part that is labelled defective is rejected at this threshold."),
        ),
        "unreviewed": (tr("All reviewed"), tr("Every image here has a verdict.")),
        "disagreements": (tr("No disagreement"), tr("No verdict differs from the judgement or from the label.")),
        "not_inspectable": (tr("All could be inspected"), tr("Every image has a score.")),
        "recheck": (tr("Nothing to recheck"), tr("No part lies in the recheck band.")),
    }
    return words.get(kind, (tr("Nothing here"), tr("No part falls into this queue at this threshold.")))


def scope_word(scope: Scope, count: int) -> str:
    """Which images are counted."""
    words: dict[Scope, str] = {
        "test": tr("Test ({n})", n=f"{count:,}"),
        "tuning": tr("Tuning ({n})", n=f"{count:,}"),
        "train": tr("Train ({n})", n=f"{count:,}"),
        "unused": tr("Not used ({n})", n=f"{count:,}"),
        "all": tr("All scored ({n})", n=f"{count:,}"),
    }
    return words[scope]


def all_kinds() -> tuple[Kind, ...]:
    """Every queue in the order in which it is offered."""
    return KINDS
