"""Orders to running views of recordings, and their answers: where to play, what is recorded, small pictures of it.

Each is about one session that was granted and runs; what lies outside its range does not exist for it. Orders come from
a viewer's hand, so there are few; more than `PLAYBACK_PER_S` are refused, and so is a second question of a kind that
reads the disk while the first is being answered.
"""

import base64
from datetime import datetime
from typing import Final

import anyio
import anyio.abc

from partner_agent.journal import Journal
from partner_agent.ports import MediaError, Outbox, Player, Steer
from partner_agent.sessions import Sessions
from partner_agent.wire import messages as m
from partner_agent.wire import playback_messages as p
from partner_agent.wire.clock import Clock, from_rfc3339, to_rfc3339
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import PLAYBACK_PER_S, THUMBNAILS
from partner_agent.wire.problems import Code

ANSWER_S: Final = 6.0
MOST_PIECES: Final = 400  # of one coverage: so that it fits a frame
UNKNOWN: Final = "unknown_session"
MALFORMED: Final = "malformed"

Order = p.Playback | p.CoverageAsk | p.ThumbnailsAsk


class Showings:
    """Answers orders to the views of recordings of this site."""

    def __init__(self, *, sessions: Sessions, journal: Journal, clock: Clock, ids: IdSource, outbox: Outbox) -> None:
        self._sessions, self._journal, self._clock = sessions, journal, clock
        self._ids, self._outbox = ids, outbox
        self._tasks: anyio.abc.TaskGroup | None = None
        self._recent: dict[str, list[float]] = {}
        self._busy: set[tuple[str, str]] = set()

    def bind(self, tasks: anyio.abc.TaskGroup) -> None:
        """The task group that owns the answers."""
        self._tasks = tasks

    def take(self, message: Order) -> None:
        """One order, in order; the answer follows."""
        assert self._tasks is not None
        player = self._sessions.player(message.session)
        kind = (message.session, type(message).__name__)
        if player is None:
            self._problem(message, UNKNOWN)
        elif not self._may(message.session) or kind in self._busy:
            self._problem(message, str(Code.LIMIT))
        else:
            self._busy |= set() if isinstance(message, p.Playback) else {kind}
            self._tasks.start_soon(self._serve, message, player, kind)

    async def _serve(self, message: Order, player: Player, kind: tuple[str, str]) -> None:
        try:
            with anyio.fail_after(ANSWER_S):
                answer = await self._answer(message, player)
            is_over = self._sessions.player(message.session) is not player
            self._problem(message, UNKNOWN) if is_over else self._outbox.post(answer)
        except ValueError:
            self._problem(message, MALFORMED)
        except (MediaError, TimeoutError) as error:
            self._problem(message, str(error.code if isinstance(error, MediaError) else Code.CAMERA_UNREACHABLE))
        except Exception as error:  # noqa: BLE001 - the supervisor of orders: none of the gateway's ends the agent
            self._journal.add("fault", of="order", session=message.session, why=type(error).__name__)
            self._problem(message, MALFORMED)
        finally:
            self._busy.discard(kind)

    async def _answer(self, message: Order, player: Player) -> m.Message:
        match message:
            case p.Playback():
                return await self._steer(message, player)
            case p.CoverageAsk():
                return await self._coverage(message, player)
            case p.ThumbnailsAsk():
                return await self._thumbnails(message, player)

    async def _steer(self, message: p.Playback, player: Player) -> m.Message:
        position = from_rfc3339(message.position) if message.position else None
        order = Steer(position, message.speed_percent, message.is_paused, message.step)
        if not order.is_good:
            raise ValueError("not a speed or a step")
        where = await player.steer(order)
        return p.Playing(
            id=self._ids.new("msg"),
            re=message.id,
            session=message.session,
            position=to_rfc3339(where.position),
            speed_percent=where.speed_percent,
            is_paused=where.is_paused,
            is_over=where.is_over,
            ticks=where.ticks,
            anchored_at=to_rfc3339(where.anchored_at),
        )

    async def _coverage(self, message: p.CoverageAsk, player: Player) -> m.Message:
        spans, gaps = await player.coverage()
        return p.Coverage(
            id=self._ids.new("msg"),
            re=message.id,
            session=message.session,
            spans=[[to_rfc3339(one.start), to_rfc3339(one.end)] for one in spans[:MOST_PIECES]],
            gaps=[[to_rfc3339(one.start), to_rfc3339(one.end), one.reason] for one in gaps[:MOST_PIECES]],
        )

    async def _thumbnails(self, message: p.ThumbnailsAsk, player: Player) -> m.Message:
        moments: list[datetime] = [from_rfc3339(at) for at in message.at]
        if not 0 < len(moments) <= THUMBNAILS:
            raise ValueError("too many, or none")
        found = await player.thumbnails(moments)
        self._journal.add("thumbnails", session=message.session, at=[to_rfc3339(one.at) for one in found])
        pictures = [[to_rfc3339(one.at), base64.b64encode(one.jpeg).decode()] for one in found]
        return p.Thumbnails(id=self._ids.new("msg"), re=message.id, session=message.session, pictures=pictures)

    def _may(self, session: str) -> bool:
        """Whether one more order of this session is taken now."""
        now = self._clock.monotonic()
        self._recent = {name: kept for name, at in self._recent.items() if (kept := [t for t in at if now - t < 1.0])}
        times = self._recent.setdefault(session, [])
        if len(times) >= PLAYBACK_PER_S:
            return False
        times.append(now)
        return True

    def _problem(self, message: m.Message, code: str) -> None:
        self._outbox.post(m.Problem(id=self._ids.new("msg"), re=message.id, code=code))
