"""What all tools share: the sheet they paint on, the class, the size of the brush; no tool knows a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.canvas.proposals import Proposals
from app.canvas.selection import Selection
from app.canvas.sheet import Sheet
from app.words import tr
from core.annotation import strokes
from core.annotation.strokes import Shape

if TYPE_CHECKING:
    from app.background import Background
    from app.canvas.view import Canvas
    from app.settings import Memory

_REMEMBERED: Final = "annotate.tools"
_SETTLE_MS: Final = 900  # a stroke that takes longer is stored in parts: a crash loses less than two seconds
_SIZES: Final = (1, 2, 3, 4, 5, 7, 9, 12, 16, 20, 26, 32, 40, 52, 64, 84, 108, 140, 180, 230, 300, 390, 500)


class Workbench(QObject):
    """Values that tools and their controls read and set; `changed` names the one that is another now."""

    changed = Signal(str)  # size, shape, class_id, only_empty, tolerance, tool, sheet, proposals
    hinted = Signal(str)  # what the tool says of what it does; '' when it is done
    refused = Signal(str)  # why nothing was painted
    undo_wanted = Signal()
    measured = Signal(float)  # pixels: how long the line of the ruler is; 0 without one
    calibrated = Signal(float)  # micrometres a pixel, as a person found them out with the ruler
    class_chosen = Signal(int)  # by a person, also when it is the one that is painted already
    put_away = Signal()  # the tool is done: the one before it comes back

    def __init__(
        self,
        canvas: Canvas,
        memory: Memory,
        background: Background,
        parent: QObject | None = None,
        *,
        key: str = _REMEMBERED,
    ) -> None:
        """What is set is remembered under `key`."""
        super().__init__(parent)
        self.canvas: Final = canvas
        self.background: Final = background  # for what takes longer than a frame
        self._memory = memory
        self._key = key
        self._project = ""
        stored = memory.recall(key, {})
        self._values: dict[str, int | str | bool] = {
            **{"size": 12, "shape": "round", "class_id": 0, "only_empty": False, "tolerance": 12, "tool": ""},
            **(stored if isinstance(stored, dict) else {}),
        }
        self._sheet: Sheet | None = None
        self.scale_um: float | None = None  # micrometres a pixel of the image that is shown
        self.line = 0.0  # pixels: what the ruler measures
        self.why_not = ""  # why nothing can be painted at the moment
        self.is_waiting = False  # an undo is on its way: painted over, it would come back wrong
        self._part = QTimer(self)
        self._part.setInterval(_SETTLE_MS)
        self._stroke: tuple[str, int] = ("", 0)
        self._part.timeout.connect(self._on_part_due)
        self.selection: Final = Selection(self)
        self.proposals: Final = Proposals(background, self)
        self.proposals.changed.connect(lambda: self.changed.emit("proposals"))

    # -- the sheet

    @property
    def sheet(self) -> Sheet | None:
        """The mask of the image that is on screen; None while there is none to paint on."""
        return self._sheet

    @property
    def is_open(self) -> bool:
        """Whether something is just being painted."""
        return self._sheet is not None and self._sheet.is_open

    def set_sheet(self, sheet: Sheet | None, *, why_not: str = "") -> None:
        """Another image, or none: `why_not` is said to whoever paints then."""
        if self._sheet is not None:
            self._sheet.painted.disconnect(self._on_painted)
            self._sheet.given_up.disconnect(self.undo_wanted)
        self._part.stop()
        self._sheet, self.why_not = sheet, why_not
        if sheet is not None:
            sheet.painted.connect(self._on_painted)
            sheet.given_up.connect(self.undo_wanted)
        self.changed.emit("sheet")

    def ready(self) -> Sheet | None:
        """The sheet to paint on, or None, and the person is told why."""
        if self._sheet is None or self.is_waiting:
            self.refused.emit(self.why_not if self._sheet is None else tr("One moment: the last step is being undone"))
            return None
        return self._sheet

    def begin(self, tool: str, value: int) -> Sheet | None:
        """A stroke of `tool` begins; returns what `ready` does."""
        sheet = self.ready()
        if sheet is not None:
            self._stroke = (tool, value)
            self._part.start()
        return sheet

    def end(self) -> None:
        """The stroke is done and is stored."""
        self._part.stop()
        if self._sheet is not None:
            self._sheet.settle(*self._stroke)

    def give_up(self) -> None:
        """The stroke is taken back."""
        self._part.stop()
        if self._sheet is not None:
            self._sheet.restore()

    # -- values

    def be_in(self, project: str) -> None:
        """The brush is as large as it was in this project; in one that is new, as it was last."""
        self._project = project
        size = self._memory.recall(self._size_key(), self.size)
        if 1 <= size <= strokes.LARGEST:
            self.set_size(size)

    def _size_key(self) -> str:
        return f"{self._key} size {self._project}"

    @property
    def size(self) -> int:
        """Of the brush, pixels across."""
        return int(self._values["size"])

    def set_size(self, size: int) -> None:
        """From 1 to 500."""
        self._set("size", min(max(size, 1), strokes.LARGEST))

    def step_size(self, steps: int) -> None:
        """The next larger or smaller size that is worth having."""
        for _ in range(abs(steps)):
            larger = [one for one in _SIZES if one > self.size]
            smaller = [one for one in _SIZES if one < self.size]
            wanted = larger[:1] if steps > 0 else smaller[-1:]
            self.set_size(wanted[0] if wanted else self.size)

    @property
    def shape(self) -> Shape:
        """Of the brush."""
        return "square" if self._values["shape"] == "square" else "round"

    def set_shape(self, shape: Shape) -> None:
        """Round or square."""
        self._set("shape", shape)

    @property
    def class_id(self) -> int:
        """What is painted; 0 while the project has no class."""
        return int(self._values["class_id"])

    def set_class(self, class_id: int) -> None:
        """What is painted from now on."""
        self._set("class_id", class_id)

    def choose_class(self, class_id: int) -> None:
        """A person wants it: for what is selected, and for what is painted from now on."""
        self.set_class(class_id)
        self.class_chosen.emit(class_id)

    @property
    def only_empty(self) -> bool:
        """Whether what is painted already stays as it is."""
        return bool(self._values["only_empty"])

    def set_only_empty(self, only_empty: bool) -> None:
        """Paint over nothing, or over everything."""
        self._set("only_empty", only_empty)

    @property
    def tolerance(self) -> int:
        """How far from the first pixel the magic wand goes, in grey levels."""
        return int(self._values["tolerance"])

    def set_tolerance(self, tolerance: int) -> None:
        """From 0 to 255."""
        self._set("tolerance", min(max(tolerance, 0), 255))

    @property
    def tool(self) -> str:
        """The command of the tool that was in the hand last; '' for none."""
        return str(self._values["tool"])

    def set_tool(self, command: str) -> None:
        """Remember it for the next time."""
        self._set("tool", command)

    # -- measuring

    def set_scale(self, scale_um: float | None) -> None:
        """Micrometres a pixel of the image that is shown; None: nobody knows."""
        if scale_um != self.scale_um:
            self.scale_um = scale_um
            self.canvas.update()
            self.changed.emit("scale_um")

    def measure(self, line: float) -> None:
        """The ruler is so many pixels long; 0: it was put away."""
        self.line = line
        self.measured.emit(line)

    def _set(self, name: str, value: int | str | bool) -> None:
        if self._values[name] != value:
            self._values[name] = value
            self._memory.remember(self._key, dict(self._values))
            if name == "size" and self._project:
                self._memory.remember(self._size_key(), value)
            self.canvas.update()  # the ring of the brush is another one
            self.changed.emit(name)

    # -- slots

    def _on_painted(self, box: object) -> None:
        self.canvas.refresh("mask", box)  # type: ignore[arg-type]  # a box, as Sheet says

    def _on_part_due(self) -> None:
        if self._sheet is not None:
            self._sheet.settle(*self._stroke, goes_on=True)
