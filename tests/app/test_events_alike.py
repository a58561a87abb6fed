"""Each event changes decision, view and list alike: whatever may change an answer changes all that show it, at once.

A row says what stands before, what happens, and what stands after. Then the single decision, the camera's row in the
list (by the marks that are there, and by new ones), the line on the operator's desk, what opening would be answered,
and whether a picture runs, have to agree.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.emergency import CONFIRM_S, USE_S
from gateway.incidents.model import GRACE_S, UNNUMBERED_S
from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from gateway.live.asking.model import ANSWER_S
from partner_agent.wire.limits import VIEW_APPROVED_S
from policies.clauses import Live
from policies.vocabulary import IncidentKind
from tests.support.causes import (
    AWAY,
    agreed,
    agreement,
    asked,
    asked_second,
    called_for_a_minute,
    calls,
    closed,
    confirmed,
    emergency_only,
    ended_soon,
    five_minutes_a_day,
    hours,
    hours_to_come,
    moved,
    moved_away,
    near_only,
    not_for_patrol,
    numbered,
    of_kind,
    offline,
    only_on_panic,
    pack,
    panicking,
    passes,
    paused,
    person_suspended,
    revoked,
    roles,
    shared_again,
    stopped,
    suspended,
    switched,
    switched_off,
    ticked,
    to_be_asked,
    until_soon,
)
from tests.support.events import AVAILABLE, IF, NOT, UNKNOWN, City, city
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
Step = Callable[[City], Awaitable[Any]]


@dataclass(frozen=True)
class Event:
    """One row.

    Attributes:
        setup: what has to be so before.
        cause: what happens.
        before, after: how the camera stands by the rules: in the single decision and in the list.
        may_open: how it stands with the yes of an owner or a second person, before and after; as the rules where None.
        is_reached: whether the site is on the line afterwards: else nothing runs, whatever the rules say.
        looks: whether somebody looks when it happens.
    """

    cause: Step
    before: str
    after: str
    setup: Step | None = None
    may_open: tuple[str, str] | None = None
    is_reached: bool = True
    looks: bool = True

    def opening(self, index: int) -> str:
        """How it stands for who opens it now."""
        return (self.before, self.after)[index] if self.may_open is None else self.may_open[index]


async def stands(c: City, rules: str, opening: str) -> None:
    """Decision and list agree, as do opening and desk; with the marks that are there, and with new ones."""
    expected = {"decision": rules, "list": rules, "opening": opening, "desk": opening}
    await c.sees()
    for _ in range(2):
        found = {
            "decision": await c.decided(),
            "list": await c.listed(),
            "opening": await c.granted(),
            "desk": await c.on_desk(),
        }
        assert found == expected
        await c.marker.mark_all()
    assert await c.marker.mark_site(c.shop.site.id) == 0, "a mark stood that was not the camera's"


EVENTS: dict[str, Event] = {
    # what the owner says
    "the owner saves less": Event(partial(City.says, is_approved=False, live=Live.NEVER), AVAILABLE, NOT),
    "the owner saves more": Event(
        partial(City.says, is_approved=False, live=Live.NEARBY), NOT, NOT, setup=partial(City.says, live=Live.NEVER)
    ),
    "the owner approves more at the site": Event(
        partial(City.says, live=Live.NEARBY), NOT, AVAILABLE, setup=partial(City.says, live=Live.NEVER)
    ),
    "a camera is switched off": Event(partial(switched, is_on=False), AVAILABLE, UNKNOWN),
    "a camera is switched on": Event(partial(switched, is_on=True), UNKNOWN, AVAILABLE, setup=switched_off),
    "the owner stops everything": Event(stopped, AVAILABLE, UNKNOWN),
    "the owner shares again": Event(shared_again, UNKNOWN, AVAILABLE, setup=stopped),
    "the owner stops one agency": Event(lambda c: stopped(c, c.shop.operator.organisation_id), AVAILABLE, UNKNOWN),
    "the owner shares with one agency again": Event(
        lambda c: shared_again(c, c.shop.operator.organisation_id),
        UNKNOWN,
        AVAILABLE,
        setup=lambda c: stopped(c, c.shop.operator.organisation_id),
    ),
    "the camera's tick is taken away": Event(partial(ticked, camera_id=""), AVAILABLE, NOT),
    # what the site says
    "the site pauses": Event(paused, AVAILABLE, NOT),
    "the site goes on": Event(City.tells, NOT, AVAILABLE, setup=paused),
    "the site calls for help": Event(calls, NOT, AVAILABLE, setup=only_on_panic),
    "the site stops calling for help": Event(City.tells, AVAILABLE, NOT, setup=panicking),
    "the call for help ends by itself": Event(partial(passes, seconds=601), AVAILABLE, NOT, setup=panicking),
    "a site that calls for help goes offline": Event(offline, AVAILABLE, NOT, setup=panicking),
    "the site goes offline": Event(offline, AVAILABLE, AVAILABLE, is_reached=False),
    "a call for help is made shorter": Event(called_for_a_minute, AVAILABLE, NOT, setup=panicking),
    "the agent's key is taken away": Event(revoked, AVAILABLE, NOT),
    # why somebody looks
    "an incident is opened": Event(of_kind, NOT, AVAILABLE, setup=partial(of_kind, kind=IncidentKind.FIRE, number="")),
    "an incident moves away": Event(partial(moved, north=AWAY), AVAILABLE, NOT, setup=near_only),
    "an incident moves to the camera": Event(partial(moved, north=0.0), NOT, AVAILABLE, setup=moved_away),
    "an incident is closed": Event(closed, AVAILABLE, AVAILABLE),
    "a closed incident's grace is over": Event(partial(passes, seconds=GRACE_S + 1), AVAILABLE, NOT, setup=closed),
    "an incident gets no number": Event(
        partial(passes, seconds=UNNUMBERED_S + 1), AVAILABLE, NOT, setup=partial(of_kind, number="")
    ),
    "an incident gets its number": Event(numbered, AVAILABLE, AVAILABLE, setup=partial(of_kind, number="")),
    # a yes
    "the owner is asked": Event(City.asks_owner, IF, IF, setup=to_be_asked),
    "the owner says yes": Event(partial(City.answers, is_yes=True), IF, IF, may_open=(IF, AVAILABLE), setup=asked),
    "the owner says no": Event(partial(City.answers, is_yes=False), IF, IF, may_open=(IF, NOT), setup=asked),
    "the owner takes a yes back": Event(
        partial(City.answers, is_yes=False), IF, IF, may_open=(AVAILABLE, NOT), setup=agreed
    ),
    "the owner does not answer": Event(partial(passes, seconds=ANSWER_S + 1), IF, IF, may_open=(IF, NOT), setup=asked),
    "a yes is over": Event(
        partial(passes, seconds=VIEW_APPROVED_S + 1), IF, IF, may_open=(AVAILABLE, NOT), setup=agreed
    ),
    "a yes is not used in time": Event(
        partial(passes, seconds=VIEW_APPROVED_S + 1),
        IF,
        IF,
        may_open=(AVAILABLE, NOT),
        setup=agreed,
        looks=False,
    ),
    "a second person is asked": Event(City.asks_second, IF, IF, setup=emergency_only),
    "a second person confirms": Event(City.seconds, IF, IF, may_open=(IF, AVAILABLE), setup=asked_second),
    "nobody confirms": Event(partial(passes, seconds=CONFIRM_S + 1), IF, IF, setup=asked_second),
    "a second person's word is not used in time": Event(
        partial(passes, seconds=USE_S + 1), IF, IF, may_open=(AVAILABLE, IF), setup=confirmed, looks=False
    ),
    "the second person loses their role": Event(
        lambda c: roles(c, c.supervisor_id, Role.COMPLIANCE), IF, IF, may_open=(AVAILABLE, IF), setup=confirmed
    ),
    # what holds for everybody
    "sharing is suspended in the whole network": Event(partial(suspended, is_suspended=True), AVAILABLE, NOT),
    "sharing goes on in the whole network": Event(
        partial(suspended, is_suspended=False), NOT, AVAILABLE, setup=partial(suspended, is_suspended=True)
    ),
    "an ordinance that forbids it is approved": Event(pack, AVAILABLE, NOT),
    "an ordinance that permits it is approved": Event(partial(pack, forbids=False), NOT, AVAILABLE, setup=pack),
    "the agency signs a narrower agreement": Event(agreement, AVAILABLE, NOT),
    "the owner accepts a narrower agreement": Event(partial(agreement, is_accepted=True), AVAILABLE, NOT),
    # who looks
    "a person loses the role": Event(lambda c: roles(c, c.watcher_id, Role.COMPLIANCE), AVAILABLE, UNKNOWN),
    "a person is moved to another unit": Event(
        lambda c: roles(c, c.watcher_id, Role.OPERATOR, unit="patrol"), AVAILABLE, UNKNOWN, setup=not_for_patrol
    ),
    "a person is suspended": Event(person_suspended, AVAILABLE, UNKNOWN),
    # time
    "the hours end": Event(partial(passes, seconds=3601), AVAILABLE, NOT, setup=hours),
    "the hours begin": Event(partial(passes, seconds=3601), NOT, AVAILABLE, setup=hours_to_come),
    "an answer's last day passes": Event(partial(passes, seconds=301), AVAILABLE, UNKNOWN, setup=until_soon),
    "an answer gets a last day, which passes": Event(ended_soon, AVAILABLE, UNKNOWN),
    "the day's total is used up": Event(partial(passes, seconds=301), AVAILABLE, NOT, setup=five_minutes_a_day),
}


ON_BOTH = (  # one of each way that a change is told: what a site, an organisation, a person, an incident, all stand on
    "the owner saves less",
    "the owner shares with one agency again",
    "the site pauses",
    "an incident moves away",
    "the owner takes a yes back",
    "the second person loses their role",
    "an ordinance that forbids it is approved",
    "the agency signs a narrower agreement",
    "sharing is suspended in the whole network",
)


async def check(here: City, event: Event) -> None:
    """Before and after; a picture that runs ends by itself, or goes on, and one may start where it may be opened."""
    if event.setup:
        await event.setup(here)
    await stands(here, event.before, event.opening(0))
    view = await here.opens() if event.looks else None
    assert (view is not None) == (event.looks and event.opening(0) == AVAILABLE)

    await event.cause(here)

    may_run = event.opening(1) == AVAILABLE and event.is_reached
    if view is not None and not may_run:
        await until(lambda: not here.runs(view))
    await stands(here, event.after, event.opening(1))
    if view is not None and may_run:
        await here.services.live.rules_changed()
        assert here.runs(view)
    assert (await here.opens() is not None) == may_run


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_changes_decision_view_and_list_alike(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Every row of the table."""
    async with city(sqlite_database, tmp_path, monkeypatch) as here:
        await check(here, EVENTS[name])


@pytest.mark.postgres
@pytest.mark.parametrize("name", ON_BOTH)
async def test_it_does_so_on_postgresql(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    """Some of them, for how generations are told there."""
    async with city(postgres_database, tmp_path, monkeypatch) as here:
        await check(here, EVENTS[name])
