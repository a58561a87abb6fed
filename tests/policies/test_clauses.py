"""Answers in plain words stand for rules; a higher answer never gives less."""

import dataclasses
from datetime import timedelta
from random import Random

import pytest

from policies.clauses import (
    DEFAULT_PRESET,
    ORDINARY_PURPOSES,
    RADII_M,
    Clause,
    Live,
    Preset,
    Recordings,
    Where,
    expand,
    of_preset,
    read_clause,
)
from policies.decide import decide
from policies.model import PolicyError, read_policy
from policies.narrowing import compare
from policies.request import Approval, Caps, Facts, Permit, Span
from policies.vocabulary import Act, IncidentKind, Notify, Origin, Purpose
from tests.policies.build import NOW, OFFICE, at_site, incident, policy, request, subject

CAMERAS = frozenset({"cam_1"})
USUAL = of_preset(Preset.EMERGENCIES, CAMERAS, is_home=False)


def shared(clause: Clause, **changes):
    """The policy that a clause stands for."""
    return expand([dataclasses.replace(clause, **changes)]).into(policy())


def may(held, act, **changes):
    """Whether the policy permits an act, asked for with everything else in order."""
    span = Span(NOW - timedelta(minutes=10), NOW - timedelta(minutes=5)) if act in RANGED else None
    facts = changes.pop("facts", Facts())
    return isinstance(decide(at_site(held, facts=facts), request(act=act, span=span, **changes)), Permit)


RANGED = {Act.CLIP_FETCH, Act.CLIP_REQUEST, Act.RECORDED_VIEW, Act.PRESERVE_PLACE}
ASKED = {act: Facts(approval=Approval(act, NOW + timedelta(minutes=1))) for act in Act}
# preset -> act -> (without anything, with an incident nearby, with the owner's yes)
EXPECTED = {
    Preset.LIST_ONLY: {Act.LIVE_VIEW: "---", Act.CLIP_FETCH: "---", Act.CLIP_REQUEST: "---", Act.PRESERVE_PLACE: "---"},
    Preset.ASK_ME: {Act.LIVE_VIEW: "--y", Act.CLIP_FETCH: "--y", Act.CLIP_REQUEST: "yyy", Act.PRESERVE_PLACE: "yyy"},
    Preset.EMERGENCIES: {
        Act.LIVE_VIEW: "-y-", Act.CLIP_FETCH: "--y", Act.CLIP_REQUEST: "yyy", Act.PRESERVE_PLACE: "yyy"
    },
    Preset.OPEN: {Act.LIVE_VIEW: "yyy", Act.CLIP_FETCH: "yyy", Act.CLIP_REQUEST: "yyy", Act.PRESERVE_PLACE: "yyy"},
}  # fmt: skip


@pytest.mark.parametrize("preset", Preset)
def test_a_preset_gives_what_its_name_says(preset):
    """Each preset's table: nothing extra, an incident nearby, the owner's yes."""
    held = expand([of_preset(preset, CAMERAS, is_home=False)]).into(policy())
    for act, answers in EXPECTED[preset].items():
        for (told, facts), answer in zip(
            ((None, Facts()), (incident(), Facts()), (None, ASKED[act])), answers, strict=True
        ):
            assert may(held, act, incident=told, facts=facts) is (answer == "y"), (preset, act, answer)
    assert may(held, Act.REGISTRY_VIEW, incident=None)
    assert not may(held, Act.LIVE_AUDIO)
    assert not may(held, Act.PTZ_MOVE)
    assert not may(held, Act.SHARE_FORWARD)
    assert not may(held, Act.LIVE_VIEW, camera="cam_2")


def test_emergencies_only_is_preselected():
    """The default preset; each preset recognises itself; a mixture is none."""
    assert DEFAULT_PRESET is Preset.EMERGENCIES
    for preset in Preset:
        assert of_preset(preset, CAMERAS, is_home=True).preset is preset
    assert dataclasses.replace(USUAL, recordings=Recordings.ALWAYS).preset is None


