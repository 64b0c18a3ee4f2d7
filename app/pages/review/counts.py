"""The four counts in parts as buttons that open their queue; each rate with its k of n and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QLabel, QSizePolicy, QWidget

from app import theme
from app.pages.review.kinds import kind_hint, kind_word
from app.words import tr
from core.evaluation.curves import NotMeasured
from core.evaluation.decisions import Confusion
from core.evaluation.statistics import Rate
from core.workflow.review import Kind

_LABELLED: Final[tuple[Kind, ...]] = ("false_rejects", "escapes", "caught", "passed")
_UNLABELLED: Final[tuple[Kind, ...]] = ("rejects", "unreviewed", "near", "not_inspectable")
_SIGNS: Final[dict[Kind, str]] = {
    "false_rejects": "good",
    "escapes": "defective",
    "caught": "defective",
    "passed": "good",
}
_NOTE_FROM: Final = 172  # px: two tiles with three lines each, and the note
_WRONG: Final[tuple[Kind, ...]] = ("false_rejects", "escapes")


@dataclass(frozen=True)
class Count:
    """One tile: a number, what it is of, and more in small."""

    kind: Kind
    number: str
    of: str
    detail: str


class Tile(QAbstractButton):
    """A number that opens its queue."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.count: Count | None = None
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMinimumSize(118, 54)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Two of them fill 280 pixels."""
        return QSize(138, 80)

    def show_count(self, count: Count) -> None:
        """Another number."""
        if count == self.count:
            return
        self.count = count
        self.setAccessibleName(f"{kind_word(count.kind)}: {count.number} {count.of}, {count.detail}")
        self.setToolTip(kind_hint(count.kind))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Card, shape and word, number, rate."""
        count = self.count
        if count is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        accent = theme.COLOUR["accent"]
        ground = QColor(theme.raised())
        if self.isChecked():
            ground = QColor(accent)
            ground.setAlpha(64 if theme.is_dark() else 36)
        lit = self.isChecked() or self.underMouse() or self.hasFocus()
        painter.setPen(QPen(accent if lit else theme.line(), 2 if self.hasFocus() else 1))
        painter.setBrush(ground)
        painter.drawRoundedRect(frame, 7, 7)
        area = self.rect().adjusted(10, 5, -8, -5)
        self._word(painter, area, count)
        self._number(painter, area, count)
        painter.end()

    def _word(self, painter: QPainter, area: QRect, count: Count) -> None:
        line = QRect(area.left(), area.top(), area.width(), 18)
        left = 0
        sign = _SIGNS.get(count.kind)
        if sign is not None:
            painter.setPen(theme.COLOUR[sign])
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, theme.SHAPE[sign])
            left = 16
        painter.setPen(self.palette().windowText().color())
        text = painter.fontMetrics().elidedText(kind_word(count.kind), Qt.TextElideMode.ElideRight, area.width() - left)
        painter.drawText(line.adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _number(self, painter: QPainter, area: QRect, count: Count) -> None:
        plain = painter.font()
        large = theme.mono_numbers(QFont(plain))
        large.setPixelSize(22 if area.height() >= 62 else 17)
        large.setWeight(QFont.Weight.DemiBold)
        tall = area.height() >= 62
        line = QRect(area.left(), area.top() + 18, area.width(), 28 if tall else area.height() - 18)
        painter.setFont(large)
        wrong = count.kind in _WRONG and count.number != "0"
        painter.setPen(theme.ink("defective") if wrong else self.palette().windowText().color())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, count.number)
        shift = painter.fontMetrics().horizontalAdvance(count.number) + 6
        painter.setFont(theme.mono_numbers(QFont(plain)))
        painter.setPen(theme.muted())
        text = count.of if tall or not count.detail else f"{count.of} · {count.detail.split(' (')[0]}"
        painter.drawText(line.adjusted(shift, 3, 0, 3), Qt.AlignmentFlag.AlignVCenter, text)
        if tall and count.detail:
            below = QRect(area.left(), line.bottom() + 1, area.width(), area.bottom() - line.bottom())
            painter.drawText(below, Qt.AlignmentFlag.AlignTop, count.detail)


