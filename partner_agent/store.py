"""The agent's durable state: one SQLite file, write-ahead log, flushed to disk at every commit.

Tables belong to the module named beside them; this module opens the file, makes the tables, and runs transactions. A
transaction inside another joins it, so that a decision, its account and its journal line are one write. Losing the
file is losing the lineage: the site starts again at nothing shared.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_FILE_MODE: Final = 0o600
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
-- journal
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;
-- cameras: ids minted here, by the owner's own name for each
CREATE TABLE IF NOT EXISTS camera (name TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
-- masks: areas of the pictures of a camera; points in parts of 10,000, as JSON
CREATE TABLE IF NOT EXISTS mask (
  camera TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, points TEXT NOT NULL, shape INTEGER NOT NULL,
  PRIMARY KEY (camera, id)) STRICT;
-- policy_store
CREATE TABLE IF NOT EXISTS document (
  sha256 TEXT PRIMARY KEY, raw TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('in_force', 'proposal', 'held'))) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_in_force ON document (role) WHERE role = 'in_force';
CREATE UNIQUE INDEX IF NOT EXISTS one_held ON document (role) WHERE role = 'held';
CREATE TABLE IF NOT EXISTS dead (sha256 TEXT PRIMARY KEY) STRICT;
-- owners: the counter each passkey last showed, and what it then signed
CREATE TABLE IF NOT EXISTS touch (
  credential TEXT PRIMARY KEY, sign_count INTEGER NOT NULL, challenge TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pack (sha256 TEXT PRIMARY KEY, raw TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;
-- grants: what may be used once
CREATE TABLE IF NOT EXISTS used (
  kind TEXT NOT NULL CHECK (kind IN ('jti', 'session', 'leaf', 'request')), value TEXT NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (kind, value)) STRICT;
-- sessions
CREATE TABLE IF NOT EXISTS session (
  session TEXT PRIMARY KEY, jti TEXT NOT NULL, camera TEXT NOT NULL, is_clip INTEGER NOT NULL, summary TEXT NOT NULL,
  started_ms INTEGER NOT NULL, ended_ms INTEGER, reason TEXT, seconds INTEGER NOT NULL DEFAULT 0,
  sent_bytes INTEGER NOT NULL DEFAULT 0) STRICT;
-- accounts: statements repeated until the gateway has noted them
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, kind TEXT NOT NULL, token TEXT NOT NULL, re TEXT) STRICT;
-- proofs
CREATE TABLE IF NOT EXISTS promise (
  leaf_hash TEXT PRIMARY KEY, jti TEXT NOT NULL, token TEXT NOT NULL, at_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('outstanding', 'overdue', 'proved', 'late', 'cleared'))) STRICT;
-- clips
CREATE TABLE IF NOT EXISTS hold (
  sha256 TEXT PRIMARY KEY, raw TEXT NOT NULL, until_ms INTEGER NOT NULL, is_asked INTEGER NOT NULL DEFAULT 0,
  answer TEXT, token TEXT) STRICT;
"""
# view_asks: one of each act for an incident, kept beyond its end so that nobody is asked again
_VIEW_ASK: Final = """
CREATE TABLE IF NOT EXISTS view_ask (
  sha256 TEXT PRIMARY KEY, raw TEXT NOT NULL, lineage TEXT NOT NULL, incident TEXT NOT NULL, until_ms INTEGER NOT NULL,
  answer TEXT CHECK (answer IN ('yes', 'no')), answered_ms INTEGER, act TEXT NOT NULL DEFAULT 'live.view',
  UNIQUE (lineage, incident, act)) STRICT;
"""
_OF_ONE_ACT: Final = """
BEGIN IMMEDIATE;
ALTER TABLE view_ask RENAME TO view_ask_of_one_act;
{table}
INSERT INTO view_ask (sha256, raw, lineage, incident, until_ms, answer, answered_ms)
  SELECT sha256, raw, lineage, incident, until_ms, answer, answered_ms FROM view_ask_of_one_act ORDER BY rowid;
DROP TABLE view_ask_of_one_act;
COMMIT;
"""


class Store:
    """The open file. One process writes; `lenspact-agent journal` may read beside it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=_FILE_MODE)
        path.chmod(_FILE_MODE)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")  # a commit that returned survives a power cut
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._db.executescript(_SCHEMA + _VIEW_ASK)
        if not any(column["name"] == "act" for column in self.rows("PRAGMA table_info(view_ask)")):
            self._db.executescript(_OF_ONE_ACT.format(table=_VIEW_ASK))  # a file of before there were other acts
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; joins the transaction that is open, if one is."""
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield self._db
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: str | int | None) -> list[sqlite3.Row]:
        """Read."""
        return self._db.execute(sql, values).fetchall()

    def get(self, name: str) -> str | None:
        """A single named value."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", name)
        return str(found[0]["value"]) if found else None

    def put(self, name: str, value: str | None) -> None:
        """Set a named value, or forget it."""
        with self.transaction() as db:
            if value is None:
                db.execute("DELETE FROM meta WHERE name = ?", (name,))
            else:
                db.execute(
                    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
