"""The sharing form: answers as fields, and fields as answers. Every mistake is said beside its field, all at once."""

import dataclasses
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.kernel.phrases import phrase
from gateway.partners import Site
from gateway.sharing.exact import Choices, read_exact, values_of_exact
from gateway.sharing.weeks import HOURS_FIELDS, read_hours, values_of_hours
from gateway.web import Form
from partner_agent.wire import canonical
from policies.clauses import DEFAULT_RADIUS_M, ORDINARY_PURPOSES, RADII_M, Clause, Live, Recordings, Where
from policies.reach import Reach
from policies.vocabulary import Origin, Purpose

PURPOSES: Final = tuple(word for word in Purpose if word in ORDINARY_PURPOSES)
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TICKS: Final = ("is_moving", "hold", "audio", "ptz")
_FIELDS: Final = (
    *("live", "recordings", "where", "radius_m", "has_hours", "ends_on", *_TICKS, *HOURS_FIELDS),
    *(f"origin_{origin}" for origin in Origin),
    *(f"purpose_{word}" for word in PURPOSES),
)
_MAX_YEARS: Final = 10


def fields_of(choices: Choices) -> tuple[str, ...]:
    """Every field of the form at a site."""
    return _FIELDS + choices.fields


def values_of(clause: Clause, site: Site, choices: Choices) -> dict[str, str]:
    """A clause as its form shows it."""
    values = {
        "live": str(clause.live),
        "recordings": str(clause.recordings),
        "where": str(clause.where),
        "radius_m": str(clause.radius_m),
    }
    values |= {name: "yes" for name in _TICKS if getattr(clause, name)}
    values |= {f"purpose_{word}": "yes" for word in clause.purposes}
    values |= {f"origin_{origin}": "yes" for origin in (Origin if clause.by_hand else clause.origins)}
    values |= values_of_exact(clause, choices)
    if clause.zone:
        values |= values_of_hours(clause.spans)
    if clause.until_ms is not None:
        last = datetime.fromtimestamp(clause.until_ms / 1000, ZoneInfo(site.zone)) - timedelta(milliseconds=1)
        values["ends_on"] = last.date().isoformat()
    return values


def read_clause_form(
    form: Form,
    site: Site,
    choices: Choices,
    *,
    cameras: frozenset[str],
    now: datetime,
    kept: Clause | None,
    reach: Reach = Reach.NAMED,
    labels: frozenset[str] = frozenset(),
) -> Clause:
    """The clause that a form describes.

    Args:
        form: what was typed.
        site: whose zone its times are in.
        choices: what the folded part offers.
        cameras: whom the answers are for.
        now: an end date lies after it; "only from now on" begins here.
        kept: the clause there was; what the form does not ask stays.
        reach: whether they are for every camera, then without naming one.
        labels: cameras with one of these are meant besides.

    Raises:
        InvalidError: something is wrong; `fields` holds every sentence.
    """
    live, recordings = form.choice("live", list(Live)), form.choice("recordings", list(Recordings))
    where = form.choice("where", list(Where))
    radii = {str(radius) for radius in RADII_M} | ({str(kept.radius_m)} if kept else set())
    radius = form.choice("radius_m", radii)
    purposes = frozenset(word for word in PURPOSES if form.is_ticked(f"purpose_{word}"))
    if not purposes:
        form.wrong("purposes", "Choose at least one purpose.")
    origins = _read_origins(form, needs_one="nearby" in {live, recordings, where})
    spans = read_hours(form) if form.is_ticked("has_hours") else ()
    until_ms = _read_end(form, site, now)
    exact = read_exact(form, choices, now=now, kept=kept)
    form.check()
    base = kept or Clause(cameras, Live.NEVER, Recordings.NEVER, Where.NEARBY)
    return dataclasses.replace(
        base,
        cameras=cameras,
        reach=reach,
        labels=labels,
        live=Live(live),
        recordings=Recordings(recordings),
        where=Where(where),
        radius_m=int(radius or DEFAULT_RADIUS_M),
        purposes=purposes,
        zone=site.zone if spans else "",
        spans=spans,
        until_ms=until_ms,
        by_hand=origins == frozenset(Origin),
        origins=frozenset({Origin.CAD}) if origins == frozenset(Origin) else origins,
        is_moving=form.is_ticked("is_moving"),
        hold=form.is_ticked("hold"),
        audio=form.is_ticked("audio"),
        ptz=form.is_ticked("ptz"),
        **exact,
    )


def digest_of(clause: Clause) -> str:
    """What a person looked at before saving: a save of anything else shows its own changes first."""
    return canonical.sha256_hex(clause.to_json())


def _read_origins(form: Form, *, needs_one: bool) -> frozenset[Origin]:
    """Whose word for an incident counts; nobody is asked where no answer depends on an incident."""
    origins = frozenset(origin for origin in Origin if form.is_ticked(f"origin_{origin}"))
    if not origins and needs_one:
        form.wrong("origins", "Choose at least one: an answer above depends on an incident.")
    return origins or frozenset({Origin.CAD})


def _read_end(form: Form, site: Site, now: datetime) -> int | None:
    text = form.line("ends_on", most=10, is_required=False)
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone until it gets the site's
    except ValueError:
        form.wrong("ends_on", "Give a day such as 2026-12-31.")
        return None
    if day.year > now.year + _MAX_YEARS + 1:
        form.wrong("ends_on", phrase("Give a day within %(years)d years, or leave it empty.", years=_MAX_YEARS))
        return None
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(site.zone))
    if end <= now:
        form.wrong("ends_on", "This day is over. Give a day to come, or leave it empty.")
    elif end > now + timedelta(days=366 * _MAX_YEARS):
        form.wrong("ends_on", phrase("Give a day within %(years)d years, or leave it empty.", years=_MAX_YEARS))
    return round(end.timestamp() * 1000)
