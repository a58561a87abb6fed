"""A phone shows what it was sent: to its first device, marked, in the log by its recipient, as long as one view."""

from dataclasses import replace

import anyio
import pytest

from gateway.audit import Kind
from gateway.desks.oversight_desk.acts import act_of
from gateway.desks.portal.looks import look_of
from gateway.kernel.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
)
from gateway.live.model import EndReason
from gateway.live.phones.answers import EXPIRED, OTHER_DEVICE
from gateway.live.phones.model import Standing, Token
from tests.support.live import INCIDENT, OPERATOR
from tests.support.street import PHONE, Street

pytestmark = pytest.mark.anyio


async def test_a_phone_shows_the_picture_as_a_view_of_its_own(street: Street):
    """Decided for what is left of its time, with grant and leaves of its own, in the sender's name and for Unit 12."""
    sent = await street.sent()
    street.plane.clock.advance(60)

    session = await street.shown(await street.opened(sent))

    assert (session.person_id, session.shown_to, session.fingerprint) == (OPERATOR.person_id, "Unit 12", PHONE)
    question = street.plane.decider.asked[-1]
    assert (question.most_seconds, question.shown_to, question.incident_id) == (900, "Unit 12", INCIDENT)
    assert len({read.grant.session for read in street.plane.site.grants}) == 2
    log = await street.plane.log(session.id)
    assert {entry.said("shown_to") for entry in log if entry.kind != Kind.GRANT_ISSUED} == {"Unit 12"}
    by_kind = {entry.kind: entry for entry in log}
    assert "on a phone, for Unit 12" in look_of(by_kind[Kind.VIEW_STARTED], {}).why
    assert "on a phone, for Unit 12" in act_of(by_kind[Kind.VIEW_REQUESTED], [], {}).why
    (made,) = [entry for entry in await street.plane.log() if entry.kind == Kind.PHONE_LINK_MADE]
    assert (made.said("shown_to"), made.said("person")) == ("Unit 12", OPERATOR.person_id)
    assert look_of(made, {}).sentence == "Sent a link that shows your camera on one phone"
    assert act_of(made, [], {}).what == "Sent to a phone"
    assert [entry.kind for entry in await street.plane.log() if str(entry.kind).startswith("phone.")] == [
        Kind.PHONE_LINK_MADE,
        Kind.PHONE_LINK_OPENED,
    ]


async def test_a_picture_on_a_phone_is_always_marked(street: Street):
    """Also where its owner's rules ask for no watermark."""
    usual = street.plane.decider.decide

    async def unmarked(question):
        return replace(await usual(question), obligations={})

    street.plane.decider.decide = unmarked  # type: ignore[method-assign]
    device = await street.opened(await street.sent())

    shown = await street.phones.view(device, fingerprint=PHONE)

    assert shown.view.mark


async def test_the_second_device_is_told_so_and_the_first_goes_on(street: Street):
    """The link alone, or with another device's secret, opens nothing any more; its own device takes it again."""
    sent = await street.sent()
    device = await street.opened(sent)

    for other in (None, Token(sent.link.id, "x" * 43)):
        with pytest.raises(DeniedError) as refused:
            await street.phones.open(link_token=sent.token, device_token=other)
        assert refused.value.sentence == OTHER_DEVICE
    again = await street.phones.open(link_token=sent.token, device_token=device)
    assert again.device is None
    await street.shown(device)


async def test_of_two_devices_at_once_one_is_the_first(street: Street):
    """Both press at the same moment: one gets it."""
    sent = await street.sent()
    got: list[Token] = []
    refused: list[str] = []

    async def press() -> None:
        try:
            got.append(await street.opened(sent))
        except DeniedError as error:
            refused.append(error.sentence)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(press)

    assert (len(got), refused) == (1, [OTHER_DEVICE] * 3)


async def test_a_link_that_nobody_opened_in_time_opens_nothing(street: Street):
    """After ten minutes; its sender reads so."""
    sent = await street.sent()
    street.plane.clock.advance(600)

    with pytest.raises(ConflictError) as refused:
        await street.opened(sent)
    assert refused.value.sentence == EXPIRED
    (mine,) = await street.phones.mine(OPERATOR)
    assert mine.standing is Standing.EXPIRED


async def test_a_wrong_secret_opens_nothing(street: Street):
    """One answer for no link, a wrong one, and a device that has none."""
    sent = await street.sent()
    for wrong in (None, Token("phl_" + "0" * 26, "x" * 43), replace(sent.token, secret="x" * 43)):
        with pytest.raises(NotFoundError):
            await street.phones.open(link_token=wrong, device_token=None)
        with pytest.raises(NotFoundError):
            await street.phones.view(wrong, fingerprint=PHONE)
        with pytest.raises(NotFoundError):
            await street.phones.state(wrong)
    assert Kind.PHONE_LINK_OPENED not in await street.plane.kinds()


async def test_after_an_accident_the_same_phone_asks_again_for_what_is_left(street: Street):
    """The rules give one view ten minutes: the next one gets what is left of them, counted from the first picture."""
    device = await street.opened(await street.sent())
    street.plane.clock.advance(60)  # nothing is shown yet
    first = await street.shown(device)
    street.plane.clock.advance(100)
    await street.plane.sessions.upkeep.relay_gone(lambda publication: publication == first.publication)
    assert not (await street.phones.state(device)).state.is_shown

    second = await street.shown(device)

    assert second.id != first.id
    assert street.plane.decider.asked[-1].most_seconds == 500


async def test_asking_again_and_again_adds_nothing_to_what_the_rules_give_one_view(street: Street):
    """Ten minutes after its first picture the link is over, though its own fifteen minutes are not."""
    device = await street.opened(await street.sent())
    for passed in (0, 250, 250):
        street.plane.clock.advance(passed)
        await street.shown(device)
    assert street.plane.decider.asked[-1].most_seconds == 100
    assert (await street.phones.state(device)).state.left_s == 100
    street.plane.clock.advance(100)

    with pytest.raises(ConflictError, match="The time is over"):
        await street.phones.view(device, fingerprint=PHONE)
    assert (await street.phones.state(device)).state.standing is Standing.OVER


async def test_where_the_rules_give_one_view_longer_the_link_keeps_its_own_time(street: Street):
    """An hour by the rules: the second view gets what is left of fifteen minutes."""
    street.plane.decider.seconds = 3600
    device = await street.opened(await street.sent())
    await street.shown(device)
    street.plane.clock.advance(100)

    await street.shown(device)

    assert street.plane.decider.asked[-1].most_seconds == 800


async def test_a_phone_that_asks_again_leaves_the_view_it_had(street: Street):
    """One picture at a time: the former one ends before the next is opened."""
    device = await street.opened(await street.sent())
    first = await street.shown(device)

    second = await street.shown(device)

    assert (await street.plane.read(first.id)).end_reason is EndReason.LEFT
    running = [one.id for one in street.plane.sessions.live.running() if one.shown_to]
    assert running == [second.id]


async def test_what_a_phone_saw_is_counted(street: Street):
    """Its seconds stand in the session, all of them enlarged; a phone without a link counts nothing."""
    device = await street.opened(await street.sent())
    session = await street.shown(device)
    street.plane.clock.advance(30)

    await street.phones.seen(device, on_screen_s=20)

    counted = await street.plane.read(session.id)
    assert (counted.on_screen_s, counted.enlarged_s) == (20, 20)
    with pytest.raises(NotFoundError):
        await street.phones.seen(None, on_screen_s=1)
