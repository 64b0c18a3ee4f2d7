"""Whose region is drawn: of which images, on which one as its template, who gets a copy; strip and inspector say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.canvas.zone_board import ZoneBoard
from app.pages.annotate.facts import Facts, facts_of
from app.pages.annotate.region_strip import RegionStrip
from app.pages.annotate.zone_panel import TemplateWords, ZonePanel
from app.session import Session
from app.words import label_word, tr
from core.annotation.alignment import LOW
from core.project.records import ImageRow, View
from core.workflow import drawing, zones
from core.workflow.drawing import Lying

if TYPE_CHECKING:
    from app.pages.annotate.panel import ImagePanel

Write = Callable[..., None]


class RegionPlace(QObject):
    """Belongs to a `RegionMode`: `write` is its way into the project."""

    fits_wanted = Signal(object)  # the view

    def __init__(self, session: Session, board: ZoneBoard, strip: RegionStrip, write: Write, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._board, self._strip, self._write = session, board, strip, write
        self.panel: ZonePanel | None = None
        self._was_led: set[int] = set()  # views in which a person was led to a good image: once is enough
        strip.own_wanted.connect(self.set_own)
        strip.fits_wanted.connect(self._on_fits_wanted)
        session.selection_changed.connect(self.show)
        session.closed.connect(self._was_led.clear)

    def use_panel(self, panel: ImagePanel) -> ZonePanel:
        """Say it in this inspector, too."""
        mine = ZonePanel(self._board, panel)
        mine.copy_wanted.connect(self.copy)
        mine.fits_wanted.connect(self._on_fits_wanted)
        mine.show_wanted.connect(self._on_show_wanted)
        mine.take_wanted.connect(self._on_take_wanted)
        mine.lead_wanted.connect(self._lead)
        panel.use_zones(mine)
        self.panel = mine
        self.show()
        return mine

    # -- what is shown

    def show(self, _: object = None) -> None:
        """Say it as it is now."""
        found, view, table = self._board.found, self._view(), self._session.table
        if found is None or view is None or table is None:
            return
        count = int(np.count_nonzero(self._rows_of(view)))
        doubt = ""
        if not found.is_own and found.confidence is not None and found.confidence < LOW:
            doubt = tr("▲ May lie wrong here ({confidence:.2f})", confidence=found.confidence)
        can_own = bool(found.marks) or found.is_own
        self._strip.show_place(count, is_own=found.is_own, can_own=can_own, doubt=doubt)
        if self.panel is not None:
            fits = tr("How it lies …") if found.roi is not None else ""
            if not found.is_own and found.confidence is not None:
                fits = doubt or tr("Fit {confidence:.2f} …", confidence=found.confidence)
            words = self._whose(found, view, count)
            self.panel.show_place(words, scale_um=view.scale_um, fits=fits, others=len(self._others()))
            self.panel.show_template(self._template_words(found))

    def _whose(self, found: Lying, view: View, count: int) -> str:
        if found.is_own:
            return tr("Region of this image alone")
        where = view.product if view.code == "main" else f"{view.product} › {view.code}"
        return tr("Region of {where}: applies to all {n} images", where=where, n=f"{count:,}")

    def _template_words(self, found: Lying) -> TemplateWords:
        here = facts_of(self._session.table, found.image_id, None)
        if found.is_own or here is None:
            return TemplateWords("")
        is_good = here.label == "good"
        if not _is_drawn(found):
            words = tr("The first zone makes this image ({label}) the template.", label=_label(here))
            if is_good:
                words = f"{words} {tr('Another one shows the part better? Go there first (A, D).')}"
            return TemplateWords(words, is_doubtful=here.label == "defective", can_lead=not is_good)
        template = None if found.roi is None else found.roi.template_image_id
        if template is None:
            return TemplateWords(tr("Drawn on no image in particular."), can_take=is_good)
        if template == found.image_id:
            words = tr("Drawn on this image ({label}).", label=_label(here))
            return TemplateWords(words, is_doubtful=here.label == "defective", can_lead=here.label == "defective")
        there = facts_of(self._session.table, template, None)
        if there is None:
            return TemplateWords(tr("Drawn on an image that is not here any more."), can_take=is_good)
        words = tr("Drawn on {name} ({label}).", name=there.name, label=_label(there))
        return TemplateWords(words, is_doubtful=there.label == "defective", can_show=True, can_take=is_good)

    # -- what a person does

    def go_to(self, product: str | None, view: str | None) -> None:
        """To an image of that view, unless one is on screen."""
        wanted = [one for one in self._session.views if (one.product, one.code) == (product, view)]
        current, table = self._session.current, self._session.table
        if not wanted or table is None or (current is not None and self._session.view_of(current) in wanted):
            return
        there = table.ids[self._rows_of(wanted[0])]
        if there.size:
            self._session.show_image(int(there[0]))

    def set_own(self, own: bool) -> None:
        """From now on this image has a region of its own, or follows the template again."""
        found = self._board.found
        if found is None or found.is_own == own:
            self.show()
        elif own:
            self._write(lambda project: drawing.give_own(project, found))
        else:
            say = tr("This image follows the template again; Ctrl+Z brings its own region back")
            self._write(lambda project: zones.drop_own(project, found.view_id, [found.image_id]), say=say)

    def copy(self) -> None:
        """The images that are chosen elsewhere get this region as their own."""
        found, chosen = self._board.found, self._others()
        if found is not None and chosen:
            say = tr("The region was copied to {n} images", n=f"{len(chosen):,}")
            self._write(lambda project: zones.copy_to(project, found.image_id, chosen), say=say)

    def begin(self, found: Lying) -> None:
        """Regions are to be drawn: the first one of a view belongs on a good image, and there a person is led, once."""
        facts = facts_of(self._session.table, found.image_id, None)
        is_fine = facts is None or facts.label == "good"
        if not (is_fine or _is_drawn(found) or found.view_id in self._was_led):
            self._was_led.add(found.view_id)
            self._lead()

    def _lead(self) -> None:
        project, view, found = self._session.project, self._view(), self._board.found
        if project is None or view is None or found is None:
            return

        def look() -> ImageRow:
            from core.workflow.templates import usual_template  # brings the decoders

            return usual_template(project, view)

        def done(row: ImageRow) -> None:
            now = self._board.found
            if now is None or now.image_id != found.image_id or len(self._board.marks) != len(found.marks):
                return  # a person was faster
            if row.label != "good":
                say = tr("No image is labelled good yet: draw the region on one that shows a good part")
            elif row.id == found.image_id:
                say = tr("This image looks as most good ones do: draw the region here")
            else:
                self._session.show_image(row.id)
                say = tr("A good image that looks as most do: draw the region here, or on another")
            self._session.said.emit(say)

        self._session.background.run(look, done, owner=self, key="template", lane="images")

    # -- inside

    def _view(self) -> View | None:
        found = self._board.found
        return None if found is None else next((one for one in self._session.views if one.id == found.view_id), None)

    def _others(self) -> list[int]:
        """Chosen images of the same view, this one left out."""
        found, view, table = self._board.found, self._view(), self._session.table
        if found is None or view is None or table is None or not found.marks:
            return []
        here = set(table.ids[self._rows_of(view)].tolist())
        return [one for one in self._session.selection if one != found.image_id and one in here]

    def _rows_of(self, view: View) -> np.ndarray[Any, np.dtype[np.bool_]]:
        table = self._session.table
        assert table is not None
        if view.product not in table.products or view.code not in table.views:
            return np.zeros(len(table), np.bool_)
        same_product = table.product == table.products.index(view.product)
        return np.asarray(same_product & (table.view == table.views.index(view.code)))

    # -- slots

    def _on_fits_wanted(self) -> None:
        view = self._view()
        if view is not None:
            self.fits_wanted.emit(view)

    def _on_show_wanted(self) -> None:
        found = self._board.found
        template = None if found is None or found.roi is None else found.roi.template_image_id
        if template is not None:
            self._session.show_image(template)

    def _on_take_wanted(self) -> None:
        found = self._board.found
        if found is not None:
            say = tr("The region is drawn on this image from now on")
            self._write(lambda project: drawing.retemplate(project, found), say=say)


def _is_drawn(found: Lying) -> bool:
    """Whether the view has a region already."""
    roi = found.roi
    return roi is not None and bool(roi.zones or roi.cells or roi.own)


def _label(facts: Facts) -> str:
    return label_word(facts.label).lower()
