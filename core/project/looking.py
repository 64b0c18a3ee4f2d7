"""Short questions about many images at once, answered with ids: what is gone, unreadable, of another size."""

from __future__ import annotations

from core.project.base import Store
from core.words import ImageState


class LookMethods(Store):
    """Which images are out of the ordinary."""

    def images_in_state(self, state: ImageState, limit: int) -> list[int]:
        """Ids of the first images in this state."""
        with self._read() as db:
            rows = db.execute("SELECT id FROM image WHERE state = ? ORDER BY id LIMIT ?", [state, limit])
            return [row[0] for row in rows]

    def images_with_problem(self, limit: int) -> list[int]:
        """Ids of the first images that carry a problem: unreadable, and left out of trainings."""
        with self._read() as db:
            rows = db.execute(
                "SELECT id FROM image WHERE problem <> '' AND state <> 'gone' ORDER BY id LIMIT ?", [limit]
            )
            return [row[0] for row in rows]

    def odd_sizes(self, limit: int) -> list[tuple[str, tuple[int, int], list[int]]]:
        """Views that hold images of several sizes: "product > view", the usual size, ids of the others."""
        usual: dict[int, tuple[int, int]] = {}
        mixed: dict[int, str] = {}
        with self._read() as db:
            rows = db.execute(
                """SELECT view_id, width, height, count(*) AS images FROM image
                WHERE width IS NOT NULL AND state <> 'gone' GROUP BY 1, 2, 3 ORDER BY images DESC"""
            ).fetchall()
            names = {
                row[0]: row[1] if row[2] == "main" else f"{row[1]} > {row[2]}"
                for row in db.execute(
                    "SELECT view.id, product.code, view.code FROM view JOIN product ON product.id = view.product_id"
                )
            }
            for view_id, width, height, _ in rows:
                if view_id in usual:
                    mixed[view_id] = names[view_id]
                else:
                    usual[view_id] = (width, height)
            found = []
            for view_id, name in mixed.items():
                query = """SELECT id FROM image WHERE view_id = ? AND state <> 'gone' AND width IS NOT NULL
                    AND (width <> ? OR height <> ?) ORDER BY id LIMIT ?"""
                ids = [row[0] for row in db.execute(query, [view_id, *usual[view_id], limit])]
                found.append((name, usual[view_id], ids))
        return found
