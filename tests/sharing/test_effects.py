"""What an owner sees before saving: the effect, worked out in time or said to be missing, and true."""

import dataclasses
from datetime import timedelta

import anyio
import pytest

from gateway.sharing import Effect, Effects, Proved, Prover, Unproved, ViewMade
from gateway.sharing.effect_words import words_of
from gateway.sharing.replaying import Replayed
from policies import packs, space
from policies.analysis import Edit, Verdict, Way
from policies.conflicts import Oddity, narrowed, oddities
from policies.request import Span, Usage
from policies.smt import WIDER, question
from policies.vocabulary import Act, Origin, Purpose, Tag
from policies.voice import Voice
from tests.fakes.clock import FakeClock
from tests.fakes.given import FakeGiven
from tests.policies.build import NOW, OFFICE, deny, incident, policy, rule
from tests.support.ordinances import in_force

pytestmark = pytest.mark.anyio
VOICE = Voice(
    cameras={"cam_1": "Front door", "cam_2": "Yard"}, agencies={"age_1": "City Police"}, zone="America/Chicago"
)
PACK = packs.ordinance("open_city")
MINUTE = timedelta(minutes=1)
NEAR, ANY_TIME = policy(rule(condition="near:600")), policy(rule())


def _question(old, new):
    return question(old, new, PACK, since=NOW)


class NoProver:
    """A solver that is not there, or says what a test wants."""

    def __init__(self, answer=Unproved.NO_SOLVER):
        self.answer = answer

    async def ask(self, _question):
        return self.answer


class SlowProver(NoProver):
    """A solver that never answers."""

    async def ask(self, _question):
        await anyio.sleep_forever()


class Views:
    """`ViewHistory` kept in memory."""

    def __init__(self, past=(), running=()):
        self._past, self._running = list(past), list(running)

    async def past(self, _site_id, _organisation_id, *, since, most):
        return [view for view in self._past if view.at >= since][:most]

    async def running(self, _site_id):
        return self._running


def view(number, *, happened=True, told=True, **changes):
    """A view an hour ago, for a robbery beside the camera unless `told` says otherwise."""
    usual_view = {
        "id": f"ses_{number}", "at": NOW - timedelta(hours=number), "camera_id": "cam_1", "agency": "age_1",
        "unit": "rtcc", "roles": frozenset({"operator"}), "purpose": "violent_crime",
        "incident": incident() if told else None, "has_happened": happened,
    }  # fmt: skip
    return ViewMade(**{**usual_view, **changes})


def effects(**changes):
    """Effects with everything in memory."""
    usual_parts = {
        "ordinance": in_force(packs.load_document("ordinances", "open_city/pack.json")),
        "prover": NoProver(),
        "clock": FakeClock(NOW),
        "history": Views(),
        "deadline_s": 60,
    }
    return Effects(**{**usual_parts, "deadline_s": 60, **changes})


async def test_verdict_lists_and_findings_are_there_without_a_solver():
    """The search alone decides, says so, and names who loses and what does nothing."""
    less = policy(rule(condition="near:600"), rule("again", condition="near:300"))
    with anyio.fail_after(60):
        effect = await effects().of("sit_1", ANY_TIME, less)

    assert effect.verdict is Verdict.NARROWS
    assert not effect.is_proved
    assert [one.way for one in effect.concerns] == [Way.LESS]
    assert [(one.what, one.rule) for one in effect.oddities] == [(Oddity.SHADOWED, "again")]


async def test_the_solver_proves_what_the_search_found():
    """With the solver the verdict is a proof, and nothing disagrees."""
    prover = Prover(deadline_s=30)
    with anyio.fail_after(60):
        effect = await effects(prover=prover).of("sit_1", NEAR, ANY_TIME)
        await prover.close()

    assert effect.is_proved
    assert effect.verdict is Verdict.WIDENS
    assert not effect.is_alarm


