"""Thresholds that were moved and not kept: shown as moved again when their scoring is looked at the next time."""

from __future__ import annotations

from typing import Any, Final

from app.session import Session

_MOST: Final = 50  # of a project; the oldest are forgotten


class MovedThresholds:
    """By scoring, for the project that is open; in the window's memory, not in the project: nobody decided on them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, scoring: int) -> float | None:
        """Where the threshold of a scoring was left; None where it was not moved."""
        value = self._all().get(str(scoring))
        return float(value) if isinstance(value, (int, float)) else None

    def remember(self, scoring: int, threshold: float | None) -> None:
        """Keep it for the next look; None forgets it."""
        project = self._session.project
        if project is None:
            return
        moved = {key: value for key, value in self._all().items() if key != str(scoring)}
        if threshold is not None:
            moved[str(scoring)] = threshold
        kept = dict(list(moved.items())[-_MOST:])
        self._session.memory.remember(f"moved {project.file}", kept or None)

    def _all(self) -> dict[str, Any]:
        project = self._session.project
        return {} if project is None else self._session.memory.recall(f"moved {project.file}", {})
