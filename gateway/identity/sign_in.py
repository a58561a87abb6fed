"""Signing in: a mailed link for people of partners, password and one-time code for people of the agency.

Known and unknown addresses get the same answer after the same work. A link's GET changes nothing, only the button on
its page does, so mail scanners cannot burn it. Every attempt is counted before it is judged, and every outcome is a
leaf. (Seams: agency sign-on and passkeys begin a session here too, with their own `factors`.)
"""

from dataclasses import dataclass
from typing import Final

from gateway.audit import Decision, Kind, LeafDraft
from gateway.edge.origin import PublicOrigin, safe_next
from gateway.edge.rate_limit import JustLimitedError, Limit, RateLimiter, address_prefix
from gateway.identity import totp
from gateway.identity.model import (
    LINK_LIFE,
    LINK_LIFE_MINUTES,
    STEP_LIFE,
    Door,
    Link,
    LinkPurpose,
    normal_email,
    ref_of,
)
from gateway.identity.outbox import Outbox
from gateway.identity.passwords import Passwords
from gateway.identity.ports import Log, Mail, Memberships, PeopleStore, SecretStore
from gateway.identity.sealing import Sealer
from gateway.identity.sessions import Sessions, new_token
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import UnauthenticatedError
from gateway.web import _
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

WINDOW_S: Final = 15 * 60
TRIES_PER_ACCOUNT: Final = 5  # of password or code; the fifth wrong one locks for the rest of the window
LINKS_PER_ACCOUNT: Final = 5
TRIES_PER_NETWORK: Final = 60  # a dispatch floor shares one address

WRONG: Final = "Address and password do not match. Check both, then try again."
WRONG_CODE: Final = "This code is not right. Wait for the next one, then try again."
OVER: Final = "This link was used already, or is too old. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Attempt:
    """Where an attempt comes from.

    Attributes:
        address: of the client.
        old_token: the session this browser had; it ends when a new one begins.
    """

    address: str
    old_token: str = ""

    @property
    def network(self) -> str:
        """The prefix that is counted and kept."""
        return address_prefix(self.address)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session's cookie value, and where to go."""

    token: str
    next_path: str