async def test_a_witness_that_the_kernel_does_not_confirm_is_an_alarm_and_a_widening():
    """A solver that lies is found out; the edit counts as a widening, and the page says so."""
    prover = Prover(deadline_s=30)
    with anyio.fail_after(60):
        honest = await prover.ask(_question(NEAR, ANY_TIME))
        await prover.close()
        lying = Proved({**honest.models, WIDER: {**honest.models[WIDER], "seconds": 10**6}})
        effect = await effects(prover=NoProver(lying)).of("sit_1", NEAR, ANY_TIME)

    assert effect.is_alarm
    assert not effect.is_proved
    nothing = Proved(dict.fromkeys(honest.models))
    with anyio.fail_after(60):
        silent = await effects(prover=NoProver(nothing)).of("sit_1", NEAR, ANY_TIME)
    assert silent.is_alarm
    assert silent.verdict is Verdict.WIDENS
    assert "counts as sharing more" in words_of(silent, ANY_TIME, VOICE).how_known


async def test_a_broken_composition_is_an_alarm():
    """Were anything forbidden let through, everything else would not count."""
    prover = Prover(deadline_s=30)
    with anyio.fail_after(60):
        found = await prover.ask(_question(NEAR, NEAR))
        await prover.close()
        breach = Proved({**found.models, "breach": {"act": 0}})
        assert (await effects(prover=NoProver(breach)).of("sit_1", NEAR, NEAR)).verdict is Verdict.WIDENS


async def test_what_is_not_ready_in_time_is_said_to_be_missing():
    """The page is never late: after the deadline it says what it does not know."""
    with anyio.fail_after(30):
        effect = await effects(prover=SlowProver(), deadline_s=5).of("sit_1", NEAR, ANY_TIME)
        nothing = await effects(prover=SlowProver(), deadline_s=0).of("sit_1", NEAR, ANY_TIME)

    assert effect.verdict is Verdict.WIDENS
    assert effect.proof is Unproved.LATE
    assert nothing.verdict is None
    said = words_of(nothing, ANY_TIME, VOICE)
    assert "could not be worked out in time" in said.verdict


async def test_the_last_days_are_decided_again():
    """A view without an incident would have been refused near incidents only; a refused one the other way round."""
    calm, refused = view(1, told=False), view(3, happened=False, told=False)
    with anyio.fail_after(60):
        less = (await effects(history=Views([calm, view(2)])).of("sit_1", ANY_TIME, NEAR)).replayed
        more = (await effects(history=Views([refused])).of("sit_1", NEAR, ANY_TIME)).replayed

    assert (less.made, less.refused, less.allowed) == (2, 1, 0)
    assert (more.made, more.refused, more.allowed) == (1, 0, 1)
    assert less.days == 30


async def test_what_happened_with_the_owners_yes_is_not_counted_as_refused():
    """That somebody said yes is not kept; where the rules needed it, it was so."""
    asked = policy(rule(condition="ask"))
    with anyio.fail_after(60):
        same = (await effects(history=Views([view(1, told=False)])).of("sit_1", asked, asked)).replayed
        gone = (await effects(history=Views([view(1, told=False)])).of("sit_1", asked, policy())).replayed

    assert same.refused == 0
    assert gone.refused == 1


async def test_recordings_that_were_handed_over_are_decided_again():
    """With the owner's yes where it was needed: none is withheld until the answer is no."""
    gives = policy(rule(acts=frozenset({Act.CLIP_FETCH}), condition="ask"))
    clip = view(2, span=Span(NOW - timedelta(hours=3), NOW - timedelta(hours=2, minutes=59)))
    with anyio.fail_after(60):
        same = (await effects(history=Views([clip])).of("sit_1", gives, gives)).replayed
        gone = (await effects(history=Views([clip])).of("sit_1", gives, ANY_TIME)).replayed

    assert (same.made, same.refused, same.withheld) == (1, 0, 0)
    assert (gone.made, gone.refused, gone.withheld) == (1, 0, 1)
    said = words_of(Effect(replayed=gone), ANY_TIME, VOICE).views[0]
    assert said.endswith("1 recording that was handed over would not have been.")


async def test_views_at_unknown_cameras_and_words_are_left_out():
    """A camera that is gone, and a purpose of another time, are not made again."""
    odd = [view(1, camera_id="cam_9"), view(2, purpose="because")]
    with anyio.fail_after(60):
        assert (await effects(history=Views(odd)).of("sit_1", NEAR, NEAR)).replayed.made == 0


