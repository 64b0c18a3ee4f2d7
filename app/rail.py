"""The rail on the left: the pages with icon and word."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app import theme
from app.commands import Actions, tooltip
from app.icons import icon
from app.words import tr

_WIDTH = 76


class RailButton(QToolButton):
    """One page: a bar of accent at its left edge while it is shown, a dot while it has news."""

    def __init__(self, key: str, word: str, icon_name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.key = key
        self.has_news = False
        self.setText(word)
        self.setIcon(icon(icon_name))
        self.setIconSize(QSize(24, 24))
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setFixedSize(_WIDTH, 62)
        self.setToolTip(tooltip(f"go.{key}", word))

    def set_news(self, news: bool) -> None:
        """Show or hide the dot."""
        self.has_news = news
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.isChecked() or self.underMouse():
            wash = QColor(theme.COLOUR["accent"])
            wash.setAlpha(38 if self.isChecked() else 16)
            painter.fillRect(self.rect(), wash)
        if self.isChecked():
            painter.fillRect(0, 0, 3, self.height(), theme.COLOUR["accent"])
        size = self.iconSize()
        x = (self.width() - size.width()) // 2
        mode = self.icon().pixmap(size) if self.isEnabled() else self.icon().pixmap(size, self.icon().Mode.Disabled)
        painter.drawPixmap(x, 10, size.width(), size.height(), mode)
        group = self.palette().ColorGroup.Active if self.isEnabled() else self.palette().ColorGroup.Disabled
        painter.setPen(self.palette().color(group, self.palette().ColorRole.WindowText))
        font = self.font()
        font.setPixelSize(12)
        painter.setFont(font)
        painter.drawText(self.rect().adjusted(0, 38, 0, 0), Qt.AlignmentFlag.AlignHCenter, self.text())
        if self.hasFocus():
            painter.setPen(theme.COLOUR["accent"])
            painter.drawRoundedRect(self.rect().adjusted(4, 2, -3, -3), 5, 5)
        if self.has_news:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.COLOUR["warning"])
            painter.drawEllipse(x + size.width() - 2, 8, 8, 8)


class Rail(QWidget):
    """Page buttons on top, settings at the bottom; `chosen` names the page."""

    chosen = Signal(str)

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rail")
        self.setFixedWidth(_WIDTH)
        self.setAccessibleName(tr("Pages"))
        self._group = QButtonGroup(self)
        self._buttons: dict[str, RailButton] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, theme.SPACE, 0, theme.SPACE)
        self._column.setSpacing(2)
        self._column.addStretch(1)
        settings = QToolButton(self)
        settings.setIcon(icon("settings"))
        settings.setIconSize(QSize(22, 22))
        settings.setAutoRaise(True)
        settings.setFixedSize(_WIDTH, 44)
        settings.setToolTip(tooltip("edit.settings"))
        settings.setAccessibleName(tr("Settings"))
        settings.clicked.connect(lambda: actions.run("edit.settings"))
        self._column.addWidget(settings)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def add(self, key: str, word: str, icon_name: str) -> RailButton:
        """Another page, below the others."""
        button = RailButton(key, word, icon_name, self)
        button.clicked.connect(lambda: self.chosen.emit(key))
        self._group.addButton(button)
        self._buttons[key] = button
        self._column.insertWidget(len(self._buttons) - 1, button, 0, Qt.AlignmentFlag.AlignHCenter)
        return button

    def button(self, key: str) -> RailButton:
        """The button of a page. Raises KeyError."""
        return self._buttons[key]

    def forget_news(self, key: str) -> None:
        """The page was looked at."""
        if key in self._buttons:
            self._buttons[key].set_news(False)

    def show_page(self, key: str) -> None:
        """Mark the page that is shown."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)
            return
        checked = self._group.checkedButton()
        if checked is not None:
            self._group.setExclusive(False)
            checked.setChecked(False)
            self._group.setExclusive(True)

    def set_open(self, is_open: bool) -> None:
        """Pages other than the start page need a project."""
        for key, button in self._buttons.items():
            button.setEnabled(is_open or key == "start")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.line())
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
