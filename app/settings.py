"""What a person can set, in one frozen table, and what the window remembers; both files keep only differences."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.words import tr
from core.errors import FlawscopeError
from core.files import atomic_write

if TYPE_CHECKING:
    from app.background import Background

_SAVE_AFTER_MS: Final = 400


@dataclass(frozen=True)
class Setting:
    """One line of the settings dialog. `choices` None: a switch for bool, a number field for int, a field for str."""

    key: str
    default: bool | int | float | str
    section: str
    text: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] | None = None
    low: int = 0
    high: int = 1_000_000


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "look.theme",
        "system",
        "Look",
        "Colours",
        "System follows the desktop's own setting.",
        (("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        "look.colour_map",
        "inferno",
        "Look",
        "Heatmap colours",
        "All three grow evenly from dark to light.",
        (("inferno", "Inferno"), ("viridis", "Viridis"), ("cividis", "Cividis")),
    ),
    Setting("look.heat_opacity", 60, "Look", "Heatmap opacity in %", "", None, 5, 100),
    Setting("look.thumbnail", 160, "Look", "Size of thumbnails in pixels", "", None, 64, 320),
    Setting("work.initials", "", "Work", "Your initials", "They stand beside every label, mask and verdict."),
    Setting("work.move_on", True, "Work", "After a label or verdict show the next image"),
    Setting(
        "work.keep_zoom",
        True,
        "Work",
        "Keep zoom from image to image of the same size",
        "Except for a close-up of a defect. Otherwise each image comes back as you left it.",
    ),
    Setting("work.keep_contrast", True, "Work", "Keep brightness and contrast"),
    Setting("work.wheel_zooms", True, "Work", "The wheel zooms", "Otherwise it scrolls, and Ctrl+wheel zooms."),
    Setting("train.keep_awake", True, "Training", "Keep the computer awake while training"),
    Setting(
        "train.map_quota_gb",
        20,
        "Training",
        "Space for maps in GB",
        "Heatmaps and reconstructions; the oldest go first.",
        None,
        1,
        100_000,
    ),
)
_BY_KEY: Final[Mapping[str, Setting]] = {one.key: one for one in SETTINGS}


class Settings(QObject):
    """The values of the table: what a person changed, else the default. Saved a moment after a change."""

    changed = Signal(str)
    not_saved = Signal(object)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = _Store(path, self)
        self._store.not_saved = self.not_saved.emit

    def get(self, key: str) -> Any:
        """The value of a setting; a stored one of another kind is ignored. Raises KeyError."""
        setting = _BY_KEY[key]
        value = self._store.values.get(key, setting.default)
        if type(value) is not type(setting.default):
            return setting.default
        if setting.choices is not None and value not in {choice for choice, _ in setting.choices}:
            return setting.default
        return value

    def set(self, key: str, value: bool | int | float | str) -> None:
        """Change a setting; setting the default forgets that it was ever changed."""
        if value == self.get(key):
            return
        self._store.put(key, None if value == _BY_KEY[key].default else value)
        self.changed.emit(key)

    def save(self) -> None:
        """Write what was not written yet."""
        self._store.save()

    def save_in(self, background: Background) -> None:
        """From now on what changes is written there, not by the thread that draws."""
        self._store.background = background


class Memory(QObject):
    """Places and habits that the window remembers by itself: geometry, last projects, folded panels."""

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = _Store(path, self)

    def recall(self, key: str, default: Any) -> Any:
        """What was remembered, or `default` when nothing, or something of another kind."""
        value = self._store.values.get(key, default)
        return value if default is None or isinstance(value, type(default)) else default

    def remember(self, key: str, value: Any) -> None:
        """Keep a plain value (numbers, text, lists, dicts); None forgets."""
        self._store.put(key, value)

    def save_now(self) -> None:
        """Write what was not written yet, in the background."""
        self._store.on_due()

    def save(self) -> None:
        """Write what was not written yet."""
        self._store.save()

    def save_in(self, background: Background) -> None:
        """From now on what changes is written there, not by the thread that draws."""
        self._store.background = background


class _Store:
    """A JSON object in a file. A file that does not parse is set aside, never written over."""

    def __init__(self, path: Path, parent: QObject) -> None:
        self._path = path
        self._parent = parent
        self._dirty = False
        self._version = 0  # of what was to be written, and
        self._written = 0  # of what lies there
        self._gate = threading.Lock()
        self.background: Background | None = None
        self.not_saved: Any = None
        self.values: dict[str, Any] = self._read()
        self._timer = QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAVE_AFTER_MS)
        self._timer.timeout.connect(self.on_due)

    def put(self, key: str, value: Any) -> None:
        if self.values.get(key) == value:
            return
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value
        self._dirty = True
        if not self._timer.isActive():  # what changes all the time is written all the same
            self._timer.start()

    def save(self) -> None:
        self._timer.stop()
        if self._dirty:
            try:
                self._write(*self._next())
            except (OSError, FlawscopeError) as error:
                self._on_failed(error)

    def on_due(self) -> None:
        if self.background is None or self.background.is_closed:
            self.save()
        elif self._dirty:
            version, text = self._next()
            self.background.run(lambda: self._write(version, text), failed=self._on_failed, owner=self._parent)

    def _next(self) -> tuple[int, str]:
        self._dirty = False
        self._version += 1
        return self._version, json.dumps(self.values, indent=1, ensure_ascii=False, sort_keys=True)

    def _write(self, version: int, text: str) -> None:
        with self._gate:
            if version > self._written:  # never the older over the newer
                self._path.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(self._path, text)
                self._written = version

    def _on_failed(self, error: Exception) -> None:
        self._dirty = True
        if self.not_saved is not None:
            self.not_saved(error)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            self._set_aside()
            return {}
        if isinstance(found, dict):
            return found
        self._set_aside()
        return {}

    def _set_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".unreadable.json"))
        except OSError:
            return


def home() -> Path:
    """Where settings are kept; FLAWSCOPE_HOME names another place (tests, a stick without a home)."""
    named = os.environ.get("FLAWSCOPE_HOME")
    if named:
        return Path(named)
    from platformdirs import user_config_path

    return user_config_path("flawscope", appauthor=False)


def choice_words(setting: Setting) -> list[tuple[str, str]]:
    """The choices of a setting with their words in the person's language."""
    return [(value, tr(text)) for value, text in setting.choices or ()]
