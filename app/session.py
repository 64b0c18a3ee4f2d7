"""The open project as the window sees it: which image, which selection, what changed; no waiting on the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.contents import Contents, read_all, read_first, view_at
from app.opening import Opened, open_project
from app.settings import Memory, Settings
from app.undoing import Undoing
from app.walking import place_after, place_of
from app.words import count_words, label_word, split_word, tr
from core.errors import ProjectBusyError, ProjectClosedError
from core.words import LABELS, Label, Split

if TYPE_CHECKING:
    from app.canvas.loader import ImageLoader
    from app.gallery.thumbnails import Thumbnails
    from app.reconstructions import Reconstructions
    from app.saving import StrokeSaver
    from app.workers import Trainings
    from core.imaging.window import Window
    from core.project import Project
    from core.project.records import DefectClass, View
    from core.project.table import ImageTable
    from core.workflow.rescue import RescuePlan

T = TypeVar("T")
Ids = NDArray[np.int64]
_NOTHING: Final[Ids] = np.empty(0, np.int64)


class Session(QObject):
    """One window's work. Signals are in the past tense and carry values; nothing here blocks the GUI thread."""

    opened = Signal()
    closing = Signal()
    closed = Signal()
    table_loaded = Signal(bool)  # whether it is complete
    images_changed = Signal(object)  # ids, or None: any
    current_changed = Signal(object)  # id or None
    order_changed = Signal()
    selection_changed = Signal(object)  # tuple of ids
    place_changed = Signal()
    trainings_changed = Signal()
    scores_changed = Signal()
    problem_reported = Signal(object)
    masks_changing = Signal(str)  # why nothing can be painted until the images are read again
    unsaved_changed = Signal(int)  # strokes that cannot be saved at the moment
    said = Signal(str)
    saved = Signal(str)  # clock time
    busy_elsewhere = Signal(object, object)  # path, ProjectBusyError: the window offers to read only

    def __init__(self, settings: Settings, memory: Memory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.memory = memory
        self.background = Background(self)
        self.background.failed.connect(self._on_background_failed)
        settings.save_in(self.background)
        memory.save_in(self.background)
        self.project: Project | None = None
        self.table: ImageTable | None = None
        self.is_complete = False
        self.views: tuple[View, ...] = ()
        self.classes: tuple[DefectClass, ...] = ()
        self.current: int | None = None
        self.order: Ids = _NOTHING
        self.order_title = ""
        self.selection: tuple[int, ...] = ()
        self.product: str | None = None
        self.view: str | None = None
        self.undoing: Final = Undoing(self)

    # -- what the pages share, made when first asked for

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Small pictures of all images."""
        from app.gallery.thumbnails import Thumbnails

        return Thumbnails(self)

    @cached_property
    def loader(self) -> ImageLoader:
        """Whole images, those next in the order ahead of time."""
        from app.canvas.loader import ImageLoader

        return ImageLoader(self)

    @cached_property
    def strokes(self) -> StrokeSaver:
        """What is painted, on its way into the project."""
        from app.saving import StrokeSaver

        saver = StrokeSaver(self)
        saver.waiting_changed.connect(self.unsaved_changed)
        return saver

    @cached_property
    def trainings(self) -> Trainings:
        """What runs and what waits to be trained or scored."""
        from app.workers import Trainings

        return Trainings(self)

    @cached_property
    def reconstructions(self) -> Reconstructions:
        """Reconstructions pass by pass, computed on demand."""
        from app.reconstructions import Reconstructions

        return Reconstructions(self)

    # -- opening and closing

    def open(self, path: Path, *, read_only: bool = False, quietly: bool = False) -> None:
        """Open a project in the background; `opened` follows, or a problem is reported and the old one stays open.

        `quietly`: nobody asked for it, so no question is asked when it is open elsewhere.
        """
        author = self.settings.get("work.initials") or None

        def taken(found: Opened) -> None:
            self._take(found.project, found.plan)
            if found.problem is not None:
                self.report(found.problem)

        def failed(error: Exception) -> None:
            if isinstance(error, ProjectBusyError) and quietly:
                self.said.emit(tr("{name} is open in another window", name=path.stem))
            elif isinstance(error, ProjectBusyError) and not read_only:
                self.busy_elsewhere.emit(path, error)
            else:
                self.report(error)

        # behind what is still written: a project that was closed just now may be the one that is opened
        work = partial(open_project, path, author, read_only=read_only)
        self.background.run(work, taken, failed, owner=self, key="open", lane="write")

    def adopt(self, project: Project) -> None:
        """Go on with a project that was opened elsewhere (an import that just ended)."""
        self._take(project)

    def close(self) -> None:
        """Let go of the project; what is queued for writing is written first."""
        project = self._let_go()
        if project is not None:
            self.background.run(project.close, lane="write")

    def shut_down(self) -> None:
        """Close the project and end every thread; waits. Raises `StorageError` when a share could not be written."""
        project = self._let_go()
        self.background.close()
        if project is not None:
            project.close()

    def _let_go(self) -> Project | None:
        if self.project is None:
            return None
        self.closing.emit()
        project, self.project = self.project, None
        self.table, self.is_complete, self.current, self.selection = None, False, None, ()
        self.order, self.order_title, self.views, self.classes = _NOTHING, "", (), ()
        self.product = self.view = None
        self.closed.emit()
        self.order_changed.emit()  # whatever shows an image of it forgets it
        self.current_changed.emit(None)
        self.selection_changed.emit(())
        return project

    @property
    def can_write(self) -> bool:
        """Whether a project is open that may be changed."""
        return self.project is not None and not self.project.read_only

    def still(self, project: Project | None) -> Callable[[], bool]:
        """Asks later whether that project is the one that is open then (see `Background.run`)."""
        return lambda: self.project is project

    # -- where we are

    def set_current(self, image_id: int | None) -> None:
        """Show another image."""
        if image_id == self.current:
            return
        self.current = image_id
        self.current_changed.emit(image_id)

    def show_image(self, image_id: int) -> None:
        """Go to an image wherever it is: those of its product and view are walked where it is not in the order."""
        table = self.table
        if image_id not in self.order and table is not None:
            row = int(table.row_of([image_id])[0])
            if row < 0:
                return
            if table.place(row) == (self.product, self.view):
                self.set_current(image_id)  # the list that is walked stays: `step` goes on beside the image
                return
            mine = (table.product == table.product[row]) & (table.view == table.view[row])
            self.set_place(*table.place(row))
            self.set_order(table.ids[mine])
        self.set_current(image_id)

    def set_order(self, ids: Ids | Sequence[int], title: str = "") -> None:
        """The images that previous and next walk and the filmstrip shows; the current one stays as it is."""
        order = np.asarray(ids, np.int64)
        if title == self.order_title and np.array_equal(order, self.order):
            return
        self.order, self.order_title = order, title
        self.order_changed.emit()

    def position(self) -> int:
        """Where the current image stands in the order; -1 when it does not."""
        return place_of(self.order, self.current)

    def step(self, delta: int) -> bool:
        """Go `delta` images on in the order; False at its ends."""
        target = place_after(self.table, self.order, self.current, delta)
        if not 0 <= target < self.order.size:
            return False
        self.set_current(int(self.order[target]))
        return True

    def set_selection(self, ids: Iterable[int]) -> None:
        """The images that bulk commands act on."""
        selection = tuple(int(one) for one in ids)
        if selection != self.selection:
            self.selection = selection
            self.selection_changed.emit(selection)

    def set_place(self, product: str | None, view: str | None) -> None:
        """The product and view that Train and Review work on."""
        if (product, view) != (self.product, self.view):
            self.product, self.view = product, view
            if self.project is not None:
                self.memory.remember(f"place {self.project.file}", [product, view])
            self.place_changed.emit()

    def chosen_view(self) -> View | None:
        """The view we are at; the first when none was chosen."""
        return view_at(self.views, (self.product, self.view)) or next(iter(self.views), None)

    def view_of(self, image_id: int) -> View | None:
        """The view of an image."""
        row = -1 if self.table is None else int(self.table.row_of([image_id])[0])
        return None if self.table is None or row < 0 else view_at(self.views, self.table.place(row))

    def window_of(self, image_id: int) -> Window | None:
        """The window/level of the image's view."""
        view = self.view_of(image_id)
        if view is None or view.window is None:
            return None
        from core.imaging.window import Window  # brings the decoders, which the start does not wait for

        return Window(*view.window)

    # -- changing

    def check_writable(self) -> bool:
        """Whether the project may be changed; where not, the person is told."""
        if self.can_write:
            return True
        if self.project is not None:
            self.said.emit(tr("This project is open for reading only: nothing was changed"))
        return False

    def write(
        self,
        change: Callable[[Project], T],
        done: Callable[[T], None] | None = None,
        *,
        touched: Iterable[int] | None = (),
        touched_by: Callable[[T], Iterable[int] | None] | None = None,
        say: str = "",
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Change the project in the background, in order; then read the touched rows again (None: all of them).

        `touched_by` tells them from what the change returned, where nobody knows before. What went wrong is reported,
        unless `failed` takes it.
        """
        project = self.project
        if project is None:
            return
        known = None if touched is None else tuple(touched)

        def work() -> tuple[T, tuple[int, ...] | None, ImageTable | None]:
            result = change(project)
            told = known if touched_by is None else touched_by(result)
            ids = None if told is None else tuple(told)
            return result, ids, (project.image_table(ids=ids) if ids else None)

        def written(outcome: tuple[T, tuple[int, ...] | None, ImageTable | None]) -> None:
            result, ids, fresh = outcome
            if project is not self.project:
                return
            if ids is None:
                self.reload()
            elif fresh is not None and self.table is not None:
                self.table = self.table.replaced(fresh)
                self.images_changed.emit(ids)
            if "strokes" not in vars(self) or not self.strokes.is_failing:
                self.saved.emit(time.strftime("%H:%M:%S"))
            if say:
                self.said.emit(say)
            if done is not None:
                done(result)

        self.background.run(work, written, failed, owner=self, lane="write")

    def label(self, ids: Iterable[int], label: Label, defect_class: str | None = None) -> None:
        """Label images; whole selection in one undoable step. Without a class, each keeps the one that it has."""
        chosen = tuple(ids)
        if not chosen or not self.check_writable():
            return
        if self.table is not None and defect_class is None:
            rows = self.table.row_of(chosen)
            if np.all(rows >= 0) and np.all(self.table.label[rows] == LABELS.index(label)):
                self.said.emit(tr("Already labelled {label}", label=label_word(label)))
                return
        say = tr(
            "{images} labelled {label}", images=count_words(len(chosen), "image", "images"), label=label_word(label)
        )
        self.write(lambda project: project.set_label(chosen, label, defect_class=defect_class), touched=chosen, say=say)

    def split(self, ids: Iterable[int], split: Split) -> None:
        """Move images, with the whole of their parts, to a split."""
        chosen = tuple(ids)
        if not chosen or not self.check_writable() or self.table is None:
            return
        rows = self.table.row_of(chosen)
        parts = np.unique(self.table.part[rows[rows >= 0]])
        touched = self.table.ids[np.isin(self.table.part, parts)].tolist()
        say = tr(
            "{images} moved to {split}", images=count_words(len(chosen), "image", "images"), split=split_word(split)
        )
        self.write(lambda project: project.set_split(chosen, split), touched=touched, say=say)

    def rewrite_masks(
        self,
        change: Callable[[Project], T],
        done: Callable[[T], None] | None = None,
        *,
        why: str,
        say: str = "",
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Change masks of any images (`merge_class`, an import): nothing is painted until they are read again.

        `why` is said to whoever paints meanwhile: a stroke on a mask that is no longer so would come out wrong.
        """

        def refused(error: Exception) -> None:
            self.reload()
            (failed or self.report)(error)

        if self.check_writable():
            self.masks_changing.emit(why)
            self.write(change, done, touched=None, say=say, failed=refused)

    def undo(self, *, show: bool = True) -> None:
        """Take the last step back and `show` its image."""
        self.undoing.undo(show=show)

    def redo(self) -> None:
        """Do again what was taken back."""
        self.undoing.redo()

    def reload(self) -> None:
        """Read all images, views and classes again, the first rows at once."""
        project = self.project
        if project is None:
            return
        read = read_first if self.table is None else read_all  # what is shown stays until all is read
        self.background.run(lambda: read(project), self._on_contents_read, owner=self, key="table")

    def report(self, error: Exception) -> None:
        """Tell the person what went wrong."""
        self.problem_reported.emit(error)

    # -- inside

    def _on_background_failed(self, error: Exception) -> None:
        if not isinstance(error, ProjectClosedError):  # what was still being read of it matters to nobody any more
            self.report(error)

    def _take(self, project: Project, plan: RescuePlan | None = None) -> None:
        if self.project is not None:
            self.close()
        self.project = project
        if not project.read_only:
            from core.workflow.rescue import RescuePlan

            plan = plan or RescuePlan()
            self.strokes.begin(project, plan)
        place = self.memory.recall(f"place {project.file}", [None, None])
        self.product, self.view = (place[0], place[1]) if len(place) == 2 else (None, None)
        self.opened.emit()
        self.reload()
        if plan is not None:
            self.strokes.greet(plan)

    def _on_contents_read(self, found: Contents) -> None:
        was_complete = self.is_complete
        self.views, self.classes, self.table = found.views, found.classes, found.table
        self.is_complete = found.is_complete
        if (view := self.chosen_view()) is not None:
            self.set_place(view.product, view.code)
        if was_complete:
            self.images_changed.emit(None)
        else:
            self.table_loaded.emit(found.is_complete)
        project = self.project
        if not found.is_complete and project is not None:
            self.background.run(lambda: read_all(project), self._on_contents_read, owner=self, key="table")
