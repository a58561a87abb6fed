"""The link to the gateway: dial out, prove both ends, then carry messages until it breaks, and dial again.

The handshake, in the numbers of docs/ref/wire.md "Link": 1 challenge for exactly this URL; 2 proof; 3 key sets, which
need no live key but the root; 4 welcome over our nonce and proof; 5 the epoch, stored before it is acknowledged. A jump
of the epoch is a quarantine, in which the link stays and narrowings, a no and pause are still taken.

While somebody watches the gateway is heard every few seconds. Where it is not, and does not answer either, the way is
dead, as after a change of the site's address: it is dialled anew while the views' leases still hold.
"""

import math
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

import anyio

from partner_agent.channels import Channel, Dialler, LinkLostError
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.ports import OwnerNotice
from partner_agent.postbox import Postbox
from partner_agent.switches import Switches
from partner_agent.timekeeping import ClockGuard, FreshValues
from partner_agent.wire import handshake
from partner_agent.wire import messages as m
from partner_agent.wire.clock import Clock
from partner_agent.wire.frames import MalformedError, Unrecognized, decode, encode
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import BACKOFF_FIRST_S, BACKOFF_LAST_S, HANDSHAKE_S
from partner_agent.wire.tokens import Signer, TokenError

DIAL_S: Final = 15.0
SEND_S: Final = 10.0  # a gateway that does not read for this long is gone
QUIET_S: Final = 3.5  # while somebody watches: leases come each 3 s
PONG_S: Final = 1.5  # together half of what a lease lives, so that another link is up before it ends
LOOK_S: Final = 0.5
SETTLED_S: Final = 30.0  # a link that lived this long starts the back-off anew
_NORMAL_CLOSE: Final = 1000
_MALFORMED_CLOSE: Final = 1007


