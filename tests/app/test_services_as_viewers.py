"""Viewers other than police: each service has purposes of its own, at the centre and on site alike."""

import pytest

from gateway.edge.requires import is_allowed
from gateway.incidents import purposes_of
from gateway.kernel.principal import Principal, PrincipalKind, Role
from policies.decide import decide
from policies.request import Deny, Permit
from policies.vocabulary import PURPOSES_OF_KIND, PURPOSES_OF_ROLE, VIEWERS, IncidentKind, Purpose, Reason
from tests.policies.build import at_centre, at_site, incident, policy, request, rule, subject

HELD = policy(rule(purposes=frozenset(Purpose)))
KIND = {purpose: kind for kind in reversed(IncidentKind) for purpose in PURPOSES_OF_KIND[kind]}


def asked(role: str, purpose: Purpose):
    """Somebody of a service asks to watch, for an incident that is a ground for it."""
    who = subject(roles=frozenset({role}))
    return request(subject=who, purpose=purpose, incident=incident(kind=KIND[purpose]))


@pytest.mark.parametrize("role", VIEWERS)
def test_a_service_watches_for_its_own_purposes_alone(role):
    """Every other purpose is refused, on site too; its own are permitted at both places."""
    for purpose in KIND:
        for layers in (at_site(HELD), at_centre(HELD)):
            answer = decide(layers, asked(role, purpose))
            if purpose in PURPOSES_OF_ROLE[role]:
                assert isinstance(answer, Permit), purpose
            else:
                assert isinstance(answer, Deny)
                assert answer.reason is Reason.PURPOSE_MISMATCH


def test_police_purposes_are_nobody_elses():
    """No service has violent crime, property crime or investigations; none has what every ordinance forbids."""
    mine = frozenset().union(*PURPOSES_OF_ROLE.values())

    assert mine.isdisjoint({Purpose.VIOLENT_CRIME, Purpose.PROPERTY_CRIME, Purpose.INVESTIGATION})
    assert mine.isdisjoint({Purpose.IMMIGRATION, Purpose.PROTEST_MONITORING, Purpose.HEALTH_CARE_SEEKING})
    assert set(VIEWERS) < set(Role)


def test_an_incident_offers_a_service_what_is_its_own():
    """Of a crash the transport department may see traffic, an ambulance the injured; of a theft none has anything."""
    assert purposes_of(IncidentKind.CRASH, {"transport"}) == (Purpose.TRAFFIC,)
    assert purposes_of(IncidentKind.CRASH, {"ems"}) == (Purpose.LIFE_SAFETY, Purpose.MEDICAL)
    assert purposes_of(IncidentKind.CRASH, {"operator", "ems"}) == PURPOSES_OF_KIND[IncidentKind.CRASH]
    for role in VIEWERS:
        assert purposes_of(IncidentKind.THEFT, {role}) == ()


@pytest.mark.parametrize("role", VIEWERS)
def test_a_service_opens_no_incident_and_asks_for_no_recording(role):
    """It looks at the console and watches; whoever is marked as federal and nothing else has not even that."""
    one = Principal(PrincipalKind.AGENCY, "per_1", "age_1", frozenset({Role(role)}))
    federal = Principal(PrincipalKind.AGENCY, "per_1", "age_1", frozenset({Role.FEDERAL}))

    assert not any(is_allowed(act, one) for act in ("incident.open", "clip.request", "clip.download", "oversight.read"))
    assert not any(is_allowed(act, federal) for act in ("console.read", "live.view"))
    assert all(is_allowed(act, one) for act in ("console.read", "live.view"))
