"""The form of an answer and the answer: what one says the other shows again, whatever it is."""

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernel.errors import InvalidError
from gateway.sharing.exact import HEIGHTS, Choices
from gateway.sharing.forms import fields_of, read_clause_form, values_of
from gateway.sharing.site_book import Agency
from gateway.sharing.weeks import Row, rows_of
from gateway.web import Form
from policies import hours
from policies.clauses import ORDINARY_PURPOSES, RADII_M, Clause, Live, Recordings, Where
from policies.parts import Envelope
from policies.vocabulary import Act, Notify, Origin, Purpose

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
SITE = SimpleNamespace(zone="America/Chicago", name="Shop")
POLICE, FIRE = Agency("age_police", "City Police"), Agency("age_fire", "Fire Department")
MOST = Envelope(
    mou="pilot-1",
    agencies=frozenset({POLICE.id}),
    acts=frozenset(Act),
    purposes=frozenset(Purpose),
    from_ms=0,
    until_ms=None,
    session_s=3600,
    clip_s=7200,
    hold_s=604_800,
    look_back_s=2_592_000,
    height_lines=2160,
)
CHOICES = Choices((POLICE, FIRE), MOST, ("door", "side-window"))
GRANTEES = st.sampled_from(
    [
        f"{kind}:{agency.id}/{name}"
        for agency in (POLICE, FIRE)
        for kind, name in (("unit", "rtcc"), ("role", "operator"))
    ]
)
ROW = st.builds(
    Row, st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple), st.integers(0, 1439), st.integers(0, 1440)
).filter(lambda row: row.opens != row.closes)
SPANS = st.lists(ROW, max_size=3).map(lambda rows: hours.normal([one for row in rows for one in row.spans]))


@st.composite
def clauses(draw) -> Clause:
    """Any answer that the form can say."""
    spans, origins = draw(SPANS), draw(st.frozensets(st.sampled_from(Origin), min_size=1))
    is_all = origins == frozenset(Origin)
    return Clause(
        frozenset({"cam_1"}),
        draw(st.sampled_from(Live)),
        draw(st.sampled_from(Recordings)),
        draw(st.sampled_from(Where)),
        radius_m=draw(st.sampled_from(RADII_M)),
        agencies=draw(st.frozensets(st.sampled_from([POLICE.id, FIRE.id]))),
        purposes=draw(st.frozensets(st.sampled_from(sorted(ORDINARY_PURPOSES)), min_size=1)),
        zone=SITE.zone if spans else "",
        spans=spans,
        by_hand=is_all,
        origins=frozenset({Origin.CAD}) if is_all else origins,
        is_moving=draw(st.booleans()),
        hold=draw(st.booleans()),
        masks=draw(st.frozensets(st.sampled_from(["door", "side-window"]))),
        audio=draw(st.booleans()),
        ptz=draw(st.booleans()),
        notify=draw(st.sampled_from(Notify)),
        named=draw(st.frozensets(GRANTEES)),
        excluded=draw(st.frozensets(st.one_of(GRANTEES, st.sampled_from([f"agency:{FIRE.id}"])))),
        on_panic=draw(st.booleans()),
        emergency=draw(st.booleans()),
        session_s=60 * draw(st.integers(1, 60)),
        clip_s=60 * draw(st.integers(1, 120)),
        look_back_s=86_400 * draw(st.integers(1, 30)),
        height_lines=draw(st.sampled_from(HEIGHTS)),
        history_from_ms=draw(st.sampled_from([0, 1, NOW_MS - 1, NOW_MS])),
        live_s_per_day=3600 * draw(st.integers(1, 40)),
        clip_s_per_day=3600 * draw(st.integers(1, 40)),
    )


def read(values, *, kept=None, now=NOW):
    """What a form with these fields says."""
    return read_clause_form(Form(values), SITE, CHOICES, cameras=frozenset({"cam_1"}), now=now, kept=kept)


@given(clauses())
def test_what_an_answer_shows_is_read_as_the_same_answer(clause):
    """Clause to form to clause: nothing is lost and nothing is added; each field shown is a field of the form."""
    shown = values_of(clause, SITE, CHOICES)

    assert set(shown) <= set(fields_of(CHOICES))
    if not (clause.spans and "opens" not in shown):
        assert read(shown) == clause


