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

from core.project.store import Project

__all__ = ["Project"]