async def test_the_last_days_are_counted_by_the_new_totals():
    """Half an hour a day: the second of three views of 20 minutes fits, the third not; a day later one does again."""
    gives = policy(rule(acts=frozenset({Act.LIVE_VIEW, Act.CLIP_FETCH})))
    less = dataclasses.replace(gives, totals=dataclasses.replace(gives.totals, live_s_per_day=1800, clip_s_per_day=90))
    shows = [view(hours, live_s=1200) for hours in (1, 2, 3, 30)]
    clips = [view(10 + n, span=Span(NOW - timedelta(hours=13), NOW - timedelta(hours=13) + MINUTE)) for n in (1, 2)]
    with anyio.fail_after(60):
        found = (await effects(history=Views([*shows, *clips])).of("sit_1", gives, less)).replayed
        same = (await effects(history=Views([*shows, *clips])).of("sit_1", gives, gives)).replayed

    assert (found.refused, found.withheld) == (1, 1)
    assert (same.refused, same.withheld) == (0, 0)


async def test_views_end_where_the_new_total_is_used_up_already():
    """An hour was given today, and no more than half an hour is to be: what runs ends, as it will on site."""
    less = dataclasses.replace(NEAR, totals=dataclasses.replace(NEAR.totals, live_s_per_day=1800))
    given = FakeGiven()
    given.by_site = {"sit_1": Usage(live_s=3600)}
    with anyio.fail_after(60):
        ending = (await effects(history=Views(running=[view(1)]), usage=given).of("sit_1", NEAR, less)).ending
        staying = (await effects(history=Views(running=[view(1)]), usage=given).of("sit_1", NEAR, NEAR)).ending

    assert (ending, staying) == (1, 0)


async def test_views_that_run_and_would_end_are_counted():
    """Decided at the present moment: outside office hours a view that runs would end."""
    office = policy(rule(window=OFFICE.id))
    late = FakeClock(NOW + timedelta(hours=10))
    with anyio.fail_after(60):
        effect = await effects(history=Views(running=[view(1)]), clock=late).of("sit_1", ANY_TIME, office)

    assert effect.ending == 1
    assert words_of(effect, office, VOICE).views[-1] == "1 view that runs right now would end."


def test_witnesses_and_lists_in_words():
    """Who, what, when, for what reason: each part of a witness is said, and each way of being concerned."""
    office = policy(rule(grantee="role:age_1/supervisor", acts=frozenset({Act.CLIP_FETCH}), condition="ask"))
    by_hand = frozenset({Origin.HAND})
    moving = policy(rule(grantee="unit:age_1/rtcc", condition="near:600", is_moving=True, origins=by_hand))
    said = {
        name: words_of(Effect(difference=edit.difference, concerns=edit.concerns()), after, VOICE)
        for name, after, edit in (
            ("clip", office, Edit(None, office, PACK, since=NOW)),
            ("unit", moving, Edit(None, moving, PACK, since=NOW)),
            ("gone", policy(), Edit(ANY_TIME, policy(), PACK, since=NOW)),
        )
    }
    assert "A supervisor of City Police could receive clips of Front door on a Wednesday at 10:00" in said["clip"].more
    assert "after you said yes" in said["clip"].more
    assert "1 days ago" not in said["clip"].more
    assert "The unit rtcc of City Police" in said["unit"].more
    assert "that an operator opened" in said["unit"].more
    assert "could no longer watch Front door live" in said["gone"].less
    assert [(row.way, row.who) for row in said["unit"].rows] == [(Way.NEW, "City Police, unit rtcc")]
    assert [(row.who, row.cameras, row.what) for row in said["gone"].rows] == [
        ("City Police", "Front door, Yard", "watch live")
    ]


FACTS = {
    "panic": ("panic", "while your alarm button is on"),
    "two persons": ("two_persons", "as emergency access by two people"),
}


@pytest.mark.parametrize("name", FACTS)
def test_what_makes_a_witness_possible_is_said(name):
    """The alarm button and a second person, without an incident."""
    condition, text = FACTS[name]
    after = policy(rule(condition=condition))
    said = words_of(Effect(difference=Edit(None, after, PACK, since=NOW).difference), after, VOICE)

    assert f"{text}, without an incident" in said.more


def test_odd_rules_in_words():
    """Each oddity has its sentence, with the rule as the owner reads it."""
    held = policy(
        rule(),
        rule("never", until_ms=1),
        rule("again", condition="near:300"),
        rule("against", acts=frozenset({Act.STILL_TAKE})),
        rule("unlawful", purposes=frozenset({Purpose.IMMIGRATION})),
        deny(acts=frozenset({Act.STILL_TAKE})),
        deny("idle", acts=frozenset({Act.SHARE_FORWARD})),
    )
    said = words_of(Effect(oddities=oddities(held, PACK, since=NOW)), held, VOICE).odd

    assert [sentence.partition(":")[0] for sentence in said] == [
        "This can never happen",
        "This adds nothing, for another answer gives it already",
        "Another answer of yours forbids all of this",
        "The city's ordinance forbids all of this",
        "This stops nothing that is not refused anyway",
    ]


