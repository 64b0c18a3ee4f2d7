"""The context menu of images: label, defect class, split, and where the files are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from app import theme
from app.commands import keys_text
from app.icons import icon
from app.session import Session
from app.words import class_code, class_word, class_words, count_words, label_word, split_word, tr
from core.words import SPLITS, Label

_LABELS: Final[tuple[tuple[Label, str, str], ...]] = (
    ("good", "label.good", "good"),
    ("defective", "label.defective", "defective"),
    ("unlabelled", "", "unlabelled"),
)
_PATHS: Final = 1_000  # copied to the clipboard at most


def image_menu(session: Session, ids: tuple[int, ...], parent: QWidget, opened: Callable[[], object]) -> QMenu:
    """A menu for these images; the caller shows it."""
    menu = QMenu(parent)
    menu.setToolTipsVisible(True)
    if len(ids) > 1:
        menu.addAction(count_words(len(ids), "image", "images")).setEnabled(False)
    else:
        menu.addAction(tr("Open image"), opened)
    menu.addSeparator()
    for label, command, sign in _LABELS:
        action = menu.addAction(icon(sign, theme.COLOUR[label]), label_word(label))
        if command:
            action.setText(f"{label_word(label)}\t{keys_text(command)}")
        action.triggered.connect(lambda _=False, one=label: session.label(ids, one))
        action.setEnabled(session.can_write)
    _add_classes(menu, session, ids, parent)
    splits = menu.addMenu(tr("Split"))
    splits.setObjectName("split")
    splits.setEnabled(session.can_write)
    for split in SPLITS:
        action = splits.addAction(split_word(split))
        action.triggered.connect(lambda _=False, one=split: session.split(ids, one))
    menu.addSeparator()
    menu.addAction(tr("Show in folder"), lambda: show_in_folder(session, ids[0]))
    words = tr("Copy path") if len(ids) == 1 else tr("Copy paths")
    menu.addAction(words, lambda: copy_paths(session, ids))
    return menu


def show_in_folder(session: Session, image_id: int) -> None:
    """Open the folder of an image in the system's file manager."""
    table = session.table
    row = -1 if table is None else int(table.row_of([image_id])[0])
    if table is not None and row >= 0:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(table.path(row).parent)))


def copy_paths(session: Session, ids: tuple[int, ...]) -> None:
    """Put the absolute paths on the clipboard, one a line."""
    if session.table is None:
        return
    rows = session.table.row_of(ids[:_PATHS])
    lines = [str(session.table.path(int(row))) for row in rows if row >= 0]
    QGuiApplication.clipboard().setText("\n".join(lines))
    session.said.emit(tr("{paths} copied", paths=count_words(len(lines), "path", "paths")))


def _add_classes(menu: QMenu, session: Session, ids: tuple[int, ...], parent: QWidget) -> None:
    classes = menu.addMenu(tr("Defect class"))
    classes.setEnabled(session.can_write)
    for known in session.classes:
        action = classes.addAction(class_word(known))
        action.triggered.connect(lambda _=False, code=known.code: session.label(ids, "defective", code))
    if session.classes:
        classes.addSeparator()
    classes.addAction(tr("New class …"), lambda: _ask_class(session, ids, parent))


def _ask_class(session: Session, ids: tuple[int, ...], parent: QWidget) -> None:
    dialog = QInputDialog(parent)
    dialog.setWindowTitle(tr("New defect class"))
    dialog.setLabelText(tr("What is the defect called?"))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def named(text: str) -> None:
        if text.strip():
            session.label(ids, "defective", class_code(text, class_words(session.classes)))

    dialog.textValueSelected.connect(named)
    dialog.open()
