"""What is said back is what the rules say."""

import dataclasses

import pytest

from policies.clauses import Live, Preset, Recordings, expand, of_preset
from policies.model import Totals
from policies.parts import Owner
from policies.vocabulary import Act, Condition, Notify, Origin, Purpose, Tag
from policies.voice import Tongue, Voice
from policies.words import Change, distance, duration, purpose, say, say_change
from tests.policies.build import NOW, OFFICE, camera, deny, envelope, policy, rule, terms

VOICE = Voice(
    cameras={"cam_1": "Front door", "cam_2": "Yard"}, agencies={"age_1": "City Police"}, zone="America/Chicago"
)
CAMERAS = frozenset({"cam_1"})


def test_emergencies_only_reads_like_this():
    """The default preset in full."""
    held = expand([of_preset(Preset.EMERGENCIES, CAMERAS, is_home=False)]).into(policy())

    assert say(held, VOICE) == [
        "City Police can see Front door on the map.",
        "City Police can watch Front door live and take stills, only for an incident nearby, within 2,000 ft, about 6 "
        "blocks, called in to the 911 centre, at most 30 minutes at a time.",
        "City Police can ask you for clips of Front door, at most 60 minutes of recording, not older than 7 days.",
        "City Police can play recordings of Front door and receive clips, only when you say yes, each time, at most 60 "
        "minutes of recording, not older than 7 days.",
        "City Police can keep recordings of Front door from being overwritten, for at most 3 days.",
        "All of this only for danger to life, violent crime, burglary and theft, traffic, missing people, fire, "
        "medical emergencies, storms and dangerous substances, public events and investigations.",
        "You are told each time.",
        "Nothing is shared from Yard.",
    ]


def test_nothing_shared_is_said():
    """An empty policy says so, with and without cameras."""
    assert say(policy(), VOICE) == ["Nothing is shared from Front door and Yard."]
    assert say(policy(cameras=(), groups=()), VOICE) == ["No camera is shared."]


SAID = {
    "hours": (rule(window="office"), "Mon–Fri 08:00–18:00 (Chicago)"),
    "dates": (rule(from_ms=0, until_ms=round(NOW.timestamp() * 1000)), "until 2026-06-03 10:00 CDT"),
    "panic": (rule(condition="panic"), "only while the alarm button of this site is on"),
    "two persons": (rule(condition="two_persons"), "only as emergency access by two people"),
    "any incident": (rule(condition="any"), "only for an incident anywhere"),
    "by hand": (rule(condition="near:300", origins=frozenset(Origin)), "also one that an operator opened"),
    "moving": (rule(condition="near:300", is_moving=True), "also one that moves towards you"),
    "an agency": (rule(grantee="agency:age_1"), "City Police can watch"),
    "a unit": (rule(grantee="unit:age_1/rtcc"), "The unit rtcc of City Police can watch"),
    "a role": (rule(grantee="role:age_1/operator"), "An operator of City Police can watch"),
    "an exclusion": (
        deny(grantee="unit:age_1/rtcc", acts=frozenset(Act), purposes=frozenset(Purpose)),
        "The unit rtcc of City Police gets nothing from Front door and Yard, ever.",
    ),
    "a deny": (deny(scope="camera:cam_2"), "City Police can never watch Yard live, for danger to life"),
    "masks": (rule(terms="m"), "live only with 2 areas black that are drawn on site, and not at all until they are"),
    "masks of recordings": (
        rule(acts=frozenset({Act.RECORDED_VIEW}), terms="m"),
        "recordings watched only with 2 areas black that are drawn on site, and not at all until they are",
    ),
    "masks of files": (
        rule(acts=frozenset({Act.CLIP_FETCH}), terms="m"),
        "recordings as a file only as far as you say on site that they may go without the 2 masked areas",
    ),
    "around": (
        rule(acts=frozenset({Act.CLIP_FETCH}), terms="m"),
        "not more than 45 seconds before or after the incident",
    ),
    "history": (rule(acts=frozenset({Act.CLIP_FETCH}), terms="m"), "nothing recorded before 2026-06-03 10:00 CDT"),
    "told daily": (rule(terms="m"), "You are told once a day."),
    "everything": (
        rule(acts=frozenset(Act)),
        "see Front door and Yard on the map, watch live, listen, move the camera, take stills, play recordings, ask "
        "you for clips, receive clips, keep them from being overwritten and hand them on to other agencies",
    ),
}
MASKED = terms(
    "m", masks=frozenset({"a", "b"}), around_s=45, history_from_ms=round(NOW.timestamp() * 1000), notify=Notify.DIGEST
)