def test_a_home_is_shown_only_during_an_incident_nearby():
    """Where people live, operators do not even see that there is a camera before something happens."""
    held = expand([of_preset(Preset.OPEN, CAMERAS, is_home=True)]).into(policy())

    assert not may(held, Act.REGISTRY_VIEW, incident=None)
    assert not may(held, Act.REGISTRY_VIEW, incident=incident(is_active=False))
    assert may(held, Act.REGISTRY_VIEW)


def test_only_calls_of_the_911_centre_count_unless_the_owner_says_otherwise():
    """By default an incident opened by an operator, an alarm or a plan opens nothing."""
    for origin in set(Origin) - {Origin.CAD}:
        told = incident(origin=origin, kind=IncidentKind.ROBBERY)
        assert not may(shared(USUAL), Act.LIVE_VIEW, incident=told)
        assert may(shared(USUAL, by_hand=True), Act.LIVE_VIEW, incident=told)
    assert may(shared(USUAL), Act.LIVE_VIEW)


def test_an_incident_that_moves_here_counts_only_where_the_owner_says_so():
    """Moving incidents are an answer of their own."""
    moved = incident(has_moved=True)

    assert not may(shared(USUAL), Act.LIVE_VIEW, incident=moved)
    assert may(shared(USUAL, is_moving=True), Act.LIVE_VIEW, incident=moved)


def test_nearby_means_the_radius():
    """An incident outside the radius opens nothing; a larger radius lets it in."""
    told = incident(lat=41.886)  # about 670 m north, 780 m to the far edge of its cell

    assert not may(shared(USUAL, radius_m=600), Act.LIVE_VIEW, incident=told)
    assert may(shared(USUAL, radius_m=900), Act.LIVE_VIEW, incident=told)


def test_recordings_around_an_incident_are_around_it():
    """An hour before to an hour after it was opened, also when it is closed, and for nobody else's incident."""
    held = shared(USUAL, recordings=Recordings.NEARBY)

    assert may(held, Act.CLIP_FETCH)
    assert may(held, Act.CLIP_FETCH, incident=incident(is_active=False))
    assert not may(held, Act.CLIP_FETCH, incident=incident(opened_at=NOW - timedelta(hours=3)))
    assert not may(held, Act.CLIP_FETCH, incident=None)
    assert not may(held, Act.PRESERVE_PLACE, incident=None)
    assert may(held, Act.PRESERVE_PLACE)


def test_hours_bind_live_and_recordings_but_not_the_map():
    """Outside the weekly window nothing is shared but the place of the camera."""
    held = shared(USUAL, zone=OFFICE.zone, spans=OFFICE.spans, live=Live.ALWAYS)
    night = NOW + timedelta(hours=10)

    assert may(held, Act.LIVE_VIEW)
    assert not may(held, Act.LIVE_VIEW, now=night)
    assert may(held, Act.REGISTRY_VIEW, now=night)


def test_sound_moving_and_holding_are_answers_of_their_own():
    """Each is given only where it is ticked; the hold is 72 hours."""
    held = shared(USUAL, audio=True, ptz=True, hold=False)

    assert may(held, Act.LIVE_AUDIO)
    assert may(held, Act.LIVE_VIEW, caps=Caps(60, 720, audio=True, ptz=True))
    assert not may(held, Act.PRESERVE_PLACE)
    assert may(shared(USUAL), Act.PRESERVE_PLACE, caps=Caps(72 * 3600, 720))
    assert not may(shared(USUAL), Act.PRESERVE_PLACE, caps=Caps(72 * 3600 + 1, 720))


def test_it_ends_on_its_date():
    """After the end date nothing of the clause is left."""
    held = shared(USUAL, until_ms=round(NOW.timestamp() * 1000))

    assert not any(may(held, act) for act in (Act.LIVE_VIEW, Act.CLIP_REQUEST, Act.REGISTRY_VIEW))


