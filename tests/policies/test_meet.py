"""The common part of two policies narrows both; what it keeps of the old one is what the new one keeps too."""

import dataclasses
from random import Random

from policies.clauses import Live, Preset, Recordings, expand, of_preset
from policies.decide import decide
from policies.layers import SharingLayer
from policies.meet import meet
from policies.narrowing import compare
from policies.parts import Owner
from policies.request import Permit
from policies.vocabulary import Act, OwnerRole, Tag
from tests.policies.build import LAT, at_site, camera, incident, policy, request, rule
from tests.policies.generate import directed, random_policy
from tests.policies.test_narrowing import mutated

ONE, TWO = frozenset({"cam_1"}), frozenset({"cam_2"})


def shared(*clauses):
    """The policy that clauses stand for."""
    return expand(clauses).into(policy())


def at(name):
    """An incident at the camera's place."""
    return incident(lat=LAT if name == "cam_1" else LAT + 0.01)


def may(held, name):
    """Whether somebody may watch this camera for an incident nearby."""
    return isinstance(decide(at_site(held), request(camera=name, incident=at(name))), Permit)


def test_one_camera_off_and_another_shared_more():
    """The camera that was switched off goes at once; the other keeps what it had until the owner approves."""
    usual = of_preset(Preset.EMERGENCIES, ONE | TWO, is_home=False)
    more = dataclasses.replace(usual, cameras=TWO, live=Live.ALWAYS)
    old, new = shared(usual), shared(more)

    common = meet(old, new)

    assert common is not None
    assert compare(old, common).is_narrowing
    assert not compare(old, new).is_narrowing
    assert not may(common, "cam_1")
    assert may(common, "cam_2")
    assert not isinstance(decide(at_site(common), request(camera="cam_2", incident=None)), Permit)
    assert may(shared(more), "cam_2")
    assert isinstance(decide(at_site(common), request(act=Act.REGISTRY_VIEW, camera="cam_2", incident=None)), Permit)


def test_sharing_more_takes_nothing_away_meanwhile():
    """Where the new policy covers all of the old one, the common part is the old one."""
    usual = of_preset(Preset.EMERGENCIES, ONE, is_home=False)
    old, new = shared(usual), shared(dataclasses.replace(usual, live=Live.ALWAYS, recordings=Recordings.ALWAYS))
    common = meet(old, new)

    assert common is not None
    assert may(common, "cam_1")
    assert compare(old, common).is_narrowing


def test_a_camera_that_is_gone_or_moved_is_not_in_common():
    """Only cameras that both know at the same place stay, with the tags of both."""
    usual = shared(of_preset(Preset.OPEN, ONE | TWO, is_home=False))
    other = dataclasses.replace(usual, cameras=(camera(), camera("cam_2", 1)), tags={Tag.RESIDENTIAL: ONE})
    common = meet(usual, other)

    assert common is not None
    assert list(common.camera_by_id) == ["cam_1"]
    assert common.tags_of("cam_1") == {Tag.RESIDENTIAL}


def test_an_owner_who_is_suspended_is_so_at_once():
    """Suspending one passkey while adding another: the first can approve nothing from now on, the second not yet."""
    first, second = Owner("a", "k1", is_suspended=False), Owner("b", "k2", is_suspended=False)
    suspended = dataclasses.replace(first, is_suspended=True)
    usual = of_preset(Preset.EMERGENCIES, ONE, is_home=False)
    old, new = (dataclasses.replace(shared(usual), owners=owners) for owners in ((first,), (suspended, second)))

    common = meet(old, new)

    assert common is not None
    assert common.owners == (suspended,)
    assert compare(old, common).is_narrowing


def test_whoever_only_answers_goes_at_once_and_comes_later():
    """The part that needs nobody takes them off; another one, or a wider role, waits for the owner."""
    owner, other = Owner("a", "k1", is_suspended=False), Owner("b", "k2", is_suspended=False)
    answers = dataclasses.replace(other, role=OwnerRole.ANSWERS)
    third = Owner("c", "k3", is_suspended=False, role=OwnerRole.ANSWERS)

    def common(old, new):
        held = policy(rule())
        return meet(dataclasses.replace(held, owners=old), dataclasses.replace(held, owners=new)).owners

    assert common((owner, answers), (owner, third)) == (owner,)
    assert common((owner, answers), (owner, other)) == (owner, answers)
    assert common((owner, other), (owner, answers)) == (owner, other)


def test_the_common_part_gives_no_more_than_either():
    """On random pairs: whatever it permits, both permit; it is None rather than wrong."""
    dice, found, permits = Random(11), 0, 0
    for _ in range(300):
        old = random_policy(dice)
        new = mutated(dice, old)
        common = meet(old, new)
        if common is None:
            continue
        found += 1
        layers = [at_site(one, sharing=SharingLayer(one)) for one in (common, old, new)]
        for _ in range(5):
            asked, facts = directed(dice, dice.choice([one for one in (old, new) if one.rules]))
            answers = [decide(dataclasses.replace(one, facts=facts), asked) for one in layers]
            if isinstance(answers[0], Permit):
                permits += 1
                assert all(isinstance(answer, Permit) for answer in answers)
    assert found > 100
    assert permits > 50
