"""The canvas: an image, what lies over it, and the view of both; painted where the screen needs it and nowhere else."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.canvas import notice
from app.canvas.backdrop import Backdrop
from app.canvas.layers import ORDER, Layer
from app.canvas.navigation import HeldKeys, Navigation
from app.canvas.picture import Adjust, Picture, Rgb
from app.canvas.tools.base import Pointer, Tool
from app.canvas.viewport import Extent, Viewport
from app.words import tr
from core.words import Box

_HEAT: Final = "heatmap"
_OURS: Final = (Qt.Key.Key_X, Qt.Key.Key_H, Qt.Key.Key_Space, Qt.Key.Key_QuoteLeft)


class Canvas(QWidget):
    """Shows one picture. Layers are set by name; their visibility and opacity stay when the image changes."""

    cursor_moved = Signal(int, int, object)  # column, row, (r, g, b); None: beside the image
    zoom_changed = Signal(float)  # 1.0: one image pixel is one pixel of the screen
    view_changed = Signal(QTransform)  # image -> widget coordinates
    picture_changed = Signal()
    opacity_changed = Signal(str, float)
    heat_pinned = Signal(bool)
    adjust_changed = Signal(object)
    held_changed = Signal(bool, bool)  # whether X and H are held
    area_shown = Signal(object, bool)  # the Viewport before, and whether it was fitted
    moved = Signal(object, bool)  # Viewport and whether it is fitted; not after a change of size, nor on following

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(tr("Image"))
        self.navigation: Final = Navigation(self)
        self._held: Final = HeldKeys(self._on_held_changed)
        self._was_pinned = False
        self._picture: Picture | None = None
        self._notice: notice.Notice | None = None
        self._layers: dict[str, Layer] = {}
        self._hidden: set[str] = set()
        self._opacity: dict[str, float] = {}
        self._adjust = Adjust()
        self._view = Viewport()
        self._is_fitted = True
        self._tool: Tool | None = None
        self._pressed_tool = False
        self._backdrop: Final = Backdrop()

    # -- what is shown

    @property
    def picture(self) -> Picture | None:
        """The image that is shown."""
        return self._picture

    @property
    def extent(self) -> Extent:
        """The area of the image plane that can be looked at."""
        return (0.0, 0.0, 1.0, 1.0) if self._picture is None else self._picture.extent

    def show_image(
        self, pixels: Rgb | Picture | None, *, keep_view: bool = False, extent: Extent | None = None
    ) -> None:
        """Show (H, W, 3) uint8 RGB, or a picture made ready elsewhere; None empties. Layers of the last one go.

        With `extent` the pixels cover that area of the image plane (a reconstruction lies on its crop).
        """
        if self._tool is not None:
            self._tool.stop()
            self._pressed_tool = False
        picture = Picture(pixels, extent=extent) if pixels is not None and not isinstance(pixels, Picture) else pixels
        same_size = self._picture is not None and picture is not None and self._picture.extent == picture.extent
        self._picture, self._notice = picture, None
        self._layers.clear()
        if picture is not None and (self._is_fitted or not (keep_view and same_size)):
            self._is_fitted = True
            self._set_view(self._view.fitted(picture.extent), fitted=True, force=True)
        self.picture_changed.emit()
        self.update()

    def show_notice(self, headline: str, text: str = "", *, sign: str = "") -> None:
        """Words instead of an image: nothing is chosen, or it is being read."""
        self.show_image(None)
        self._notice = notice.Notice(headline, text, sign)
        self.update()

    def show_error(self, error: Exception) -> None:
        """The image cannot be shown: what happened, which file, what to do."""
        self.show_image(None)
        self._notice = notice.of_error(error)
        self.update()

    @property
    def shows_notice(self) -> str:
        """The headline that stands instead of an image; '' while an image is shown."""
        return "" if self._notice is None else self._notice.headline

    # -- layers

    def set_layer(self, name: str, layer: Layer | None) -> None:
        """Lay something over the image, in the place of what had that name; None takes it away."""
        self.refresh(name)
        if layer is None:
            self._layers.pop(name, None)
        else:
            self._layers[name] = layer
        self.refresh(name)

    def layer(self, name: str) -> Layer | None:
        """What is laid over the image under that name."""
        return self._layers.get(name)

    def refresh(self, name: str, box: Box | None = None) -> None:
        """Paint a layer again, in a box of image pixels or wherever it is."""
        layer = self._layers.get(name)
        extent = box if box is not None else None if layer is None else layer.extent
        if extent is not None:
            self.update(self._widget_rect(self._view.device_box(extent, margin=math.ceil(6 * self._view.dpr))))

    def refresh_device(self, box: Box) -> None:
        """Paint these device pixels again (a tool's cursor)."""
        self.update(self._widget_rect(box))

    def is_layer_visible(self, name: str) -> bool:
        """Whether a person wants to see it; X and H do not count."""
        return name not in self._hidden

    def set_layer_visible(self, name: str, visible: bool) -> None:
        """Show or hide layers of that name, on this image and the next."""
        if visible == (name not in self._hidden):
            return
        self._hidden.symmetric_difference_update({name})
        self.refresh(name)

    def layer_opacity(self, name: str) -> float:
        """From 0 to 1."""
        return self._opacity.get(name, 1.0)

    def set_layer_opacity(self, name: str, opacity: float) -> None:
        """From 0 to 1, on this image and the next."""
        opacity = min(max(opacity, 0.0), 1.0)
        if opacity != self.layer_opacity(name):
            self._opacity[name] = opacity
            self.refresh(name)
            self.opacity_changed.emit(name, opacity)

    def change_opacity(self, step: float) -> None:
        """Of the heat while it is seen, else of the masks."""
        name = _HEAT if self._held.shows_heat and _HEAT in self._layers else "mask"
        self.set_layer_opacity(name, max(0.05, self.layer_opacity(name) + step))

    def pin_heat(self, pinned: bool) -> None:
        """Show the heatmap without holding H."""
        self._held.pin(pinned)

    @property
    def is_heat_pinned(self) -> bool:
        """Whether the heatmap is shown without holding H."""
        return self._held.is_pinned

    # -- brightness and contrast

    @property
    def adjust(self) -> Adjust:
        """How the image is shown."""
        return self._adjust

    def set_adjust(self, adjust: Adjust) -> None:
        """Brightness, contrast and gamma for looking at it; pixels stay as they are."""
        if adjust != self._adjust:
            self._adjust = adjust
            self.update()
            self.adjust_changed.emit(adjust)

    # -- the view

    @property
    def view(self) -> Viewport:
        """Where the image lies."""
        return self._view

    @property
    def zoom(self) -> float:
        """Pixels of the screen per image pixel."""
        return self._view.scale

    @property
    def is_fitted(self) -> bool:
        """Whether all of the image is shown, also after the widget changes its size."""
        return self._is_fitted

    def fit(self) -> None:
        """All of the image."""
        self._set_view(self._view.fitted(self.extent), fitted=True)

    def zoom_to(self, zoom: float, *, at: QPointF | None = None) -> None:
        """A zoom, the image point under `at` (widget coordinates; the middle) staying where it is."""
        self._set_view(self._view.zoomed(zoom, self.extent, self._device(at)))

    def zoom_by(self, factor: float, *, at: QPointF | None = None) -> None:
        """Closer or further away. Passing 100 % stops there once."""
        zoom = self.zoom * factor
        if min(self.zoom, zoom) < 1.0 - 1e-9 and max(self.zoom, zoom) > 1.0 + 1e-9:
            zoom = 1.0
        self.zoom_to(zoom, at=at)

    def pan(self, dx: float, dy: float) -> None:
        """Move by so much of the widget."""
        dpr = self._view.dpr
        self._set_view(self._view.panned(dx * dpr, dy * dpr, self.extent))

    def show_area(self, extent: Extent) -> None:
        """Look closely at an area of the image."""
        before, fitted = self._view, self._is_fitted
        self._set_view(before.close_to(extent, self.extent))
        self.area_shown.emit(before, fitted)

    def restore_view(self, view: Viewport, *, fitted: bool) -> None:
        """Look again as before (see `view` and `is_fitted`)."""
        if fitted:
            self.fit()
        else:
            self._set_view(view.resized(self._view.width, self._view.height, self._view.dpr).held(self.extent))

    def follow(self, view: Viewport, fitted: bool) -> None:
        """Look where another canvas looks."""
        if self._picture is not None:
            self._set_view(view.resized(self._view.width, self._view.height, self._view.dpr), fitted=fitted, tell=False)

    def follow_held(self, hides: bool, heats: bool) -> None:
        """Hold what is held over another canvas."""
        self._held.follow(hides, heats)

    def _set_view(self, view: Viewport, *, fitted: bool = False, force: bool = False, tell: bool = True) -> None:
        self._is_fitted = fitted
        if view == self._view and not force:
            return
        zoomed = view.scale != self._view.scale or force
        self._view = view
        self.update()
        if zoomed:
            self.zoom_changed.emit(view.scale)
        dpr = view.dpr
        scale = view.scale / dpr
        self.view_changed.emit(QTransform(scale, 0, 0, scale, view.dx / dpr, view.dy / dpr))
        if tell:
            self.moved.emit(view, fitted)

    # -- tools

    @property
    def tool(self) -> Tool | None:
        """What the left mouse button does; None: it moves the image."""
        return self._tool

    def set_tool(self, tool: Tool | None) -> None:
        """Put the tool away and take another."""
        if self._tool is not None:
            self._tool.stop()
        self._tool, self._pressed_tool = tool, False
        if tool is not None:
            tool.start(self)
        self.navigation.show_cursor()
        self.update()

    def _pointer(self, event: QMouseEvent | QWheelEvent, *, steps: float = 0.0) -> Pointer:
        x, y = event.position().x() * self._view.dpr, event.position().y() * self._view.dpr
        button = event.button() if isinstance(event, QMouseEvent) else Qt.MouseButton.NoButton
        return Pointer(*self._view.to_image(x, y), x, y, button, event.buttons(), event.modifiers(), steps)

    # -- events

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._picture is None:
            return
        if self.navigation.takes_press or self._tool is None:
            self.navigation.press(event, tool=False)
            return
        if event.button() != Qt.MouseButton.MiddleButton and self._tool.pressed(self._pointer(event)):
            self._pressed_tool = True
            return
        self.navigation.press(event, tool=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.navigation.move(event):
            return
        pointer = self._pointer(event)
        if self._tool is not None:
            self._tool.moved(pointer)
        value = None if self._picture is None else self._picture.value(pointer.x, pointer.y)
        if value is None:
            self.cursor_moved.emit(-1, -1, None)
        else:
            self.cursor_moved.emit(*value)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_tool and self._tool is not None:
            self._tool.released(self._pointer(event))
            self._pressed_tool = bool(event.buttons())
            return
        self.navigation.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        taken = self._tool is not None and not self.navigation.takes_press
        if taken and self._tool is not None and self._tool.double_clicked(self._pointer(event)):
            return
        if not taken and self._picture is not None:
            self.navigation.double_click(event)
        else:
            self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        pointer = self._pointer(event, steps=(event.angleDelta().y() or event.angleDelta().x()) / 120)
        if self._picture is not None and not (self._tool is not None and self._tool.wheeled(pointer)):
            self.navigation.wheel(event)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        if self._tool is not None:
            self._tool.left()
        self.cursor_moved.emit(-1, -1, None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._held.key(event, down=True) or self.navigation.key(event, down=True):
            return
        if self._tool is None or not self._tool.key_pressed(event.key(), event.modifiers()):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not (self._held.key(event, down=False) or self.navigation.key(event, down=False)):
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._held.let_go()
        self.navigation.let_go()
        super().focusOutEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            ours = event.key() in _OURS and not event.modifiers()
            if ours or (self._tool is not None and self._tool.wants_key(event.key(), event.modifiers())):
                event.accept()
                return True
        elif isinstance(event, QNativeGestureEvent) and self._picture is not None:
            return self.navigation.gesture(event)
        elif event.type() == QEvent.Type.DevicePixelRatioChange:
            self._take_size()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._take_size()
        super().resizeEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(800, 600)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def _take_size(self) -> None:
        dpr = self.devicePixelRatioF()
        view = self._view.resized(math.ceil(self.width() * dpr), math.ceil(self.height() * dpr), dpr)
        fitted = self._is_fitted
        self._set_view(view.fitted(self.extent) if fitted else view.held(self.extent), fitted=fitted, tell=False)

    def _on_held_changed(self) -> None:
        self.update()
        self.held_changed.emit(self._held.hides, self._held.heats)
        if self._held.is_pinned != self._was_pinned:
            self._was_pinned = self._held.is_pinned
            self.heat_pinned.emit(self._was_pinned)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        dpr = self._view.dpr
        if dpr != 1:
            painter.scale(1 / dpr, 1 / dpr)
        rect = event.rect()
        box = self._view.from_units((rect.x(), rect.y(), rect.x() + rect.width(), rect.y() + rect.height()))
        beside = self.palette().color(QPalette.ColorRole.Window).darker(114)
        painter.fillRect(box[0], box[1], box[2] - box[0], box[3] - box[1], beside)
        if self._notice is not None:
            notice.paint(painter, self._notice, self._view, self.palette())
        if self._picture is None:
            return
        self._backdrop.paint(painter, self._view, self._picture, self._adjust, box)
        if not self._held.hides:
            for name, layer in self._ordered():
                layer.paint(painter, self._view, box, self.layer_opacity(name))
        if self._tool is not None:
            self._tool.paint(painter, self._view)

    def _ordered(self) -> list[tuple[str, Layer]]:
        """The layers to be seen now, from below."""
        shown = [
            (name, layer)
            for name, layer in self._layers.items()
            if name not in self._hidden and (name != _HEAT or self._held.shows_heat)
        ]
        return sorted(shown, key=lambda pair: ORDER.index(pair[0]) if pair[0] in ORDER else len(ORDER))

    def _device(self, point: QPointF | None) -> tuple[float, float] | None:
        return None if point is None else (point.x() * self._view.dpr, point.y() * self._view.dpr)

    def _widget_rect(self, box: Box) -> QRect:
        x0, y0, x1, y1 = self._view.to_units(box)
        return QRect(x0, y0, x1 - x0, y1 - y0).intersected(self.rect())
