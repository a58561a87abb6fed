"""Joins the log's entries with the names of today into what compliance reads; decides nothing."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.audit import AuditLog, Entry, Kind, LeafDraft, LogReader, Query, read_query
from gateway.desks.oversight_desk import spreadsheet
from gateway.desks.oversight_desk.acts import CHOICES, LATER, Act, act_of, ids_of, sessions_of
from gateway.desks.oversight_desk.ports import Marks, Names
from gateway.kernel.database import Database
from gateway.kernel.errors import InvalidError
from gateway.kernel.principal import Principal
from partner_agent.wire import canonical
from partner_agent.wire.entry_file import EntryFile

PAGE: Final = 30  # lines of one page: their sessions' later entries fit one query
MOST_LATER: Final = 200
MOST_EXPORTED: Final = 20_000  # lines of one file; narrow the filters for more


@dataclass(frozen=True, slots=True)
class ActPage:
    """Lines, newest first, and the cursor of the next page."""

    acts: Sequence[Act]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """One entry as its page shows it.

    Attributes:
        later: other entries of the same session, oldest first.
        file: the entry with its proof; None while it is only promised.
        document: the leaf.
        vkey: the log's key.
    """

    act: Act
    entry: Entry
    later: Sequence[Act]
    file: EntryFile | None
    document: Mapping[str, object]
    vkey: str


class OversightDesk:
    """The compliance officer's desk."""

    def __init__(
        self,
        *,
        database: Database,
        audit: AuditLog,
        reader: LogReader,
        names: tuple[Names, ...] = (),
        marks: Marks | None = None,
    ) -> None:
        self._database = database
        self._audit = audit
        self._reader = reader
        self._names = names
        self._marks = marks

    async def acts(self, filters: Mapping[str, str], *, before: str = "") -> ActPage:
        """Lines that match, newest first.

        Args:
            filters: `what` of `CHOICES`, and those of `gateway.audit.FILTERS`.
            before: the cursor of the page before.

        Raises:
            InvalidError: a filter cannot be read; `fields` names it.
        """
        return await self._page(_query(filters), before=before)

    async def view_of_mark(self, code: str) -> str:
        """The view whose picture carries a code; of several, which chance makes one in many millions, the newest.

        Raises:
            InvalidError: no picture carries it.
        """
        found = await self._marks.sessions_of(code) if self._marks else ()
        if not found:
            raise InvalidError(
                "No picture carries this code.", fields={"code": "Read it again: eight letters and digits, without U."}
            )
        return found[0]

    async def entry(self, event_id: str) -> OpenEntry:
        """One entry, everything that belongs to it, and its proof.

        Raises:
            NotFoundError: there is none.
        """
        entry = await self._audit.entry(event_id, is_restricted_visible=True)
        later = await self._later([entry])
        session = next(iter(sessions_of([entry])), "")
        around = sorted(later.get(session, []), key=lambda e: e.event_id)
        names = await self._called([entry, *around])
        file = await self._reader.entry_file(entry) if entry.index is not None else None
        return OpenEntry(
            act=act_of(entry, around, names),
            entry=entry,
            later=[act_of(each, (), names) for each in around if each.event_id != event_id],
            file=file,
            document=canonical.decode_object(entry.leaf),
            vkey=self._reader.vkey,
        )

    async def export(self, principal: Principal, filters: Mapping[str, str]) -> AsyncIterator[str]:
        """CSV of everything that matches; that it was exported, by whom and what, is in the log before the first line.

        Raises:
            InvalidError: a filter cannot be read.
        """
        query = _query(filters)
        asked = {name: text for name, text in filters.items() if text}
        draft = LeafDraft(
            kind=Kind.ENTRIES_EXPORTED,
            streams=frozenset({principal.person_id}),
            restricted={"person": principal.person_id, "filters": asked},
        )
        async with self._database.unit_of_work() as unit:
            await self._audit.append(unit, draft)
            await unit.commit()
        return self._lines(query)

    async def _lines(self, query: Query) -> AsyncIterator[str]:
        yield spreadsheet.header()
        count, cursor = 0, ""
        while count < MOST_EXPORTED:
            page = await self._page(query, before=cursor)
            yield spreadsheet.rows(page.acts)
            count, cursor = count + len(page.acts), page.next_cursor
            if not cursor:
                return

    async def _page(self, query: Query, *, before: str) -> ActPage:
        found = await self._audit.find(query, before=before, limit=PAGE)
        later = await self._later(found.entries)
        names = await self._called(found.entries)
        acts = [act_of(e, later.get(next(iter(sessions_of([e])), ""), ()), names) for e in found.entries]
        return ActPage(acts, found.next_cursor)

    async def _later(self, entries: Sequence[Entry]) -> dict[str, list[Entry]]:
        """How views went on, by session."""
        sessions = sessions_of(entries)
        by_session: dict[str, list[Entry]] = defaultdict(list)
        if sessions:
            query = Query(any_of=sessions, kinds=LATER, is_restricted_visible=True)
            for entry in (await self._audit.find(query, limit=MOST_LATER)).entries:
                for session in sessions_of([entry]):
                    by_session[session].append(entry)
        return by_session

    async def _called(self, entries: Sequence[Entry]) -> dict[str, str]:
        wanted = ids_of(entries)
        names: dict[str, str] = {}
        for source in self._names:
            names |= await source.names(wanted)
        return names


def _query(filters: Mapping[str, str]) -> Query:
    given = dict(filters)
    what = given.pop("what", "")
    kinds = {name: kinds for name, _, kinds in CHOICES}.get(what)
    if kinds is None:
        raise InvalidError("A filter cannot be read.", fields={"what": "There is no such choice."})
    query = read_query(given, is_restricted_visible=True)
    return query if query.kinds else replace(query, kinds=kinds)
