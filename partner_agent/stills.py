"""A still at the site: taken, signed, handed over once, accounted for like any session.

The device signs the digest of the finished picture before its first byte leaves. Whatever fails ends the session with
nothing sent; a picture that was taken is kept nowhere here.
"""

import hashlib

import anyio

from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.ports import MediaError, OwnerNotice, Still, Stills
from partner_agent.running import Running
from partner_agent.sessions import Sessions
from partner_agent.wire import classes, statements
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.limits import STILL_S
from partner_agent.wire.problems import Code
from partner_agent.wire.tokens import Signer
from policies.vocabulary import Notify, Obligation


class StillDesk:
    """Stills of this site."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: Journal,
        clock: Clock,
        device: Signer,
        stills: Stills,
        notice: OwnerNotice,
    ) -> None:
        self._identity, self._journal, self._clock = identity, journal, clock
        self._device, self._stills, self._notice = device, stills, notice

    async def send(self, running: Running, sessions: Sessions) -> None:
        """Take it, sign it, hand it over; ends its session whatever happens."""
        grant = running.grant
        assert grant.still is not None
        with running.scope:
            try:
                with anyio.fail_after(STILL_S):
                    still = await self._stills.take(grant.camera, running.limits, self._words(running))
                    statement = self._statement(running, still)
                    running.still_at, running.sent_bytes = still.at, len(still.jpeg)  # counts before it leaves
                    await self._stills.send(
                        still, url=grant.still.upload_url, token=grant.still.upload_token, statement=statement
                    )
            except (MediaError, TimeoutError) as error:
                code = error.code if isinstance(error, MediaError) else Code.CAMERA_UNREACHABLE
                sessions.end(grant.session, str(code))
                return
            self._tell(running)
            sessions.end(grant.session, "finished")

    def _words(self, running: Running) -> tuple[str, ...]:
        """What is burned in beside the time: for whom, and what leads to the log."""
        grant = running.grant
        assert grant.still is not None
        agency = self._identity.agencies.get(grant.subject.agency, grant.subject.agency)
        return (agency, grant.subject.ref[-8:], grant.still.label)

    def _statement(self, running: Running, still: Still) -> str:
        mine, grant = self._identity, running.grant
        claims = {
            "session": grant.session,
            "jti": grant.jti,
            "camera": grant.camera,
            "sha256": hashlib.sha256(still.jpeg).hexdigest(),
            "size_bytes": len(still.jpeg),
            "taken_at": to_rfc3339(still.at),
            "width": still.width,
            "height": still.height,
        }
        self._journal.add("still", session=grant.session, camera=grant.camera, sha256=claims["sha256"])
        return statements.make(
            classes.STILL, claims, signer=self._device, agent=mine.agent, gateway=mine.gateway, now=self._clock.now()
        )

    def _tell(self, running: Running) -> None:
        if running.grant.obligations.get(Obligation.NOTIFY) == Notify.NOW:
            self._notice.tell("still", "A still picture was taken of one of your cameras; the journal says which.")
