"""The agency's door: password and one-time code, each attempt counted, each code once, nobody enumerable."""

import statistics
import time

import anyio
import httpx
import pytest
from sqlalchemy import text

from gateway.identity.sign_in import Attempt
from gateway.kernel.errors import LenspactError
from gateway.kernel.principal import Role
from tests.identity.conftest import PASSWORD, Gateway, csrf_of, open_form, submit

pytestmark = pytest.mark.anyio


async def _password(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await submit(client, "/sign-in/agency", {"email": email, "password": password})


async def _code(client: httpx.AsyncClient, code: str) -> httpx.Response:
    return await submit(client, "/sign-in/agency/code", {"code": code})


async def test_password_and_code_sign_in(both_gateways: Gateway):
    """Both right: a session of the agency with both factors, and no step left."""
    gateway = both_gateways
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    async with gateway.browser() as client:
        first = await _password(client, "Admin@City.example", PASSWORD)
        second = await _code(client, gateway.code(seed))
        principal = await gateway.services.identity.sessions.authenticate(client.cookies["lenspact"])
        admin = await client.get("/admin")

    assert (first.status_code, first.headers["location"]) == (303, "/sign-in/agency/code")
    assert second.status_code == 303
    assert principal.roles == {Role.ADMIN}
    assert principal.organisation_id.startswith("age_")
    assert principal.factors == {"password", "totp"}
    assert admin.status_code == 200


async def test_password_alone_opens_nothing(gateway: Gateway):
    """After the first step there is no session."""
    await gateway.enrol()
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)

        assert "lenspact" not in client.cookies
        assert (await client.get("/admin")).status_code == 303


async def test_code_without_step_opens_nothing(gateway: Gateway):
    """A right code without the first step is refused."""
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    async with gateway.browser() as client:
        assert (await _code(client, gateway.code(seed))).status_code == 401


async def test_code_counts_once(gateway: Gateway):
    """A code seen over somebody's shoulder is refused the second time, also within its 30 seconds."""
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    code = gateway.code(seed)
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)
        assert (await _code(client, code)).status_code == 303
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)
        assert (await _code(client, code)).status_code == 401


async def test_enrolment_code_counts_once_too(gateway: Gateway):
    """The code that finished enrolment does not sign in."""
    _, seed = await gateway.enrol()
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)
        assert (await _code(client, gateway.code(seed))).status_code == 401


async def test_two_at_once_with_one_code(both_gateways: Gateway):
    """Of eight sign-ins at the same time with the same code, one succeeds."""
    gateway = both_gateways
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    sign_in = gateway.services.identity.sign_in
    steps = []
    for n in range(4):
        attempt = Attempt(f"192.0.{n}.1")
        steps.append(await sign_in.password("admin@city.example", PASSWORD, next_path="", attempt=attempt))
    passed = []

    async def finish(step: str, n: int) -> None:
        try:
            await sign_in.code(step, gateway.code(seed), attempt=Attempt(f"192.0.{n}.1"))
        except LenspactError:
            return
        passed.append(n)

    async with anyio.create_task_group() as group:
        for n, step in enumerate(steps):
            group.start_soon(finish, step, n)

    assert len(passed) == 1


async def test_fifth_wrong_password_locks_the_right_one_too(gateway: Gateway):
    """Five wrong ones, then even the right one waits for the window's end; nobody else does."""
    _, _seed = await gateway.enrol()
    async with gateway.browser() as client:
        answers = [(await _password(client, "admin@city.example", "wrong wrong")).status_code for _ in range(5)]
        locked = await _password(client, "admin@city.example", PASSWORD)
        unknown = await _password(client, "nobody@city.example", PASSWORD)
        gateway.clock.advance(int(locked.headers["retry-after"]))
        after = await _password(client, "admin@city.example", PASSWORD)

    assert answers == [401] * 5
    assert (locked.status_code, unknown.status_code, after.status_code) == (429, 401, 303)


async def test_unknown_account_locks_alike(gateway: Gateway):
    """An address nobody has is locked by the sixth attempt just the same."""
    async with gateway.browser() as client:
        answers = [(await _password(client, "nobody@city.example", "wrong wrong")).status_code for _ in range(6)]

    assert answers == [401] * 5 + [429]


