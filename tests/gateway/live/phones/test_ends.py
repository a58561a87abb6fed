"""How a link to a phone ends: by its sender, by who watches over them, by the rules, with the incident, hard."""

import anyio
import pytest

from gateway.audit import Kind
from gateway.kernel.errors import (
    ConflictError,
    NotFoundError,
    UnavailableError,
)
from gateway.kernel.principal import Principal
from gateway.live.model import EndReason
from gateway.live.phones.model import Standing
from tests.support.live import OPERATOR, OTHER, SUPERVISOR
from tests.support.street import PHONE, Street
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


async def test_its_sender_takes_it_back(street: Street):
    """The picture stops before they are answered, the phone reads why, nobody opens it again, and the log says who."""
    sent = await street.sent()
    device = await street.opened(sent)
    session = await street.shown(device)
    with pytest.raises(NotFoundError):
        await street.phones.stop(OTHER, sent.link.id)

    await street.phones.stop(OPERATOR, sent.link.id)

    assert ("drop", session.id) in street.plane.relay.orders
    assert (await street.plane.read(session.id)).end_reason is EndReason.SENDER
    assert (await street.phones.state(device)).state.words == "Whoever sent this has ended it."
    with pytest.raises(ConflictError):
        await street.phones.view(device, fingerprint=PHONE)
    stopped = [entry for entry in await street.plane.log() if entry.kind == Kind.PHONE_LINK_STOPPED]
    assert [entry.said("stopped_by") for entry in stopped] == [OPERATOR.person_id]


async def test_a_link_is_taken_back_before_it_is_opened(street: Street):
    """Nobody opens it."""
    sent = await street.sent()
    await street.phones.stop(OPERATOR, sent.link.id)

    with pytest.raises(ConflictError, match="Whoever sent this"):
        await street.opened(sent)


async def test_the_picture_stops_also_where_the_end_cannot_be_written(street: Street):
    """The log is away: whoever stops it is told, and nothing passes any more."""
    sent = await street.sent()
    session = await street.shown(await street.opened(sent))
    real = street.plane.audit.append

    async def broken(*_args, **_kwargs):
        raise UnavailableError("The log cannot be written.")

    street.plane.audit.append = broken  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        await street.phones.stop(OPERATOR, sent.link.id)
    street.plane.audit.append = real  # type: ignore[method-assign]

    assert ("drop", session.id) in street.plane.relay.orders


async def test_a_supervisor_s_stop_ends_the_link_too(street: Street):
    """The phone does not simply ask again."""
    device = await street.opened(await street.sent())
    session = await street.shown(device)

    await street.plane.sessions.live.stop(SUPERVISOR, session.id)

    with pytest.raises(ConflictError, match="Stopped by a supervisor"):
        await street.phones.view(device, fingerprint=PHONE)


@pytest.mark.parametrize("who", [OPERATOR, OTHER])
async def test_nobody_but_who_watches_over_them_stops_another_s_link(street: Street, who: Principal):
    """An operator does not, by this way not even their own."""
    sent = await street.sent()
    with pytest.raises(NotFoundError):
        await street.phones.stop_another_s(who, sent.link.id)
    with pytest.raises(NotFoundError):
        await street.phones.stop_another_s(SUPERVISOR, "phl_0")

    assert [one.standing for one in await street.phones.mine(OPERATOR)] == [Standing.WAITING]


@pytest.mark.parametrize("is_opened", [False, True])
async def test_a_supervisor_stops_a_link_that_shows_nothing(street: Street, is_opened: bool):
    """Opened or not: it opens nothing any more, its sender and its phone read who stopped it, and the log says so."""
    sent = await street.sent()
    device = await street.opened(sent) if is_opened else None
    assert [one.link.id for one in await street.phones.unshown()] == [sent.link.id]

    await street.phones.stop_another_s(SUPERVISOR, sent.link.id)

    assert await street.phones.unshown() == []
    with pytest.raises(ConflictError, match="Stopped by a supervisor"):
        await (street.phones.view(device, fingerprint=PHONE) if device else street.opened(sent))
    assert [one.words for one in await street.phones.mine(OPERATOR)] == ["Stopped by a supervisor."]
    (stopped,) = [entry for entry in await street.plane.log() if entry.kind == Kind.PHONE_LINK_STOPPED]
    assert (stopped.said("stopped_by"), stopped.said("reason")) == (SUPERVISOR.person_id, "supervisor")


async def test_a_link_that_is_shown_meanwhile_stops_too(street: Street):
    """The phone was faster than the supervisor: its picture stops before they are answered."""
    sent = await street.sent()
    session = await street.shown(await street.opened(sent))
    assert await street.phones.unshown() == []  # it is a running view

    await street.phones.stop_another_s(SUPERVISOR, sent.link.id)

    assert ("drop", session.id) in street.plane.relay.orders
    assert (await street.plane.read(session.id)).end_reason is EndReason.SUPERVISOR


