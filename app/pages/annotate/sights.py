"""How each image was looked at: zoom, place, brightness and contrast, kept as the settings say."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from app.canvas.picture import Adjust
from app.canvas.view import Canvas
from app.canvas.viewport import Extent, Viewport
from app.settings import Settings

_KEPT: Final = 2_000


@dataclass(frozen=True)
class Sight:
    """One look at an image of `extent`."""

    view: Viewport
    fitted: bool
    adjust: Adjust
    extent: Extent


class Sights:
    """Remembers the look at an image when it goes, and brings the right one back when an image comes."""

    def __init__(self, canvas: Canvas, settings: Settings) -> None:
        self._canvas = canvas
        self._settings = settings
        self._seen: OrderedDict[int, Sight] = OrderedDict()
        self._last: Sight | None = None
        self._wanted: tuple[int, Extent] | None = None
        self._by_hand: tuple[Viewport, bool] | None = None  # how a person looked before the program went close, and
        self._close_up = 0.0  # the scale that it took for that
        canvas.area_shown.connect(self._on_area_shown)

    def keep(self, image_id: int) -> None:
        """The image on the canvas goes. A close-up that the program made is kept for this image, not for the next."""
        canvas = self._canvas
        self._last = self._seen[image_id] = Sight(canvas.view, canvas.is_fitted, canvas.adjust, canvas.extent)
        self._seen.move_to_end(image_id)
        if self._by_hand is not None and self._is_close_up(canvas.view):
            self._last = replace(self._last, view=self._by_hand[0], fitted=self._by_hand[1])
        self._by_hand = None
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)

    def bring_back(self, image_id: int) -> None:
        """An image was put on the canvas, fitted: look at it as the settings say, or where `look_at` wanted."""
        canvas, last, own = self._canvas, self._last, self._seen.get(image_id)
        if self._settings.get("work.keep_zoom"):
            if last is not None and last.extent == canvas.extent:
                canvas.restore_view(last.view, fitted=last.fitted)
        elif own is not None and own.extent == canvas.extent:
            canvas.restore_view(own.view, fitted=own.fitted)
        if not self._settings.get("work.keep_contrast"):
            canvas.set_adjust(Adjust() if own is None else own.adjust)
        if self._wanted is not None and self._wanted[0] == image_id:
            canvas.show_area(self._wanted[1])
        self._wanted = None

    def look_at(self, image_id: int, extent: Extent) -> None:
        """When that image comes next, look closely at this area."""
        self._wanted = (image_id, extent)

    def forget(self) -> None:
        """Another project."""
        self._seen.clear()
        self._last = self._wanted = self._by_hand = None

    def _is_close_up(self, view: Viewport) -> bool:
        """Whether the zoom is still the one that the program took; a person may have moved the image."""
        return view.scale == self._close_up

    def _on_area_shown(self, before: Viewport, fitted: bool) -> None:
        if self._by_hand is None or not self._is_close_up(before):
            self._by_hand = before, fitted
        self._close_up = self._canvas.zoom