@pytest.mark.parametrize("name", SAID)
def test_each_part_of_a_rule_is_said(name):
    """Hours, dates, conditions, grantees, masks: nothing that binds is left out."""
    one, words = SAID[name]

    assert words in " ".join(say(policy(one, terms=(terms(), MASKED)), VOICE))


def test_what_differs_between_rules_is_said_with_each():
    """Different purposes and different ways of telling stand in their own sentences."""
    held = policy(
        rule("a", purposes=frozenset({Purpose.FIRE})),
        rule("b", terms="m", scope="camera:cam_1"),
        terms=(terms(), MASKED),
    )
    first, second, *_ = say(held, VOICE)

    assert first.endswith("for fire. You are told each time.")
    assert second.endswith("You are told once a day.")


def test_every_act_purpose_and_condition_has_words():
    """No word of the vocabulary is left without a sentence of its own."""
    acts = {" ".join(say(policy(rule(acts=frozenset({act}))), VOICE)) for act in Act}
    conditions = [f"{name}:300" if name == Condition.NEAR else str(name) for name in Condition]
    held = {" ".join(say(policy(rule(condition=name)), VOICE)) for name in conditions}

    assert len(acts) == len(Act)
    assert len(held) == len(Condition)
    assert len({purpose(word, VOICE) for word in Purpose}) == len(Purpose)


def test_hours_that_cross_midnight_or_fill_the_week_are_said_plainly():
    """A night window, single days, and one that is never closed."""
    night = dataclasses.replace(OFFICE, spans=((0, 360), (1320, 1800)))
    full = dataclasses.replace(OFFICE, spans=((0, 10_080),))
    weekend = dataclasses.replace(OFFICE, spans=((7200, 10_080),))

    def said(window):
        return say(policy(rule(window="office"), windows=(window,)), VOICE)[0]

    assert "Mon 00:00–06:00 and Mon 22:00–06:00 +1d (Chicago)" in said(night)
    assert "(Chicago)" not in said(full)
    assert "Sat 00:00–24:00 +1d (Chicago)" in said(weekend)


def test_a_hostile_name_stays_a_name():
    """Braces and markup in a camera's name are text like any other."""
    name = "<script>{who}{0}</script>"

    assert name in say(policy(rule(scope="camera:cam_1")), dataclasses.replace(VOICE, cameras={"cam_1": name}))[0]


def test_names_that_are_not_known_are_said_as_ids():
    """Whoever has no names, such as an agent that was told none, reads ids."""
    assert say(policy(rule(scope="camera:cam_1")), Voice())[0].startswith("age_1 can watch cam_1 live")
    nobody = policy(rule(), envelope=envelope(agencies=frozenset()))
    assert say(nobody, Voice())[0].startswith("Every agency of your agreement can")


DISTANCES = {
    (300, False): "1,000 ft, about 3 blocks",
    (600, False): "2,000 ft, about 6 blocks",
    (900, False): "3,000 ft, about 9 blocks",
    (1600, False): "1 mile",
    (4000, False): "2.5 miles",
    (50, False): "200 ft",
    (5, False): "100 ft",
    (300, True): "300 m",
    (1600, True): "1.6 km",
}


@pytest.mark.parametrize(("metres", "is_metric"), DISTANCES)
def test_distances_as_people_say_them(metres, is_metric):
    """Feet and blocks, miles, or metres."""
    assert distance(metres, Voice(is_metric=is_metric)) == DISTANCES[metres, is_metric]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45, "45 seconds"), (60, "60 seconds"), (1800, "30 minutes"), (7200, "2 hours"), (259_200, "3 days"),
     (90, "90 seconds")],
)  # fmt: skip
def test_lengths_as_people_say_them(seconds, words):
    """The largest unit of which there are at least two."""
    assert duration(seconds, VOICE) == words


