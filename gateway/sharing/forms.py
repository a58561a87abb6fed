"""The sharing form: answers as fields, and fields as answers. Every mistake is said beside its field, all at once."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.partners import Site
from gateway.web import Form
from partner_agent.wire import canonical
from policies import hours
from policies.clauses import DEFAULT_RADIUS_M, ORDINARY_PURPOSES, RADII_M, Clause, Live, Recordings, Where
from policies.vocabulary import Purpose

PURPOSES: Final = tuple(word for word in Purpose if word in ORDINARY_PURPOSES)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TICKS: Final = ("by_hand", "is_moving", "hold", "audio", "ptz")
FIELDS: Final = (
    *("live", "recordings", "where", "radius_m", "has_hours", "opens", "closes", "ends_on", *_TICKS),
    *(f"day_{index}" for index in range(7)),
    *(f"purpose_{word}" for word in PURPOSES),
)
_TIME: Final = "Give a time such as 08:00 or 18:30."
_MAX_YEARS: Final = 10


def values_of(clause: Clause, site: Site) -> dict[str, str]:
    """A clause as its form shows it."""
    values = {
        "live": str(clause.live),
        "recordings": str(clause.recordings),
        "where": str(clause.where),
        "radius_m": str(clause.radius_m),
    }
    values |= {name: "yes" for name in _TICKS if getattr(clause, name)}
    values |= {f"purpose_{word}": "yes" for word in clause.purposes}
    if clause.zone:
        values |= _hours_of(clause)
    if clause.until_ms is not None:
        last = datetime.fromtimestamp(clause.until_ms / 1000, ZoneInfo(site.zone)) - timedelta(milliseconds=1)
        values["ends_on"] = last.date().isoformat()
    return values


def read_clause_form(form: Form, site: Site, *, cameras: frozenset[str], now: datetime, kept: Clause | None) -> Clause:
    """The clause that a form describes.

    Args:
        form: what was typed.
        site: whose zone its times are in.
        cameras: whom the answers are for.
        now: an end date lies after it.
        kept: the clause there was; what the form does not ask stays (masks, agencies, how the owner is told).

    Raises:
        InvalidError: something is wrong; `fields` holds every sentence.
    """
    live, recordings = form.choice("live", list(Live)), form.choice("recordings", list(Recordings))
    where = form.choice("where", list(Where))
    radius = form.choice("radius_m", [str(radius) for radius in RADII_M])
    purposes = frozenset(word for word in PURPOSES if form.is_ticked(f"purpose_{word}"))
    if not purposes:
        form.wrong("purposes", "Choose at least one purpose.")
    spans = _read_hours(form) if form.is_ticked("has_hours") else ()
    until_ms = _read_end(form, site, now)
    form.check()
    base = kept or Clause(cameras, Live.NEVER, Recordings.NEVER, Where.NEARBY)
    return dataclasses.replace(
        base,
        cameras=cameras,
        live=Live(live),
        recordings=Recordings(recordings),
        where=Where(where),
        radius_m=int(radius or DEFAULT_RADIUS_M),
        purposes=purposes,
        zone=site.zone if spans else "",
        spans=spans,
        until_ms=until_ms,
        by_hand=form.is_ticked("by_hand"),
        is_moving=form.is_ticked("is_moving"),
        hold=form.is_ticked("hold"),
        audio=form.is_ticked("audio"),
        ptz=form.is_ticked("ptz"),
    )


def digest_of(clause: Clause) -> str:
    """What a person looked at before saving: a save of anything else shows its own changes first."""
    return canonical.sha256_hex(clause.to_json())


def _read_hours(form: Form) -> hours.Spans:
    days = [index for index in range(7) if form.is_ticked(f"day_{index}")]
    if not days:
        form.wrong("days", "Choose at least one day, or take the hours away.")
    opens, closes = _read_time(form, "opens"), _read_time(form, "closes")
    if opens is None or closes is None:
        return ()
    if opens == closes:
        form.wrong("closes", "From and to are the same. For the whole day take the hours away, or end at 24:00.")
        return ()
    return hours.normal([_span(day, opens, closes) for day in days])


def _read_time(form: Form, name: str) -> int | None:
    """Minutes of the day; 24:00 is the end of the day."""
    text = form.line(name, most=5)
    if not text:
        return None
    if text == "24:00" and name == "closes":
        return hours.DAY_MIN
    try:
        at = time.fromisoformat(text if ":" in text else "")
    except ValueError:
        form.wrong(name, _TIME)
        return None
    return at.hour * 60 + at.minute


def _read_end(form: Form, site: Site, now: datetime) -> int | None:
    text = form.line("ends_on", most=10, is_required=False)
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone until it gets the site's
    except ValueError:
        form.wrong("ends_on", "Give a day such as 2026-12-31.")
        return None
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(site.zone))
    if end <= now:
        form.wrong("ends_on", "This day is over. Give a day to come, or leave it empty.")
    elif end > now + timedelta(days=366 * _MAX_YEARS):
        form.wrong("ends_on", f"Give a day within {_MAX_YEARS} years, or leave it empty.")
    return round(end.timestamp() * 1000)


def _hours_of(clause: Clause) -> Mapping[str, str]:
    """The hours as the form shows them: days, from, to, found again from the merged minutes."""
    spans = clause.spans
    for opens in sorted({start % hours.DAY_MIN for start, _ in spans}, reverse=True):
        for closes in sorted({end % hours.DAY_MIN or hours.DAY_MIN for _, end in spans}):
            days = [day for day in range(7) if hours.covers(spans, hours.normal([_span(day, opens, closes)]))]
            if hours.normal([_span(day, opens, closes) for day in days]) == spans:
                shown = {"has_hours": "yes", "opens": _clock(opens), "closes": _clock(closes)}
                return shown | {f"day_{day}": "yes" for day in days}
    return {"has_hours": "yes"}  # made elsewhere: the form asks anew rather than show what is not so


def _span(day: int, opens: int, closes: int) -> tuple[int, int]:
    """From `opens` on a day to the next `closes`, over midnight where that comes first."""
    start = day * hours.DAY_MIN + opens
    return start, start + ((closes - opens) % hours.DAY_MIN or hours.DAY_MIN)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
