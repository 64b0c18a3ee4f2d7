"""A section of the inspector that folds, and remembers it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from app import theme
from app.icons import icon
from app.settings import Memory


class Fold(QWidget):
    """A headline that opens and closes what is added to `body`."""

    def __init__(self, key: str, title: str, memory: Memory, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = f"fold {key}"
        self._memory = memory
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE // 2)
        self._head = QToolButton(self)
        self._head.setText(title)
        self._head.setAutoRaise(True)
        self._head.setCheckable(True)
        self._head.setIconSize(QSize(16, 16))
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._head.setStyleSheet("QToolButton { font-weight: 600; border: none; padding: 4px 0; background: none; }")
        column.addWidget(self._head)
        self._content = QWidget(self)
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(theme.SPACE // 2, 0, 0, theme.SPACE)
        self.body.setSpacing(theme.SPACE)
        column.addWidget(self._content)
        self._head.setChecked(bool(memory.recall(self._key, True)))
        self._head.toggled.connect(self._on_head_toggled)
        self._show()

    @property
    def is_open(self) -> bool:
        """Whether its content is to be seen."""
        return self._head.isChecked()

    def open(self) -> None:
        """Unfold it."""
        self._head.setChecked(True)

    def _on_head_toggled(self, opened: bool) -> None:
        self._memory.remember(self._key, opened)
        self._show()

    def _show(self) -> None:
        self._content.setVisible(self.is_open)
        self._head.setIcon(icon("fold" if self.is_open else "folded"))
