"""The present training's heatmap of the image that is annotated: where it lies, or how it can be had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from app.canvas.layers import HeatLayer
from app.canvas.overlays import Overlays
from app.canvas.proposals import Heat
from app.canvas.view import Canvas
from app.pages.annotate.painting import Painting
from app.session import Session
from app.words import describe, tr
from core.errors import InputError

if TYPE_CHECKING:
    from app.reconstructions import Asked
    from core.project import Project
    from core.project.results import RunRow, Scoring
    from core.reconstructions import Reconstruction
    from core.workflow.heatmaps import Maps

_LAYER = "heatmap"
_TOOL = "tool.from_heatmap"


@dataclass(frozen=True)
class Present:
    """The training whose maps are shown, the newest with figures; `run` is None, and `why_not` says so, without any."""

    run: RunRow | None = None
    scoring: Scoring | None = None
    threshold: float = 0.5
    has_model: bool = False
    why_not: str = ""


@dataclass(frozen=True)
class Found:
    """What was read of one image."""

    image_id: int
    present: Present
    maps: Maps | None = None
    heat: Heat | None = None
    layer: HeatLayer | None = None


class Ghost(QObject):
    """Lays the map under the mask, where H shows it, and gives it to the proposals of the workbench."""

    def __init__(self, session: Session, canvas: Canvas, painting: Painting, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._canvas = session, canvas
        self._proposals = painting.bench.proposals
        self._known: dict[tuple[str, str], Present] = {}  # by product and view
        self._found: Found | None = None
        self._image: tuple[int, tuple[int, int]] | None = None  # id, width and height
        self._asked: Asked | None = None
        self._is_wanted = self._listens = False
        self._is_old = False  # something was scored since
        canvas.set_layer_opacity(_LAYER, float(session.settings.get("look.heat_opacity")) / 100)
        canvas.held_changed.connect(self._on_held_changed)
        canvas.heat_pinned.connect(self._on_heat_pinned)
        painting.opened.connect(self._on_opened)
        painting.tool_changed.connect(self._on_tool_changed)
        self._proposals.wanted.connect(self._want)
        session.scores_changed.connect(self._on_scores_changed)
        session.closed.connect(self.leave)

    def leave(self) -> None:
        """The image goes, or the page: nothing is asked for any more."""
        self._image = self._found = None
        self._is_wanted = False
        if self._asked is not None:
            self._asked = None
            self._session.reconstructions.rest()
        if self._session.project is None:
            self._known.clear()
        self._proposals.show(None)

    # -- reading

    def _read(self) -> None:
        project, image, table = self._session.project, self._image, self._session.table
        row = -1 if table is None or image is None else int(table.row_of([image[0]])[0])
        if project is None or table is None or image is None or row < 0:
            return
        place = table.place(row)
        known = self._known.get(place)
        self._is_old = False
        colour_map = str(self._session.settings.get("look.colour_map"))

        def work() -> Found:
            return _read(project, known or _present(project, *place), *image, colour_map)

        def done(found: Found) -> None:
            self._known[place] = found.present
            self._take(found)

        self._session.background.run(work, done, self._on_failed, owner=self, key="ghost")

    def _take(self, found: Found) -> None:
        if self._image is None or found.image_id != self._image[0]:
            return
        self._found = found
        if found.layer is not None or self._canvas.layer(_LAYER) is not None:
            self._canvas.set_layer(_LAYER, found.layer)
        self._proposals.show(found.heat, "" if found.heat is not None else self._why_not(found))
        if found.heat is None and self._is_wanted:
            self._want()

    def _why_not(self, found: Found) -> str:
        present = found.present
        if present.run is None:
            return present.why_not
        if present.has_model:
            return tr("Training #{n} has no heatmap of this image yet", n=present.run.number)
        return tr("Training #{n} kept no heatmap of this image and left no model: train again", n=present.run.number)

    # -- what is not there

    def _want(self) -> None:
        """Somebody wants to see a map that is not there: have it made, or say why that cannot be."""
        self._is_wanted = True
        if self._is_old:
            self._read()
            return
        found = self._found
        if found is None or found.heat is not None:
            return  # it is being read, or it is there
        present = found.present
        if present.run is None or present.scoring is None or not present.has_model:
            self._say(self._why_not(found))
            return
        from app.reconstructions import Asked

        asked = Asked(present.run.number, found.image_id, present.scoring.id)
        if asked != self._asked:
            self._asked = asked
            self._listen()
            self._session.reconstructions.stay()
            self._session.reconstructions.ask(asked)
        self._say(tr("Training #{n} looks at this image: its heatmap follows …", n=present.run.number))

    def _listen(self) -> None:
        """To answers, from the first question on: until then nothing of workers is loaded."""
        if not self._listens:
            self._listens = True
            self._session.reconstructions.ready.connect(self._on_made)
            self._session.reconstructions.failed.connect(self._on_not_made)

    def _say(self, words: str) -> None:
        self._proposals.show(None, words)
        self._session.said.emit(words)

    def _on_made(self, asked: Asked, made: Reconstruction) -> None:
        found = self._found
        if asked != self._asked or found is None or found.image_id != asked.image or found.maps is None:
            return
        maps, image = found.maps, self._image
        colour_map = str(self._session.settings.get("look.colour_map"))
        if image is not None:
            self._session.background.run(
                lambda: _shown(found, maps.filled(made), image[1], colour_map), self._take, owner=self, key="ghost"
            )

    def _on_not_made(self, asked: Asked, error: Exception) -> None:
        if asked == self._asked:
            self._asked = None
            self._say(tr("There is no heatmap of this image: {why}", why=describe(error)[0]))

    def _on_failed(self, error: Exception) -> None:
        self._proposals.show(None, describe(error)[0])
        self._session.report(error)

    # -- slots

    def _on_opened(self, overlays: Overlays) -> None:
        if self._image is None or self._image[0] != overlays.image_id:
            self._proposals.show(None, tr("The heatmap is being read …"))
            self._found = None
        self._image = (overlays.image_id, overlays.size)
        self._is_wanted = self._canvas.is_heat_pinned or self._proposals.is_on
        self._read()

    def _on_held_changed(self, _hides: bool, heats: bool) -> None:
        if heats:
            self._want()

    def _on_heat_pinned(self, pinned: bool) -> None:
        if pinned:
            self._want()

    def _on_tool_changed(self, command: str) -> None:
        if command == _TOOL:
            self._proposals.start()
        elif self._proposals.is_on:
            self._proposals.stop()

    def _on_scores_changed(self) -> None:
        """Read when it is looked at: undoing a stroke says this, too."""
        self._known.clear()
        self._is_old = True


def _present(project: Project, product: str, view: str) -> Present:
    from core.workflow.review import load  # brings the figures' libraries along

    try:
        table = load(project, product=product, view=view)
    except InputError:
        words = tr("No training has looked at images of this view yet: start one on the Train page (Alt+3)")
        return Present(why_not=words)
    return Present(table.run, table.scoring, table.threshold, table.has_model)


def _read(project: Project, present: Present, image_id: int, size: tuple[int, int], colour_map: str) -> Found:
    if present.run is None or present.scoring is None:
        return Found(image_id, present)
    from core.workflow.heatmaps import image_maps

    maps = image_maps(project, present.run, present.scoring, image_id)
    return _shown(Found(image_id, present), maps, size, colour_map)


def _shown(found: Found, maps: Maps, size: tuple[int, int], colour_map: str) -> Found:
    """With what there is to show of the maps of an image of `size` (width, height)."""
    maps = replace(maps, width=size[0], height=size[1])
    values, run, threshold = maps.values(), found.present.run, found.present.threshold
    if values is None or run is None:
        return replace(found, maps=maps)
    extent = (0.0, 0.0, float(size[0]), float(size[1]))
    layer = HeatLayer(values, extent, threshold=threshold, colour_map=colour_map)
    return replace(found, maps=maps, heat=Heat(run.number, values, size, threshold), layer=layer)