REASONS = {
    Unproved.NO_SOLVER: "has no solver",
    Unproved.LATE: "did not answer in time",
    Unproved.BROKEN: "did not answer in time",
}


@pytest.mark.parametrize("why", REASONS)
def test_why_there_is_no_proof_is_said(why):
    """And that a search decided."""
    effect = Effect(difference=Edit(NEAR, ANY_TIME, PACK, since=NOW).difference, proof=why)

    assert REASONS[why] in words_of(effect, ANY_TIME, VOICE).how_known


VERDICTS = {
    "same": (NEAR, NEAR, "This changes nothing for anybody."),
    "more": (NEAR, ANY_TIME, "You share more, and nothing less."),
    "less": (ANY_TIME, NEAR, "You share less, and nothing more."),
    "both": (NEAR, policy(rule(window="office")), "You share more in some cases and less in others."),
}


@pytest.mark.parametrize("name", VERDICTS)
async def test_each_verdict_in_words_proved_or_not(name):
    """The sentence is the same; whether it is proved is said beside it."""
    old, new, sentence = VERDICTS[name]
    prover = Prover(deadline_s=30)
    with anyio.fail_after(60):
        proved = await effects(prover=prover).of("sit_1", old, new)
        searched = await effects().of("sit_1", old, new)
        await prover.close()

    assert words_of(proved, new, VOICE).verdict == words_of(searched, new, VOICE).verdict == sentence
    assert words_of(proved, new, VOICE).how_known.startswith("Proved")


def test_the_last_days_in_words():
    """Days, refused and allowed, each in its own number; and where nobody asked."""
    said = {
        made: words_of(Effect(replayed=Replayed(days, made, refused, allowed)), NEAR, VOICE).views
        for days, made, refused, allowed in ((30, 20, 14, 0), (1, 2, 1, 1), (30, 0, 0, 0))
    }

    assert said[20] == (
        "In the last 30 days: 14 views that happened would have been refused, 0 that were refused would have happened.",
    )
    assert said[2] == (
        "In the last day: 1 view that happened would have been refused, 1 that was refused would have happened.",
    )
    assert said[0] == ("Nobody watched or received anything in the last 30 days.",)


def test_what_is_missing_and_who_is_left_are_said():
    """Lists that were not ready, a rule for everybody but a role, a moving incident, the ordinance's lines."""
    role = policy(rule(grantee="role:age_1/supervisor"))
    edit = Edit(ANY_TIME, role, PACK, since=NOW)
    said = words_of(Effect(difference=edit.difference, concerns=edit.concerns()), role, VOICE)
    assert [(row.way, row.who) for row in said.rows] == [(Way.GONE, "City Police: everybody else")]
    assert said.missing == ("Whether some of your answers do nothing could not be worked out in time.",)

    unknown = words_of(Effect(difference=edit.difference), role, VOICE)
    assert unknown.missing[0] == "Who gains and who loses could not be listed in time."

    still, moving = policy(rule(condition="any")), policy(rule(condition="any", is_moving=True))
    moved = Effect(difference=Edit(still, moving, PACK, since=NOW).difference)
    assert "which moved there" in words_of(moved, moving, VOICE).more
    home = policy(rule(), tags={Tag.RESIDENTIAL: frozenset({"cam_1"})})
    lines = words_of(Effect(lines=narrowed(home, PACK)), home, VOICE).lines
    assert lines == ("The city's ordinance narrows this: Section 4(a): where people live, only for an incident.",)


async def test_too_much_to_go_through_leaves_lists_out(monkeypatch):
    """Where the search gives up, the lists are missing and the edit counts as a widening."""
    monkeypatch.setattr(space, "STEPS", 0)
    with anyio.fail_after(60):
        effect = await effects().of("sit_1", ANY_TIME, NEAR)

    assert effect.oddities is effect.concerns is None
    assert effect.verdict in {Verdict.WIDENS, Verdict.BOTH}