def test_named_agencies_and_purposes_only():
    """Another agency of the agreement, or another purpose, gets nothing."""
    assert may(shared(USUAL, agencies=frozenset({"age_1", "age_3"})), Act.LIVE_VIEW)
    assert not may(shared(USUAL, agencies=frozenset({"age_2"})), Act.LIVE_VIEW)
    assert not may(shared(USUAL, purposes=frozenset({Purpose.FIRE})), Act.LIVE_VIEW)
    assert not ORDINARY_PURPOSES & {Purpose.IMMIGRATION, Purpose.PROTEST_MONITORING, Purpose.HEALTH_CARE_SEEKING}


HIGHER = (
    [(Live, "live", low, high) for low, high in ((0, 1), (0, 2), (0, 3), (1, 3), (2, 3))]
    + [(Recordings, "recordings", low, high) for low, high in ((0, 1), (0, 2), (0, 3), (2, 3))]
    + [(Where, "where", 0, 1)]
)


@pytest.mark.parametrize(("words", "name", "low", "high"), HIGHER)
def test_a_lower_answer_is_a_narrowing(words, name, low, high):
    """Going from a higher answer to a lower one needs nobody's approval, whatever the other answers are."""
    dice = Random(3)
    for _ in range(40):
        clause = random_clause(dice)
        less = dataclasses.replace(clause, **{name: list(words)[low]})
        more = dataclasses.replace(clause, **{name: list(words)[high]})

        assert compare(shared(more), shared(less)).is_narrowing, (less, more)


LESS = {
    "purposes": lambda c: {"purposes": frozenset(sorted(c.purposes)[:1])},
    "radius": lambda c: {"radius_m": c.radius_m - 1},
    "origins": lambda c: {"by_hand": False} if c.by_hand else {},
    "moving": lambda _c: {"is_moving": False},
    "hold": lambda _c: {"hold": False},
    "sound": lambda _c: {"audio": False},
    "ptz": lambda _c: {"ptz": False},
    "end": lambda c: {"until_ms": (c.until_ms or 5) - 1},
    "masks": lambda c: {"masks": c.masks | {"new"}},
    "told": lambda _c: {"notify": Notify.NOW},
    "named": lambda c: (
        {"named": frozenset({"role:age_1/supervisor"}), "agencies": frozenset(sorted(c.agencies)[:1])}
        if c.named
        else {"named": c.named}
    ),
    "excluded": lambda c: {"excluded": c.excluded | {"agency:age_2"}},
    "panic": lambda _c: {"on_panic": False},
    "emergency": lambda _c: {"emergency": False},
    "length of a view": lambda c: {"session_s": c.session_s - 1},
    "length of a recording": lambda c: {"clip_s": c.clip_s - 1},
    "age of a recording": lambda c: {"look_back_s": c.look_back_s - 1},
    "height": lambda c: {"height_lines": c.height_lines - 1},
    "history": lambda c: {"history_from_ms": c.history_from_ms + 1},
    "live in a day": lambda c: {"live_s_per_day": c.live_s_per_day - 1},
    "recordings in a day": lambda c: {"clip_s_per_day": c.clip_s_per_day - 1},
    "whose word": lambda c: {"by_hand": False, "origins": frozenset(sorted(c.origins)[:1])},
}


@pytest.mark.parametrize("name", LESS)
def test_each_other_answer_is_monotone(name):
    """Less of any other answer is a narrowing too."""
    dice = Random(4)
    for _ in range(40):
        clause = random_clause(dice)

        assert compare(shared(clause), shared(clause, **LESS[name](clause))).is_narrowing


