"""The command palette: type a few letters, Enter does it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from app.commands import COMMANDS, Actions, Command, keys_text
from app.dialogs.dialog import Dialog
from app.gallery.empty import EmptyState
from app.words import tr


class Palette(Dialog):
    """All commands that can be done now; those that cannot are greyed, so that they are found all the same."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("Find a command"), parent)
        self._actions = actions
        self.resize(560, 420)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(tr("Type what you want to do"))
        self.field.textChanged.connect(self._on_text_changed)
        self.field.installEventFilter(self)
        self.list = QTreeWidget(self)
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.itemActivated.connect(lambda item, _: self._do(item))
        self.list.itemClicked.connect(lambda item, _: self._do(item))
        self._empty = EmptyState(self)
        self.column.addWidget(self.field)
        self.column.addWidget(self.list, 1)
        self.column.addWidget(self._empty, 1)
        self._on_text_changed("")
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                self._choose(self.list.currentIndex().row() + step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                item = self.list.currentItem()
                if item is not None:
                    self._do(item)
                return True
        return super().eventFilter(watched, event)

    def _on_text_changed(self, text: str) -> None:
        words = text.lower().split()
        self.list.clear()
        ranked: list[tuple[bool, bool, int, Command]] = []
        for command in COMMANDS:
            shown = tr(command.text)
            hay = f"{shown} {tr(command.menu)} {command.id}".lower()
            if not command.held and all(word in hay for word in words):
                starts = bool(words) and shown.lower().startswith(words[0])
                ranked.append((not self._actions.action(command.id).isEnabled(), not starts, len(ranked), command))
        for disabled, _, _, command in sorted(ranked, key=lambda one: one[:3]):
            item = QTreeWidgetItem([tr(command.text), keys_text(command.id)])
            item.setData(0, Qt.ItemDataRole.UserRole, command.id)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setDisabled(disabled)
            self.list.addTopLevelItem(item)
        hint = tr("Try one short word, such as image, threshold or theme. Menus and Help › Keys list all commands.")
        self._empty.say(tr("Nothing found for “{words}”", words=text.strip()), hint, sign="search")
        self._empty.setVisible(not ranked)
        self.list.setVisible(bool(ranked))
        self._choose(0)

    def _choose(self, row: int) -> None:
        item = self.list.topLevelItem(max(0, min(row, self.list.topLevelItemCount() - 1)))
        if item is not None:
            self.list.setCurrentItem(item)

    def _do(self, item: QTreeWidgetItem) -> None:
        if item.isDisabled():
            return
        command_id = item.data(0, Qt.ItemDataRole.UserRole)
        self.accept()
        self._actions.run(command_id)
