"""The key sheet: every command with its keys, by menu, filterable."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from app.commands import COMMANDS, MENUS, keys_text
from app.dialogs.dialog import Dialog
from app.words import tr


class KeySheet(Dialog):
    """Single letters act while an image or the gallery has the focus; the sheet says which those are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Keys"), parent)
        self.resize(700, 640)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(tr("Find a key or a command"))
        self.field.textChanged.connect(self._on_text_changed)
        self.tree = QTreeWidget(self)
        self.tree.setColumnCount(3)
        self.tree.setHeaderLabels([tr("Command"), tr("Keys"), tr("Acts")])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.column.addWidget(self.field)
        self.column.addWidget(self.tree, 1)
        for menu in (*MENUS, ""):
            commands = [one for one in COMMANDS if one.menu == menu and one.keys]
            if not commands:
                continue
            group = QTreeWidgetItem([tr(menu) if menu else tr("On the image"), "", ""])
            font = group.font(0)
            font.setBold(True)
            group.setFont(0, font)
            group.setFirstColumnSpanned(True)
            self.tree.addTopLevelItem(group)
            for one in commands:
                where = tr("while held") if one.held else tr("on image and gallery") if one.where == "image" else ""
                group.addChild(QTreeWidgetItem([tr(one.text), keys_text(one.id), where]))
        self.tree.expandAll()
        self.tree.setColumnWidth(0, 300)
        self.tree.setColumnWidth(1, 180)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def _on_text_changed(self, text: str) -> None:
        words = text.lower().split()
        for index in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(index)
            assert group is not None
            shown = 0
            for row in range(group.childCount()):
                item = group.child(row)
                if item is None:
                    continue
                hay = " ".join(item.text(column) for column in range(3)).lower()
                item.setHidden(not all(word in hay for word in words))
                shown += not item.isHidden()
            group.setHidden(shown == 0)
