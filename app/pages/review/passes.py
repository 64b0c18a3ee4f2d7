"""How often images are rebuilt before they are judged: what tuning images propose, one click to score again so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from app.icons import icon
from app.pages.review.state import Review, Wanted
from app.words import tr
from core.evaluation.passes import PassesMeasured, PassesProposal
from core.workflow.deciding import proposed_passes
from core.workflow.review import ReviewTable, Scored

_MOST: Final = 3


class PassesMenu(QToolButton):
    """Follows a review. A choice shows the scoring that was made so, or makes one; nothing that is decided changes."""

    def __init__(self, review: Review, begin: Callable[[str, Callable[[], object]], object], parent: QWidget) -> None:
        super().__init__(parent)
        self._review = review
        self._begin = begin
        self.setIcon(icon("strip"))
        self.setIconSize(QSize(18, 18))
        self.setAutoRaise(True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr("Passes"))
        self.choices = QMenu(self)
        self.choices.setToolTipsVisible(True)
        self.setMenu(self.choices)
        review.loaded.connect(self._on_loaded)

    def _on_loaded(self) -> None:
        self.choices.clear()
        table = self._review.table
        if table is None:
            return
        proposal = proposed_passes(table.run.figures)
        words = tr("How often images are rebuilt before they are judged; changed without training again")
        self.setToolTip(words if proposal is None else f"{words}\n{proposal.sentence}")
        for passes, gate, text in _offers(table, proposal):
            action = self.choices.addAction(text)
            action.setCheckable(True)
            action.setChecked((passes, gate if passes > 1 else table.gate) == (table.passes, table.gate))
            if proposal is not None and (passes, gate) == (proposal.passes, proposal.gate):
                action.setToolTip(proposal.sentence)
            there = _scored(self._review.choices, table, passes, gate)
            action.setEnabled(there is not None or (table.has_model and self._review.session.can_write))
            action.triggered.connect(lambda _=False, n=passes, m=gate: self.choose(n, m))

    def choose(self, passes: int, gate: float) -> None:
        """Show the scoring that was made with these passes; make it where there is none."""
        review, table = self._review, self._review.table
        if table is None:
            return
        number = table.run.number
        there = _scored(review.choices, table, passes, gate)
        if there is not None:
            review.show(Wanted(number=number, scoring=there.scoring))
            return
        from core.workflow.scoring import Wish  # brings the figures' libraries along

        wish = Wish(passes=passes, gate=gate if passes > 1 else None)

        def score() -> None:
            self._begin(tr("{passes}, with training #{n}", passes=passes_words(passes, gate), n=number), score)
            review.session.trainings.score(number, wish)

        score()


def passes_words(passes: int, gate: float) -> str:
    """One pass; 2 passes above 0.5."""
    return tr("one pass") if passes == 1 else tr("{n} passes above {gate}", n=passes, gate=f"{gate:g}")


def _offers(table: ReviewTable, proposal: PassesProposal | None) -> list[tuple[int, float, str]]:
    """Passes, gate and words of each choice: as proposed, what was measured beside it, what a person may try."""
    own = _own(table)
    gate = float(own.get("gate", table.gate))
    if proposal is None:
        numbers = range(1, max(_MOST, int(own.get("n", 1))) + 1)
        return [(n, gate, _sentence(passes_words(n, gate))) for n in numbers]
    options = sorted(proposal.options, key=lambda one: (one.passes, one.gate) != (proposal.passes, proposal.gate))
    return [(one.passes, one.gate, _measured_words(one, proposal)) for one in options]


def _measured_words(one: PassesMeasured, proposal: PassesProposal) -> str:
    words = tr(
        "{passes} · tuning AUROC {image} % of images, {pixel} % of pixels · {ms} ms",
        passes=_sentence(passes_words(one.passes, one.gate)),
        image=f"{100 * one.image_auroc:.1f}",
        pixel=f"{100 * one.pixel_auroc:.1f}",
        ms=f"{one.ms:.0f}",
    )
    is_proposed = (one.passes, one.gate) == (proposal.passes, proposal.gate)
    return tr("Proposed: {words}", words=words) if is_proposed else words


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _own(table: ReviewTable) -> dict[str, Any]:
    return dict(table.run.config.get("progressive", {}))


def _scored(choices: tuple[Scored, ...], table: ReviewTable, passes: int, gate: float) -> Scored | None:
    """The newest scoring of test images by this training that was made so."""
    own = _own(table)
    wanted: dict[str, Any] = {}
    if passes != own.get("n"):
        wanted["n"] = passes
    if passes > 1 and gate != own.get("gate"):
        wanted["gate"] = gate
    mine = [one for one in choices if one.number == table.run.number and not one.is_lot]
    return next((one for one in mine if dict(one.differs) == wanted), None)
