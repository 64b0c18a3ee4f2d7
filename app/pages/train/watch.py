"""One training: what it does now, when it will be done, what it learns; or how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.forms import Fold
from app.pages.train import words
from app.pages.train.about import About
from app.pages.train.head import Head
from app.pages.train.pictures import PictureRows
from app.session import Session
from app.throttle import Throttle
from app.trace import Trace
from app.words import tr
from core.project.results import RunRow

if TYPE_CHECKING:
    from app.charts.losses import LossChart

REFRESH_MS: Final = 200
_LOG_PX: Final = 150
_CHART_PX: Final = 280
_ROOMY_PX: Final = 720  # from this height on there is room for an explanation


class WatchPanel(QWidget):
    """Shows a training, running or ended. `refresh` may be called with every event: it draws five times a second."""

    wanted = Signal(str)  # stop, pause, go_on, kill, discard, start, resume, review, again

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._run: RunRow | None = None
        self._trace = Trace()
        self._about = About()
        self._state = ""
        self._chart: LossChart | None = None
        self._logged = -1
        self._throttle = Throttle(self._draw, REFRESH_MS, self)
        self._head = Head(self)
        self._head.wanted.connect(self.wanted)
        self._pictures = PictureRows(session, self)
        self._charts = QVBoxLayout()
        self._log = Fold(tr("Log"), self._make_log, self)
        self._log.opened.connect(lambda _: self._throttle.now())
        self._build()

    @property
    def head(self) -> Head:
        """State, finish time and buttons."""
        return self._head

    @property
    def pictures(self) -> PictureRows:
        """The same four images."""
        return self._pictures

    @property
    def chart(self) -> LossChart | None:
        """The curves; None until they were shown once."""
        return self._chart

    @property
    def log(self) -> Fold:
        """What it said in words."""
        return self._log

    def show_training(self, run: RunRow, trace: Trace, state: str, about: About, *, may_command: bool) -> None:
        """Show another training, or the same one in another state."""
        self._run, self._trace, self._state, self._about = run, trace, state, about
        self._logged = -1
        self._ensure_chart()
        self._head.show_training(run, state, may_command=may_command)
        has_begun = state not in words.WAITING
        self._body.setVisible(has_begun)
        self._rest.setVisible(not has_begun)
        self._throttle.now()

    def refresh(self) -> None:
        """There is news."""
        self._throttle.ask()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._throttle.ask()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hint.setVisible(self.height() >= _ROOMY_PX)

    def _draw(self) -> None:
        run, trace = self._run, self._trace
        if run is None or not self.isVisible():
            return
        self._head.show_progress(run, trace, self._state, self._about)
        if self._chart is not None:
            self._chart.show_series(trace.train, trace.tuning)
        self._pictures.show_pictures(run.folder, trace.pictures, waiting=self._waiting(), aspect=self._about.aspect)
        self._legend.setText(self._legend_words())
        self._facts.setText(" · ".join(words.facts(trace)))
        self._show_log()

    def _waiting(self) -> str:
        if self._state in words.ENDED:
            return tr("No pictures were kept.")
        return tr("The first pictures come after the first pass over the good images.")

    def _legend_words(self) -> str:
        train, tuning = self._trace.train.get("total"), self._trace.tuning.get("total")
        colour = theme.COLOUR["train"].lighter(140) if theme.is_dark() else theme.COLOUR["train"]
        parts = []
        if train is not None and len(train):
            parts.append(_entry(colour.name(), tr("while learning {value:.3f}", value=train.y[-1])))
        if tuning is not None and len(tuning):
            parts.append(_entry(theme.COLOUR["tuning"].name(), tr("on tuning images {value:.3f}", value=tuning.y[-1])))
        if not parts:
            return tr("The curve begins with the first steps.")
        return "&nbsp;&nbsp;&nbsp;".join(parts)

    def _show_log(self) -> None:
        warnings = sum(line.kind != "info" for line in self._trace.log)
        self._log.set_title(tr("Log") if not warnings else tr("Log · {n} to read", n=warnings))
        if self._log.is_open and self._trace.heard != self._logged:
            self._logged = self._trace.heard
            lines = [f"{time.strftime('%H:%M:%S', time.localtime(line.t))}  {line.text}" for line in self._trace.log]
            self._log_text.setPlainText("\n".join(lines))
            bar = self._log_text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _build(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 4, 16, 12)
        whole.setSpacing(12)
        whole.addWidget(self._head)
        self._body = QWidget(self)
        row = QHBoxLayout(self._body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(20)
        left = QVBoxLayout()
        left.setSpacing(6)
        left.addWidget(_section(tr("What it sees, what it rebuilds, what it finds"), self))
        self._hint = QLabel(
            tr("A defect is painted in. The detector rebuilds the part without it and marks what differs."), self
        )
        self._hint.setProperty("role", "muted")
        left.addWidget(self._hint)
        left.addWidget(self._pictures, 1)
        row.addLayout(left, 11)
        right = QVBoxLayout()
        right.setSpacing(6)
        right.addWidget(_section(tr("Error, lower is better"), self))
        self._legend = QLabel(self)
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setFont(theme.mono_numbers(self._legend.font()))
        right.addWidget(self._legend)
        right.addLayout(self._charts, 3)
        self._facts = QLabel(self)
        self._facts.setObjectName("facts")
        self._facts.setProperty("role", "muted")
        self._facts.setWordWrap(True)
        self._facts.setFont(theme.mono_numbers(self._facts.font()))
        right.addWidget(self._facts)
        right.addWidget(self._log)
        right.addStretch(1)
        row.addLayout(right, 10)
        whole.addWidget(self._body, 1)
        self._rest = QWidget(self)
        whole.addWidget(self._rest, 1)

    def _ensure_chart(self) -> None:
        if self._chart is None:
            from app.charts.losses import LossChart  # brings pyqtgraph: only when a training is looked at

            self._chart = LossChart(self)
            self._chart.setMaximumHeight(_CHART_PX)
            self._charts.addWidget(self._chart)

    def _make_log(self) -> QWidget:
        holder = QWidget(self)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._log_text = QPlainTextEdit(holder)
        self._log_text.setReadOnly(True)
        self._log_text.setFont(theme.mono())
        self._log_text.setFixedHeight(_LOG_PX)
        column.addWidget(self._log_text)
        whole = QPushButton(tr("Open the whole log"), holder)
        whole.setProperty("role", "link")
        whole.clicked.connect(self._on_whole_log_clicked)
        column.addWidget(whole, 0, Qt.AlignmentFlag.AlignLeft)
        return holder

    def _on_whole_log_clicked(self) -> None:
        if self._run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._run.folder / "log.txt")))


def _entry(colour: str, text: str) -> str:
    return f'<span style="color:{colour}">●</span> {text}'


def _section(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setProperty("role", "section")
    return label