class Link:
    """Owns the one connection."""

    def __init__(
        self,
        *,
        dialler: Dialler,
        outbox: Postbox,
        identity: Identity,
        device: Signer,
        clock: Clock,
        ids: IdSource,
        journal: Journal,
        switches: Switches,
        clock_guard: ClockGuard,
        fresh: FreshValues,
        notice: OwnerNotice,
        version: str,
        boot_id: str,
        lineage: Callable[[], str],
        is_watched: Callable[[], bool],
    ) -> None:
        """`is_watched`: whether a view runs, so that leases must come."""
        self._dialler, self._outbox, self._identity, self._device = dialler, outbox, identity, device
        self._clock, self._ids, self._journal, self._switches = clock, ids, journal, switches
        self._clock_guard, self._fresh, self._notice = clock_guard, fresh, notice
        self._version, self._boot_id, self._lineage = version, boot_id, lineage
        self._is_watched = is_watched
        self._attempts = 0
        self._heard_at = clock.monotonic()

    async def run(self, *, on_up: Callable[[], None], take: Callable[[m.Message | Unrecognized], None]) -> None:
        """Keep a link until cancelled; `on_up` after each handshake, `take` for each message."""
        while True:
            began = self._clock.monotonic()
            try:
                await self._once(on_up, take)
            except (LinkLostError, TokenError, MalformedError, TimeoutError) as error:
                self._lost(error)
            if self._clock.monotonic() - began > SETTLED_S:
                self._attempts = 0
            await self._clock.sleep(self.pause_s())

    def pause_s(self) -> float:
        """The next wait: full jitter up to a bound that doubles from 1 s to 5 min."""
        bound = min(BACKOFF_LAST_S, BACKOFF_FIRST_S * 2**self._attempts)
        self._attempts = min(self._attempts + 1, math.ceil(math.log2(BACKOFF_LAST_S)))
        return float(bound) * int.from_bytes(self._ids.secret(4)) / 2**32

    async def _once(self, on_up: Callable[[], None], take: Callable[[m.Message | Unrecognized], None]) -> None:
        with anyio.fail_after(DIAL_S):
            channel = await self._dialler.dial(self._identity.link_url)
        try:
            frames = channel.frames()
            with anyio.fail_after(HANDSHAKE_S):
                await self._greet(channel, frames)
            await self._carry(channel, frames, on_up, take)
        except MalformedError:
            await self._close(channel, _MALFORMED_CLOSE)
            raise
        finally:
            self._outbox.close()
            self._fresh.forget()
            await self._close(channel, _NORMAL_CLOSE)

    async def _greet(self, channel: Channel, frames: AsyncIterator[bytes]) -> None:
        mine = self._identity
        challenge = await _expect(frames, m.Challenge)  # 1
        if challenge.aud != mine.link_url:
            raise TokenError("the challenge is for another address")
        agent_nonce = self._ids.secret(handshake.NONCE_BYTES).hex()
        proof = handshake.make_proof(  # 2
            self._device,
            agent=mine.agent,
            url=mine.link_url,
            nonce=challenge.nonce,
            agent_nonce=agent_nonce,
            epoch=mine.epoch,
            boot_id=self._boot_id,
            version=self._version,
            keyset_version=mine.key_set.version,
            lineage=self._lineage(),
            now=self._clock.now(),
        )
        await channel.send(encode(m.Proof(id=self._ids.new("msg"), re=challenge.id, agent=mine.agent, token=proof)))
        answer = await _expect(frames, m.KeySets, m.Welcome)
        while isinstance(answer, m.KeySets):  # 3
            if mine.advance(answer.tokens):
                self._journal.add("key_set", version=mine.key_set.version)
            answer = await _expect(frames, m.KeySets, m.Welcome)
        assert isinstance(answer, m.Welcome)
        keys = mine.key_set.live("link", None if self._clock_guard.is_skewed() else self._clock.now())
        welcome = handshake.check_welcome(  # 4
            answer.token, keys, gateway=mine.gateway, agent=mine.agent, agent_nonce=agent_nonce, proof=proof
        )
        if welcome.epoch != mine.epoch + 1 and not self._switches.is_quarantined:  # 5
            self._switches.quarantine(f"epoch {welcome.epoch} after {mine.epoch}")
            self._notice.tell(
                "quarantined", "This agent may have been copied or reset; nothing is sent until you clear it."
            )
        mine.store_epoch(welcome.epoch)
        ack = m.Ack(id=self._ids.new("msg"), re=answer.id, epoch=welcome.epoch, fresh=self._fresh.new())
        await channel.send(encode(ack))
        self._journal.add("link_up", link=welcome.link, epoch=welcome.epoch)

    async def _carry(
        self,
        channel: Channel,
        frames: AsyncIterator[bytes],
        on_up: Callable[[], None],
        take: Callable[[m.Message | Unrecognized], None],
    ) -> None:
        lost: list[Exception] = []
        receive, self._heard_at = self._outbox.open(), self._clock.monotonic()

        async with anyio.create_task_group() as tasks:

            async def write() -> None:
                try:
                    async for message in receive:
                        with anyio.fail_after(SEND_S):
                            await channel.send(encode(message))
                except (LinkLostError, TimeoutError) as error:
                    lost.append(error)
                tasks.cancel_scope.cancel()

            tasks.start_soon(write)
            tasks.start_soon(self._let_go_in_silence, channel, lost)
            on_up()
            try:
                async for frame in frames:
                    self._heard_at = self._clock.monotonic()
                    take(decode(frame))
            except (LinkLostError, MalformedError) as error:
                lost.append(error)
            tasks.cancel_scope.cancel()
        receive.close()
        if self._outbox.overflow.is_set():
            raise LinkLostError("the gateway does not read")
        if lost:
            raise lost[0]

    async def _let_go_in_silence(self, channel: Channel, lost: list[Exception]) -> None:
        """Watch over one connection; ends with it, or lets it go."""
        while True:
            await anyio.sleep(LOOK_S)
            is_due = self._is_watched() and self._clock.monotonic() - self._heard_at >= QUIET_S
            if is_due and not await _answers(channel):
                lost.append(LinkLostError("the gateway was silent while somebody watched"))
                channel.abandon()
                return

    async def _close(self, channel: Channel, code: int) -> None:
        with anyio.move_on_after(SEND_S, shield=True):
            await channel.close(code, "")

    def _lost(self, error: Exception) -> None:
        self._journal.add("link_lost", why=str(error) or type(error).__name__)
        if isinstance(error, LinkLostError) and error.code == handshake.CLOSE_REVOKED:
            self._attempts = math.ceil(math.log2(BACKOFF_LAST_S))
            self._notice.tell("revoked", "The gateway no longer knows this agent. Pair it again: lenspact-agent enrol")


async def _answers(channel: Channel) -> bool:
    with anyio.move_on_after(PONG_S):
        return await channel.answers()
    return False


_M = TypeVar("_M", bound=m.Message)


async def _expect(frames: AsyncIterator[bytes], *kinds: type[_M]) -> _M:
    async for frame in frames:
        message = decode(frame)
        if isinstance(message, kinds):
            return message
        raise TokenError("the gateway does not keep to the handshake")
    raise LinkLostError("the gateway closed the link")
