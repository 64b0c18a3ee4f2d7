"""The project: everything Flawscope knows, in one SQLite file that survives crashes, and the trail of every change.

```python
with Project.create(folder, "pill", author="AB") as project:
    report = project.add_images(rows, root=images_folder)      # streamed NewImage rows
    project.set_split(ids, "tuning", reason="10 % of good training images")
    for image in project.images(product="pill", split="train", label="good"):
        ...
    run = project.add_run(product="pill", model="prff", preset="quick", config={...})
    scoring = project.add_scoring(run.id, {"passes": 1})
    project.add_scores(scoring, (NewScore(image.id, 0.3) for ...))
    project.verify().is_whole
```

Every changing method is one transaction on the writer's thread (`add_images` and `add_scores`: one for every few
thousand rows) together with its audit row, and has reached the disk when it returns. Any thread may call any method.
Errors are those of `core.errors`.
"""

from __future__ import annotations

from core.project.backup import last_good_backup, list_backups
from core.project.pack import unpack_project
from core.project.records import (
    AddReport,
    Alignment,
    AuditRow,
    Backup,
    Cell,
    ChangeReport,
    ClassDraft,
    ClassExample,
    ClassUse,
    Count,
    DefectClass,
    Duplicate,
    ImageRow,
    Json,
    Layer,
    Member,
    MergeReport,
    NewImage,
    Note,
    PackReport,
    Painted,
    Problem,
    Product,
    Revision,
    Roi,
    Root,
    Stroke,
    UndoStep,
    VerifyReport,
    View,
    Zone,
)
from core.project.results import (
    CheckItem,
    CheckSet,
    Decision,
    NewJudgement,
    NewScore,
    RunRow,
    RunState,
    ScoreRow,
    ScoreTable,
    Scoring,
    VerdictRow,
)
from core.project.splits import SplitItem, SplitProposal, propose_splits
from core.project.store import Project, restore_project
from core.project.table import ImageTable, Names
from core.project.undo import OpenStep

__all__ = [
    "AddReport",
    "Alignment",
    "AuditRow",
    "Backup",
    "Cell",
    "ChangeReport",
    "CheckItem",
    "CheckSet",
    "ClassDraft",
    "ClassExample",
    "ClassUse",
    "Count",
    "Decision",
    "DefectClass",
    "Duplicate",
    "ImageRow",
    "ImageTable",
    "Json",
    "Layer",
    "Member",
    "MergeReport",
    "Names",
    "NewImage",
    "NewJudgement",
    "NewScore",
    "Note",
    "OpenStep",
    "PackReport",
    "Painted",
    "Problem",
    "Product",
    "Project",
    "Revision",
    "Roi",
    "Root",
    "RunRow",
    "RunState",
    "ScoreRow",
    "ScoreTable",
    "Scoring",
    "SplitItem",
    "SplitProposal",
    "Stroke",
    "UndoStep",
    "VerdictRow",
    "VerifyReport",
    "View",
    "Zone",
    "last_good_backup",
    "list_backups",
    "propose_splits",
    "restore_project",
    "unpack_project",
]