def random_clause(dice: Random) -> Clause:
    """Any answers."""
    has_hours = dice.random() < 0.5
    return Clause(
        CAMERAS,
        dice.choice(list(Live)),
        dice.choice(list(Recordings)),
        dice.choice(list(Where)),
        radius_m=dice.choice(RADII_M),
        agencies=frozenset(dice.sample(["age_1", "age_2"], dice.choice((0, 1, 2)))),
        purposes=frozenset(dice.sample(sorted(ORDINARY_PURPOSES), dice.choice((1, 3)))),
        zone=OFFICE.zone if has_hours else "",
        spans=OFFICE.spans if has_hours else (),
        until_ms=dice.choice((None, 10**12)),
        by_hand=dice.random() < 0.5,
        is_moving=dice.random() < 0.5,
        hold=dice.random() < 0.5,
        audio=dice.random() < 0.5,
        ptz=dice.random() < 0.5,
        masks=frozenset(dice.sample(["m1", "m2"], dice.choice((0, 1)))),
        notify=dice.choice(list(Notify)),
        named=frozenset(dice.sample(["role:age_1/supervisor", "unit:age_1/rtcc"], dice.choice((0, 0, 2)))),
        excluded=frozenset(dice.sample(["agency:age_2", "unit:age_1/patrol"], dice.choice((0, 0, 1)))),
        on_panic=dice.random() < 0.3,
        emergency=dice.random() < 0.3,
        session_s=dice.choice((60, 1800)),
        clip_s=dice.choice((60, 3600)),
        look_back_s=dice.choice((3600, 604_800)),
        height_lines=dice.choice((480, 2160)),
        live_s_per_day=dice.choice([2, 3600, 8 * 3600]),
        clip_s_per_day=dice.choice([2, 1800, 4 * 3600]),
        history_from_ms=dice.choice((0, 10**12)),
        origins=frozenset(dice.sample(sorted(Origin), dice.choice((1, 1, 3)))),
    )


PRESET_ORDER = [(Preset.LIST_ONLY, other) for other in Preset] + [(other, Preset.OPEN) for other in Preset]


@pytest.mark.parametrize(("low", "high"), PRESET_ORDER)
def test_presets_are_in_order(low, high):
    """From "open" to any other, and from any to "on the list only", needs nobody's approval; nor does staying."""
    for is_home in (False, True):
        more, less = (expand([of_preset(one, CAMERAS, is_home=is_home)]).into(policy()) for one in (high, low))

        assert compare(more, less).is_narrowing
        assert compare(less, more).is_narrowing is (low is high)


def test_who_is_excluded_gets_nothing_whatever_else_is_said():
    """An exclusion wins over every clause, its own and others; everybody else keeps what they had."""
    open_to_all = of_preset(Preset.OPEN, CAMERAS, is_home=False)
    barred = dataclasses.replace(open_to_all, excluded=frozenset({"unit:age_1/rtcc"}))
    held = expand([open_to_all, barred]).into(policy())

    assert not any(may(held, act) for act in Act)
    assert may(held, Act.LIVE_VIEW, subject=subject(unit="traffic"))


def test_a_clause_for_a_role_is_for_nobody_else():
    """Units and roles are named beside agencies."""
    held = shared(of_preset(Preset.OPEN, CAMERAS, is_home=False), named=frozenset({"role:age_1/supervisor"}))

    assert not may(held, Act.LIVE_VIEW)
    assert may(held, Act.LIVE_VIEW, subject=subject(roles=frozenset({"supervisor"})))


def test_the_alarm_button_and_two_persons_open_what_is_closed():
    """Live while the button is pressed; live and recordings with a second person; neither without."""
    never = of_preset(Preset.LIST_ONLY, CAMERAS, is_home=False)
    pressed, two = Facts(panic_until=NOW + timedelta(minutes=1)), Facts(is_second_person_present=True)
    held = shared(never, on_panic=True, emergency=True)

    assert not may(held, Act.LIVE_VIEW)
    assert may(held, Act.LIVE_VIEW, facts=pressed)
    assert not may(held, Act.CLIP_FETCH, facts=pressed)
    assert may(held, Act.LIVE_VIEW, facts=two)
    assert may(held, Act.CLIP_FETCH, facts=two, incident=None)
    assert not may(shared(never), Act.LIVE_VIEW, facts=two)


