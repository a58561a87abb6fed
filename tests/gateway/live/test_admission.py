"""What a gateway allows a session: until when it is forwarded, and when and why it is over."""

import pytest

from gateway.live.relay.admission import ANEW_S, ANEW_SHOWN_S, admitted, over_by
from partner_agent.wire.limits import LEASE_VALID_S


def test_forwarding_stops_with_the_lease_or_at_the_horizon():
    """Whichever comes first; a lease makes the first longer, never the second."""
    admission = admitted("pub_1", "f", 100.0, 25.0)
    assert admission.until == 100 + LEASE_VALID_S
    admission.lease(108.0)
    assert admission.until == 108 + LEASE_VALID_S
    admission.lease(120.0)
    assert admission.until == 125


@pytest.mark.parametrize("valid_s", [0.5, 9.9, 10.5, 600.0])
def test_without_leases_it_is_over_with_the_last_one_wherever_its_horizon_is(valid_s: float):
    """A horizon near it makes nothing longer."""
    admission = admitted("pub_1", "f", 100.0, valid_s)
    assert admission.over(100 + LEASE_VALID_S - 0.01) is None
    assert admission.over(100 + LEASE_VALID_S) == "lease"


@pytest.mark.parametrize(("anew_s", "waits_s"), [(ANEW_S, 10), (ANEW_SHOWN_S, 2)])
def test_at_its_horizon_it_waits_for_another_decision_and_no_longer(anew_s: float, waits_s: int):
    """Leased as before, for the gateway goes on naming it."""
    admission = admitted("pub_1", "f", 100.0, 5.0)
    admission.lease(104 + waits_s)
    assert admission.over(104.9 + waits_s, anew_s) is None
    assert admission.over(105.0 + waits_s, anew_s) == "horizon"


def test_a_media_server_s_sessions_are_told_apart_by_why_they_are_over():
    """Each is ended with its own word."""
    given = {"ses_1": admitted("pub_1", "f", 100.0, 60.0), "ses_2": admitted("pub_1", "f", 107.0, 1.0)}
    assert over_by("lease", given, 110.5) == ["ses_1"]
    assert over_by("horizon", given, 110.5) == ["ses_2"]
