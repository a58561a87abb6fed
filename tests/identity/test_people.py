"""People of the agency: the first by a printed link, the others invited; roles and suspension take effect at once."""

import pytest

from gateway.identity.model import INVITATION_LIFE
from gateway.kernel.principal import Role
from tests.identity.conftest import PASSWORD, Gateway, csrf_of, open_form, submit

pytestmark = pytest.mark.anyio


async def _invite(gateway: Gateway, session: str, email: str, *roles: str) -> int:
    async with gateway.browser(session) as client:
        form = {"email": email, "name": "Dana Ortiz", "roles": list(roles), "unit": "rtcc"}
        return (await submit(client, "/admin/people", form)).status_code


async def _person_id(gateway: Gateway, email: str) -> str:
    return next(u.person.id for u in await gateway.services.identity.people.users() if u.person.email == email)


async def test_invited_person_enrols_and_gets_the_roles(both_gateways: Gateway):
    """An invitation by mail leads through password and code to a session with exactly the roles given."""
    gateway = both_gateways
    admin, _ = await gateway.enrol()
    assert await _invite(gateway, admin, "dana@city.example", "operator", "supervisor") == 303
    link = await gateway.newest_link()
    async with gateway.browser() as client:
        begun = await submit(client, link, {})
        page = await client.get("/sign-in/enrol")
        from tests.identity.conftest import read_seed

        form = {"csrf": csrf_of(page.text), "password": PASSWORD, "code": gateway.code(read_seed(page.text))}
        assert (await client.post("/sign-in/enrol", data=form)).status_code == 303
        principal = await gateway.services.identity.sessions.authenticate(client.cookies["lenspact"])

    assert begun.headers["location"] == "/sign-in/enrol"
    assert "<svg" in page.text
    assert principal.roles == {Role.OPERATOR, Role.SUPERVISOR}
    assert principal.unit == "rtcc"


async def test_invitation_survives_scanners_and_ends_with_use(gateway: Gateway):
    """Fetching changes nothing; used, or seven days old, it is over."""
    admin, _ = await gateway.enrol()
    await _invite(gateway, admin, "dana@city.example", "operator")
    link = await gateway.newest_link()
    async with gateway.browser() as client:
        for _ in range(3):
            assert (await client.get(link)).status_code == 200
        assert (await submit(client, link, {})).status_code == 303
    gateway.clock.advance(INVITATION_LIFE.total_seconds())
    async with gateway.browser() as client:
        assert (await submit(client, link, {})).status_code == 401


@pytest.mark.parametrize("password", ["short", "password123", "aaaaaaaaaaaa", "admin@city.example", "Sam Keller1"])
async def test_weak_password_is_refused_and_the_page_stays(gateway: Gateway, password: str):
    """Too short, first tried, or the person's own name: told on the same page, with the same key."""
    url = await gateway.services.identity.people.invite_first_admin(email="admin@city.example", name="Sam Keller")
    path = url.removeprefix("http://localhost:8080")
    async with gateway.browser() as client:
        await submit(client, path, {})
        before = await client.get("/sign-in/enrol")
        form = {"csrf": csrf_of(before.text), "password": password, "code": "000000"}
        answer = await client.post("/sign-in/enrol", data=form)
        from tests.identity.conftest import read_seed

        assert answer.status_code == 400
        assert read_seed(answer.text) == read_seed(before.text)
        assert "lenspact" not in client.cookies


async def test_wrong_code_does_not_enrol(gateway: Gateway):
    """Without a code from the app nothing is set up."""
    url = await gateway.services.identity.people.invite_first_admin(email="admin@city.example", name="Sam Keller")
    async with gateway.browser() as client:
        await submit(client, url.removeprefix("http://localhost:8080"), {})
        answer = await submit(client, "/sign-in/enrol", {"password": PASSWORD, "code": "000000"})

    assert answer.status_code == 400
    assert not (await gateway.services.identity.people.users())[0].is_enrolled


async def test_new_link_for_first_admin_ends_the_old(gateway: Gateway):
    """A second printed link replaces the first, and signs nobody in by itself."""
    people = gateway.services.identity.people
    old = await people.invite_first_admin(email="admin@city.example", name="Sam Keller")
    new = await people.invite_first_admin(email="admin@city.example", name="Sam Keller")
    async with gateway.browser() as client:
        assert (await submit(client, old.removeprefix("http://localhost:8080"), {})).status_code == 401
        assert (await submit(client, new.removeprefix("http://localhost:8080"), {})).status_code == 303
    assert len(await people.users()) == 1


async def test_role_change_signs_out_and_takes_effect(gateway: Gateway):
    """Who loses a role loses the session that had it."""
    admin, _ = await gateway.enrol()
    operator, _ = await gateway.enrol("op@city.example", Role.OPERATOR)
    person_id = await _person_id(gateway, "op@city.example")
    async with gateway.browser(admin) as client:
        form = {"roles": ["compliance"], "unit": ""}
        answer = await submit(client, "/admin/people", form, to=f"/admin/people/{person_id}/roles")

    assert answer.status_code == 303
    assert not (await gateway.services.identity.sessions.authenticate(operator)).is_signed_in