def test_a_change_is_said_by_what_it_adds_and_takes():
    """Sentences that are new, and those that go."""
    usual = of_preset(Preset.ASK_ME, CAMERAS, is_home=False)
    old = expand([usual]).into(policy())
    new = expand([dataclasses.replace(usual, live=Live.NEVER, recordings=Recordings.ALWAYS)]).into(policy())
    changes = say_change(old, new, VOICE)

    assert {change.kind for change in changes} == {"more", "less"}
    assert any("play recordings" in change.sentence for change in changes if change.kind == "more")
    assert any("watch Front door live" in change.sentence for change in changes if change.kind == "less")
    assert say_change(old, old, VOICE) == []


def test_what_a_day_gives_is_said_where_it_is_not_the_usual():
    """A sentence of its own; less and more of it are a change like any other."""
    usual = of_preset(Preset.EMERGENCIES, CAMERAS, is_home=False)
    old = expand([usual]).into(policy())
    new = expand([dataclasses.replace(usual, live_s_per_day=2 * 3600)]).into(policy())
    sentence = "Within 24 hours, all looks together: at most 2 hours live and 4 hours of recordings."

    assert sentence in say(new, VOICE)
    assert not [said for said in say(old, VOICE) if said.startswith("Within")]
    assert say_change(old, new, VOICE) == [Change("less", sentence)]
    back = say_change(new, old, VOICE)
    assert [change.kind for change in back] == ["more", "other"]
    assert back[0].sentence == sentence.replace("2 hours", "8 hours")


def test_a_change_of_one_camera_is_said_of_that_camera_alone():
    """What stays so for the other cameras is neither more nor less."""
    first, second = (camera.id for camera in policy().cameras)
    both = of_preset(Preset.OPEN, frozenset({first, second}), is_home=False)
    old = expand([both]).into(policy())
    one, rest = (
        dataclasses.replace(both, cameras=frozenset({first})),
        dataclasses.replace(both, cameras=frozenset({second})),
    )
    new = expand([dataclasses.replace(one, live=Live.NEVER), rest]).into(policy())

    changes = say_change(old, new, VOICE)
    assert {change.kind for change in changes} == {"less"}
    assert not any(VOICE.cameras[second] in change.sentence for change in changes)
    assert any(f"watch {VOICE.cameras[first]} live" in change.sentence for change in changes)


def test_the_first_document_is_all_new():
    """With nothing in force, everything is more."""
    held = policy(rule())

    assert say_change(None, held, VOICE) == [Change("more", sentence) for sentence in say(held, VOICE)]


def test_the_first_document_says_that_it_names_passkeys():
    """Whoever approves it on site reads that somebody may approve from afar afterwards."""
    held = policy(rule(), owners=(Owner("a", "k", is_suspended=False),))

    assert say_change(None, held, VOICE)[-1] == Change("more", "Passkeys are named that may approve sharing more.")


OTHERS = {
    "Who may approve": {"owners": (Owner("a", "k", is_suspended=False),)},
    "waiting time": {"hold_s": 0},
    "ordinance": {"guardrail": "1" * 64},
    "covers more": {"envelope": envelope(session_s=9_999)},
    "whole site": {"totals": Totals(10**6, 1, 1)},
    "A camera is added: cam_3.": {"cameras": (*policy().cameras, camera("cam_3"))},
    "place of a camera changes: Front door": {"cameras": (camera(lat=1), policy().cameras[1])},
    "loses a protection": {"tags": {}},
    "another organisation": {"partner": "org_2"},
}


@pytest.mark.parametrize("words", OTHERS)
def test_what_no_rule_says_is_said_too(words):
    """Owners, waiting time, ordinance, totals, cameras: every widening has its sentence."""
    old = dataclasses.replace(policy(rule()), tags={Tag.RESIDENTIAL: CAMERAS})
    changes = say_change(old, dataclasses.replace(old, **OTHERS[words]), VOICE)

    assert any(words in change.sentence for change in changes if change.kind == "other"), changes


def test_another_tongue_exchanges_the_texts():
    """Sentences, and the names of days, are the tongue's; what it has no text for stays English."""
    held = policy(rule(window="office"))
    tongue = Tongue(texts={"{who} can {what}{details}.": "{who} puede {what}{details}.", "Mon": "lun"})
    said = say(held, dataclasses.replace(VOICE, tongue=tongue))[0]

    assert said.startswith("City Police puede watch")
    assert "lun–Fri" in said
