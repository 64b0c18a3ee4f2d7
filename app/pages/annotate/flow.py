"""What goes along with painting: queues, the look at each image, classes, the defect book, the scale of the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QPointF
from PySide6.QtGui import QCursor

from app.canvas.view import Canvas
from app.canvas.viewport import Extent, intersection
from app.canvas.workbench import Workbench
from app.commands import Actions
from app.pages.annotate.chooser import Queues
from app.pages.annotate.classes import code_of
from app.pages.annotate.queues import Queue
from app.pages.annotate.sights import Sights
from app.session import Session
from app.words import language, tr
from core.annotation.components import component_at
from core.annotation.masks import painted_pixels
from core.project.records import ExampleKind, View
from core.words import Box, Split

if TYPE_CHECKING:
    from app.pages.annotate.panel import ImagePanel
    from core.project import Project

_QUEUES: Final[tuple[Queue, ...]] = ("unpainted", "unlabelled", "conflicts", "score", "view")
_KINDS: Final[tuple[ExampleKind, ...]] = ("example", "limit_good", "limit_defective")


class Flow(QObject):
    """Joins the page's canvas and inspector with the project for everything that is not a stroke."""

    def __init__(self, session: Session, canvas: Canvas, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Final = session
        self.canvas: Final = canvas
        self.bench: Final = bench
        self.queues: Final = Queues(session, self)
        self.sights: Final = Sights(canvas, session.settings)
        self.shown: int | None = None
        self.panel: ImagePanel | None = None
        bench.calibrated.connect(self.calibrate)
        session.closed.connect(self._on_session_closed)
        session.images_changed.connect(self._on_images_changed)
        session.table_loaded.connect(self._on_table_loaded)
        self._bindings: tuple[tuple[str, Callable[[], object], Callable[[], bool] | None], ...] = (
            *((f"queue.{queue}", partial(self.queues.choose, queue), None) for queue in _QUEUES),
            *((f"book.{kind}", partial(self.keep_example, kind), self._may_write) for kind in _KINDS),
            ("class.edit", self.edit_classes, self._may_write),
            ("note.add", self.begin_note, self._may_write),
        )

    # -- the page comes and goes

    def bind(self, actions: Actions) -> None:
        """The page is on screen."""
        for command, slot, enabled in self._bindings:
            actions.bind(command, slot, enabled=enabled)
        self.queues.set_shown(True)

    def unbind(self, actions: Actions) -> None:
        """It went."""
        self.queues.set_shown(False)
        for command, slot, _ in self._bindings:
            actions.unbind(command, slot)

    def use_panel(self, panel: ImagePanel) -> None:
        """The inspector was made: what one does there."""
        self.panel = panel
        panel.class_wanted.connect(self.set_class)
        panel.split_wanted.connect(self.set_split)
        panel.area_wanted.connect(self.show_area)
        panel.class_list.new_wanted.connect(self.add_class)
        panel.class_list.edit_wanted.connect(self.edit_classes)
        panel.book.wanted.connect(self.look_at)
        panel.book.add_wanted.connect(self.keep_view)
        for part in (panel.class_list, panel.notes):
            part.left.connect(self.canvas.setFocus)
        panel.set_writable(self.session.can_write)

    # -- the image

    def put_down(self) -> None:
        """The image that is shown goes."""
        if self.shown is not None and self.canvas.picture is not None:
            self.sights.keep(self.shown)
        self.shown = None

    def take_up(self, image_id: int) -> None:
        """That image is on the canvas."""
        self.shown = image_id
        self.sights.bring_back(image_id)
        self._show_scale()

    def look_at(self, image_id: int, box: Box | None) -> None:
        """Go to an example."""
        if box is not None and image_id == self.shown:
            self.canvas.show_area(box)
        elif box is not None:
            self.sights.look_at(image_id, box)
        self.session.set_current(image_id)
        self.canvas.setFocus()

    def show_area(self, extent: Extent) -> None:
        """Look closely at an area of the image that is shown."""
        self.canvas.show_area(extent)
        self.canvas.setFocus()

    def set_split(self, split: Split) -> None:
        """What the current image is used for."""
        if self.session.current is not None:
            self.session.split([self.session.current], split)
        self.canvas.setFocus()

    # -- classes

    def set_class(self, code: str) -> None:
        """The current image is defective, of that class."""
        if self.session.current is not None:
            self.session.label([self.session.current], "defective", code)
        self.canvas.setFocus()

    def count_pixels(self) -> None:
        """How much of each class is painted, after a stroke; the inspector shows it."""
        sheet, image_id = self.bench.sheet, self.shown
        if sheet is None or self.panel is None:
            return
        labels, extent = sheet.labels, sheet.layer.extent
        x0, y0, x1, y1 = (0, 0, 0, 0) if extent is None else (int(one) for one in extent)
        self.session.background.run(
            lambda: painted_pixels(labels[y0:y1, x0:x1]),
            lambda pixels: self._show_amounts(image_id, pixels),
            owner=self,
            key="amounts",
        )

    def _show_amounts(self, image_id: int | None, pixels: dict[int, int]) -> None:
        if self.panel is not None and image_id == self.shown:
            self.panel.show_amounts(pixels)
            self.panel.show_author("" if self.session.project is None else self.session.project.author)

    def add_class(self, name: str) -> None:
        """A class of that name, and paint it."""
        code = code_of(name)
        if not code:
            self.session.said.emit(tr("A class needs a name with letters or digits"))
            return
        names = {} if name == code else {language(): name}

        def made(class_id: int) -> None:
            self.bench.set_class(class_id)
            self.session.said.emit(tr("New class: {name}", name=name))

        self.session.write(lambda project: project.add_class(code, names=names), made, touched=None)

    def edit_classes(self) -> None:
        """The class editor."""
        from app.dialogs.class_editor import ClassEditor

        editor = ClassEditor(self.session, self.canvas.window())
        editor.finished.connect(lambda _: self.canvas.setFocus())
        editor.open()

    # -- the defect book

    def keep_example(self, kind: ExampleKind) -> None:
        """The defect under the cursor, else what is seen, as an example of its class."""
        point = QPointF(self.canvas.mapFromGlobal(QCursor.pos()))
        found = self._component(point) if self.canvas.rect().contains(point.toPoint()) else None
        if found is not None:
            self._keep(kind, *found)
        else:
            self.keep_view(kind)

    def keep_view(self, kind: ExampleKind) -> None:
        """What is seen of the image, as an example of the class that is painted."""
        picture = self.canvas.picture
        if picture is None:
            return
        x0, y0, x1, y1 = (round(edge) for edge in self.canvas.view.visible())
        box = intersection((x0, y0, x1, y1), (0, 0, picture.width, picture.height))
        if box is not None:
            self._keep(kind, self.bench.class_id, box)

    def _component(self, point: QPointF) -> tuple[int, Box] | None:
        """Class and box of the defect under a point of the canvas."""
        sheet, view = self.bench.sheet, self.canvas.view
        if sheet is None:
            return None
        x, y = (int(one // 1) for one in view.to_image(point.x() * view.dpr, point.y() * view.dpr))
        found = component_at(sheet.labels, x, y)
        return None if found is None else (int(sheet.labels[y, x]), found[1])

    def _keep(self, kind: ExampleKind, class_id: int, box: Box) -> None:
        if self.panel is None or self.shown is None:
            return
        if not any(one.id == class_id for one in self.session.classes):
            self.session.said.emit(tr("An example belongs to a class: make one first"))
            return
        self.bench.set_class(class_id)
        self.panel.book.add(class_id, self.shown, kind, box)
        self.canvas.setFocus()

    # -- notes

    def begin_note(self) -> None:
        """Type a note on the image."""
        if self.panel is not None:
            self.panel.begin_note()

    # -- the scale

    def calibrate(self, scale_um: float) -> None:
        """A pixel of this view is so many micrometres wide."""
        view = self._view()
        if view is None:
            self.session.said.emit(tr("No image is on screen: open one of the view whose scale it is"))
            return
        if not self.session.check_writable():
            return
        view_id = view.id

        def change(project: Project) -> tuple[View, ...]:
            project.set_scale(view_id, scale_um)
            return tuple(project.views())

        def changed(views: tuple[View, ...]) -> None:
            self.session.views = views
            self._show_scale()

        place = view.product if view.code == "main" else f"{view.product} · {view.code}"
        say = tr("Scale of {view}: 1 px = {n} µm", view=place, n=f"{scale_um:.4g}")
        self.session.write(change, changed, say=say)
        self.canvas.setFocus()

    def _view(self) -> View | None:
        return None if self.shown is None else self.session.view_of(self.shown)

    def _show_scale(self) -> None:
        view = self._view()
        self.bench.set_scale(None if view is None else view.scale_um)

    # -- slots

    def _may_write(self) -> bool:
        return self.session.can_write

    def _on_table_loaded(self, _: bool) -> None:
        if self.panel is not None:
            self.panel.set_writable(self.session.can_write)
        self._show_scale()
        self.queues.changed.emit()

    def _on_images_changed(self, ids: object) -> None:
        if ids is None:
            self._show_scale()
        self.queues.changed.emit()

    def _on_session_closed(self) -> None:
        self.shown = None
        self.sights.forget()
        self.bench.set_scale(None)