async def test_suspension_ends_the_session_and_the_sign_in(gateway: Gateway):
    """A suspended person is out at once and does not get back in; restored, they do."""
    admin, _ = await gateway.enrol()
    operator, _seed = await gateway.enrol("op@city.example", Role.OPERATOR)
    person_id = await _person_id(gateway, "op@city.example")
    async with gateway.browser(admin) as client:
        await submit(client, "/admin/people", {}, to=f"/admin/people/{person_id}/suspend")
    assert not (await gateway.services.identity.sessions.authenticate(operator)).is_signed_in
    gateway.clock.advance(30)
    async with gateway.browser() as client:
        refused = await submit(client, "/sign-in/agency", {"email": "op@city.example", "password": PASSWORD})
    async with gateway.browser(admin) as client:
        await submit(client, "/admin/people", {}, to=f"/admin/people/{person_id}/restore")
    async with gateway.browser() as client:
        welcome = await submit(client, "/sign-in/agency", {"email": "op@city.example", "password": PASSWORD})

    assert (refused.status_code, welcome.status_code) == (401, 303)


async def test_lost_phone_leads_to_a_new_invitation(gateway: Gateway):
    """Invited again, the old password and session end at once, and the mailed link sets up new ones."""
    admin, _ = await gateway.enrol()
    operator, _ = await gateway.enrol("op@city.example", Role.OPERATOR)
    person_id = await _person_id(gateway, "op@city.example")
    async with gateway.browser(admin) as client:
        answer = await submit(client, "/admin/people", {}, to=f"/admin/people/{person_id}/invite")
    async with gateway.browser() as client:
        form = {"email": "op@city.example", "password": PASSWORD}
        refused = await submit(client, "/sign-in/agency", form)
        begun = await submit(client, await gateway.newest_link(), {})

    assert (answer.status_code, refused.status_code, begun.status_code) == (303, 401, 303)
    assert not (await gateway.services.identity.sessions.authenticate(operator)).is_signed_in


async def test_last_admin_stays(both_gateways: Gateway):
    """The only administrator can neither be suspended nor lose the role."""
    gateway = both_gateways
    admin, _ = await gateway.enrol()
    person_id = await _person_id(gateway, "admin@city.example")
    async with gateway.browser(admin) as client:
        form = {"roles": ["operator"], "unit": ""}
        changed = await submit(client, "/admin/people", form, to=f"/admin/people/{person_id}/roles")
        suspended = await submit(client, "/admin/people", {}, to=f"/admin/people/{person_id}/suspend")
        invited = await submit(client, "/admin/people", {}, to=f"/admin/people/{person_id}/invite")

    assert (changed.status_code, suspended.status_code, invited.status_code) == (409, 409, 409)
    assert (await gateway.services.identity.sessions.authenticate(admin)).roles == {Role.ADMIN}


@pytest.mark.parametrize("roles", [[], ["owner"], ["root"], ["operator", "owner"]])
async def test_only_agency_roles_are_given(gateway: Gateway, roles: list[str]):
    """Partners' roles, unknown ones and none at all are refused."""
    admin, _ = await gateway.enrol()

    assert await _invite(gateway, admin, "dana@city.example", *roles) in {400, 422}
    assert len(await gateway.services.identity.people.users()) == 1


async def test_operator_administers_nothing(gateway: Gateway):
    """Another role sees and changes nothing on the administrators' pages."""
    operator, _ = await gateway.enrol("op@city.example", Role.OPERATOR)
    async with gateway.browser(operator) as client:
        token = await open_form(client, "/account")
        reads = [(await client.get(path)).status_code for path in ("/admin", "/admin/people")]
        form = {"email": "x@city.example", "name": "X", "roles": "admin", "csrf": token}
        invited = await client.post("/admin/people", data=form)

    assert reads == [403, 403]
    assert invited.status_code == 403


@pytest.mark.parametrize(
    "email", ["a@b.example\r\nBcc: c@d.example", "a@b.example,c@d.example", "nobody", "a b@c.example"]
)
async def test_odd_address_is_refused(gateway: Gateway, email: str):
    """What could reach a second mailbox is no address."""
    admin, _ = await gateway.enrol()

    assert await _invite(gateway, admin, email, "operator") in {400, 422}
    assert await gateway.mails() == []


async def test_hostile_name_is_shown_as_text(gateway: Gateway):
    """A person named as a script tag is a text on the page."""
    admin, _ = await gateway.enrol()
    async with gateway.browser(admin) as client:
        form = {"email": "x@city.example", "name": "<script>alert(1)</script>", "roles": ["operator"]}
        await submit(client, "/admin/people", form)
        page = await client.get("/admin/people")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>alert" not in page.text