async def test_wrong_codes_lock(gateway: Gateway):
    """Five wrong codes lock the second step as well."""
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)
        answers = [(await _code(client, "000000")).status_code for _ in range(5)]
        locked = await _code(client, gateway.code(seed))

    assert answers == [401] * 5
    assert locked.status_code == 429


async def test_twenty_guesses_at_once_get_five_tries(both_gateways: Gateway):
    """Guessing at the same time from many networks gives no more tries."""
    gateway = both_gateways
    await gateway.enrol()
    kinds: list[str] = []

    async def guess(n: int) -> None:
        try:
            sign_in = gateway.services.identity.sign_in
            await sign_in.password("admin@city.example", f"guess {n}", next_path="", attempt=Attempt(f"192.0.{n}.1"))
        except LenspactError as error:
            kinds.append(error.kind)

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(guess, n)

    assert sorted(kinds) == ["limited"] * 15 + ["unauthenticated"] * 5


async def test_known_and_unknown_read_the_same(gateway: Gateway):
    """Status, body and cookies do not tell whether an address is known."""
    await gateway.enrol()
    pages = []
    for email in ("admin@city.example", "nobody@city.example"):
        async with gateway.browser() as client:
            answer = await _password(client, email, "wrong wrong")
            body = answer.text.replace(email, "x").replace(csrf_of(answer.text), "t")
            pages.append((answer.status_code, body, sorted(client.cookies)))

    assert pages[0] == pages[1]


async def test_known_and_unknown_take_the_same_time(gateway: Gateway):
    """The median time for unknown addresses lies within the middle half of that for known ones."""
    await gateway.enrol()
    sign_in = gateway.services.identity.sign_in
    times: dict[str, list[float]] = {"admin@city.example": [], "nobody@city.example": []}
    for n in range(60):
        for email, taken in times.items():
            gateway.clock.advance(900)
            started = time.perf_counter()
            with pytest.raises(LenspactError):
                await sign_in.password(email, "wrong wrong", next_path="", attempt=Attempt(f"192.0.{n}.1"))
            taken.append(time.perf_counter() - started)
    known, unknown = times.values()
    low, _, high = statistics.quantiles(known, n=4)

    assert low * 0.8 <= statistics.median(unknown) <= high * 1.25


async def test_step_ends_after_ten_minutes(gateway: Gateway):
    """A half-finished sign-in does not stay open."""
    _, seed = await gateway.enrol()
    async with gateway.browser() as client:
        await _password(client, "admin@city.example", PASSWORD)
        gateway.clock.advance(600)
        assert (await _code(client, gateway.code(seed))).status_code == 401


async def test_every_outcome_is_in_the_log(gateway: Gateway):
    """Success, wrong password, wrong code and the lock are leaves; the lock once, whatever follows."""
    _, seed = await gateway.enrol()
    gateway.clock.advance(30)
    async with gateway.browser() as client:
        for _ in range(8):
            await _password(client, "admin@city.example", "wrong wrong")
        gateway.clock.advance(900)
        await _password(client, "admin@city.example", PASSWORD)
        await _code(client, "000000")
        await _code(client, gateway.code(seed))
    async with gateway.services.database.read() as connection:
        rows = (await connection.execute(text("SELECT leaf FROM audit_event"))).scalars().all()
    leaves = b"\n".join(rows).decode()

    assert leaves.count('"kind":"sign_in.succeeded"') == 2
    assert leaves.count('"reason":"password"') == 5
    assert leaves.count('"reason":"locked"') == 1
    assert leaves.count('"reason":"code"') == 1
    assert "admin@city.example" not in leaves
    assert "Sam Keller" not in leaves


async def test_page_keeps_the_address_and_never_the_password(gateway: Gateway):
    """What was typed is shown again, but for the password."""
    async with gateway.browser() as client:
        answer = await _password(client, 'x"><script>alert(1)</script>@city.example', "hunter2 hunter2")

    assert "&lt;script&gt;" in answer.text
    assert "<script>alert" not in answer.text
    assert "hunter2" not in answer.text


async def test_extra_fields_are_refused(gateway: Gateway):
    """A form field that the page does not have is refused, whatever it is called."""
    async with gateway.browser() as client:
        token = await open_form(client, "/sign-in/agency")
        for name in ("roles", "person_id", "is_suspended", "door"):
            form = {"email": "a@b.example", "password": "x", "csrf": token, name: "admin"}
            assert (await client.post("/sign-in/agency", data=form)).status_code == 400
