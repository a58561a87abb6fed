"""Links to phones: who sends one, to what, and how many."""

from datetime import timedelta

import anyio
import pytest

from gateway.audit import Kind
from gateway.kernel.errors import (
    DeniedError,
    InvalidError,
    LimitedError,
    NotFoundError,
    UnavailableError,
)
from gateway.live.phones.answers import Sent
from gateway.live.phones.model import MOST_OPEN
from tests.support.live import BROWSER, OPERATOR, OTHER, SUPERVISOR
from tests.support.street import PHONE, Street

pytestmark = pytest.mark.anyio


async def test_nobody_sends_what_they_do_not_watch(street: Street):
    """Another's view, one that is over, and one of nobody: there is no such view, and nothing is in the log."""
    session = await street.watching()
    with pytest.raises(NotFoundError):
        await street.phones.send(OTHER, session_id=session.id, recipient="Unit 12")
    with pytest.raises(NotFoundError):
        await street.phones.send(OPERATOR, session_id="ses_0", recipient="Unit 12")
    await street.plane.sessions.live.leave(OPERATOR, session.id)
    with pytest.raises(NotFoundError):
        await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 12")

    assert Kind.PHONE_LINK_MADE not in await street.plane.kinds()


async def test_an_owner_s_yes_to_a_person_is_not_handed_on(street: Street):
    """A view that stands on a second person's word cannot be sent."""
    street.plane.decider.second_id = SUPERVISOR.person_id
    opened = await street.plane.open(confirmation_id="emg_1")
    session = await street.seen(opened)

    with pytest.raises(DeniedError, match="your own view only"):
        await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 12")


@pytest.mark.parametrize("recipient", ["", "   ", "U" * 81])
async def test_somebody_is_named(street: Street, recipient: str):
    """Nobody, or a novel, is no recipient."""
    session = await street.watching()
    with pytest.raises(InvalidError):
        await street.phones.send(OPERATOR, session_id=session.id, recipient=recipient)


async def test_one_person_has_few_links_open(street: Street):
    """The seventh is refused until one is stopped."""
    session = await street.watching()
    made = [
        await street.phones.send(OPERATOR, session_id=session.id, recipient=f"Unit {number}")
        for number in range(MOST_OPEN)
    ]
    with pytest.raises(LimitedError):
        await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 12")

    await street.phones.stop(OPERATOR, made[0].link.id)
    await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 12")


async def test_many_links_at_the_same_moment_are_no_more_than_a_person_may_have(street: Street):
    """Nine are asked for at once: six are made, the others are told so, and the log holds no seventh."""
    session = await street.watching()
    made: list[Sent] = []
    refused: list[str] = []

    async def send(number: int) -> None:
        try:
            made.append(await street.phones.send(OPERATOR, session_id=session.id, recipient=f"Unit {number}"))
        except LimitedError as error:
            refused.append(error.sentence)

    async with anyio.create_task_group() as tasks:
        for number in range(MOST_OPEN + 3):
            tasks.start_soon(send, number)

    assert (len(made), len(refused)) == (MOST_OPEN, 3)
    assert (await street.plane.kinds()).count(Kind.PHONE_LINK_MADE) == MOST_OPEN


async def test_a_link_whose_view_was_ended_for_good_leaves_its_place(street: Street):
    """A supervisor stopped what it showed, and nobody has looked at the link since."""
    sent = await street.sent()
    shown = await street.shown(await street.opened(sent))
    for number in range(MOST_OPEN - 1):
        await street.phones.send(OPERATOR, session_id=sent.link.sent_from, recipient=f"Unit {number}")
    await street.plane.sessions.live.stop(SUPERVISOR, shown.id)

    await street.phones.send(OPERATOR, session_id=sent.link.sent_from, recipient="Unit 13")


async def test_a_site_that_is_away_takes_no_link(street: Street):
    """The phone is told a technical cause, and asks again."""
    device = await street.opened(await street.sent())
    street.plane.site.problem = "offline"
    with pytest.raises(UnavailableError):
        await street.phones.view(device, fingerprint=PHONE)
    street.plane.site.problem = ""

    await street.shown(device)


async def test_what_a_phone_shows_cannot_be_sent_on(street: Street):
    """Neither by its sender, whose name it bears."""
    session = await street.shown(await street.opened(await street.sent()))
    with pytest.raises(DeniedError):
        await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 13")


async def test_no_secret_is_kept(street: Street):
    """Neither the link's nor the device's stands anywhere in the row or in the log."""
    sent = await street.sent()
    device = await street.opened(sent)
    (state,) = await street.phones.mine(OPERATOR)
    kept = repr(state.link) + "".join(repr(entry) for entry in await street.plane.log())

    assert sent.token.secret not in kept
    assert device.secret not in kept
    assert BROWSER != PHONE


async def test_where_phones_are_switched_off_nothing_is_sent(street: Street):
    """`phone_minutes` of zero: a sentence, and no entry."""
    session = await street.watching()
    street.phones._lasts = timedelta()

    with pytest.raises(DeniedError, match="not sent to phones here"):
        await street.phones.send(OPERATOR, session_id=session.id, recipient="Unit 12")
    assert Kind.PHONE_LINK_MADE not in await street.plane.kinds()