@given(SPANS.filter(bool))
def test_rows_stand_for_exactly_the_minutes_they_were_found_in(spans):
    """Whatever the week looks like, its rows mean the same minutes."""
    assert hours.normal([one for row in rows_of(spans) for one in row.spans]) == spans


def test_what_the_form_does_not_ask_stays():
    """Masks, and grantees of an agency or role that the form does not offer, are kept by a save."""
    kept = dataclasses.replace(
        read(values_of(Clause(frozenset({"cam_1"}), Live.NEVER, Recordings.NEVER, Where.SHOWN), SITE, CHOICES)),
        masks=frozenset({"m1"}),
        agencies=frozenset({"age_county"}),
        named=frozenset({"role:age_police/chief", "unit:age_county/x"}),
        excluded=frozenset({"agency:age_state"}),
        session_s=90,
        radius_m=450,
    )

    assert read(values_of(kept, SITE, CHOICES), kept=kept) == kept


def test_only_from_now_on_begins_once_and_stays():
    """The moment is that of the first look; a later save does not move it, a moment to come is not believed."""
    usual = values_of(Clause(frozenset({"cam_1"}), Live.NEVER, Recordings.ASK, Where.SHOWN), SITE, CHOICES)
    form = Form(usual | {"from_now": "yes"})
    first = read_clause_form(form, SITE, CHOICES, cameras=frozenset({"cam_1"}), now=NOW, kept=None)
    later = read(form.values, now=NOW.replace(hour=18))
    ahead = read(form.values | {"history_from": "2030-01-01T00:00:00.000Z"})

    assert first.history_from_ms == NOW_MS
    assert later.history_from_ms == NOW_MS
    assert ahead.history_from_ms == NOW_MS


WRONG = {
    "longer than the agreement": ({"session_min": "61"}, "session_min", "from 1 to 60"),
    "no length": ({"session_min": "0"}, "session_min", "from 1 to 60"),
    "half a minute": ({"clip_min": "1.5"}, "clip_min", "whole minutes"),
    "older than the agreement": ({"look_back_days": "31"}, "look_back_days", "whole days from 1 to 30"),
    "no hours of a day": ({"live_day_h": "0"}, "live_day_h", "Give whole hours from 1 to 6,144."),
    "half an hour of a day": ({"clip_day_h": "0.5"}, "clip_day_h", "Give whole hours"),
    "a number of another script": ({"look_back_days": "²"}, "look_back_days", "whole days"),
    "a height that is none": ({"height_lines": "12"}, "height_lines", "Choose one of these."),
    "a way of telling that is none": ({"notify": "never"}, "notify", "Choose one of these."),
    "a unit in capitals": ({f"to_units_{POLICE.id}": "RTCC"}, f"to_units_{POLICE.id}", "is no unit's name"),
    "hostile units": ({f"not_units_{FIRE.id}": "a/b, c"}, f"not_units_{FIRE.id}", "“a/b” is no unit's name"),
    "too many units": (
        {f"to_units_{POLICE.id}": ",".join(f"u{n}" for n in range(17))},
        f"to_units_{POLICE.id}",
        "at most 16",
    ),
    "second hours without days": (
        {"has_hours": "yes", "day_0": "yes", "opens": "08:00", "closes": "09:00"}
        | {"opens_1": "10:00", "closes_1": "11:00"},
        "days_1",
        "at least one day",
    ),
    "second hours without an end": (
        {"has_hours": "yes", "day_0": "yes", "opens": "08:00", "closes": "09:00"}
        | {"day_1_1": "yes", "opens_1": "10:00"},
        "closes_1",
        "This is needed.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_said_at_its_field(name):
    """One sentence where the mistake is, and no other field is blamed."""
    changes, field, sentence = WRONG[name]
    usual = values_of(Clause(frozenset({"cam_1"}), Live.NEVER, Recordings.ASK, Where.SHOWN), SITE, CHOICES)
    with pytest.raises(InvalidError) as wrong:
        read(usual | changes)

    assert list(wrong.value.fields) == [field]
    assert sentence in wrong.value.fields[field]