class Counts(QWidget):
    """Four tiles: what is wrong above, what is right below. A lot without labels shows what needs a look instead."""

    kind_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._has_rates = False
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        self.tiles = [Tile(self) for _ in range(4)]
        for place, tile in enumerate(self.tiles):
            tile.clicked.connect(lambda _=False, tile=tile: self._on_tile_clicked(tile))
            grid.addWidget(tile, place // 2, place % 2)
        self.note = QLabel(tr("in brackets: 95 % interval"), self)
        self.note.setProperty("role", "muted")
        self.note.setToolTip(tr("Where the rate of many more such parts lies, by Wilson's formula"))
        self.note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        grid.addWidget(self.note, 2, 0, 1, 2)

    def show_counts(self, found: Confusion, *, units: int, near: int, unreviewed: int, unseen: int) -> None:
        """Other counts; `units` are those of the scope, for a lot without labels."""
        if found.good or found.defective:
            shown = [_labelled(kind, found) for kind in _LABELLED]
        else:
            shown = [_unlabelled(kind, found, units, near, unreviewed, unseen) for kind in _UNLABELLED]
        for tile, count in zip(self.tiles, shown, strict=True):
            tile.show_count(count)
        self._has_rates = bool(found.good or found.defective)
        self._show_note()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The note goes where the tiles are too low for the interval that it names."""
        super().resizeEvent(event)
        self._show_note()

    def _show_note(self) -> None:
        self.note.setVisible(self._has_rates and self.height() >= _NOTE_FROM)

    def show_kind(self, kind: Kind) -> None:
        """Which queue is open."""
        for tile in self.tiles:
            tile.setChecked(tile.count is not None and tile.count.kind == kind)

    def _on_tile_clicked(self, tile: Tile) -> None:
        tile.setChecked(True)
        if tile.count is not None:
            self.kind_chosen.emit(tile.count.kind)


def _labelled(kind: Kind, found: Confusion) -> Count:
    numbers = {
        "false_rejects": (found.false_rejects, found.good),
        "escapes": (found.escapes, found.defective),
        "caught": (found.true_rejects, found.defective),
        "passed": (found.true_passes, found.good),
    }
    number, total = numbers[kind]
    rate = {"false_rejects": found.false_reject_rate(), "escapes": found.escape_rate()}.get(kind)
    share = "" if not total else f"{100 * number / total:.1f} %"
    if rate is not None:
        share = rate_words(rate)
    return Count(kind, f"{number:,}", f"/ {total:,}", share)


def _unlabelled(kind: Kind, found: Confusion, units: int, near: int, unreviewed: int, unseen: int) -> Count:
    total = f"/ {found.unlabelled:,}"
    numbers: dict[Kind, Count] = {
        "rejects": Count("rejects", f"{found.unlabelled_rejected:,}", total, _share(found)),
        "unreviewed": Count("unreviewed", f"{unreviewed:,}", f"/ {units:,}", tr("no verdict yet")),
        "near": Count("near", f"{near:,}", "", tr("on both sides")),
        "not_inspectable": Count("not_inspectable", f"{unseen:,}", "", tr("never a pass")),
    }
    return numbers[kind]


def _share(found: Confusion) -> str:
    return f"{100 * found.unlabelled_rejected / found.unlabelled:.1f} %" if found.unlabelled else ""


def rate_words(rate: Rate | NotMeasured) -> str:
    """`11.5 % (4.0–29.0)`; the interval is Wilson's at 95 %."""
    if isinstance(rate, NotMeasured):
        return tr("not measured")
    return f"{100 * rate.value:.1f} % ({100 * rate.interval.low:.1f}–{100 * rate.interval.high:.1f})"
