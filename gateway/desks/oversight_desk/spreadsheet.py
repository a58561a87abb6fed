"""Acts as CSV (RFC 4180) that a spreadsheet cannot mistake for formulas. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from gateway.desks.oversight_desk.acts import Act
from partner_agent.wire.clock import to_rfc3339

HEADER: Final = (
    "entry",
    "time_utc",
    "what",
    "person",
    "person_id",
    "standing",
    "camera",
    "camera_id",
    "why",
    "incident",
    "incident_id",
    "decision",
    "outcome",
    "seconds",
    "proof",
)
# What makes a spreadsheet read a cell as a formula, also behind what it skips (OWASP, CSV injection).
_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def rows(acts: Iterable[Act]) -> str:
    """The lines of `acts`, without header."""
    return _lines(_cells(act) for act in acts)


def header() -> str:
    """The first line; a byte order mark before it makes spreadsheets read UTF-8."""
    return "\ufeff" + _lines([HEADER])


def safe(text: str) -> str:
    """`text`, with an apostrophe before it if a spreadsheet would calculate it; control characters removed."""
    shown = "".join(max(c, " ") for c in text)
    return f"'{shown}" if text.lstrip(" ").startswith(_STARTS) else shown


def _cells(act: Act) -> tuple[str, ...]:
    return (
        act.event_id,
        to_rfc3339(act.at),
        act.what,
        act.who.name,
        act.who.id,
        act.standing,
        act.camera.name,
        act.camera.id,
        act.why,
        act.incident.name,
        act.incident.id,
        act.decision.value,
        act.outcome,
        "" if act.seconds is None else str(act.seconds),
        "in the log" if act.is_logged else "promised",
    )


def _lines(table: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [safe(cell) for cell in row] for row in table
    )
    return out.getvalue()