def test_history_only_from_the_moment_of_the_grant():
    """Nothing recorded before the owner said so is given; how long, how old and how high are answers too."""
    usual = of_preset(Preset.OPEN, CAMERAS, is_home=False)
    now_ms = round(NOW.timestamp() * 1000)

    assert may(shared(usual, history_from_ms=now_ms - 3_600_000), Act.CLIP_FETCH)
    assert not may(shared(usual, history_from_ms=now_ms), Act.CLIP_FETCH)
    assert not may(shared(usual, look_back_s=599), Act.CLIP_FETCH)
    assert not may(shared(usual, clip_s=299), Act.CLIP_FETCH)
    assert not may(shared(usual, session_s=299), Act.LIVE_VIEW)
    assert not may(shared(usual, height_lines=719), Act.LIVE_VIEW)


def test_of_several_answers_the_least_of_a_day_counts_for_the_whole_site():
    """Each kind by itself; an answer without cameras says nothing."""
    other = dataclasses.replace(USUAL, cameras=frozenset({"cam_2"}), live_s_per_day=7200, clip_s_per_day=9000)
    nobody = dataclasses.replace(USUAL, cameras=frozenset(), live_s_per_day=1)
    held = expand([dataclasses.replace(USUAL, clip_s_per_day=3600), other, nobody]).into(policy())

    assert (held.totals.live_s_per_day, held.totals.clip_s_per_day) == (7200, 3600)
    assert expand([]).into(policy()).totals == policy().totals
    with pytest.raises(PolicyError, match="live_s_per_day"):
        read_clause({**USUAL.to_json(), "live_s_per_day": 0}, "clause")  # type: ignore[dict-item]


def test_more_than_a_document_holds_is_refused():
    """Clauses whose rules would not fit are refused when they are written, not by the site."""
    many = dataclasses.replace(USUAL, agencies=frozenset(f"age_{number}" for number in range(60)))
    near = dataclasses.replace(USUAL, recordings=Recordings.NEARBY, emergency=True)

    for clauses in ([many], [near] * 22):
        with pytest.raises(PolicyError, match="fewer"):
            expand(clauses)
    assert len(expand([near] * 21).terms) == 63


def test_a_clause_from_before_these_answers_reads_as_it_was():
    """What was stored without units, exclusions, panic, emergency and limits means what it meant."""
    written = USUAL.to_json()
    later = ("named", "excluded", "on_panic", "emergency", "session_s", "clip_s", "look_back_s", "height_lines")
    for name in (*later, "live_s_per_day", "clip_s_per_day"):
        del written[name]  # type: ignore[index]

    assert read_clause(written, "clause") == USUAL
    with pytest.raises(PolicyError, match="excluded"):
        read_clause({**USUAL.to_json(), "excluded": ["any"]}, "clause")  # type: ignore[dict-item]


def test_clauses_and_their_policies_survive_their_written_forms():
    """What is stored and what is sent read back as the same."""
    dice = Random(6)
    for _ in range(100):
        clause = random_clause(dice)
        held = expand([clause, dataclasses.replace(clause, cameras=frozenset())]).into(policy())

        assert read_clause(clause.to_json(), "clause") == clause
        assert read_policy(held.to_document()) == held
        assert len(held.groups) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purposes": frozenset()}, "purposes"),
        ({"radius_m": 0}, "radius_m"),
        ({"radius_m": 50_001}, "radius_m"),
        ({"zone": "America/Chicago"}, "spans"),
        ({"spans": ((0, 5),)}, "spans"),
        ({"zone": "America/Nowhere", "spans": ((0, 5),)}, "zone"),
        ({"zone": "America/Chicago", "spans": ((5, 9), (0, 5))}, "zone"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(changes, field):
    """A clause without purposes, radius, or a whole window is refused and names the field."""
    with pytest.raises(PolicyError) as error:
        dataclasses.replace(USUAL, **changes)
    assert error.value.path == field
