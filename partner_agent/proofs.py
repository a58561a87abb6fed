"""No proof, no picture: which promised log entries are outstanding, proved, or overdue, and the log head last seen.

A promise must be followed within its delay, on the monotonic clock, by an inclusion proof in a checkpoint that is
consistent with the last one seen. Overdue ends every session and refuses; a late proof or the site clears it. Two heads
that cannot both be true are a contradiction, which only the site clears. All of it is on disk; after a boot each
outstanding promise has its delay once more, and no more.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final

from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.ports import OwnerNotice
from partner_agent.store import Store
from partner_agent.wire import proofs
from partner_agent.wire.clock import Clock, to_ms
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import MAX_MERGE_DELAY_S
from partner_agent.wire.messages import LogProof, LogProofRequest
from partner_agent.wire.notes import Checkpoint, NoteError, open_checkpoint
from partner_agent.wire.promises import Promise
from partner_agent.wire.proofs import ProofError

FIRST_ASK_S: Final = 2.0  # the sequencer runs each second
ASK_PERIOD_S: Final = 5.0
MOST_ASKED: Final = 8  # at a time without an answer: a gateway that is behind is not asked for more because of that
_HEAD: Final = "log_head"
_CONTRADICTION: Final = "log_contradiction"


@dataclass(slots=True)
class _Waiting:
    due: float  # monotonic
    ask_at: float
    asked_size: int | None = None  # the head's when it was asked for last


class Promises:
    """The promises of the one log this agent pinned."""

    def __init__(
        self, *, store: Store, journal: Journal, clock: Clock, ids: IdSource, identity: Identity, notice: OwnerNotice
    ) -> None:
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._identity, self._notice = identity, notice
        now = clock.monotonic()
        rows = store.rows("SELECT leaf_hash FROM promise WHERE state = 'outstanding'")
        self._waiting = {str(row["leaf_hash"]): _Waiting(now + MAX_MERGE_DELAY_S, now) for row in rows}
        self._late_asks: dict[str, _Waiting] = {}  # overdue ones: a late proof still clears them

    @property
    def outstanding(self) -> int:
        """How many wait for their proof."""
        return len(self._waiting)

    @property
    def is_overdue(self) -> bool:
        """Whether a promise was not kept."""
        return bool(self._store.rows("SELECT 1 FROM promise WHERE state = 'overdue'"))

    @property
    def contradiction(self) -> str | None:
        """Two heads that cannot both be true, as the site should see them; None if there are none."""
        return self._store.get(_CONTRADICTION)

    @property
    def is_broken(self) -> bool:
        """Whether nothing may be released on a promise now."""
        return self.is_overdue or self.contradiction is not None

    @property
    def head(self) -> Checkpoint | None:
        """The newest head that was seen and found consistent."""
        text = self._store.get(_HEAD)
        return Checkpoint.parse(text) if text else None

    def add(self, promise: Promise, jti: str) -> None:
        """Count a promise from now; inside the transaction that accepts its grant."""
        with self._store.transaction() as db:
            values = (promise.leaf_hash, jti, promise.token, to_ms(self._clock.now()))
            db.execute("INSERT INTO promise VALUES (?, ?, ?, ?, 'outstanding')", values)
        now = self._clock.monotonic()
        self._waiting[promise.leaf_hash] = _Waiting(now + promise.max_merge_delay_s, now + FIRST_ASK_S)

    def tick(self) -> bool:
        """Mark what is overdue; True if something became so, and every session must end."""
        now = self._clock.monotonic()
        late = [leaf_hash for leaf_hash, waiting in self._waiting.items() if now > waiting.due]
        for leaf_hash in late:
            del self._waiting[leaf_hash]
            with self._store.transaction() as db:
                db.execute("UPDATE promise SET state = 'overdue' WHERE leaf_hash = ?", (leaf_hash,))
                self._journal.add("promise_overdue", leaf_hash=leaf_hash)
        if late:
            self._notice.tell("promise_overdue", "A promised log entry did not appear; nothing is sent until it does.")
        return bool(late)

    def requests(self) -> list[LogProofRequest]:
        """What to ask for now: outstanding promises and overdue ones, whichever has waited longest, a few at a time."""
        now = self._clock.monotonic()
        for row in self._store.rows("SELECT leaf_hash FROM promise WHERE state = 'overdue'"):
            self._late_asks.setdefault(str(row["leaf_hash"]), _Waiting(now, now))
        asks = {**self._waiting, **self._late_asks}
        due = sorted((key for key, waiting in asks.items() if waiting.ask_at <= now), key=lambda key: asks[key].ask_at)
        asked = sum(waiting.asked_size is not None and waiting.ask_at > now for waiting in asks.values())
        due = due[: max(0, MOST_ASKED - asked)]
        head = self.head
        have_size = head.size if head else 0
        for leaf_hash in due:
            asks[leaf_hash].ask_at, asks[leaf_hash].asked_size = now + ASK_PERIOD_S, have_size
        return [
            LogProofRequest(
                id=self._ids.new("msg"),
                origin=self._identity.log_origin,
                leaf_hash=leaf_hash,
                have_size=have_size,
            )
            for leaf_hash in due
        ]

    def take(self, proof: LogProof) -> bool:
        """Judge a proof; True if it showed a contradiction, and every session must end.

        1. The promise is one we hold. 2. The checkpoint is signed by the pinned log. 3. It is consistent with the last.
        4. The leaf is in it. A proof that does not hold changes nothing: its promise goes on to be overdue. Nor does
        one of growth from a head that another answer has replaced meanwhile: it is asked for again.
        """
        state = self._state(proof.leaf_hash)
        if state not in {"outstanding", "overdue"}:  # 1
            return False
        checkpoint = self._opened(proof.checkpoint)  # 2
        if checkpoint is None:
            return False
        head = self.head
        if head is not None and checkpoint.size == head.size and checkpoint.root != head.root:  # 3
            self._contradict(head, checkpoint)
            return True
        if head is not None and checkpoint.size != head.size and self._is_overtaken(proof.leaf_hash, head, checkpoint):
            return False
        try:
            if head is not None and checkpoint.size != head.size:  # of one size and root it is the same log
                proofs.verify_consistency(
                    old_size=head.size,
                    old_root=head.root,
                    size=checkpoint.size,
                    root=checkpoint.root,
                    proof=[bytes.fromhex(step) for step in proof.consistency],
                )
            proofs.verify_inclusion(  # 4
                bytes.fromhex(proof.leaf_hash),
                index=proof.index,
                size=checkpoint.size,
                proof=[bytes.fromhex(step) for step in proof.inclusion],
                root=checkpoint.root,
            )
        except (ProofError, ValueError) as error:
            self._journal.add("proof_refused", leaf_hash=proof.leaf_hash, why=str(error))
            return False
        self._kept(proof.leaf_hash, checkpoint, is_late=state == "overdue")
        return False

    def clear(self) -> None:
        """The site accepts what is overdue or contradicts; it stays on record."""
        with self._store.transaction() as db:
            db.execute("UPDATE promise SET state = 'cleared' WHERE state = 'overdue'")
            if self.contradiction is not None:
                self._store.put(_CONTRADICTION, None)
                self._store.put(_HEAD, None)  # the next head starts a new history, which the site has agreed to
            self._journal.add("promises_cleared")
        self._late_asks.clear()

    @staticmethod
    def forget(store: Store) -> str | None:
        """Let the next head begin a new history, for a new pairing; returns the last one of the old."""
        head = store.get(_HEAD)
        with store.transaction() as db:
            db.execute("UPDATE promise SET state = 'cleared' WHERE state IN ('outstanding', 'overdue')")
            store.put(_HEAD, None)
            store.put(_CONTRADICTION, None)
        return head

    def _is_overtaken(self, leaf_hash: str, head: Checkpoint, answer: Checkpoint) -> bool:
        """Whether it was asked for when the head was another one; if so it is on record, and due again."""
        waiting = self._waiting.get(leaf_hash) or self._late_asks.get(leaf_hash)
        if waiting is None or waiting.asked_size in {None, head.size}:
            return False
        root = base64.b64encode(answer.root).decode()  # signed, and not compared: whoever keeps another head can
        self._journal.add("proof_overtaken", leaf_hash=leaf_hash, size=answer.size, root=root)
        waiting.ask_at = self._clock.monotonic()
        return True

    def _state(self, leaf_hash: str) -> str | None:
        rows = self._store.rows("SELECT state FROM promise WHERE leaf_hash = ?", leaf_hash)
        return str(rows[0]["state"]) if rows else None

    def _opened(self, note: str) -> Checkpoint | None:
        for verifier in self._identity.log_verifiers():
            try:
                return open_checkpoint(note.encode(), verifier).checkpoint
            except NoteError:
                continue
        self._journal.add("proof_refused", why="the checkpoint is not signed by the pinned log")
        return None

    def _kept(self, leaf_hash: str, checkpoint: Checkpoint, *, is_late: bool) -> None:
        self._waiting.pop(leaf_hash, None)
        self._late_asks.pop(leaf_hash, None)
        state = "late" if is_late else "proved"
        with self._store.transaction() as db:
            db.execute("UPDATE promise SET state = ? WHERE leaf_hash = ?", (state, leaf_hash))
            self._store.put(_HEAD, checkpoint.text)
            self._journal.add("promise_kept", leaf_hash=leaf_hash, size=checkpoint.size, is_late=is_late)

    def _contradict(self, head: Checkpoint, other: Checkpoint) -> None:
        roots = [base64.b64encode(item.root).decode() for item in (head, other)]
        text = json.dumps({"origin": head.origin, "size": head.size, "roots": roots})
        with self._store.transaction():
            self._store.put(_CONTRADICTION, text)
            self._journal.add("log_contradiction", size=head.size, roots=roots)
        self._notice.tell("contradiction", "The gateway's log showed two different histories; nothing is sent.")
