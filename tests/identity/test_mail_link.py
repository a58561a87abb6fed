"""Owners sign in by a mailed link that works once, from a page that changes nothing when opened."""

import pytest

from gateway.identity.model import LINK_LIFE, LINK_LIFE_MINUTES
from gateway.identity.spool import newest_link
from tests.identity.conftest import Gateway, csrf_of, submit

pytestmark = pytest.mark.anyio


async def _ask(gateway: Gateway, email: str, next_path: str = "") -> str:
    async with gateway.browser() as client:
        answer = await submit(client, "/sign-in/owner", {"email": email, "next": next_path})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_owner_signs_in_by_link(both_gateways: Gateway):
    """A link asked for, mailed, opened and confirmed makes a session of an owner."""
    gateway = both_gateways
    await gateway.owner()
    await _ask(gateway, " Owner@Shop.example ", "/account")
    link = await gateway.newest_link()
    async with gateway.browser() as client:
        answer = await submit(client, link, {})
        account = await client.get("/account")

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert account.status_code == 200
    assert "Rosa Owner" in account.text
    assert len(gateway.memberships.confirmed) == 1


async def test_scanner_cannot_use_the_link_up(gateway: Gateway):
    """Three fetches by a mail scanner, then the owner's button: still good."""
    await gateway.owner()
    await _ask(gateway, "owner@shop.example")
    link = await gateway.newest_link()
    async with gateway.browser() as scanner:
        for _ in range(3):
            answer = await scanner.get(link)
            assert answer.status_code == 200
            assert "lenspact" not in scanner.cookies
        assert (await scanner.head(link)).status_code in {200, 405}
    async with gateway.browser() as client:
        assert (await submit(client, link, {})).status_code == 303


async def test_link_works_once(gateway: Gateway):
    """A used link leads nowhere."""
    await gateway.owner()
    await _ask(gateway, "owner@shop.example")
    link = await gateway.newest_link()
    async with gateway.browser() as client:
        await submit(client, link, {})
    async with gateway.browser() as client:
        answer = await submit(client, link, {})

        assert answer.status_code == 401
        assert "lenspact" not in client.cookies


async def test_link_expires(gateway: Gateway):
    """After 30 minutes the link is over."""
    await gateway.owner()
    await _ask(gateway, "owner@shop.example")
    link = await gateway.newest_link()
    gateway.clock.advance(LINK_LIFE.total_seconds())
    async with gateway.browser() as client:
        assert (await submit(client, link, {})).status_code == 401


async def test_page_and_mail_tell_the_time_a_link_really_lives(gateway: Gateway):
    """Whoever reads how long they have is told what is true, on the page and in the mail."""
    await gateway.owner()
    shown = await _ask(gateway, "owner@shop.example")
    mailed = (await gateway.mails())[-1].get_content()
    said = f"works once, for {LINK_LIFE_MINUTES} minutes"

    assert LINK_LIFE.total_seconds() == LINK_LIFE_MINUTES * 60
    assert said in shown
    assert said in mailed


async def test_the_newest_link_of_one_person_is_found_in_the_spool(gateway: Gateway):
    """Among mails to several people the reader takes the last one to the address it was asked for."""
    await gateway.owner()
    await gateway.owner("other@shop.example")
    for email in ("owner@shop.example", "owner@shop.example", "other@shop.example"):
        await _ask(gateway, email)
    mails = [mail for mail in await gateway.mails() if mail["To"] == "owner@shop.example"]
    spool = gateway.settings.state_dir / "spool"

    assert newest_link(spool, "owner@shop.example") in mails[-1].get_content().split()
    assert newest_link(spool, "owner@shop.example") not in mails[0].get_content().split()
    assert newest_link(spool, "nobody@shop.example") == ""


async def test_unknown_address_gets_the_same_answer(gateway: Gateway):
    """Known and unknown addresses read the same page; only one gets mail."""
    await gateway.owner()
    known = await _ask(gateway, "owner@shop.example")
    unknown = await _ask(gateway, "nobody@shop.example")

    assert known.replace("owner@", "x@") == unknown.replace("nobody@", "x@")
    assert gateway.memberships.confirmed == []
    assert [mail["To"] for mail in await gateway.mails()] == ["owner@shop.example"]


async def test_suspended_person_gets_no_link_and_no_entry(gateway: Gateway):
    """Suspended between asking and pressing: refused."""
    person_id = await gateway.owner()
    await _ask(gateway, "owner@shop.example")
    link = await gateway.newest_link()
    async with gateway.services.database.unit_of_work() as unit:
        await gateway.services.identity.people._store.set_suspended(unit, person_id, gateway.clock.now())
        await unit.commit(unaudited="test")
    async with gateway.browser() as client:
        assert (await submit(client, link, {})).status_code == 401
    await _ask(gateway, "owner@shop.example")
    assert len(await gateway.mails()) == 1


async def test_link_names_the_configured_host(gateway: Gateway):
    """A hostile Host header is refused, and what is mailed names the public address."""
    await gateway.owner()
    async with gateway.browser() as client:
        page = await client.get("/sign-in/owner")
        form = {"email": "owner@shop.example", "csrf": csrf_of(page.text)}
        answer = await client.post("/sign-in/owner", data=form, headers={"host": "evil.example"})
        assert answer.status_code == 400
    await _ask(gateway, "owner@shop.example")

    assert (await gateway.newest_link()).startswith("/sign-in/link/")


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example"])
async def test_next_stays_here(gateway: Gateway, goal: str):
    """Whatever was asked for, sign-in leads to a page of ours."""
    await gateway.owner()
    await _ask(gateway, "owner@shop.example", goal)
    async with gateway.browser() as client:
        answer = await submit(client, await gateway.newest_link(), {})

    assert answer.headers["location"] == "/portal"


async def test_asking_is_limited(gateway: Gateway):
    """The sixth link for one address within 15 minutes is refused; another address is not."""
    await gateway.owner()
    for _ in range(5):
        await _ask(gateway, "owner@shop.example")
    async with gateway.browser() as client:
        answer = await submit(client, "/sign-in/owner", {"email": "owner@shop.example"})

    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    await _ask(gateway, "other@shop.example")


async def test_token_is_stored_as_its_hash_only(gateway: Gateway):
    """Neither link nor session can be read out of the database file, nor the mail that waits."""
    await gateway.owner()
    async with gateway.browser() as client:
        await submit(client, "/sign-in/owner", {"email": "owner@shop.example"})
    waiting = _dump(gateway)
    link = await gateway.newest_link()
    async with gateway.browser() as client:
        await submit(client, link, {})
        session = client.cookies["lenspact"]

    assert link.rsplit("/", 1)[1].encode() not in waiting
    assert session.encode() not in _dump(gateway)


def _dump(gateway: Gateway) -> bytes:
    path = gateway.services.database.url.removeprefix("sqlite+in_loop:///")
    from pathlib import Path

    return b"".join(file.read_bytes() for file in Path(path).parent.glob("lenspact.db*"))
