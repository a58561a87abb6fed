"""What follows from a wish, with passkeys that the site's document names already: they stay, and cost no approval."""

import dataclasses

import pytest

from gateway.sharing.model import plan, rebased
from policies.clauses import Live, Preset, expand, of_preset
from policies.narrowing import Widening, compare
from tests.policies import build
from tests.support.passkeys import SoftPasskey

KEY, OTHER = SoftPasskey("a").owner, SoftPasskey("b").owner
USUAL = of_preset(Preset.EMERGENCIES, frozenset({"cam_1", "cam_2"}), is_home=False)
LESS = dataclasses.replace(USUAL, cameras=frozenset({"cam_2"}))
MORE = dataclasses.replace(USUAL, live=Live.ALWAYS)


def policy(clause=USUAL, *owners):
    """The policy of one clause, approved by these."""
    return dataclasses.replace(expand([clause]).into(build.policy()), owners=owners)


HELD = policy(USUAL, KEY)


def test_the_same_wish_is_nothing_to_do():
    """Answers know nothing of passkeys; that is no wish to be without them."""
    step = plan(HELD, policy())

    assert (step.narrowing, step.proposal) == (None, None)


def test_less_is_a_narrowing_that_keeps_the_passkeys():
    """A document that shares less and names the same owners needs nobody's approval."""
    step = plan(HELD, policy(LESS))

    assert step.proposal is None
    assert step.narrowing.owners == (KEY,)
    assert compare(HELD, step.narrowing).is_narrowing


def test_more_is_a_proposal_that_keeps_the_passkeys():
    """What waits for approval is wider in what it shares, and in nothing about owners."""
    step = plan(HELD, policy(MORE))

    assert step.proposal.owners == (KEY,)
    assert Widening.OWNERS not in {reason.what for reason in compare(HELD, step.proposal).reasons}


@pytest.mark.parametrize("pending", [policy(LESS), policy(LESS, dataclasses.replace(OTHER, is_suspended=True))])
def test_a_narrowing_from_before_a_passkey_takes_none_away(pending):
    """A pending narrowing that was made before the site pinned a passkey is one on what the site holds now, too."""
    step = plan(HELD, policy(LESS), owners=rebased(pending, HELD).owners)

    assert step.narrowing.owners == (KEY,)
    assert compare(HELD, rebased(pending, HELD)).is_narrowing


def test_a_passkey_that_the_narrowing_suspends_stays_suspended():
    """Rebuilt on another document, a narrowing still suspends whom it suspended."""
    suspended = dataclasses.replace(KEY, is_suspended=True)

    assert rebased(policy(LESS, suspended), policy(USUAL, KEY, OTHER)).owners == (suspended, OTHER)
