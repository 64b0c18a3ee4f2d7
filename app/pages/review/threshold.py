"""Histogram, counts and curve above the image: everything that moves when the threshold moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.charts.histogram import Histogram
from app.charts.roc import Line, Point, RocChart
from app.icons import icon
from app.pages.review.counts import Counts
from app.pages.review.state import Review
from app.words import tr
from core.evaluation.curves import NotMeasured
from core.evaluation.decisions import ThresholdChoice
from core.evaluation.statistics import Rate
from core.workflow import review as reviewing
from core.workflow.review import ReviewTable

_WORDS_FROM: Final = 1040
_WORD_FROM: Final = 720  # of a line of its own: the whole word of a button
_LEAST: Final = 150
_NARROWEST: Final = 600
_LEAST_TWO: Final = 234  # with two lines of tools: the tiles still tell their intervals
_ROC_FROM: Final = 860  # pixels of width: below, the curve gives its room to the histogram


class ThresholdPanel(QWidget):
    """Follows a review and moves its threshold."""

    measure_wanted = Signal()

    def __init__(self, review: Review, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        self._auroc = ""
        self._scoring: int | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 4)
        column.setSpacing(2)
        self._box = self._build_tools()
        column.addLayout(self._box)
        row = QHBoxLayout()
        row.setSpacing(12)
        self.histogram = Histogram(self)
        row.addWidget(self.histogram, 1)
        self.counts = Counts(self)
        self.counts.setFixedWidth(300)
        row.addWidget(self.counts)
        self._curve = self._roc()
        row.addWidget(self._curve)
        column.addLayout(row, 1)
        self.setMinimumSize(_NARROWEST, _LEAST)  # else the tools keep the room that they have in one line
        self._connect()

    # -- building

    def _build_tools(self) -> QBoxLayout:
        """Choosers, then the threshold; room is kept for what comes and goes, so that nothing moves under the mouse."""
        box = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        box.setSpacing(6)
        self._choosers, self._tools = QWidget(self), QWidget(self)
        self._chooser_row = _row(self._choosers)
        row = _row(self._tools)
        self._build_value(row)
        self._build_source(row)
        row.addStretch(1)
        self.log = QToolButton(self._tools)
        self.log.setText(tr("log"))
        self.log.setAutoRaise(True)
        self.log.setToolTip(tr("Count on a logarithmic scale: one part is seen beside thousands"))
        self.log.setAccessibleName(self.log.toolTip())
        self.near = self._tool("zoom_in", "")
        for button in (self.log, self.near):
            button.setCheckable(True)
            row.addWidget(button)
        self.log.setChecked(bool(self._review.session.memory.recall("review log", True)))
        self._on_zoomed(False)
        box.addWidget(self._choosers)
        box.addWidget(self._tools, 1)
        return box

    def _build_value(self, row: QHBoxLayout) -> None:
        row.addWidget(QLabel(tr("Threshold"), self._tools))
        self.value = QDoubleSpinBox(self._tools)
        theme.indent(self.value)
        self.value.setDecimals(4)
        self.value.setRange(-1e6, 1e6)
        self.value.setSingleStep(0.005)
        self.value.setKeyboardTracking(False)
        self.value.setFont(theme.mono_numbers(self.value.font()))
        self.value.setAccessibleName(tr("Threshold"))
        self.value.setToolTip(tr("A score at or above the threshold rejects. Drag the line, or type it here."))
        self.value.setFixedWidth(96)
        row.addWidget(self.value)
        self.suggest = self._tool("suggest", tr("What tuning images propose"))
        self._menu = QMenu(self.suggest)
        self.suggest.setMenu(self._menu)
        self.suggest.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row.addWidget(self.suggest)
        self.keep = QPushButton(tr("Keep as draft"), self._tools)
        self.keep.setToolTip(tr("Make it the next version of this training's decision settings, as a draft"))
        row.addWidget(self.keep)

    def _build_source(self, row: QHBoxLayout) -> None:
        """Where the threshold comes from, or while it is moved the way back; and whether its figures flatter it."""
        self._place = QStackedWidget(self._tools)
        self.source = QLabel(self._place)
        self.source.setProperty("role", "muted")
        self.source.setTextFormat(Qt.TextFormat.PlainText)
        self.back = QPushButton(self._place)
        self.back.setProperty("role", "flat")
        self.back.setToolTip(tr("It is moved, not kept. Press to go back to what was kept or proposed"))
        self._place.addWidget(self.source)
        self._place.addWidget(self.back)
        self.back.setText(tr("Back to {value}", value="0.0000"))
        words = (tr("proposed, not kept"), tr("version {n}, {state}", n=10, state=tr("approved")))
        widest = max(self.source.fontMetrics().horizontalAdvance(one) for one in words)
        self._place.setFixedWidth(max(widest + 8, self.back.sizeHint().width()))
        self._place.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Maximum)
        row.addWidget(self._place)
        self.badge = QPushButton(tr("optimistic"), self._tools)
        self.badge.setProperty("role", "chip")
        self.badge.setToolTip(_optimistic())
        self.badge.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
        policy.setRetainSizeWhenHidden(True)
        self.badge.setSizePolicy(policy)
        self.badge.hide()
        row.addWidget(self.badge)

    def _tool(self, sign: str, words: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(sign))
        button.setIconSize(QSize(18, 18))
        button.setAutoRaise(True)
        button.setToolTip(words)
        button.setAccessibleName(words)
        return button

    def _roc(self) -> QWidget:
        box = QWidget(self)
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.roc = RocChart(box)
        self.roc.setFixedWidth(196)
        self._roc_words = QWidget(box)
        below = QVBoxLayout(self._roc_words)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(6)
        self.image_words = QLabel(self._roc_words)
        self.pixel_words = QLabel(self._roc_words)
        for label in (self.image_words, self.pixel_words):
            label.setWordWrap(True)
            label.setFixedWidth(128)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setFont(theme.mono_numbers(label.font()))
            below.addWidget(label)
        below.addStretch(1)
        row.addWidget(self.roc)
        row.addWidget(self._roc_words)
        return box

    def _connect(self) -> None:
        review = self._review
        self.histogram.threshold_moved.connect(review.move_threshold)
        self.histogram.threshold_chosen.connect(review.set_threshold)
        self.histogram.step_wanted.connect(review.step_threshold)
        self.roc.threshold_chosen.connect(review.set_threshold)
        self.value.valueChanged.connect(self._on_value_changed)
        self.keep.clicked.connect(review.keep_threshold)
        self.back.clicked.connect(self._on_back_clicked)
        self.log.toggled.connect(self._on_log_toggled)
        self.near.clicked.connect(self._on_near_clicked)
        self.histogram.zoomed.connect(self._on_zoomed)
        self.badge.clicked.connect(self._on_badge_clicked)
        self.counts.kind_chosen.connect(review.set_kind)
        review.loaded.connect(self._on_loaded)
        review.scope_changed.connect(self._on_loaded)
        review.threshold_moved.connect(self._on_threshold_moved)
        review.queue_changed.connect(lambda: self.counts.show_kind(review.kind))
        review.row_changed.connect(self._on_row_changed)
        review.verdict_given.connect(self._on_verdict_given)
        self.histogram.set_log(self.log.isChecked())

    def put_first(self, *widgets: QWidget) -> None:
        """Put the page's choosers at the left of the tools."""
        for place, widget in enumerate(widgets):
            self._chooser_row.insertWidget(place, widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other tools fit now."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Where there is no room the curve's words go first, then the curve; the threshold gets a line of its own.

        The page asks again when its choosers changed.
        """
        self._curve.setVisible(self.width() >= _ROC_FROM)
        wide = self.width() >= _WORDS_FROM
        self._roc_words.setVisible(wide)
        self.roc.set_caption("" if wide else self._auroc)
        self.keep.setText(tr("Keep as draft") if wide else tr("Keep"))
        least = self._choosers.minimumSizeHint().width() + self._tools.minimumSizeHint().width() + self._box.spacing()
        one_line = least <= self.contentsRect().width() - 16
        self._box.setDirection(QBoxLayout.Direction.LeftToRight if one_line else QBoxLayout.Direction.TopToBottom)
        self.setMinimumHeight(_LEAST if one_line else _LEAST_TWO)
        if not one_line and self.width() >= _WORD_FROM:
            self.keep.setText(tr("Keep as draft"))

    # -- showing

    def _on_loaded(self) -> None:
        table = self._review.table
        if table is None:
            self._scoring = None
            self.histogram.set_columns(None)
            self.histogram.show_all()
            return
        if table.scoring.id != self._scoring:
            self._scoring = table.scoring.id
            self.histogram.show_all()  # scores of another training may lie elsewhere
        scope = self._review.scope
        self.histogram.set_columns(table.columns(scope))
        self._show_curves(table)
        self._show_suggestions(table)
        self._on_threshold_moved(self._review.threshold)

    def _show_curves(self, table: ReviewTable) -> None:
        found = table.roc(self._review.scope)
        pixel = table.scoring.figures.get("pixel_roc") if self._review.scope in ("test", "all") else None
        line = None if pixel is None else Line(np.asarray(pixel["x"]), np.asarray(pixel["y"]))
        if isinstance(found, NotMeasured):
            self.roc.set_curves(None, line, tr("No curve: {why}", why=found.reason))
            self.image_words.setText("")
            self._auroc = ""
        else:
            self.roc.set_curves(Line(found.curve.fpr, found.curve.tpr, found.curve.thresholds), line)
            interval = found.area.interval
            span = "" if interval is None else f"<br>{100 * interval.low:.1f}–{100 * interval.high:.1f} %"
            span += "" if interval is None else f"<br><small>{tr('95 % interval')}</small>"
            unit = tr("Cells") if table.has_cells else tr("Images")
            color = theme.COLOUR["accent"].name()
            numbers = tr("{g} good, {d} defective", g=f"{found.area.good:,}", d=f"{found.area.defective:,}")
            self.image_words.setText(
                f"<span style='color:{color}'>━</span> {unit}<br><b>AUROC {100 * found.area.auc:.1f} %</b>{span}"
                f"<br><small>{numbers}</small>"
            )
            self._auroc = tr("AUROC {p} %", p=f"{100 * found.area.auc:.1f}")
            note = found.area.note or tr("95 % interval by DeLong")
            stored = image_figures(table.scoring.figures) if self._review.scope == "test" else []
            self.image_words.setToolTip("\n".join([note, *stored]))
        self._show_pixel(table, line is not None)
        self.roc.set_caption("" if self.width() >= _WORDS_FROM else self._auroc)

    def _show_pixel(self, table: ReviewTable, there: bool) -> None:
        figures = table.scoring.figures
        value = figures.get("pixel_auroc")
        if not there or not isinstance(value, float):
            self.pixel_words.setText("")
            return
        color = theme.COLOUR["roi"].name()
        masks = tr("{n} of {m} with masks", n=f"{figures.get('masks', 0):,}", m=f"{figures.get('defective', 0):,}")
        self.pixel_words.setText(
            f"<span style='color:{color}'>╍</span> {tr('Pixels')}<br><b>AUROC {100 * value:.1f} %</b>"
            f"<br><small>{masks}</small>"
        )
        self.pixel_words.setToolTip("\n".join(pixel_figures(figures)))

    def _show_suggestions(self, table: ReviewTable) -> None:
        self._menu.clear()
        choice = table.choice
        if isinstance(choice, NotMeasured):
            action = self._menu.addAction(tr("None: {why}", why=choice.reason))
            action.setEnabled(False)
            self.histogram.set_marks([table.threshold])
            return
        offers = (choice, *choice.proposals)
        for offer in offers:
            self._menu.addAction(self._suggestion(offer))
        self.histogram.set_marks([table.threshold, *(offer.value for offer in offers)])

    def _suggestion(self, offer: ThresholdChoice) -> QAction:
        names = {
            "maximum": tr("Above every good tuning image"),
            "none_rejected": tr("Rejects no good tuning image"),
            "quantile": tr("99.5 % of good tuning images pass"),
            "balanced_accuracy": tr("Best balance on tuning images"),
            "by_hand": tr("Set by hand"),
        }
        action = QAction(f"{offer.value:.4f}   {names[offer.how]}", self._menu)
        action.setToolTip(offer.sentence)
        action.triggered.connect(lambda _=False, value=offer.value: self._review.set_threshold(value))
        self._menu.setToolTipsVisible(True)
        return action

    def _on_threshold_moved(self, threshold: float) -> None:
        review, table = self._review, self._review.table
        if table is None:
            return
        self.histogram.set_threshold(threshold, recheck_from=table.recheck_from)
        with QSignalBlocker(self.value):
            self.value.setValue(threshold)
        self._show_counts(table, threshold)
        self.keep.setEnabled(review.session.can_write and (review.is_moved or table.decision is None))
        self._place.setCurrentWidget(self.back if review.is_moved else self.source)
        self.back.setText(tr("Back to {value}", value=f"{table.threshold:.4f}"))
        self.badge.setVisible(review.is_optimistic)
        self.source.setText(self._source_words(table))
        self.source.setToolTip(self._source_sentence(table))

    def _show_counts(self, table: ReviewTable, threshold: float) -> None:
        scope = self._review.scope
        found = reviewing.counts(table, threshold, scope)
        rows = table.rows(scope)
        lot = not (found.good or found.defective)
        self.counts.show_counts(
            found,
            units=int(rows.size),
            near=min(int(rows.size), reviewing.NEAR),
            unreviewed=int(np.count_nonzero(table.verdict[rows] == 0)) if lot else 0,
            unseen=int(np.count_nonzero(~np.isfinite(table.reach[rows]))) if lot else 0,
        )
        self.counts.show_kind(self._review.kind)
        over, escaped = found.false_reject_rate(), found.escape_rate()
        if isinstance(over, Rate) and isinstance(escaped, Rate):
            found_share = 1 - escaped.value
            box = (over.interval.low, over.interval.high, 1 - escaped.interval.high, 1 - escaped.interval.low)
            self.roc.set_point(Point(over.value, found_share, *box))
        else:
            self.roc.set_point(None)

    def _source_words(self, table: ReviewTable) -> str:
        if table.decision is None:
            return tr("proposed, not kept")
        states = {
            "draft": tr("draft"),
            "approved": tr("approved"),
            "online": tr("on line"),
            "retired": tr("retired"),
        }
        return tr("version {n}, {state}", n=table.decision.version, state=states[table.decision.state])

    def _source_sentence(self, table: ReviewTable) -> str:
        if table.decision is not None and not self._review.is_moved:
            return str(table.decision.how.get("sentence", ""))
        return table.choice.sentence if isinstance(table.choice, ThresholdChoice) else str(table.choice)

    def _on_row_changed(self) -> None:
        table, row = self._review.table, self._review.row
        score = None if table is None or row is None else float(table.units.score[row])
        self.histogram.set_current(score if score is not None and np.isfinite(score) else None)

    # -- what happens

    def _on_verdict_given(self, _row: int, _verdict: str) -> None:
        if self._review.table is not None:
            self._show_counts(self._review.table, self._review.threshold)

    def _on_value_changed(self, value: float) -> None:
        if abs(value - self._review.threshold) > 5e-5:  # the field shows four places
            self._review.set_threshold(value)

    def _on_back_clicked(self) -> None:
        if self._review.table is not None:
            self._review.set_threshold(self._review.table.threshold)

    def _on_near_clicked(self, near: bool) -> None:
        if near:
            self.histogram.show_near()
        else:
            self.histogram.show_all()

    def _on_zoomed(self, zoomed: bool) -> None:
        """The button stays pressed while only a part is shown, by whatever way one came there."""
        self.near.setChecked(zoomed)
        words = tr("Show all scores again") if zoomed else tr("Look closely around the threshold  (wheel)")
        self.near.setToolTip(words)
        self.near.setAccessibleName(words)

    def _on_badge_clicked(self) -> None:
        QToolTip.showText(self.badge.mapToGlobal(self.badge.rect().bottomLeft()), _optimistic(), self.badge)

    def _on_log_toggled(self, is_log: bool) -> None:
        self._review.session.memory.remember("review log", is_log)
        self.histogram.set_log(is_log)


def image_figures(figures: Mapping[str, Any]) -> list[str]:
    """What else was measured on test images; what was chosen on them is called optimistic."""
    lines = [_percent(tr("Average precision"), figures.get("image_ap"))]
    confusion = figures.get("confusion") or {}
    lines.append(_rate(tr("Accuracy at the threshold of tuning images"), confusion.get("accuracy")))
    lines.append(_rate(tr("Best accuracy, optimistic"), figures.get("accuracy_best")))
    lines.append(_percent(tr("Largest F1, optimistic"), figures.get("f1_max")))
    return [line for line in lines if line]


def pixel_figures(figures: Mapping[str, Any]) -> list[str]:
    """What else was measured on the pixels of test images."""
    lines = [_percent(tr("Average precision"), figures.get("pixel_ap")), _percent("AUPRO 30 %", figures.get("aupro"))]
    return [line for line in lines if line]


def _percent(word: str, value: float | None) -> str:
    return "" if value is None else f"{word}: {100 * value:.1f} %"


def _rate(word: str, found: Mapping[str, Any] | None) -> str:
    return "" if found is None else f"{_percent(word, found['value'])} ({found['k']}/{found['n']})"


def _row(parent: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(parent)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    return row


def _optimistic() -> str:
    return tr(
        "This threshold was chosen while looking at test images, so their figures flatter it.\n"
        "Measure on other images before anyone relies on it."
    )
