"""The main window: rail, head line, pages, inspector, filmstrip, status line. It arranges; the pages do the work."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QMessageBox,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.banner import Banner
from app.commands import BY_ID, COMMANDS, Actions, CommandMenu
from app.icons import icon
from app.importing import import_packages
from app.pages.page import Page
from app.rail import Rail
from app.recovered import RecoveryLine
from app.session import Session
from app.statusline import StatusLine
from app.theme import Theme
from app.whereabouts import Whereabouts
from app.words import describe, state_word, tr
from core.errors import FlawscopeError

_PAGES: Final = {  # key: module, class; imported when first shown
    "start": ("app.pages.start", "StartPage"),
    "dataset": ("app.pages.dataset", "DatasetPage"),
    "annotate": ("app.pages.annotate", "AnnotatePage"),
    "train": ("app.pages.train", "TrainPage"),
    "review": ("app.pages.review", "ReviewPage"),
}
_INSPECTOR_PX: Final = 336
_LEAST_INSPECTOR_PX: Final = 332  # the three labels are written out, also beside a scroll bar
_STRIP_PX: Final = 112
_RECENT: Final = 12


class MainWindow(QMainWindow):
    """One window, one project."""

    def __init__(self, session: Session, look: Theme) -> None:
        super().__init__()
        self.session = session
        self.look = look
        self.actions_table = Actions(self)
        self.setWindowTitle("Flawscope")
        self.setMinimumSize(1000, 640)
        self.setAcceptDrops(True)
        self._pages: dict[str, Page] = {}
        self._inspectors: dict[str, QWidget | None] = {}
        self._shown: Page | None = None
        self._follows_trainings = False
        self._build()
        self._menus()
        self._connect()
        self._restore()

    # -- pages

    def go(self, key: str, what: dict[str, Any] | None = None) -> None:
        """Show a page; it is built when first shown."""
        if key != "start" and self.session.project is None:
            key = "start"
        page = self._page(key)
        if page is not self._shown:
            if self._shown is not None:
                self._shown.leave()
            self._shown = page
            self._stack.setCurrentWidget(page)
            self._show_inspector(key, page)
            self._rail.show_page(key)
            self._rail.forget_news(key)
            page.enter()
            self._show_strip()
        if what:
            page.show_what(what)
        self._on_headline_changed()
        self.actions_table.refresh()

    @property
    def page(self) -> Page | None:
        """The page on screen."""
        return self._shown

    def _page(self, key: str) -> Page:
        if key not in self._pages:
            module, name = _PAGES[key]
            if key != "start":
                import_packages()  # which the background may be reading just now
            page: Page = getattr(import_module(module), name)(self.session, self.actions_table, self)
            page.wanted.connect(self.go)
            page.project_wanted.connect(self.open_path)
            page.headline_changed.connect(self._on_headline_changed)
            page.placed.connect(self.show_place)
            canvas = page.main_canvas()
            if canvas is not None:
                self.whereabouts.watch(canvas)
            self._pages[key] = page
            self._stack.addWidget(page)
        return self._pages[key]

    def _show_inspector(self, key: str, page: Page) -> None:
        if key not in self._inspectors:
            panel = page.inspector()
            self._inspectors[key] = panel
            if panel is not None:
                self._inspector.addWidget(panel)
        panel = self._inspectors[key]
        if panel is not None:
            self._inspector.setCurrentWidget(panel)
        self._inspector_frame.setVisible(panel is not None and bool(self.session.memory.recall("inspector", True)))

    def _show_strip(self) -> None:
        wanted = self._shown is not None and self._shown.shows_filmstrip and self.session.project is not None
        wanted = wanted and bool(self.session.memory.recall("filmstrip", True))
        if wanted and self._strip.count() == 0:
            from app.gallery.filmstrip import Filmstrip

            strip = Filmstrip(self.session, self.session.thumbnails)
            self.actions_table.attach(strip)
            self._strip.addWidget(strip)
        self._strip.setVisible(wanted)

    # -- building

    def _build(self) -> None:
        whole = QWidget(self)
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._rail = Rail(self.actions_table, whole)
        for key, word in (
            ("dataset", tr("Dataset")),
            ("annotate", tr("Annotate")),
            ("train", tr("Train")),
            ("review", tr("Review")),
        ):
            self._rail.add(key, word, key)
        row.addWidget(self._rail)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._head(whole))
        self._banner = Banner(whole)
        holder = QVBoxLayout()
        holder.setContentsMargins(theme.SPACE, 0, theme.SPACE, 0)
        holder.addWidget(self._banner)
        holder.addWidget(RecoveryLine(self.session, whole))
        right.addLayout(holder)
        right.addWidget(self._build_middle(whole), 1)
        self._line = QFrame(whole)
        self._line.setProperty("role", "line")
        right.addWidget(self._line)
        self._status = StatusLine(whole)
        right.addWidget(self._status)
        row.addLayout(right, 1)
        self.setCentralWidget(whole)

    def _build_middle(self, whole: QWidget) -> QSplitter:
        """The page with the strip below it, and the inspector beside."""
        self._middle = QSplitter(Qt.Orientation.Horizontal, whole)
        self._middle.setChildrenCollapsible(False)
        work = QWidget(self._middle)
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._stack = QStackedWidget(work)
        column.addWidget(self._stack, 1)
        self._strip = QStackedWidget(work)
        self._strip.setFixedHeight(_STRIP_PX)
        self._strip.hide()
        column.addWidget(self._strip)
        self._middle.addWidget(work)
        self._inspector_frame = QScrollArea(self._middle)
        self._inspector_frame.setWidgetResizable(True)
        self._inspector_frame.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._inspector_frame.setMinimumWidth(_LEAST_INSPECTOR_PX)
        self._inspector_frame.setMaximumWidth(480)
        self._inspector_frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._inspector = QStackedWidget(self._inspector_frame)
        self._inspector_frame.setWidget(self._inspector)
        self._middle.addWidget(self._inspector_frame)
        self._middle.setStretchFactor(0, 1)
        self._middle.setStretchFactor(1, 0)
        self._middle.setSizes([1200, _INSPECTOR_PX])
        return self._middle

    def _head(self, parent: QWidget) -> QWidget:
        head = QWidget(parent)
        head.setFixedHeight(44)
        row = QHBoxLayout(head)
        row.setContentsMargins(2 * theme.SPACE, 0, theme.SPACE, 0)
        row.setSpacing(theme.SPACE)
        self._title = QLabel(head)
        self._title.setProperty("role", "heading")
        self._place = QLabel(head)
        self._place.setProperty("role", "muted")
        row.addWidget(self._title)
        row.addWidget(self._place, 1)
        for command in ("help.palette", "view.filmstrip", "view.inspector", "help.first_steps"):
            button = QToolButton(head)
            button.setAutoRaise(True)
            button.setIconSize(QSize(18, 18))
            action = self.actions_table.action(command)
            button.setDefaultAction(action)
            button.setIcon(icon(BY_ID[command].icon))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(button)
        return head

    def _menus(self) -> None:
        for name, word in self.actions_table.menu_words().items():
            menu = CommandMenu(word, self.actions_table, self.menuBar())
            self.menuBar().addMenu(menu)
            for command in COMMANDS:
                if command.menu == name:
                    action = self.actions_table.action(command.id)
                    if command.icon:
                        action.setIcon(icon(command.icon))
                        action.setIconVisibleInMenu(False)
                    menu.addAction(action)
            if name == "File":
                self._recent = QMenu(self.actions_table.recent_word(), menu)
                menu.insertMenu(self.actions_table.action("file.add_images"), self._recent)
                self._recent.aboutToShow.connect(self._on_recent_opened)

    def _connect(self) -> None:
        from app.deeds import Deeds

        session = self.session
        self.whereabouts = Whereabouts(session, self)  # before the pages: these ask where to begin
        self._deeds = Deeds(self)
        self._rail.chosen.connect(self.go)
        session.problem_reported.connect(self._banner.show_error)
        session.said.connect(self._status.say)
        session.saved.connect(self._status.set_saved)
        session.unsaved_changed.connect(self._status.set_unsaved)
        session.opened.connect(self._on_project_opened)
        session.closed.connect(self._on_project_closed)
        session.table_loaded.connect(self._on_headline_changed)
        session.images_changed.connect(self._on_headline_changed)
        session.current_changed.connect(self._on_headline_changed)
        session.place_changed.connect(self._on_headline_changed)
        session.settings.changed.connect(self._on_setting_changed)
        session.settings.not_saved.connect(self._banner.show_error)
        self._status.initials_wanted.connect(self._deeds.ask_initials)
        self._status.training_wanted.connect(lambda: self.go("train"))
        self._on_project_closed()

    # -- what happens

    def show_training(self, word: str, share: float | None, finish: float | None) -> None:
        """The training in the status line; '' when none runs."""
        self._status.set_training(word, share, finish)

    def show_place(self, text: str) -> None:
        """Where the cursor is, in the status line."""
        self._status.set_place(text)

    def toggle(self, panel: str) -> None:
        """Fold or unfold the inspector or the filmstrip; remembered."""
        memory = self.session.memory
        memory.remember(panel, not memory.recall(panel, True))
        if self._shown is not None:
            self._show_inspector(self._shown.key, self._shown)
        self._show_strip()

    def appear(self) -> None:
        """Show it where it was last; the first time as large as the screen."""
        if self.session.memory.recall("geometry", ""):
            self.show()
        else:
            self.showMaximized()

    def preload(self) -> None:
        """Read the pages' modules ahead in the background, so that the first look at one does not wait for them."""
        self.session.background.run(lambda: [import_module(module) for module, _ in _PAGES.values()], owner=self)

    def open_path(self, path: Path) -> None:
        """A project, or a folder of images."""
        self._deeds.open_path(path)

    def recent(self) -> list[str]:
        """Projects that were open lately, newest first, those that are still there."""
        return [path for path in self.session.memory.recall("recent", []) if Path(path).exists()]

    def last_page(self) -> str:
        """The page on which the open project was looked at last."""
        project = self.session.project
        return "start" if project is None else self.session.memory.recall(f"page {project.file}", "dataset")

    def _on_project_opened(self) -> None:
        project = self.session.project
        if project is None:
            return
        self._banner.dismiss()
        self._rail.set_open(True)
        path = str(project.file)
        recent = [path, *(one for one in self.session.memory.recall("recent", []) if one != path)][:_RECENT]
        self.session.memory.remember("recent", recent)
        self.setWindowTitle(f"{project.name} – Flawscope")
        self._show_who()
        if not self._follows_trainings:  # made now, so that a training that went on by itself is found again
            self._follows_trainings = True
            self.session.trainings.status_changed.connect(self.show_training)
            self._status.laying.follow(self.session.trainings.laying)
            self.session.trainings.ended.connect(self._on_training_ended)
            self.session.trainings.scoring_failed.connect(self._on_scoring_failed)
            self.session.trainings.ended.connect(lambda *_: self._keep_quota())
            self.session.trainings.scored.connect(lambda *_: self._keep_quota())
        self.go(self.last_page())

    def _on_training_ended(self, number: int, state: str, _: object) -> None:
        word = state_word(state)
        self._status.say(tr("Training #{n}: {word}", n=number, word=word))
        if self._shown is None or self._shown.key not in ("train", "review"):
            self._rail.button("review" if state in ("finished", "stopped") else "train").set_news(True)

    def _on_scoring_failed(self, _: int, error: Exception) -> None:
        if self._shown is None or self._shown.key not in ("dataset", "review"):  # these say it themselves
            self._banner.show_error(error)

    def _keep_quota(self) -> None:
        from app.reconstructions import keep_quota

        keep_quota(self.session)

    def _on_project_closed(self) -> None:
        self._rail.set_open(False)
        self.setWindowTitle("Flawscope")
        self._status.set_saved("")
        self._status.set_training("", None, None)
        self._status.set_place("")
        self._show_who()
        self.go("start")

    def _on_setting_changed(self, key: str) -> None:
        if key == "look.theme":
            self.look.set_mode(self.session.settings.get(key))
        if key == "work.initials":
            if self.session.project is not None and self.session.settings.get(key):
                self.session.project.author = self.session.settings.get(key)
            self._show_who()
        if key == "train.map_quota_gb":
            self._keep_quota()

    def _show_who(self) -> None:
        project = self.session.project
        who = self.session.settings.get("work.initials") or (project.author if project else "")
        self._status.set_who(who, read_only=bool(project and project.read_only), is_open=project is not None)

    def _on_headline_changed(self, *_: object) -> None:
        if self._shown is None:
            return
        self._title.setText(self._shown.title())
        self._place.setText(self._shown.headline())
        project = self.session.project
        if project is not None and self._shown.key != "start":
            self.session.memory.remember(f"page {project.file}", self._shown.key)

    def _on_recent_opened(self) -> None:
        self._recent.clear()
        for path in self.recent():
            place = Path(path)
            self._recent.addAction(f"{place.stem}   {place.parent}", partial(self.open_path, place))
        if not self._recent.actions():
            self._recent.addAction(tr("None yet")).setEnabled(False)

    # -- events of the window

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        places = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if places:
            event.acceptProposedAction()
            self._deeds.open_path(places[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._deeds.may_close():
            event.ignore()
            return
        self._remember()
        if self._shown is not None:
            self._shown.leave()
            self._shown = None
        self.session.memory.save()
        self.session.settings.save()
        try:
            self.session.shut_down()
        except FlawscopeError as error:
            QMessageBox.warning(self, tr("Closing the project"), "\n".join(describe(error)))
        event.accept()

    def _remember(self) -> None:
        memory = self.session.memory
        if not self.isFullScreen():
            memory.remember("geometry", bytes(self.saveGeometry().toBase64().data()).decode())
        if self._middle.sizes()[1]:  # nothing wide while it is hidden, as on the start page: the width before stays
            memory.remember("middle", self._middle.sizes())
        self.whereabouts.end()

    def _restore(self) -> None:
        memory = self.session.memory
        screen = QGuiApplication.primaryScreen().availableGeometry()
        self.resize(min(1600, screen.width() - 40), min(1000, screen.height() - 60))
        geometry = memory.recall("geometry", "")
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode()))
        sizes = memory.recall("middle", [])
        if len(sizes) == 2 and all(isinstance(size, int) and size > 0 for size in sizes):
            self._middle.setSizes(sizes)
