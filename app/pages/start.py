"""The start page: recent projects with what happened since, open a folder, the sample project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app import theme
from app.commands import Actions
from app.icons import icon
from app.pages.page import Page
from app.session import Session
from app.words import tr

_SHOWN: Final = 8


class Card(QFrame):
    """A large button with a picture, a word and a sentence."""

    def __init__(self, icon_name: str, word: str, sentence: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(word)
        self.on_clicked: Callable[[], object] | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 16, 14)
        row.setSpacing(16)
        picture = QLabel(self)
        picture.setPixmap(icon(icon_name, theme.COLOUR["accent"]).pixmap(QSize(30, 30)))
        row.addWidget(picture)
        column = QVBoxLayout()
        column.setSpacing(2)
        title = QLabel(word, self)
        title.setProperty("role", "heading")
        self.sentence = QLabel(sentence, self)
        self.sentence.setProperty("role", "muted")
        self.sentence.setWordWrap(True)
        column.addWidget(title)
        column.addWidget(self.sentence)
        row.addLayout(column, 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self._press()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._press()
        else:
            super().keyPressEvent(event)

    def _press(self) -> None:
        if self.on_clicked is not None:
            self.on_clicked()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus() or self.underMouse():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme.COLOUR["accent"])
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)


class StartPage(Page):
    """What a person sees first."""

    key: ClassVar[str] = "start"
    icon: ClassVar[str] = "start"

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(session, actions, parent)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(48, 24, 48, 24)
        middle = QWidget(self)
        middle.setMaximumWidth(880)
        middle.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        outer.addStretch(1)
        outer.addWidget(middle, 100)
        outer.addStretch(1)
        column = QVBoxLayout(middle)
        column.setSpacing(12)
        column.addStretch(1)
        title = QLabel("Flawscope", middle)
        title.setProperty("role", "large")
        line = QLabel(tr("Learns what good parts look like, shows what does not, and why."), middle)
        line.setProperty("role", "muted")
        column.addWidget(title)
        column.addWidget(line)
        column.addSpacing(12)
        column.addLayout(self._build_cards(middle))
        column.addSpacing(12)
        self._heading = QLabel(middle)
        self._heading.setProperty("role", "section")
        column.addWidget(self._heading)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(2)
        column.addLayout(self._recent)
        column.addLayout(self._build_links(middle))
        column.addStretch(2)

    def _build_cards(self, middle: QWidget) -> QGridLayout:
        run = self.actions_table.run
        cards = QGridLayout()
        cards.setSpacing(12)
        self.folder = Card(
            "folder", tr("Open a folder of images"), tr("Or drop it anywhere on this window. It is only read."), middle
        )
        self.folder.on_clicked = lambda: run("file.open_folder")
        self.sample = Card(
            "sample",
            tr("Try the sample project"),
            tr("Drawn chips, already trained: heatmaps at once."),
            middle,
        )
        self.sample.on_clicked = lambda: run("file.open_sample")
        cards.addWidget(self.folder, 0, 0)
        cards.addWidget(self.sample, 0, 1)
        return cards

    def _build_links(self, middle: QWidget) -> QHBoxLayout:
        run = self.actions_table.run
        links = QHBoxLayout()
        for text, command in ((tr("Open a project …"), "file.open_project"), (tr("First steps"), "help.first_steps")):
            link = QPushButton(text, middle)
            link.setProperty("role", "link")
            link.clicked.connect(lambda _=False, command=command: run(command))
            links.addWidget(link)
        links.addStretch(1)
        return links

    def title(self) -> str:
        return tr("Start")

    def enter(self) -> None:
        self._show_recent()
        self.folder.setFocus()

    def _show_recent(self) -> None:
        while (item := self._recent.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        paths = [Path(path) for path in self.session.memory.recall("recent", []) if Path(path).exists()][:_SHOWN]
        self._heading.setText(tr("Recent projects") if paths else "")
        self._heading.setVisible(bool(paths))
        for path in paths:
            button = QPushButton(f"{path.stem}    {_shortened(path.parent)}", self)
            button.setProperty("role", "link")
            button.setIcon(icon("dataset"))
            button.setToolTip(str(path))
            button.clicked.connect(lambda _=False, path=path: self.project_wanted.emit(path))
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)


def _shortened(folder: Path) -> str:
    text = str(folder)
    home = str(Path.home())
    text = "~" + text[len(home) :] if text.startswith(home + "/") else text
    return text if len(text) <= 70 else f"…{text[-69:]}"
