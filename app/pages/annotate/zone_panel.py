"""The inspector while regions are drawn: whose region it is, on which image it was drawn, its zones, how it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.canvas.zone_board import ZoneBoard
from app.pages.annotate.zone_list import ZoneTable
from app.words import tr


@dataclass(frozen=True)
class TemplateWords:
    """What is said of the image that the region is drawn on, and what is offered."""

    text: str
    is_doubtful: bool = False  # it is no good image
    can_show: bool = False  # it is another image than the one on screen
    can_take: bool = False  # the one on screen may become it
    can_lead: bool = False  # there is a better one


class ZonePanel(QWidget):
    """Shows, and hands wishes on."""

    show_wanted = Signal()  # the template
    take_wanted = Signal()  # the image on screen shall be the template
    lead_wanted = Signal()  # to a good image
    fits_wanted = Signal()
    copy_wanted = Signal()

    def __init__(self, board: ZoneBoard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._board = board
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        self.place: Final = self._label("")
        self.template: Final = self._label("muted")
        self.show_button: Final = self._link(tr("Show it"), self.show_wanted)
        self.take_button: Final = self._link(tr("Take the image on screen instead"), self.take_wanted)
        self.take_button.setToolTip(tr("Its region, as it lies here, is that of all images from then on"))
        self.lead_button: Final = self._link(tr("Go to a good image"), self.lead_wanted)
        self.table: Final = ZoneTable(board, self)
        self.wrong: Final = self._label("wrong")
        self.none: Final = self._label("muted")
        self.none.setText(tr("No zone yet: all of the image is judged."))
        self.hint: Final = self._label("muted")
        self.fits: Final = self._button(tr("How it lies …"), tr("Twelve images, the worst fits first; aligning"))
        self.copy: Final = self._button("", tr("Each of them gets the region as it lies here, as its own"))
        column.addWidget(self.place)
        column.addWidget(self.template)
        column.addLayout(self._line(self.show_button, self.take_button, self.lead_button))
        column.addWidget(self.table)
        column.addWidget(self.wrong)
        column.addWidget(self.none)
        column.addWidget(self.hint)
        column.addLayout(self._line(self.fits, self.copy))
        self.fits.clicked.connect(self.fits_wanted)
        self.copy.clicked.connect(self.copy_wanted)
        self.table.refused.connect(self.refuse)
        board.refused.connect(self.refuse)
        for signal in (board.loaded, board.finished, board.chosen_changed):
            signal.connect(self._on_board_changed)
        self.refuse("")
        self._on_board_changed()

    # -- what is shown

    def show_place(self, words: str, *, scale_um: float | None, fits: str, others: int) -> None:
        """`words` say whose region it is; `fits` how it lies on this image; `others` are chosen to get a copy."""
        self.place.setText(words)
        self.table.set_scale(scale_um)
        self.fits.setText(fits or tr("How it lies …"))
        self.fits.setEnabled(bool(fits))
        self.copy.setVisible(others > 0)
        self.copy.setText(tr("Copy to {n} chosen", n=f"{others:,}"))

    def show_template(self, words: TemplateWords) -> None:
        """On which image the region is drawn, and what can be done about it."""
        self.template.setText(words.text)
        self.template.setProperty("role", "warning" if words.is_doubtful else "muted")
        self.template.style().unpolish(self.template)
        self.template.style().polish(self.template)
        self.show_button.setVisible(words.can_show)
        self.take_button.setVisible(words.can_take)
        self.lead_button.setVisible(words.can_lead)

    def refuse(self, why: str) -> None:
        """Why a name was not taken, or nothing was changed; '' when all is well."""
        self.wrong.setText(why)
        self.wrong.setVisible(bool(why))

    # -- building

    def _label(self, role: str) -> QLabel:
        label = QLabel(self)
        label.setWordWrap(True)
        if role:
            label.setProperty("role", role)
        return label

    def _button(self, text: str, hint: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(hint)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _link(self, text: str, wanted: SignalInstance) -> QPushButton:
        button = self._button(text, "")
        button.setProperty("role", "link")
        button.clicked.connect(wanted)
        button.hide()
        return button

    def _line(self, *widgets: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        for widget in widgets:
            row.addWidget(widget)
        row.addStretch(1)
        return row

    # -- slots

    def _on_board_changed(self, _: object = None) -> None:
        self.none.setVisible(not self._board.marks and not self._board.frames)
        self.refuse("")
