"""What stands where images would be: why there are none, and what to do next."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon

_ICON: Final = 40
_TEXT_PX: Final = 440


class Sign(QWidget):
    """An icon in the quiet colour of the theme, painted anew when that changes."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.setFixedSize(QSize(_ICON, _ICON))

    def show_icon(self, name: str) -> None:
        """Another icon."""
        self._name = name
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        icon(self._name, theme.muted()).paint(painter, self.rect())


def keep_height(label: QLabel, width: int) -> None:
    """As high as its words need at `width`: a label that a layout centres is not asked for that."""
    label.ensurePolished()
    label.setMinimumHeight(max(0, label.heightForWidth(width)))


class EmptyState(QWidget):
    """Icon, headline, a sentence and, where something can be done, a button."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sign = Sign("dataset", self)
        self._title = QLabel(self)
        self._title.setProperty("role", "heading")
        self._text = QLabel(self)
        self._text.setProperty("role", "muted")
        self._text.setWordWrap(True)
        self._text.setFixedWidth(_TEXT_PX)
        self._button = QPushButton(self)
        self._button.clicked.connect(self.pressed)
        layout = QVBoxLayout(self)
        layout.setSpacing(theme.SPACE)
        layout.addStretch(2)
        for widget in (self._sign, self._title, self._text, self._button):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
            if isinstance(widget, QLabel):
                widget.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def say(
        self, title: str, text: str = "", *, button: str = "", sign: str = "dataset", primary: bool = False
    ) -> None:
        """Show this; without `button` there is none."""
        self._sign.show_icon(sign)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        keep_height(self._text, _TEXT_PX)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        role = "primary" if primary else ""
        if self._button.property("role") != role:
            self._button.setProperty("role", role)
            self._button.style().polish(self._button)

    @property
    def button(self) -> QPushButton:
        """The way on."""
        return self._button
