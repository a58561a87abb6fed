"""The agent's own record: a hash-chained journal of everything asked, refused, released and decided on site.

Readable without the gateway (`lenspact-agent journal`, the local page); what the owner trusts when screens disagree.
Each line's hash covers the line before it, so a line that is changed or taken out shows. It names people only as the
grant did, by reference.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from partner_agent.store import Store
from partner_agent.wire import canonical
from partner_agent.wire.clock import Clock, to_rfc3339

_START: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the record."""

    seq: int
    at: str
    kind: str
    body: dict[str, Any]
    sha256: str


class Journal:
    """Appends and reads lines; an append joins the transaction that is open."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, kind: str, /, **body: object) -> None:
        """Append one line; values must be canonical JSON."""
        at = to_rfc3339(self._clock.now())
        with self._store.transaction() as db:
            last = db.execute("SELECT seq, sha256 FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
            seq, previous = (last["seq"] + 1, last["sha256"]) if last else (1, _START)
            digest = _hash(seq, at, kind, body, previous)
            text = canonical.encode(body).decode()
            db.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", (seq, at, kind, text, digest))

    def newest(self, count: int) -> list[Line]:
        """The last `count` lines, newest first."""
        return [_line(row) for row in self._store.rows("SELECT * FROM journal ORDER BY seq DESC LIMIT ?", count)]

    def all(self) -> Iterator[Line]:
        """Every line, oldest first."""
        return (_line(row) for row in self._store.rows("SELECT * FROM journal ORDER BY seq"))

    def first_broken(self) -> int | None:
        """The first line that does not continue the chain, or None: the record is whole."""
        previous, expected = _START, 1
        for line in self.all():
            if line.seq != expected or line.sha256 != _hash(line.seq, line.at, line.kind, line.body, previous):
                return line.seq
            previous, expected = line.sha256, expected + 1
        return None


def _hash(seq: int, at: str, kind: str, body: object, previous: str) -> str:
    return canonical.sha256_hex({"seq": seq, "at": at, "kind": kind, "body": body, "previous": previous})


def _line(row: Any) -> Line:
    return Line(seq=row["seq"], at=row["at"], kind=row["kind"], body=json.loads(row["body"]), sha256=row["sha256"])
