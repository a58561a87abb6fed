"""The relay seals each picture for each viewer: it has the quick library for that, and says so when it has not."""

from partner_agent.rtc import aead


def test_the_gateway_has_the_quick_library():
    """Its environment holds it, and it is as we know it for keys of both lengths; the agent does without."""
    assert aead.is_quick()
