"""Statements that must reach the gateway: refused, stopped, interrupted, the owner's answers.

Each is signed once, stored with the change it tells of, and repeated until the gateway has noted it. Few are on their
way at one time: a gateway that has much to do is not asked for more because it is slow.
"""

from typing import Final

from partner_agent.identity import Identity
from partner_agent.ports import Outbox
from partner_agent.store import Store
from partner_agent.wire import classes, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.messages import ClipAnswer, Interrupted, Message, Refused, Stopped, ViewAnswer
from partner_agent.wire.tokens import Signer, TokenClass

REPEAT_S: Final = 15.0
MOST_SAID: Final = 8  # at a time without an answer, of what is said again

_KINDS: Final[dict[str, tuple[TokenClass, type[Refused | Stopped | Interrupted | ClipAnswer | ViewAnswer]]]] = {
    "refused": (classes.REFUSED, Refused),
    "stopped": (classes.STOPPED, Stopped),
    "interrupted": (classes.INTERRUPTED, Interrupted),
    "clip_answer": (classes.SITE_APPROVAL, ClipAnswer),
    "view_answer": (classes.SITE_APPROVAL, ViewAnswer),
}


class Accounts:
    """The outstanding statements of this agent."""

    def __init__(
        self, *, store: Store, clock: Clock, ids: IdSource, identity: Identity, device: Signer, outbox: Outbox
    ) -> None:
        self._store, self._clock, self._ids, self._identity = store, clock, ids, identity
        self._device, self._outbox = device, outbox
        self._said_at: dict[str, float] = {}  # by message, the last time
        self._awaited: set[str] = set()  # said over this link, and perhaps not answered yet

    def say(self, kind: str, claims: dict[str, object], *, re: str | None = None) -> Message:
        """Sign and store a statement (in the transaction that is open); the caller posts it after the commit."""
        token_class, message_class = _KINDS[kind]
        mine = self._identity
        token = statements.make(
            token_class, claims, signer=self._device, agent=mine.agent, gateway=mine.gateway, now=self._clock.now()
        )
        message = message_class(id=self._ids.new("msg"), re=re, token=token)
        with self._store.transaction() as db:
            db.execute("INSERT INTO account VALUES (?, ?, ?, ?)", (message.id, kind, token, re))
        self._saying(message.id)
        return message

    def noted(self, message_id: str) -> None:
        """The gateway has taken this statement."""
        self._said_at.pop(message_id, None)
        self._awaited.discard(message_id)
        with self._store.transaction() as db:
            db.execute("DELETE FROM account WHERE id = ?", (message_id,))

    @staticmethod
    def forget(store: Store) -> None:
        """Owe nothing more to the gateway of an earlier pairing; the journal keeps what happened."""
        with store.transaction() as db:
            db.execute("DELETE FROM account")

    def repeat(self, *, now: bool = False) -> None:
        """Say again what was not noted within `REPEAT_S`; `now` on a new link, where all was lost.

        What has waited longest is said first, so that one which is never noted keeps no other back.
        """
        moment = self._clock.monotonic()
        self._awaited = set() if now else {key for key in self._awaited if self._said_at[key] + REPEAT_S > moment}
        room = MOST_SAID - len(self._awaited)
        if room <= 0:
            return
        owed = (
            row for row in self._store.rows("SELECT * FROM account ORDER BY rowid") if row["id"] not in self._awaited
        )
        for row in sorted(owed, key=lambda row: self._said_at.get(row["id"], 0.0))[:room]:
            self._saying(row["id"])
            self._outbox.post(_KINDS[row["kind"]][1](id=row["id"], re=row["re"], token=row["token"]))

    def _saying(self, message_id: str) -> None:
        self._said_at[message_id] = self._clock.monotonic()
        self._awaited.add(message_id)
