"""What an owner said before: every save as it was, what changed from one to the next in words, and the way back.

Going back is a save like any other: shown first, less at once, more only when the owner approves it.
"""

import dataclasses
from dataclasses import dataclass
from typing import Final

from gateway.kernel.errors import NotFoundError
from gateway.sharing.changing import Act
from gateway.sharing.model import Version, policy_of
from gateway.sharing.ports import SharingRows
from gateway.sharing.reaching import reach_changes
from gateway.sharing.site_book import SiteBook
from gateway.sharing.views import SharingView
from gateway.web import _
from policies.words import Change, say_change

PAGE: Final = 10  # versions on one page, each with its change worked out


@dataclass(frozen=True, slots=True)
class Entry:
    """A version with what it changed; `changes` is None where the one before was not kept."""

    version: Version
    changes: tuple[Change, ...] | None
    is_current: bool


class History:
    """What was said at a site, for its owner."""

    def __init__(self, *, rows: SharingRows, book: SiteBook) -> None:
        self._rows = rows
        self._book = book

    async def entries(self, view: SharingView, *, before: int | None) -> list[Entry]:
        """The newest saves of a site, newest first, each with what it changed; the last is there to go on from."""
        found = await self._rows.versions(view.site.id, before=before, most=PAGE + 1)
        facts = await self._book.facts(view.site.id, view.site.organisation_id, None)
        said = [policy_of(facts, version.effective) for version in found]
        entries = []
        for index, version in enumerate(found[:PAGE]):
            old = said[index + 1] if index + 1 < len(said) else None
            is_first = old is None and version.seq == 1
            reach = reach_changes(() if old is None else found[index + 1].clauses, version.clauses)
            is_known = old is not None or is_first
            changes = (*say_change(old, said[index], view.voice), *reach) if is_known else None
            entries.append(Entry(version, changes, is_current=before is None and not index))
        return entries

    async def restoration(self, view: SharingView, seq: int) -> Act:
        """Going back to a version: what it said, of the cameras that are still here.

        Raises:
            NotFoundError: there is none of this number.
        """
        found = await self._rows.versions(view.site.id, before=seq + 1, most=1)
        if not found or found[0].seq != seq:
            raise NotFoundError("There is no such version.")
        here = frozenset(camera.id for camera in view.cameras)
        clauses = (dataclasses.replace(one, cameras=one.cameras & here) for one in found[0].clauses)
        return Act(
            title=_("Go back to version %(n)d", n=seq),
            verb=_("Go back"),
            clauses=tuple(clause for clause in clauses if clause.is_about_any),
            off=found[0].off & here,
        )
