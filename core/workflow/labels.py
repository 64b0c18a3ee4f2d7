"""Labels and splits from a table into the project: what is set already stays, unless it is to be replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal, cast

from core.project import OpenStep, Project
from core.project.records import ImageRow
from core.words import Label, Split
from core.workflow.disagreement import Conflict

_STAYS = "What is set here stays"
_REPLACED = "It was replaced"


class LabelIntake:
    """Labels on their way into the project; `finish` sets them, all of them and their new classes one step of undo."""

    def __init__(self, project: Project, step: OpenStep, *, overwrite: bool) -> None:
        self._project = project
        self._step = step
        self._overwrite = overwrite
        self._labels: dict[tuple[Label, str | None], list[int]] = defaultdict(list)
        self._splits: dict[int, Split] = {}
        self.conflicts: list[Conflict] = []
        self.unchanged = 0

    def take(self, row: ImageRow, facts: Mapping[str, str]) -> None:
        """What a table says of one image."""
        label, code, split = facts.get("label"), facts.get("class"), facts.get("split")
        same = True
        if label and (label != row.label or (code and code != row.defect_class)):
            same = False
            clash = row.label not in ("unlabelled", label)
            if clash:
                self._note(row, "label", label, row.label)
            elif code and row.defect_class:
                clash = True
                self._note(row, "class", code, row.defect_class)
            if self._overwrite or not clash:
                self._labels[cast(Label, label), code or (None if label == "defective" else "")].append(row.id)
        if split and split != row.split:
            same = False
            clash = row.split != "unused"
            if clash:
                self._note(row, "split", split, row.split)
            if self._overwrite or not clash:
                self._splits[row.id] = cast(Split, split)
        self.unchanged += same

    def finish(self) -> int:
        """Set them; how many images changed. Raises `ProjectError` when parts or equal pictures would be divided."""
        touched = {image_id for ids in self._labels.values() for image_id in ids} | set(self._splits)
        for (label, code), ids in self._labels.items():
            if code:
                self._project.add_class(code, step=self._step)
            self._project.set_label(ids, label, defect_class=code, reason="imported table", step=self._step)
        if self._splits:
            self._project.set_splits(self._splits, reason="imported table", step=self._step)
        return len(touched)

    def _note(self, row: ImageRow, what: Literal["label", "class", "split"], theirs: str, here: str) -> None:
        counts = _REPLACED if self._overwrite else _STAYS
        self.conflicts.append(Conflict(row.id, row.relative, row.product, what, "", theirs, here, counts))
