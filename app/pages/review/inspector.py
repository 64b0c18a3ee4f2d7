"""What is known of the unit on screen, and what a person says of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.commands import keys_text, tooltip
from app.icons import icon
from app.pages.review.nearest import NearestButton, NearestGood
from app.pages.review.state import Review
from app.words import class_words, count_words, judgement_word, label_word, split_word, tr, verdict_word
from core.project.results import VerdictRow
from core.words import VERDICTS, Judgement, Label, Verdict
from core.workflow.review import ReviewTable

_SHOWN_VERDICTS: Final = 4
_COMMANDS: Final[dict[Verdict, str]] = {
    "good": "label.good",
    "defective": "label.defective",
    "unsure": "label.unsure",
}


class Inspector(QWidget):
    """Follows the row of a review."""

    annotate_wanted = Signal(int)
    offers_wanted = Signal()

    def __init__(self, review: Review, finder: NearestGood, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self.nearest = NearestButton(review, finder, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(theme.SPACE)
        self._build_image(column)
        self._rule(column)
        self._build_score(column)
        self._under_score = self._rule(column)
        self._build_verdict(column)
        self._build_offer(column)
        column.addStretch(1)
        review.row_changed.connect(self._on_row_changed)
        review.loaded.connect(self._on_row_changed)
        review.threshold_moved.connect(lambda _: self._show_score())
        review.verdict_given.connect(self._on_verdict_given)
        review.offers_changed.connect(self._on_offers_changed)
        review.session.saved.connect(lambda _: self._ask_history())
        self._on_row_changed()

    # -- building

    def _label(self, column: QVBoxLayout | QHBoxLayout, role: str = "") -> QLabel:
        label = QLabel(self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            label.setProperty("role", role)
        column.addWidget(label)
        return label

    def _rule(self, column: QVBoxLayout) -> QFrame:
        line = QFrame(self)
        line.setProperty("role", "line")
        column.addWidget(line)
        return line

    def _build_image(self, column: QVBoxLayout) -> None:
        self.name = self._label(column, "section")
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts = self._label(column, "muted")

    def _build_score(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(10)
        self.score = self._label(row, "large")
        self.score.setWordWrap(False)
        self.score.setFont(theme.mono_numbers(self.score.font()))
        self.judgement = QLabel(self)
        self.judgement.setObjectName("judgement")
        self.judgement.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        row.addWidget(self.judgement, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        column.addLayout(row)
        self.mistake = self._label(column, "wrong")
        beside = QHBoxLayout()
        words = QVBoxLayout()
        self.margin = self._label(words)
        self.more = self._label(words)
        words.addStretch(1)
        beside.addLayout(words, 1)
        beside.addWidget(self.nearest, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(beside)
        self.caveat = self._label(column, "muted")
        self.caveat.setText(tr("An anomaly score, not a probability: only its place beside the threshold counts."))

    def _build_verdict(self, column: QVBoxLayout) -> None:
        heading = self._label(column, "section")
        heading.setText(tr("Your verdict"))
        row = QHBoxLayout()
        row.setSpacing(6)
        self.buttons: dict[Verdict, QPushButton] = {}
        for verdict in VERDICTS:
            row.addLayout(self._verdict_button(verdict), 1)
        column.addLayout(row)
        self.history = self._label(column, "muted")
        self.note = self._label(column, "muted")
        self.annotate = QPushButton(tr("Open in Annotate …"), self)
        self.annotate.setProperty("role", "link")
        self.annotate.setToolTip(tr("See it with its masks, change its label"))
        self.annotate.clicked.connect(self._on_annotate_clicked)
        column.addWidget(self.annotate, 0, Qt.AlignmentFlag.AlignLeft)

    def _verdict_button(self, verdict: Verdict) -> QVBoxLayout:
        """A button with its key below."""
        command = _COMMANDS[verdict]
        button = QPushButton(icon(verdict, theme.COLOUR[verdict]), verdict_word(verdict), self)
        button.setCheckable(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # after a click the keys go on to act on the image
        button.setToolTip(tooltip(command))
        button.setStyleSheet("padding: 6px 2px;")
        button.clicked.connect(lambda: self._on_verdict_clicked(verdict))
        self.buttons[verdict] = button
        key = QLabel(keys_text(command), self)
        key.setProperty("role", "muted")
        key.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(button)
        column.addWidget(key)
        return column

    def _build_offer(self, column: QVBoxLayout) -> None:
        self.offer = QFrame(self)
        self.offer.setProperty("role", "card")
        inner = QVBoxLayout(self.offer)
        inner.setContentsMargins(12, 10, 12, 10)
        heading = QLabel(tr("Feed back"), self.offer)
        heading.setProperty("role", "section")
        inner.addWidget(heading)
        self.offer_words = QLabel(self.offer)
        self.offer_words.setWordWrap(True)
        inner.addWidget(self.offer_words)
        self.decide = QPushButton(tr("Look and decide …"), self.offer)
        self.decide.clicked.connect(self.offers_wanted)
        inner.addWidget(self.decide, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.offer)
        self._on_offers_changed(0)

    # -- showing

    def _on_row_changed(self) -> None:
        table, row = self._review.table, self._review.row
        shown = table is not None and row is not None
        for button in self.buttons.values():
            button.setEnabled(shown and self._review.session.can_write)
        for widget in (self.score, self.judgement, self.mistake, self.margin, self.more, self.caveat, self.annotate):
            widget.setVisible(shown)
        self._under_score.setVisible(shown)
        self.offer.setVisible(shown)
        self.history.clear()
        self.history.hide()
        if table is None or row is None:
            self.name.setText(tr("No image chosen"))
            self.facts.clear()
            self.note.clear()
            self._show_verdict(None)
            return
        image_id, cell = table.place(row)
        self._show_facts(table, row, image_id, cell)
        self._show_score()
        self._show_verdict(table.verdict_of(row))
        self._ask_history()

    def _show_facts(self, table: ReviewTable, row: int, image_id: int, cell: str) -> None:
        images = self._review.session.table
        at = -1 if images is None else int(images.row_of([image_id])[0])
        name = str(image_id) if images is None or at < 0 else images.names[at]
        self.name.setText(name.replace("/", "/\u200b") + (f" · {cell}" if cell else ""))
        self.name.setToolTip("" if images is None or at < 0 else str(images.path(at)))
        facts = [label_word(table.label_of(row)), split_word(table.split_of(row))]
        if images is not None and at >= 0:
            kind = images.classes[int(images.defect_class[at])]
            names = class_words(self._review.session.classes)
            facts[0] += f" ({names.get(kind, kind)})" if kind else ""
            lot = images.lots[int(images.lot[at])]
            facts += [tr("lot {lot}", lot=lot)] if lot else []
        self.facts.setText(" · ".join(facts))
        self.note.setText(self._note(table, row, cell))

    def _note(self, table: ReviewTable, row: int, cell: str) -> str:
        """What becomes of a verdict."""
        split = table.split_of(row)
        kept = tr("Your verdict is kept with name and time; it changes no label and no figure.")
        if split == "test":
            return kept + " " + tr("The image stays in test, and no training learns from it.")
        if split == "train":
            return kept + " " + tr("The training has seen this image: its score says little.")
        if cell:
            return kept + " " + tr("Verdicts on single cells offer nothing to a training.")
        return kept + " " + tr("If you say Good, the image waits below for the next training.")

    def _show_score(self) -> None:
        table, row = self._review.table, self._review.row
        if table is None or row is None:
            return
        units, threshold = table.units, self._review.threshold
        score = float(units.score[row])
        said = self._judgement(table, row)
        self.judgement.setText(judgement_word(said))
        self.judgement.setStyleSheet(_pill(said))
        mistake = _mistake(said, table.label_of(row))
        self.mistake.setText(mistake)
        self.mistake.setVisible(bool(mistake))
        if not np.isfinite(score):
            self.score.setText("–")
            self.margin.setText(tr("No score could be measured. Never a pass."))
            self.more.clear()
            return
        self.score.setText(f"{score:.4f}")
        away = score - threshold
        share = abs(away) / max(abs(threshold), 1e-9)
        words = tr("{d} above the threshold ({p} %)") if away >= 0 else tr("{d} below the threshold ({p} %)")
        self.margin.setText(words.format(d=f"{abs(away):.4f}", p=f"{100 * share:,.0f}"))
        self.more.setText("\n".join(self._details(table, row)))

    def _details(self, table: ReviewTable, row: int) -> list[str]:
        """Peak and second pass."""
        units = table.units
        lines = []
        if np.isfinite(units.peak[row]):
            lines.append(tr("Peak of the map {peak}", peak=f"{units.peak[row]:.4f}"))
        first = float(units.first[row])
        if table.passes > 1 and np.isfinite(first):
            used = bool(units.gated[row])
            words = tr("Second pass: used, {a} > {b}") if used else tr("Second pass: not used, {a} ≤ {b}")
            if used and table.score_from == "first":
                words = tr("Second pass: made, {a} > {b}, but the score is that of the first")
            lines.append(words.format(a=f"{first:.4f}", b=f"{table.gate:g}"))
        return lines

    def _judgement(self, table: ReviewTable, row: int) -> Judgement:
        reach, band = float(table.reach[row]), table.recheck_from
        if not np.isfinite(reach):
            return "not_inspectable"
        if reach >= self._review.threshold:
            return "reject"
        return "recheck" if band is not None and reach >= min(band, self._review.threshold) else "pass"

    def _show_verdict(self, verdict: Verdict | None) -> None:
        for name, button in self.buttons.items():
            button.setChecked(name == verdict)

    def _ask_history(self) -> None:
        """Who said what of this image, the newest first."""
        table, row, project = self._review.table, self._review.row, self._review.session.project
        if table is None or row is None or project is None:
            return
        image_id, cell = table.place(row)
        self._review.session.background.run(
            lambda: [v for v in project.verdicts(image_ids=[image_id], all_of_them=True) if v.cell == cell],
            lambda found: self._show_history(image_id, found),
            owner=self,
            key="history",
        )

    def _show_history(self, image_id: int, found: list[VerdictRow]) -> None:
        table, row = self._review.table, self._review.row
        if table is None or row is None or table.place(row)[0] != image_id:
            return
        lines = [_verdict_line(one) for one in reversed(found[-_SHOWN_VERDICTS:])]
        self.history.setText("\n".join(lines))
        self.history.setVisible(bool(lines))

    # -- what happens

    def _on_verdict_clicked(self, verdict: Verdict) -> None:
        table, row = self._review.table, self._review.row
        self._show_verdict(table.verdict_of(row) if table is not None and row is not None else None)
        self._review.give_verdict(verdict)

    def _on_verdict_given(self, row: int, verdict: str) -> None:
        if row == self._review.row and verdict in VERDICTS:
            self._show_verdict(verdict)

    def _on_annotate_clicked(self) -> None:
        if self._review.table is not None and self._review.row is not None:
            self.annotate_wanted.emit(self._review.table.place(self._review.row)[0])

    def _on_offers_changed(self, count: int) -> None:
        self.decide.setVisible(count > 0)
        if not count:
            self.offer_words.setText(tr("Nothing waits. Images outside test that you find good are offered here."))
            return
        words = count_words(count, "good image that no training has seen", "good images that no training has seen")
        said = (
            tr("{images}, by your verdict. The next training could learn from it.")
            if count == 1
            else tr("{images}, by your verdict. The next training could learn from them.")
        )
        self.offer_words.setText(said.format(images=words))


def _mistake(judgement: Judgement, label: Label) -> str:
    """What is wrong about a judgement, as the label says."""
    if judgement == "reject" and label == "good":
        return tr("False reject: it is labelled good")
    if judgement == "pass" and label == "defective":
        return tr("Escape: it is labelled defective")
    return ""


def _pill(judgement: Judgement) -> str:
    colour = {"pass": "good", "reject": "defective", "recheck": "warning", "not_inspectable": "muted"}[judgement]
    ink = theme.ink(colour).name()
    return f"#judgement {{ border: 1px solid {ink}; color: {ink}; border-radius: 9px; padding: 1px 9px; }}"


def _verdict_line(one: VerdictRow) -> str:
    moment = datetime.fromisoformat(one.at).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    when = moment.strftime("%H:%M" if today else "%d %b %H:%M")
    score = "" if one.score is None else f" · {one.score:.4f}"
    return f"{verdict_word(one.verdict)} · {one.who} · {when}{score}"
