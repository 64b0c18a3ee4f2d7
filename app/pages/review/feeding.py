"""Good images that the machine rejected, listed before the next training learns from them; nothing moves unasked."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app import theme
from app.session import Session
from app.words import count_words, split_word, tr
from core.project.records import ChangeReport
from core.workflow.review import Offer, apply_feedback, feedback

_SIDE: Final = 56


class FeedingDialog(QDialog):
    """Ticked images become good training images, each with its whole part."""

    def __init__(self, session: Session, product: str, view: str | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle(tr("Offered to the next training"))
        self.resize(620, 520)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * theme.SPACE, 2 * theme.SPACE, 3 * theme.SPACE, 2 * theme.SPACE)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setText(
            tr(
                "You found these images good, and no training has seen them. Ticked ones are labelled good and move "
                "to train, each with its whole part. It can be undone. Images of the test set are never offered: the "
                "figures rest on them."
            )
        )
        column.addWidget(self.words)
        self.list = QListWidget(self)
        self.list.setIconSize(QSize(_SIDE, _SIDE))
        self.list.setUniformItemSizes(True)
        self.list.itemChanged.connect(lambda _: self._count())
        column.addWidget(self.list, 1)
        box = QHBoxLayout()
        box.addStretch(1)
        later = QPushButton(tr("Not now"), self)
        later.setAutoDefault(False)
        later.clicked.connect(self.reject)
        box.addWidget(later)
        self.add = QPushButton(self)
        self.add.setProperty("role", "primary")
        self.add.setDefault(True)
        self.add.clicked.connect(self._on_add_clicked)
        box.addWidget(self.add)
        column.addLayout(box)
        self._count()
        project = session.project
        if project is not None:
            session.background.run(lambda: feedback(project, product, view), self._show, owner=self)
        session.thumbnails.ready.connect(self._on_thumbnail_ready)

    def chosen(self) -> list[int]:
        """Ids of the ticked images."""
        items = [self.list.item(place) for place in range(self.list.count())]
        ticked = [item for item in items if item.checkState() == Qt.CheckState.Checked]
        return [int(item.data(Qt.ItemDataRole.UserRole)) for item in ticked]

    def _show(self, offers: list[Offer]) -> None:
        for offer in offers:
            item = QListWidgetItem(offer_words(offer))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            wanted = not offer.lot_in_test and offer.split != "tuning"
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
            item.setData(Qt.ItemDataRole.UserRole, offer.image_id)
            item.setToolTip(str(offer.path))
            self.list.addItem(item)
            self._draw(item)
        self._count()

    def _draw(self, item: QListWidgetItem) -> None:
        pixmap = self._session.thumbnails.pixmap(int(item.data(Qt.ItemDataRole.UserRole)), _SIDE)
        if pixmap is not None:
            item.setIcon(QIcon(pixmap))

    def _on_thumbnail_ready(self, image_id: int) -> None:
        for place in range(self.list.count()):
            if int(self.list.item(place).data(Qt.ItemDataRole.UserRole)) == image_id:
                self._draw(self.list.item(place))

    def _count(self) -> None:
        count = len(self.chosen())
        images = count_words(count, "image", "images")
        self.add.setText(tr("Add {images} to train", images=images) if count else tr("Add to train"))
        self.add.setEnabled(count > 0 and self._session.can_write)

    def _on_add_clicked(self) -> None:
        ids = self.chosen()

        def done(report: ChangeReport) -> None:
            self._session.said.emit(tr("{n} moved to train", n=count_words(report.changed, "image", "images")))

        self._session.write(lambda project: apply_feedback(project, ids), done, touched=None)
        self.accept()


def offer_words(offer: Offer) -> str:
    """Two lines: which image, and why it is offered or should be thought about."""
    by = tr("found good by {who}", who=offer.who)
    if offer.training is not None and offer.score is not None:
        by += tr(" · training #{n} gave it {score}", n=offer.training, score=f"{offer.score:.4f}")
    if offer.split == "tuning":
        by += tr(" · leaves {split}", split=split_word("tuning"))
    if offer.lot_in_test:
        by += tr(" · its lot {lot} is also tested with", lot=offer.lot)
    return f"{offer.name}\n{by}"
