"""How a person gets to the states of Annotate in which something is painted, measured or written."""

from __future__ import annotations

from typing import cast

from picture_studio import Studio
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QScrollArea, QWidget

from app.pages.annotate import AnnotatePage
from app.pages.annotate.chooser import QueueChooser
from core.project.records import ClassDraft
from core.workflow.classes import preset_classes

NO_KEY = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


def _page(studio: Studio) -> AnnotatePage:
    """The first defective image of a project of its own, with classes that have words."""
    studio.open(studio.material.to_paint)
    session = studio.session
    if not any(one.description for one in session.classes):
        drafts = [ClassDraft(one.id, one.code, one.names, one.colour, one.description) for one in session.classes]
        known = {one.code for one in drafts}
        drafts += [one for one in preset_classes("chip") if one.code not in known]
        words = "A corner or an edge is gone, with a step. A bright edge without a step is none."
        drafts[0] = ClassDraft(drafts[0].id, drafts[0].code, drafts[0].names, drafts[0].colour, words)
        session.write(lambda project: project.edit_classes(drafts), touched=None)
        studio.until(lambda: len(session.classes) >= len(drafts), "the classes")
    page = cast(AnnotatePage, studio.page("annotate"))
    page.painting.choose("tool.look")
    table = session.table
    assert table is not None
    masked = [int(image_id) for image_id in table.ids[table.masked]]
    session.set_current(masked[0])
    studio.until(lambda: page.shown == masked[0] and page.painting.bench.sheet is not None, "the image")
    page.canvas.fit()
    return page


def _at(page: AnnotatePage, x: float, y: float) -> QPoint:
    view = page.canvas.view
    dx, dy = view.to_device(x, y)
    return QPointF(dx / view.dpr, dy / view.dpr).toPoint()


def _drag(page: AnnotatePage, *points: tuple[float, float]) -> None:
    places = [_at(page, *point) for point in points]
    QTest.mousePress(page.canvas, LEFT, NO_KEY, places[0])
    for place in places[1:]:
        QTest.mouseMove(page.canvas, place)
    QTest.mouseRelease(page.canvas, LEFT, NO_KEY, places[-1])


def _middle(page: AnnotatePage) -> tuple[float, float, float]:
    """The middle of what is painted, and how large it is."""
    overlays = page.overlays
    extent = None if overlays is None else overlays.mask.extent
    x0, y0, x1, y1 = extent or (40.0, 40.0, 80.0, 80.0)
    return (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0)


def annotate_brush(studio: Studio) -> QWidget:
    page = _page(studio)
    x, y, size = _middle(page)
    page.canvas.show_area((x - size, y - size, x + size, y + size))
    page.painting.choose("tool.brush")
    page.painting.bench.set_size(9)
    _drag(page, (x - size, y + size), (x - size / 2, y + size * 0.8), (x, y + size))
    QTest.mouseMove(page.canvas, _at(page, x + size / 3, y + size))
    return studio.window


def annotate_classes(studio: Studio) -> QWidget:
    """The class list in the inspector, and a new class being typed."""
    page = _page(studio)
    panel = page.flow.panel
    page.painting.bench.set_class(studio.session.classes[1].id)
    if panel is not None:
        panel.class_list.begin_new()
    return studio.window


def annotate_classes_left(studio: Studio) -> None:
    """No class is typed any more."""
    panel = cast(AnnotatePage, studio.window.page).flow.panel
    field = None if panel is None else panel.class_list.findChild(QLineEdit)
    if field is not None:
        QTest.keyClick(field, Qt.Key.Key_Escape)


def annotate_class_editor(studio: Studio) -> QWidget:
    page = _page(studio)
    page.flow.edit_classes()
    return studio.dialog("ClassEditor")


def annotate_class_presets(studio: Studio) -> QWidget:
    studio.open(studio.material.unlabelled)
    page = cast(AnnotatePage, studio.page("annotate"))
    page.flow.edit_classes()
    return studio.dialog("ClassEditor")


def annotate_book(studio: Studio) -> QWidget:
    page = _page(studio)
    session = studio.session
    table = session.table
    assert table is not None
    masked = [int(image_id) for image_id in table.ids[table.masked]][:4]
    for image_id, kind in zip(masked, ("example", "example", "limit_good", "limit_defective"), strict=False):
        session.set_current(image_id)
        studio.until(lambda wanted=image_id: page.shown == wanted and page.overlays is not None, "the image")
        studio.settle()
        x, y, _ = _middle(page)
        QCursor.setPos(page.canvas.mapToGlobal(_at(page, x, y)))
        page.flow.keep_example(kind)  # type: ignore[arg-type]
        studio.settle()
    panel = page.flow.panel
    for frame in studio.window.findChildren(QScrollArea):
        if panel is not None and frame.isAncestorOf(panel):
            frame.ensureWidgetVisible(panel.book, 0, 0)
    return studio.window


def annotate_ruler(studio: Studio) -> QWidget:
    page = _page(studio)
    page.painting.choose("tool.ruler")
    picture = page.canvas.picture
    assert picture is not None
    wide, high = picture.width, picture.height
    _drag(page, (0.2 * wide, 0.3 * high), (0.7 * wide, 0.45 * high))
    page.flow.calibrate(3.7)
    studio.settle()
    return studio.window


def annotate_notes(studio: Studio) -> QWidget:
    page = _page(studio)
    image_id = studio.session.current
    texts = ("Glare on the left edge, not a defect.", "Ask the line: is the ball lifted or is it a shadow?")
    project = studio.session.project
    if image_id is not None and project is not None and not project.notes("image", image_id):
        for one in texts:
            studio.session.write(lambda project, one=one: project.add_note("image", image_id, one), touched=[image_id])
        studio.settle()
    panel = page.flow.panel
    if panel is not None:
        panel.notes.read()
        panel.begin_note()
        QTest.keyClicks(panel.notes.field, "Seen again in lot 7")
    return studio.window


def annotate_chosen(studio: Studio) -> QWidget:
    """Review left two images here: of how many, and the way back to all."""
    page = _page(studio)
    ids = page.flow.queues.ids("view")
    page.show_what({"ids": ids[3:5], "title": "Review", "id": int(ids[3])})
    studio.settle()
    return studio.window


def annotate_chosen_left(studio: Studio) -> None:
    """All images again."""
    cast(AnnotatePage, studio.window.page).flow.queues.choose("view")


def annotate_queue(studio: Studio) -> QWidget:
    """The menu of queues, drawn where it opens."""
    page = _page(studio)
    page.flow.queues.choose("unpainted" if page.flow.queues.ids("unpainted").size else "score")
    studio.settle()
    chooser = page.findChild(QueueChooser)
    if chooser is not None:
        menu = chooser.menu()
        menu.setParent(studio.window, Qt.WindowType.Widget)
        menu.aboutToShow.emit()
        menu.adjustSize()
        menu.move(chooser.mapTo(studio.window, QPoint(0, -menu.height())))
        menu.show()
    return studio.window


def annotate_queue_closed(studio: Studio) -> None:
    chooser = cast(AnnotatePage, studio.window.page).findChild(QueueChooser)
    if chooser is not None:
        menu = chooser.menu()
        menu.hide()
        menu.setParent(chooser, Qt.WindowType.Popup)
