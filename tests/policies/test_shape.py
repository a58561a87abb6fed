"""The shape of a decision, at both places."""

from policies.decide import decide, propose_caps
from policies.model import read_policy
from policies.narrowing import compare
from policies.request import Deny, Permit
from policies.vocabulary import Reason, Remedy
from tests.policies.build import at_centre, at_site, policy, request, rule


def test_nothing_is_shared_until_a_rule_says_so():
    """An empty policy denies at both places."""
    for layers in (at_site(policy()), at_centre(policy())):
        answer = decide(layers, request())

        assert isinstance(answer, Deny)
        assert answer.reason is Reason.NOT_SHARED


def test_a_rule_permits_what_it_says():
    """A rule that fits permits, at both places, what was asked for."""
    held = policy(rule(condition="near:400"))
    for layers in (at_site(held), at_centre(held)):
        answer = decide(layers, request())

        assert isinstance(answer, Permit), answer
        assert answer.caps == request().caps
        assert propose_caps(layers, request()) == request().caps

    answer = decide(at_site(held), request(incident=None))
    assert isinstance(answer, Deny)
    assert answer.remedy is Remedy.LINK_INCIDENT


def test_a_policy_survives_its_written_form():
    """What is read back from a document is the same policy, and no widening."""
    held = policy(rule(condition="near:400"))

    assert read_policy(held.to_document()) == held
    assert compare(held, held).is_narrowing
