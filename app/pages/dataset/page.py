"""The page itself: tree, filters and grid, and the one button for the next missing step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import numpy as np
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QPalette
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QVBoxLayout, QWidget

from app import theme
from app.commands import Actions, tooltip
from app.elided import Elided
from app.gallery.filters import Filter
from app.gallery.view import SIZES, ImageGrid
from app.icons import icon
from app.morning import MorningBanner
from app.pages.dataset.filter_bar import FilterBar
from app.pages.dataset.inspector import DatasetInspector
from app.pages.dataset.mends import Mends
from app.pages.dataset.reading import Scored, read_facts
from app.pages.dataset.region_hint import RegionHint
from app.pages.dataset.summary import (
    Counts,
    Facts,
    Place,
    Step,
    classes_of,
    count_ids,
    lot_words,
    next_step,
    places,
    sentence,
    usable,
)
from app.pages.dataset.tree import Node, PlaceTree, nodes_of
from app.pages.page import Page
from app.scoring_strip import ScoringStrip
from app.session import Session
from app.throttle import Slowly
from app.words import class_words, tr
from core.project.records import ImageRow
from core.words import Label, Split
from core.workflow.findings import Finding

if TYPE_CHECKING:
    from core.workflow.scoring import Wish

_TREE_PX: Final = 220
_FEW: Final = 20_000  # images of which findings are looked for after every change
_LABEL_KEYS: Final = {"label.good": "good", "label.defective": "defective", "label.unsure": "unlabelled"}


class DatasetPage(Page):
    """What there is, and what to do next."""

    key: ClassVar[str] = "dataset"
    icon: ClassVar[str] = "dataset"
    shows_filmstrip: ClassVar[bool] = False

    def __init__(self, session: Session, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(session, actions, parent)
        self._facts = Facts()
        self._scored = Scored()
        self._step = Step("", "")
        self._places: dict[Place, Counts] = {}
        self._is_shown = False
        self.mends = Mends(session, self)
        self.mends.mended.connect(self._on_facts_changed)
        self._panel = DatasetInspector(self)
        self._panel.hide()
        self._build()
        self._soon = Slowly(self._read_counts, 0, self)
        self._later = Slowly(self._read_facts, 300, self)
        self._much_later = Slowly(self._read_facts, 4000, self)
        self._chosen = Slowly(self._show_chosen, 30, self)
        self._connect()
        self._bindings: list[tuple[str, Any, Any]] = [
            *(
                (command, lambda label=label: self._on_label_wanted(label, ""), self._has_selection)
                for command, label in _LABEL_KEYS.items()
            ),
            ("edit.find", self._on_find_wanted, None),
            ("tool.region", self._on_draw_wanted, self._may_draw),
        ]

    # -- Page

    def title(self) -> str:
        return tr("Dataset")

    def headline(self) -> str:
        if self.session.table is None:
            return tr("Reading …") if self.session.project is not None else ""
        counts = self._counts()
        return f"{self._place().words()}  ·  {sentence(counts)}"

    def inspector(self) -> QWidget | None:
        return self._panel

    def enter(self) -> None:
        self._is_shown = True
        if self.session.project is not None:
            self.strip.listen()
            self.morning.look()
        for command, slot, enabled in self._bindings:
            self.actions_table.bind(command, slot, enabled=enabled)
        self._on_filter_changed()
        if len(self.grid.model):
            self.session.set_order(self.grid.model.ids(), self._place().words())
        self._soon.start()
        self._later.start()
        self.grid.setFocus()

    def leave(self) -> None:
        self._is_shown = False
        for command, slot, _ in self._bindings:
            self.actions_table.unbind(command, slot)

    def show_what(self, what: dict[str, Any]) -> None:
        """`add`: the dialog for more images. `ids` with `title`, `label`, `problems`: only these."""
        if what.get("add"):
            self.add_images()
            return
        wish = Filter(
            ids=tuple(what["ids"]) if "ids" in what else None,
            label=frozenset(what.get("label", ())),
            split=frozenset(what.get("split", ())),
            problems=bool(what.get("problems")),
        )
        if "product" in what:
            self.tree.choose(Place(what["product"], what.get("view"), what.get("lot")))
        self.filters.show_filter(wish, title=what.get("title", ""))

    # -- deeds

    def add_images(self) -> None:
        """Ask which images, and take them in."""
        if not self.session.can_write:
            self.session.said.emit(tr("This project is open for reading only: nothing can be added"))
            return
        from app.dialogs.add_images import AddImages

        dialog = AddImages(self.session, self.window())
        dialog.lot_added.connect(self._on_lot_added)
        dialog.open()

    def clean_up(self) -> None:
        """Show what takes room, and remove what may go."""
        from app.dialogs.clean_up import CleanUp

        CleanUp(self.session, self.window()).open()

    def score(self, lot: str | None, training: int | None = None) -> None:
        """Score images with the newest training: the lot, or everything of the place that was not scored."""
        best = usable(self._facts.runs)
        number = training if training is not None or best is None else best.number

        def wish() -> Wish:
            from core.workflow.scoring import Wish  # brings the figures' libraries along: never on the GUI thread

            return Wish(lot=lot, splits=() if lot is not None else ("unused",))

        self.strip.listen()
        words = self._place().words() if lot is None else lot_words(lot)
        self.strip.begin(words, lambda: self.score(lot, training))
        score = self.session.trainings.score
        self.session.background.run(wish, lambda made: score(number, made), self.strip.fail, owner=self)

    def take_step(self) -> None:
        """Do what the primary button says."""
        step = self._step
        if step.page:
            self.wanted.emit(step.page, step.what)
        elif step.key == "add":
            self.add_images()
        elif step.key == "find_folder":
            self.mends.find_folder()
        elif step.key == "split":
            self.mends.propose_splits()
        elif step.key == "score":
            self.score(step.what["lot"], step.what["training"])

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._build_head())
        self.region_hint = RegionHint(self.session.memory, self)
        self.region_hint.wanted.connect(self._on_region_wanted)
        column.addWidget(self.region_hint)
        self.strip = ScoringStrip(self.session, self)
        self.strip.review_wanted.connect(lambda what: self.wanted.emit("review", what))
        holder = QVBoxLayout()
        holder.setContentsMargins(2 * theme.SPACE, 0, theme.SPACE, 0)
        holder.setSpacing(0)
        self.morning = MorningBanner(self.session, self)
        self.morning.chosen.connect(lambda what: self.wanted.emit("review", what))
        self.morning.train_wanted.connect(lambda: self.wanted.emit("train", {}))
        holder.addWidget(self.morning)
        holder.addWidget(self.strip)
        column.addLayout(holder)
        self._middle = QSplitter(Qt.Orientation.Horizontal, self)
        self._middle.setChildrenCollapsible(False)
        self.tree = PlaceTree(self._middle)
        right = QWidget(self._middle)
        right.setBackgroundRole(QPalette.ColorRole.Base)
        box = QVBoxLayout(right)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        self.filters = FilterBar(right)
        box.addWidget(self.filters)
        self.grid = ImageGrid(self.session, self.session.thumbnails, self.actions_table, right)
        self.grid.set_empty(
            tr("No images yet"), tr("Add a folder: images are read where they are, never changed."), tr("Add images …")
        )
        box.addWidget(self.grid, 1)
        self._middle.addWidget(right)
        self._middle.setStretchFactor(1, 1)
        sizes = self.session.memory.recall("dataset splitter", [_TREE_PX, 1000])
        self._middle.setSizes(sizes if len(sizes) == 2 else [_TREE_PX, 1000])
        column.addWidget(self._middle, 1)

    def _build_head(self) -> QWidget:
        head = QWidget(self)
        row = QHBoxLayout(head)
        row.setContentsMargins(2 * theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        row.setSpacing(theme.SPACE)
        self.next = QPushButton(head)
        self.next.setProperty("role", "primary")
        self.next.setObjectName("next step")
        self.next.clicked.connect(self.take_step)
        self.why = Elided(head)
        self.why.setProperty("role", "muted")
        row.addWidget(self.next)
        row.addWidget(self.why, 1)
        self.score_button = self._tool(tr("Score"), "review", self._on_score_clicked, head)
        self.score_button.setToolTip(tr("Score what is chosen in the tree with the newest training"))
        self.add_button = self._tool(tr("Add images …"), "add", self.add_images, head)
        self.add_button.setToolTip(tooltip("file.add_images"))
        self.clean_button = self._tool(tr("Clean up …"), "broom", self.clean_up, head)
        self.clean_button.setToolTip(tr("What trainings, thumbnails and backups take on the disk"))
        for button in (self.score_button, self.add_button, self.clean_button):
            row.addWidget(button)
        return head

    def _tool(self, word: str, icon_name: str, slot: Any, parent: QWidget) -> QPushButton:
        button = QPushButton(icon(icon_name), f" {word}", parent)
        button.setProperty("role", "flat")
        button.clicked.connect(slot)
        return button

    def _connect(self) -> None:
        session, grid, panel = self.session, self.grid, self._panel
        session.table_loaded.connect(self._on_table_changed)
        session.images_changed.connect(self._on_table_changed)
        session.trainings_changed.connect(self._on_facts_changed)
        session.scores_changed.connect(self._on_facts_changed)
        session.selection_changed.connect(self._on_selection_changed)
        session.closed.connect(self._on_closed)
        self.tree.place_chosen.connect(self._on_place_chosen)
        self.filters.changed.connect(self._on_filter_changed)
        self.filters.size_changed.connect(lambda size: grid.set_tile_size(SIZES[size]))
        session.settings.changed.connect(self._on_setting_changed)
        self._on_setting_changed("look.thumbnail")
        grid.activated.connect(self._on_image_activated)
        grid.arranged.connect(self._on_arranged)
        grid.all_wanted.connect(self.filters.clear)
        grid.empty_pressed.connect(self.add_images)
        panel.label_wanted.connect(self._on_label_wanted)
        panel.split_wanted.connect(self._on_split_wanted)
        panel.open_wanted.connect(self._on_open_wanted)
        panel.folder_wanted.connect(self._on_folder_wanted)
        panel.findings.mend_wanted.connect(self.mends.mend)
        panel.findings.show_wanted.connect(self._on_finding_shown)
        self._middle.splitterMoved.connect(self._on_splitter_moved)

    # -- counts and facts

    def _place(self) -> Place:
        return self.tree.place()

    def _counts(self) -> Counts:
        known = self._places.get(self._place())
        return known if known is not None else Counts()

    def _read_counts(self) -> None:
        table = self.session.table
        if table is None or not self._is_shown:
            return
        self.session.background.run(lambda: nodes_of(places(table)), self._on_counts_read, owner=self, key="counts")

    def _on_counts_read(self, nodes: list[Node]) -> None:
        self._places = {node.place: node.counts for node in nodes}
        self.tree.show_nodes(nodes)
        self.tree.setVisible(len(nodes) > 1)  # one product without lots: the images have the room
        if self.session.table is not None:
            names = class_words(self.session.classes)
            words = {code: names.get(code, code) for code in self.session.table.classes if code}
            self.filters.set_classes(words)
            self._panel.set_classes(words)
        self._panel.set_writable(self.session.can_write)
        self._show_count()
        self._show_step()
        self._show_chosen()
        self.headline_changed.emit()
        if self._is_shown:
            self.actions_table.refresh()

    def _read_facts(self) -> None:
        project, table = self.session.project, self.session.table
        if project is None or table is None or not self._is_shown:
            return
        place = self._place()

        def work() -> tuple[tuple[Facts, Scored], list[Finding]]:
            from core.workflow.findings import look

            return read_facts(project, place.product, place.view, table), look(project)

        self.session.background.run(work, self._on_facts_read, owner=self, key="facts")

    def _on_facts_read(self, found: tuple[tuple[Facts, Scored], list[Finding]]) -> None:
        (self._facts, scored), findings = found
        if not np.array_equal(scored.ids, self._scored.ids) or not np.array_equal(
            scored.scores, self._scored.scores, equal_nan=True
        ):
            self.grid.set_scores(scored.ids, scored.scores, scored.threshold)
        self._scored = scored
        self.filters.set_scored(bool(scored.ids.size))
        self._panel.findings.show_findings(findings)
        self._show_step()
        self._show_chosen()

    def _show_count(self) -> None:
        shown, wish = len(self.grid.model), self.filters.wish(self._place())
        self.filters.set_count(shown, max(self._counts().images, shown), narrows=wish.narrows)

    def _show_step(self) -> None:
        self._step = next_step(self._counts(), self._facts, self._place())
        self.next.setText(self._step.text)
        is_empty = self._step.key == "add" and not self._counts().images  # the grid says it, with the same button
        self.next.setVisible(bool(self._step.text) and not is_empty)
        self.why.setText(self._step.why)
        self.why.setToolTip(self._step.why)
        self.next.setToolTip(self._step.why)
        needs_writing = self._step.key in ("add", "split", "score", "find_folder")
        self.next.setEnabled(bool(self._step.text) and (self.session.can_write or not needs_writing))
        bare = self._facts.without_region is not None and self._step.key not in ("find_folder", "add")
        self.region_hint.show_for(bare and not is_empty and self.session.can_write)
        trained = any(run.state in ("finished", "stopped") for run in self._facts.runs)
        place, counts = self._place(), self._counts()
        self.score_button.setVisible(trained and (place.lot is not None or counts.split("unused") > 0))
        self.score_button.setText(
            " " + (tr("Score this lot") if place.lot is not None else tr("Score what is not used"))
        )
        for button in (self.score_button, self.add_button, self.clean_button):
            button.setEnabled(self.session.can_write)

    # -- what was chosen

    def _show_chosen(self) -> None:
        table, chosen = self.session.table, self.session.selection
        if table is None or not self._is_shown:
            return
        if not chosen:
            place, counts = self._place(), self._counts()
            self._panel.show_place(place.words(), counts, classes_of(table, place))
        elif len(chosen) > 1:
            self._panel.show_many(count_ids(table, chosen))
        else:
            self._read_one(chosen[0])

    def _read_one(self, image_id: int) -> None:
        project = self.session.project
        if project is not None:
            self.session.background.run(lambda: project.image(image_id), self._on_one_read, owner=self, key="one")

    def _on_one_read(self, row: ImageRow) -> None:
        if self.session.selection == (row.id,):
            at = np.flatnonzero(self._scored.ids == row.id)
            score = float(self._scored.scores[at[0]]) if at.size else None
            self._panel.show_one(row, None if score is None or np.isnan(score) else score)

    def _has_selection(self) -> bool:
        return bool(self.session.selection) and self.session.can_write

    # -- slots

    def _on_table_changed(self, changed: object) -> None:
        self._soon.start()
        table = self.session.table
        many = table is not None and len(table) > _FEW and isinstance(changed, tuple)
        (self._much_later if many else self._later).start()

    def _on_facts_changed(self) -> None:
        self._later.start()

    def _on_closed(self) -> None:
        self._facts, self._scored, self._places = Facts(), Scored(), {}
        self._panel.findings.show_findings(())
        self._panel.show_place("", Counts(), [])
        self.grid.set_scores(self._scored.ids, self._scored.scores)
        self.filters.set_scored(False)
        self.tree.show_nodes([])
        self.next.hide()
        self.why.setText("")
        self.filters.clear()

    def _on_selection_changed(self, _: object) -> None:
        self._chosen.start()
        if self._is_shown:
            self.actions_table.refresh()

    def _on_place_chosen(self, place: Place) -> None:
        if place.product is not None:
            view = place.view or next((one.code for one in self.session.views if one.product == place.product), None)
            self.session.set_place(place.product, view)
        self._on_filter_changed()
        self._show_step()
        self._show_chosen()
        self._later.start()
        self.headline_changed.emit()

    def _on_filter_changed(self) -> None:
        by, backwards = self.filters.order()
        self.grid.set_sort(by, backwards=backwards)
        self.grid.set_filter(self.filters.wish(self._place()))

    def _on_arranged(self, _shown: int, _of: int) -> None:
        self._show_count()
        if self._is_shown:
            self.session.set_order(self.grid.model.ids(), self._place().words())

    def _on_setting_changed(self, key: str) -> None:
        if key == "look.thumbnail":
            side = int(self.session.settings.get(key))
            self.filters.set_size(min(SIZES, key=lambda size: abs(SIZES[size] - side)))

    def _on_splitter_moved(self, *_: int) -> None:
        self.session.memory.remember("dataset splitter", self._middle.sizes())

    def _on_image_activated(self, image_id: int) -> None:
        self.session.set_current(image_id)
        self.wanted.emit("annotate", {"id": image_id})

    def _on_open_wanted(self) -> None:
        if self.session.selection:
            self._on_image_activated(self.session.current or self.session.selection[0])

    def _on_label_wanted(self, label: str, defect_class: str) -> None:
        self.session.label(self.session.selection, cast(Label, label), defect_class or None)

    def _on_split_wanted(self, split: str) -> None:
        self.session.split(self.session.selection, cast(Split, split))

    def _on_folder_wanted(self, path: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))

    def _on_find_wanted(self) -> None:
        self.filters.search.setFocus()
        self.filters.search.selectAll()

    def _may_draw(self) -> bool:
        table = self.session.table
        return self.session.can_write and table is not None and len(table) > 0

    def _on_draw_wanted(self) -> None:
        """Draw the region on the image that is chosen; on one of the place in the tree where none is."""
        place = self._place()
        what: dict[str, Any] = {"product": place.product, "view": place.view, "region": True}
        chosen, current = self.session.selection, self.session.current
        if chosen:
            what["id"] = current if current in chosen else chosen[0]
        self.wanted.emit("annotate", what)

    def _on_region_wanted(self) -> None:
        if self._facts.without_region is not None:
            product, view = self._facts.without_region
            self.wanted.emit("annotate", {"product": product, "view": view, "region": True})

    def _on_score_clicked(self) -> None:
        self.score(self._place().lot)

    def _on_lot_added(self, lot: str) -> None:
        self.filters.clear()
        if lot:
            self.session.said.emit(tr("{lot} is in the project", lot=lot_words(lot)))

    def _on_finding_shown(self, finding: Finding) -> None:
        gone = finding.kind in ("gone", "unreadable", "changed")
        wish = Filter(ids=finding.images, problems=gone)
        self.tree.choose(Place())
        self.filters.show_filter(wish, title=tr("Images with this problem"))
