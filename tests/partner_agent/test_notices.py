"""The owner hears of it from this machine itself: by mail of the owner's own server, which no gateway can drown."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from partner_agent.notices import KIND_PERIOD_S, MailNotice, Notices, TerminalNotice
from partner_agent.settings import NoticeMail, SettingsError, load
from tests.fakes.clock import FakeClock
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The sink is asyncio's."""
    return "asyncio"


def _mail(port: int, clock: FakeClock) -> MailNotice:
    settings = NoticeMail(to="pat@shop.example", sender="cameras@shop.example", host="127.0.0.1", port=port, tls="none")
    return MailNotice(settings, place="shop-pc", clock=clock)


async def test_a_hold_is_mailed_with_what_it_would_share(clock: FakeClock):
    """In this machine's own words, to the owner alone, and with how to say no."""
    async with SmtpSink().listening() as sink:
        mail = _mail(sink.port, clock)
        mail.tell("policy_held", "This site shares more in 60 minutes unless you say no.", ["+ Everybody can watch."])
        await mail.send_due()

        assert sink.recipients == [["pat@shop.example"]]
        message = message_from_bytes(sink.messages[0], policy=policy.default)
        text = message.get_content()
    assert message["Subject"] == "Your cameras at shop-pc: This site shares more in 60 minutes unless you say no."
    assert "+ Everybody can watch." in text
    assert "not from the gateway" in text


async def test_a_delegate_hears_of_requests_and_of_nothing_else(clock: FakeClock):
    """Who answers for the owner is told what needs an answer, not what the owner shares."""
    async with SmtpSink().listening() as sink:
        settings = NoticeMail(
            to="pat@shop.example", requests_to="kim@shop.example", sender="c@shop.example", host="127.0.0.1",
            port=sink.port, tls="none",
        )  # fmt: skip
        mail = MailNotice(settings, place="shop-pc", clock=clock)
        for kind in ("view_ask", "clip_ask", "policy_held"):
            mail.tell(kind, "Told.")
        await mail.send_due()

    both = ["pat@shop.example", "kim@shop.example"]
    assert sink.recipients == [both, both, ["pat@shop.example"]]


async def test_a_flood_of_one_kind_is_one_mail_a_minute_and_stops_no_other(clock: FakeClock):
    """A gateway that proposes a thousand times does not push the notice of a hold away."""
    async with SmtpSink().listening() as sink:
        mail = _mail(sink.port, clock)
        for n in range(1000):
            mail.tell("policy_proposed", f"Proposal {n}.")
            await mail.send_due()
        mail.tell("policy_held", "Held.")
        await mail.send_due()
        assert len(sink.messages) == 2
        clock.advance(KIND_PERIOD_S)
        await mail.send_due()

        assert b"Proposal 999" in sink.messages[2]


async def test_a_server_that_is_down_is_tried_again(clock: FakeClock):
    """Telling neither blocks nor fails; what was not sent waits."""
    mail = _mail(9, clock)
    mail.tell("policy_held", "Held.")
    await mail.send_due()
    async with SmtpSink().listening() as sink:
        mail._settings = NoticeMail(
            to="a@b.example", sender="c@b.example", host="127.0.0.1", port=sink.port, tls="none"
        )
        await mail.send_due()
        await mail.send_due()

        assert len(sink.messages) == 1


async def test_starttls_is_never_given_up(clock: FakeClock):
    """A server that does not offer it gets no mail."""
    async with SmtpSink().listening() as sink:
        settings = NoticeMail(to="a@b.example", sender="c@b.example", host="127.0.0.1", port=sink.port)
        mail = MailNotice(settings, place="shop-pc", clock=clock)
        mail.tell("policy_held", "Held.")
        await mail.send_due()

        assert sink.messages == []


def test_every_way_is_told():
    """The terminal shows the sentence and its lines; each way gets the same."""
    shown: list[str] = []
    Notices(TerminalNotice(shown.append), TerminalNotice(shown.append)).tell("policy_held", "Held.", ["+ more"])

    assert shown == ["Held.\n  + more"] * 2


@pytest.mark.parametrize(
    "text",
    [
        'to = "a@b"\nsender = "c@b"\nhost = "mail.example"\ntls = "none"',
        'to = "a@b"\nsender = "c@b"\nhost = "mail.example"\ntls = "maybe"',
        'to = "a@b"\nhost = "mail.example"',
    ],
)
def test_mail_settings_that_cannot_be_are_errors(tmp_path: Path, text: str):
    """Mail leaves this machine encrypted or not at all."""
    path = tmp_path / "agent.toml"
    path.write_text(f"[notice_mail]\n{text}\n")

    with pytest.raises(SettingsError):
        load(path, {})


def test_a_negative_hold_is_an_error(tmp_path: Path):
    """0 is the least, and says that there is none."""
    path = tmp_path / "agent.toml"
    path.write_text("hold_s = -1\n")

    with pytest.raises(SettingsError):
        load(path, {})