async def test_a_link_of_which_nothing_can_come_is_not_listed(street: Street):
    """Not opened in time, or its view ended for good."""
    await street.sent()
    street.plane.clock.advance(600)
    shown = await street.shown(await street.opened(await street.sent()))
    await street.plane.sessions.live.stop(SUPERVISOR, shown.id)

    assert await street.phones.unshown() == []


async def test_a_phone_that_asks_again_meanwhile_does_not_outrun_a_stop(street: Street):
    """Its picture stops before the end is written; asking in between opens nothing, and then the link is over."""
    device = await street.opened(await street.sent())
    session = await street.shown(device)
    held, real = anyio.Event(), street.plane.relay.drop

    async def slowly(sessions: list[str]) -> None:
        await real(sessions)
        await held.wait()

    street.plane.relay.drop = slowly  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(street.plane.sessions.live.stop, SUPERVISOR, session.id)
        await until(lambda: ("drop", session.id) in street.plane.relay.orders)
        try:
            with pytest.raises(UnavailableError):
                await street.phones.view(device, fingerprint=PHONE)
        finally:
            held.set()

    with pytest.raises(ConflictError, match="Stopped by a supervisor"):
        await street.phones.view(device, fingerprint=PHONE)
    assert not [one for one in street.plane.sessions.live.running() if one.shown_to]


async def test_the_owner_s_rules_end_the_link_too(street: Street):
    """Taken back while it is shown: the picture stops, and a later yes does not bring it back."""
    device = await street.opened(await street.sent())
    session = await street.shown(device)
    street.plane.decider.deny()
    await street.plane.sessions.live.rules_changed()
    assert (await street.plane.read(session.id)).end_reason is EndReason.RULES
    street.plane.decider.answer = None

    with pytest.raises(ConflictError, match="sharing rules"):
        await street.phones.view(device, fingerprint=PHONE)


async def test_what_the_rules_forbid_now_is_not_shown(street: Street):
    """Forbidden between sending and opening: a denial with its recipient in the log, and the link is over."""
    sent = await street.sent()
    device = await street.opened(sent)
    street.plane.decider.deny()

    with pytest.raises(ConflictError, match="sharing rules"):
        await street.phones.view(device, fingerprint=PHONE)

    denied = [entry for entry in await street.plane.log() if entry.kind == Kind.VIEW_DENIED]
    assert [entry.said("shown_to") for entry in denied] == ["Unit 12"]
    assert (await street.phones.state(device)).state.standing is Standing.OVER


async def test_an_owner_s_yes_is_never_used_for_a_phone(street: Street):
    """Where the owner has to be asked, the phone reads that the rules ended it, and the yes is still there."""
    device = await street.opened(await street.sent())
    street.plane.decider.needs_yes = True

    with pytest.raises(ConflictError, match="sharing rules"):
        await street.phones.view(device, fingerprint=PHONE)
    assert all(question.approved is None for question in street.plane.decider.asked)


@pytest.mark.parametrize("is_opened", [False, True])
async def test_a_closed_incident_is_the_end(street: Street, is_opened: bool):
    """Before and after it was opened."""
    sent = await street.sent()
    device = await street.opened(sent) if is_opened else None
    street.plane.surroundings.is_going_on = False

    with pytest.raises(ConflictError, match="The incident is closed"):
        await (street.phones.view(device, fingerprint=PHONE) if device else street.opened(sent))


async def test_a_sender_who_is_suspended_shows_nothing_more(street: Street):
    """The link says what the person may do now, not what they could when they sent it."""
    sent = await street.sent()
    device = await street.opened(sent)
    street.plane.surroundings.is_employed = False

    with pytest.raises(ConflictError):
        await street.phones.view(device, fingerprint=PHONE)


async def test_a_link_ends_hard(street: Street):
    """Fifteen minutes after it was opened, whatever is shown by then."""
    device = await street.opened(await street.sent())
    street.plane.clock.advance(900)

    with pytest.raises(ConflictError, match="The time is over"):
        await street.phones.view(device, fingerprint=PHONE)
    assert (await street.phones.state(device)).state.words == "The time is over."


async def test_a_view_that_was_opened_while_its_link_was_stopped_ends_at_once(street: Street):
    """Stopped between the decision and the picture: the view is over before the phone could call it."""
    sent = await street.sent()
    device = await street.opened(sent)
    usual = street.plane.decider.decide

    async def meanwhile(question):
        street.plane.decider.decide = usual  # type: ignore[method-assign]
        await street.phones.stop(OPERATOR, sent.link.id)
        return await usual(question)

    street.plane.decider.decide = meanwhile  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="Whoever sent this"):
        await street.phones.view(device, fingerprint=PHONE)

    assert [one for one in street.plane.sessions.live.running() if one.shown_to] == []
