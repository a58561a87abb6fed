"""The areas of this site's cameras that can be blackened: drawn here, kept here, and nowhere else decided.

The gateway is told their names. A rule that asks for an area this list does not have lets nobody watch.
"""

import json
import re
import unicodedata
from typing import Final

from partner_agent.areas import AREAS, Area
from partner_agent.store import Store

_LABEL: Final = 40
_ELSE: Final = re.compile(r"[^a-z0-9]+")


def name_of(label: str) -> str:
    """What rules call an area of this label: `Side window` is `side-window`; empty if nothing of it can be said."""
    plain = unicodedata.normalize("NFKD", label.lower()).encode("ascii", "ignore").decode()
    return _ELSE.sub("-", plain).strip("-")[:_LABEL]


class Masks:
    """The areas by camera."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, camera: str) -> tuple[Area, ...]:
        """A camera's areas, by name."""
        rows = self._store.rows("SELECT * FROM mask WHERE camera = ? ORDER BY id", camera)
        return tuple(
            Area(row["id"], row["label"], tuple((x, y) for x, y in json.loads(row["points"])), row["shape"])
            for row in rows
        )

    def names(self, camera: str) -> frozenset[str]:
        """What can be blackened there."""
        return frozenset(str(row["id"]) for row in self._store.rows("SELECT id FROM mask WHERE camera = ?", camera))

    def has_room(self, camera: str, name: str) -> bool:
        """Whether one more, or this one anew, can be kept."""
        return len(self.names(camera) | {name}) <= AREAS

    def put(self, camera: str, area: Area) -> None:
        """Keep an area, in the place of one of the same name."""
        with self._store.transaction() as db:
            row = (camera, area.id, area.label, json.dumps(area.points), area.shape)
            db.execute("INSERT OR REPLACE INTO mask VALUES (?, ?, ?, ?, ?)", row)

    def remove(self, camera: str, name: str) -> bool:
        """Forget one; False if there is none."""
        with self._store.transaction() as db:
            return db.execute("DELETE FROM mask WHERE camera = ? AND id = ?", (camera, name)).rowcount > 0
