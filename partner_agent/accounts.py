"""Statements that must reach the gateway: refused, stopped, interrupted, the owner's answers.

Each is signed once, stored with the change it tells of, and repeated until the gateway has noted it.
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
MAX_PER_ROUND: Final = 32  # so that a long absence does not fill the outbox at once

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
        self._next_round = clock.monotonic()

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
        return message

    def noted(self, message_id: str) -> None:
        """The gateway has taken this statement."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM account WHERE id = ?", (message_id,))

    @staticmethod
    def forget(store: Store) -> None:
        """Owe nothing more to the gateway of an earlier pairing; the journal keeps what happened."""
        with store.transaction() as db:
            db.execute("DELETE FROM account")

    def repeat(self, *, now: bool = False) -> None:
        """Say again what has not been noted; `now` on a new link, otherwise every `REPEAT_S`."""
        moment = self._clock.monotonic()
        if not now and moment < self._next_round:
            return
        self._next_round = moment + REPEAT_S
        for row in self._store.rows("SELECT * FROM account ORDER BY rowid LIMIT ?", MAX_PER_ROUND):
            message_class = _KINDS[row["kind"]][1]
            self._outbox.post(message_class(id=row["id"], re=row["re"], token=row["token"]))