class SignIn:
    """The use cases of the sign-in pages."""

    def __init__(
        self,
        *,
        database: Database,
        people: PeopleStore,
        secrets: SecretStore,
        sessions: Sessions,
        memberships: Memberships,
        passwords: Passwords,
        sealer: Sealer,
        outbox: Outbox,
        limiter: RateLimiter,
        log: Log,
        origin: PublicOrigin,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._people = people
        self._secrets = secrets
        self._sessions = sessions
        self._memberships = memberships
        self._passwords = passwords
        self._sealer = sealer
        self._outbox = outbox
        self._limiter = limiter
        self._log = log
        self._origin = origin
        self._clock = clock
        self._ids = ids

    async def request_link(self, email: str, *, next_path: str, attempt: Attempt) -> None:
        """Mail a link to `email`, if somebody has that address; the caller cannot tell.

        Raises:
            LimitedError: too often for this address or from this network.
        """
        await self._limiter.check("link", _limits(email, attempt, LINKS_PER_ACCOUNT))
        await self.send_link(email, next_path=next_path)

    async def send_link(self, email: str, *, next_path: str) -> None:
        """The same, for callers inside the gateway that counted already."""
        token = new_token(self._ids)
        now = self._clock.now()
        async with self._database.unit_of_work() as unit:
            person = await self._people.person_by_email(unit, email)
            is_known = person is not None and not person.is_suspended
            person_id = person.id if person and is_known else ""
            goal = safe_next(next_path, default="/portal")
            link = Link(ref_of(token), LinkPurpose.SIGN_IN, person_id, now + LINK_LIFE, goal)
            await self._secrets.add_link(unit, link, at=now)
            if person and is_known:
                await self._outbox.put(unit, self._link_mail(person.email, token))
            await unit.commit(unaudited="a link was asked for; using it is what is audited")

    async def use_link(self, token: str, *, attempt: Attempt) -> SignedIn:
        """Sign in by a mailed link, once.

        Raises:
            UnauthenticatedError: unknown, used or too old.
            LimitedError: too many attempts from this network.
        """
        await self._limiter.check("use-link", [Limit("network", attempt.network, TRIES_PER_NETWORK, WINDOW_S)])
        async with self._database.unit_of_work() as unit:
            link = await self._secrets.use_link(unit, ref_of(token), LinkPurpose.SIGN_IN, self._clock.now())
            person = await self._people.person(link.person_id) if link and link.person_id else None
            if link is None or person is None or person.is_suspended:
                await self._tell_failure(unit, "", Door.PARTNER, "link", attempt)
                await unit.commit()
                raise UnauthenticatedError(OVER)
            session = await self._sessions.begin(
                unit,
                person.id,
                door=Door.PARTNER,
                factors=frozenset({"mail_link"}),
                network=attempt.network,
                old_token=attempt.old_token,
            )
            await unit.commit()
        await self._memberships.address_confirmed(person.id)
        return SignedIn(session, link.next_path)

    async def password(self, email: str, password: str, *, next_path: str, attempt: Attempt) -> str:
        """The first step of the agency's door. Returns the secret of the second step, for a cookie.

        Raises:
            UnauthenticatedError: wrong, whatever is wrong.
            LimitedError: locked for the rest of the window; so is an address nobody has.
        """
        limits = _limits(email, attempt, TRIES_PER_ACCOUNT)
        person = await self._people.person_at(email)
        await self._count("password", limits, attempt, person_id=person.id if person else "")
        credential = await self._secrets.credential(person.id if person else "")
        member = await self._people.agency_membership(person.id if person else "")
        is_right = await self._passwords.verify(password, credential.password_hash if credential else None)
        if not is_right or credential is None or person is None or person.is_suspended or member is None:
            async with self._database.unit_of_work() as unit:
                await self._tell_failure(unit, person.id if person else "", Door.AGENCY, "password", attempt)
                await unit.commit()
            raise UnauthenticatedError(WRONG)
        await self._limiter.forgive("password", limits[0])
        if self._passwords.is_outdated(credential.password_hash):
            await self._secrets.rehash(person.id, await self._passwords.hash(password))
        return await self._begin_step(person.id, safe_next(next_path, default="/"))

    async def code(self, step_token: str, code: str, *, attempt: Attempt) -> SignedIn:
        """The second step: the one-time code, each of which counts once.

        Raises:
            UnauthenticatedError: the step is over, or the code is wrong or used.
            LimitedError: locked for the rest of the window.
        """
        now = self._clock.now()
        step = await self._secrets.link(ref_of(step_token), LinkPurpose.SECOND_STEP, now)
        if step is None:
            raise UnauthenticatedError(OVER)
        limits = _limits(step.person_id, attempt, TRIES_PER_ACCOUNT)
        await self._count("code", limits, attempt, person_id=step.person_id)
        credential = await self._secrets.credential(step.person_id)
        if credential is None:
            raise UnauthenticatedError(OVER)
        seed = self._sealer.open(credential.sealed_seed, bound_to=credential.person_id)
        found = totp.matching_step(seed, code, now=now, last_step=credential.last_step)
        async with self._database.unit_of_work() as unit:
            is_first = found is not None and await self._secrets.advance_step(unit, step.person_id, found)
            if not is_first or not await self._secrets.use_link(unit, step.ref, LinkPurpose.SECOND_STEP, now):
                await self._tell_failure(unit, step.person_id, Door.AGENCY, "code", attempt)
                await unit.commit()
                raise UnauthenticatedError(WRONG_CODE)
            token = await self.begin_agency_session(unit, step.person_id, attempt)
            await unit.commit()
        await self._limiter.forgive("code", limits[0])
        return SignedIn(token, step.next_path)

    async def begin_agency_session(self, unit: UnitOfWork, person_id: str, attempt: Attempt) -> str:
        """A session after password and code; enrolment ends here too."""
        return await self._sessions.begin(
            unit,
            person_id,
            door=Door.AGENCY,
            factors=frozenset({"password", "totp"}),
            network=attempt.network,
            old_token=attempt.old_token,
        )

    async def _begin_step(self, person_id: str, next_path: str) -> str:
        token = new_token(self._ids)
        now = self._clock.now()
        step = Link(ref_of(token), LinkPurpose.SECOND_STEP, person_id, now + STEP_LIFE, next_path)
        async with self._database.unit_of_work() as unit:
            await self._secrets.add_link(unit, step, at=now)
            await unit.commit(unaudited="half a sign-in; the whole one is audited")
        return token

    async def _count(self, endpoint: str, limits: list[Limit], attempt: Attempt, *, person_id: str) -> None:
        try:
            await self._limiter.check(endpoint, limits)
        except JustLimitedError:
            async with self._database.unit_of_work() as unit:
                await self._tell_failure(unit, person_id, Door.AGENCY, "locked", attempt)
                await unit.commit()
            raise

    async def _tell_failure(self, unit: UnitOfWork, person_id: str, door: Door, reason: str, attempt: Attempt) -> None:
        draft = LeafDraft(
            kind=Kind.SIGN_IN_FAILED,
            streams=frozenset({person_id} if person_id else ()),
            decision=Decision.DENY,
            public={"door": door.value, "reason": reason},
            restricted={"network": attempt.network},
        )
        await self._log.append(unit, draft)

    def _link_mail(self, email: str, token: str) -> Mail:
        url = f"{self._origin.text}/sign-in/link/{token}"
        press = _("Open this link and press the button to sign in:")
        once = _(
            "It works once, for %(minutes)d minutes. If you did not ask for it, do nothing: without the link nobody "
            "gets in.",
            minutes=LINK_LIFE_MINUTES,
        )
        return Mail(to=email, subject=_("Your sign-in link"), text=f"{press}\n\n{url}\n\n{once}\n")


def _limits(account: str, attempt: Attempt, per_account: int) -> list[Limit]:
    return [
        Limit("account", normal_email(account), per_account, WINDOW_S),
        Limit("network", attempt.network, TRIES_PER_NETWORK, WINDOW_S),
    ]
