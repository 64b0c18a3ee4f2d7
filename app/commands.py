"""Every action once: id, text, keys, where it acts. Menus, toolbars, palette and key sheet are made from this table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from app.letters import OwnKeysMenu, plain, with_letters
from app.words import tr

Where = Literal["app", "image"]  # image: single letters, only while canvas or gallery has the focus


@dataclass(frozen=True)
class Command:
    """One action. `held` keys are handled by the canvas and stand here for the key sheet alone."""

    id: str
    text: str
    keys: tuple[str, ...] = ()
    where: Where = "app"
    menu: str = ""
    icon: str = ""
    hint: str = ""
    held: bool = False


COMMANDS: Final[tuple[Command, ...]] = (
    Command("file.open_folder", "Open folder of images …", ("Ctrl+O",), menu="File", icon="folder"),
    Command("file.open_project", "Open project …", ("Ctrl+Shift+O",), menu="File", icon="folder"),
    Command("file.open_sample", "Open the sample project", menu="File", icon="sample"),
    Command("file.add_images", "Add images …", ("Ctrl+Shift+N",), menu="File", icon="add"),
    Command("file.import_annotations", "Import annotations …", menu="File", hint="Masks and labels from other tools."),
    Command("file.export_annotations", "Export annotations …", menu="File", hint="Masks and labels for other tools."),
    Command("file.backup", "Back up now", ("Ctrl+S",), menu="File", hint="Every change is saved as it is made."),
    Command("file.close", "Close project", ("Ctrl+W",), menu="File", icon="close"),
    Command("file.quit", "Quit", ("Ctrl+Q",), menu="File"),
    Command("edit.undo", "Undo", ("Ctrl+Z",), menu="Edit", icon="undo"),
    Command("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), menu="Edit", icon="redo"),
    Command("edit.cut", "Cut defects", ("Ctrl+X",), where="image", menu="Edit"),
    Command("edit.copy", "Copy defects", ("Ctrl+C",), where="image", menu="Edit"),
    Command("edit.paste", "Paste defects", ("Ctrl+V",), where="image", menu="Edit"),
    Command("edit.delete", "Delete what is selected", ("Del",), where="image", menu="Edit"),
    Command("edit.select_all", "Select all", ("Ctrl+A",), where="image", menu="Edit"),
    Command("edit.find", "Find images", ("Ctrl+F",), menu="Edit", icon="search"),
    Command("edit.settings", "Settings …", ("Ctrl+,",), menu="Edit", icon="settings"),
    Command("go.start", "Start page", ("Alt+Home",), menu="Go", icon="start"),
    Command("go.dataset", "Dataset", ("Alt+1",), menu="Go", icon="dataset"),
    Command("go.annotate", "Annotate", ("Alt+2",), menu="Go", icon="annotate"),
    Command("go.train", "Train", ("Alt+3",), menu="Go", icon="train"),
    Command("go.review", "Review", ("Alt+4",), menu="Go", icon="review"),
    Command("image.previous", "Previous image", ("A", "Left", "PgUp"), where="image", menu="Image"),
    Command("image.next", "Next image", ("D", "Right", "PgDown"), where="image", menu="Image"),
    Command("image.previous_open", "Previous one to review", ("Ctrl+Shift+A",), where="image", menu="Image"),
    Command("image.next_open", "Next one to review", ("Ctrl+Shift+D",), where="image", menu="Image"),
    Command("queue.unpainted", "Walk through the unpainted defective images", menu="Image"),
    Command("queue.unlabelled", "Walk through the unlabelled images", menu="Image"),
    Command("queue.conflicts", "Walk through the conflicts between people", menu="Image"),
    Command("queue.score", "Walk through the images by score, worst first", menu="Image"),
    Command("queue.view", "Walk through all images of this view", ("W",), where="image", menu="Image"),
    Command("label.good", "Good", ("J",), where="image", menu="Image", icon="good"),
    Command("label.defective", "Defective", ("K",), where="image", menu="Image", icon="defective"),
    Command("label.unsure", "Unsure", ("L",), where="image", menu="Image", icon="unsure"),
    Command("conflict.mine", "Conflict: keep the mask here", ("Shift+K",), where="image", menu="Image"),
    Command("conflict.theirs", "Conflict: take the other mask", ("Shift+T",), where="image", menu="Image"),
    Command("conflict.both", "Conflict: join both masks", ("Shift+J",), where="image", menu="Image"),
    Command("note.add", "Write a note on this image", ("N",), where="image", menu="Image", icon="note"),
    Command("book.example", "Defect book: an example", ("Ctrl+E",), where="image", menu="Image", icon="book"),
    Command("book.limit_good", "Defect book: just still good", ("Ctrl+J",), where="image", menu="Image"),
    Command("book.limit_defective", "Defect book: just defective", ("Ctrl+K",), where="image", menu="Image"),
    Command("tool.look", "Look: move the image", ("Q",), where="image", menu="Tools", icon="hand"),
    Command("tool.brush", "Brush", ("B",), where="image", menu="Tools", icon="brush"),
    Command("tool.eraser", "Eraser", ("E",), where="image", menu="Tools", icon="eraser"),
    Command("tool.polygon", "Polygon", ("P",), where="image", menu="Tools", icon="polygon"),
    Command("tool.rectangle", "Rectangle", ("R",), where="image", menu="Tools", icon="rectangle"),
    Command("tool.fill", "Fill", ("F",), where="image", menu="Tools", icon="fill"),
    Command("tool.wand", "Magic wand", ("G",), where="image", menu="Tools", icon="wand"),
    Command("tool.threshold", "Threshold in a box", ("T",), where="image", menu="Tools", icon="threshold"),
    Command("tool.scribble", "Scribble: cut out what differs", ("S",), where="image", menu="Tools", icon="scribble"),
    Command("tool.select", "Select defects", ("C",), where="image", menu="Tools", icon="select"),
    Command("tool.from_heatmap", "From the heatmap", ("Shift+H",), where="image", menu="Tools", icon="heat"),
    Command("tool.holes", "Fill holes", ("Shift+F",), where="image", menu="Tools", icon="holes"),
    Command("tool.grow", "Grow by a pixel", ("Ctrl+Up",), where="image", menu="Tools", icon="grow"),
    Command("tool.shrink", "Shrink by a pixel", ("Ctrl+Down",), where="image", menu="Tools", icon="shrink"),
    Command("tool.region", "Region of interest, or defects", ("M",), where="image", menu="Tools", icon="region"),
    Command("zone.cells", "Cells of a strip", ("C",), where="image", menu="Tools", icon="cells"),
    Command("zone.rename", "Rename the chosen zone", ("F2",), where="image", menu="Tools"),
    Command("tool.ruler", "Ruler", ("U",), where="image", menu="Tools", icon="ruler"),
    Command("tool.smaller", "Smaller brush", ("[", ","), where="image", menu="Tools"),
    Command("tool.larger", "Larger brush", ("]", "."), where="image", menu="Tools"),
    Command("tool.only_empty", "Paint only where nothing is painted", where="image", menu="Tools", icon="lock"),
    Command("class.edit", "Edit defect classes …", ("Ctrl+Shift+E",), menu="Tools", icon="classes"),
    *(Command(f"class.{n}", f"Defect class {n}", (f"{n}",), where="image") for n in range(1, 10)),
    Command("view.refresh", "Bring the list up to date", ("F5",), menu="View", icon="refresh"),
    Command("view.fit", "Fit to the window", ("Ctrl+0",), where="image", menu="View"),
    Command("view.actual", "Actual pixels", ("Ctrl+1",), where="image", menu="View"),
    Command("view.compare", "Compare: single, side by side, blink", ("V",), where="image", menu="View"),
    Command("view.hide_overlays", "Hide everything laid over the image", ("X",), where="image", held=True),
    Command("view.heat", "Show the heatmap (twice: keep it)", ("H",), where="image", held=True),
    Command("view.pan", "Move the image", ("Space",), where="image", held=True),
    Command("view.pass_previous", "Previous pass", (",",), where="image", menu="View"),
    Command("view.pass_next", "Next pass", (".",), where="image", menu="View"),
    Command("view.inspector", "Inspector", ("F8",), menu="View", icon="panel"),
    Command("view.filmstrip", "Filmstrip", ("F7",), menu="View", icon="strip"),
    Command("view.theme", "Light or dark", menu="View", icon="moon"),
    Command("view.full_screen", "Full screen", ("F11",), menu="View"),
    Command("train.start", "Start training", ("Ctrl+T",), menu="Train", icon="play"),
    Command("train.stop", "Stop training", menu="Train", icon="stop"),
    Command("help.palette", "Find a command …", ("Ctrl+Shift+P",), menu="Help", icon="search"),
    Command("help.keys", "Keys", ("?", "Ctrl+/"), menu="Help"),
    Command("help.first_steps", "First steps", ("F1",), menu="Help", icon="help"),
    Command("help.painting", "Painting defects", menu="Help"),
    Command("help.annotations", "Annotations in and out", menu="Help"),
    Command("help.models", "The detectors compared", menu="Help"),
    Command("help.clusters", "Several GPUs and clusters", menu="Help"),
    Command("help.experiments", "The papers' tables, run again", menu="Help"),
    Command("help.about", "About Flawscope", menu="Help"),
)
MENUS: Final = ("File", "Edit", "View", "Image", "Tools", "Train", "Go", "Help")
RECENT: Final = "Recent projects"  # a menu in the menu File
BY_ID: Final = {one.id: one for one in COMMANDS}


@dataclass(frozen=True)
class _Binding:
    slot: Callable[[], object]
    enabled: Callable[[], bool] | None
    text: str

    @property
    def can_be_done(self) -> bool:
        return self.enabled is None or self.enabled()


class Actions(QObject):
    """One QAction a command. What is not bound at the moment is shown greyed."""

    bound = Signal()

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._bindings: dict[str, list[_Binding]] = {}
        self._actions: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(tr(command.text), window)
            action.setObjectName(command.id)
            if not command.held:
                action.setShortcuts([QKeySequence(keys) for keys in command.keys])
            if command.hint:
                action.setStatusTip(tr(command.hint))
            action.setToolTip(tooltip(command.id))
            action.setEnabled(False)
            action.setAutoRepeat(not command.id.startswith("label."))  # a key that is held labels one image
            if command.where == "image":
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            else:
                action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
                window.addAction(action)
            action.triggered.connect(lambda _=False, command=command: self._on_triggered(command))
            self._actions[command.id] = action

    def action(self, command_id: str) -> QAction:
        """The action of a command. Raises KeyError."""
        return self._actions[command_id]

    def bind(
        self,
        command_id: str,
        slot: Callable[[], object],
        *,
        enabled: Callable[[], bool] | None = None,
        text: str = "",
    ) -> None:
        """From now on the command calls `slot` and reads `text`; the last one bound counts until it is unbound."""
        self._bindings.setdefault(BY_ID[command_id].id, []).append(_Binding(slot, enabled, text))
        self.refresh()

    def unbind(self, command_id: str, slot: Callable[[], object]) -> None:
        """Take a binding back."""
        kept = [one for one in self._bindings.get(command_id, []) if one.slot != slot]
        self._bindings[command_id] = kept
        self.refresh()

    def attach(self, widget: QWidget) -> None:
        """Single letters act while `widget` (a canvas, a gallery) has the focus."""
        for command in COMMANDS:
            if command.where == "image" and not command.held:
                widget.addAction(self._actions[command.id])

    def run(self, command_id: str) -> None:
        """Do it, when it can be done now."""
        bound = self._bindings.get(command_id)
        if bound and bound[-1].can_be_done:
            bound[-1].slot()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Inside, no single letter and no arrow acts on what has the focus."""
        acting = [self._actions[one.id] for one in COMMANDS if one.where == "image" and not one.held]
        for action in acting:
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)  # no window is active behind a menu
        try:
            yield
        finally:
            for action in acting:
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)

    def _on_triggered(self, command: Command) -> None:
        if command.where == "image" and QApplication.activePopupWidget() is not None:
            return  # a key that was pressed in an open menu; an entry that is chosen closes its menu before
        self.run(command.id)

    def refresh(self) -> None:
        """Ask again what can be done now."""
        words = {}
        for command_id, action in self._actions.items():
            bound = self._bindings.get(command_id)
            action.setEnabled(bound[-1].can_be_done if bound else False)
            words[command_id] = bound[-1].text if bound and bound[-1].text else tr(BY_ID[command_id].text)
        for command_id, word in self._lettered(words).items():
            self._actions[command_id].setText(word)
        self.bound.emit()

    def _lettered(self, words: dict[str, str]) -> dict[str, str]:
        """The words with the letters that choose them in their menus."""
        shown = dict(words)
        for menu in MENUS:
            ids = [one.id for one in COMMANDS if one.menu == menu]
            keys = tuple(next((key for key in BY_ID[one].keys if len(key) == 1), "") for one in ids)
            more = (tr(RECENT),) if menu == "File" else ()
            shown |= dict(zip(ids, with_letters((*(words[one] for one in ids), *more), keys), strict=False))
        return shown

    @staticmethod
    def menu_words() -> dict[str, str]:
        """The menus of `MENUS` with the letters that open them with Alt."""
        return dict(zip(MENUS, with_letters(tuple(tr(name) for name in MENUS)), strict=True))

    def recent_word(self) -> str:
        """`RECENT` with its letter in the menu File."""
        words = [plain(self._actions[one.id].text()) for one in COMMANDS if one.menu == "File"]
        return with_letters((*words, tr(RECENT)), len(words) * ("",))[-1]


class CommandMenu(OwnKeysMenu):
    """A menu of commands, whose own keys rest while it hears one."""

    def __init__(self, title: str, actions: Actions, parent: QWidget) -> None:
        super().__init__(title, parent)
        self._table = actions

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """To another entry or menu; Enter does what is chosen."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            super().keyPressEvent(event)
            return
        with self._table.resting():
            super().keyPressEvent(event)


def keys_text(command_id: str) -> str:
    """The keys of a command as a person reads them: `A, Left`."""
    shown = [QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText) for keys in BY_ID[command_id].keys]
    return ", ".join(shown)


def tooltip(command_id: str, text: str = "") -> str:
    """What a button of this command says when the mouse rests on it."""
    command = BY_ID[command_id]
    keys = keys_text(command_id)
    words = text or tr(command.text).rstrip(" …")
    return f"{words}  ({keys})" if keys else words
