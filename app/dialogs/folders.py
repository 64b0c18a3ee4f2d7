"""Choosing a folder without holding the window up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from app.settings import Memory


def choose_folder(parent: QWidget, title: str, memory: Memory, chosen: Callable[[Path], object]) -> QFileDialog:
    """Ask for a folder, beginning where the last one was chosen; `chosen` is called with it, or never."""
    dialog = QFileDialog(parent, title, memory.recall("folder", str(Path.home())))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def on_selected(text: str) -> None:
        memory.remember("folder", text)
        chosen(Path(text))

    dialog.fileSelected.connect(on_selected)
    dialog.open()
    return dialog
