"""The site PIN: five tries, then fifteen minutes, for every program that uses the site's disk."""

from pathlib import Path

import pytest

from partner_agent.journal import Journal
from partner_agent.pin import LOCK_S, PinError, SitePin
from partner_agent.store import Store
from partner_agent.wire.limits import PIN_TRIES
from tests.fakes.clock import FakeClock
from tests.support.agents import PIN, PIN_HASH


def _program(store: Store, clock: FakeClock) -> SitePin:
    """The running agent, or a command that was started beside it."""
    return SitePin(store=store, journal=Journal(store, clock), clock=clock, configured_hash=PIN_HASH)


def test_the_pause_is_one_for_all_programs_and_ends(tmp_path: Path, clock: FakeClock):
    """Wrong tries in one program lock the other; a program started later neither shortens nor lengthens it."""
    store = Store(tmp_path / "agent.db")
    agent, command = _program(store, clock), _program(store, clock)
    for _ in range(PIN_TRIES):
        with pytest.raises(PinError):
            command.check("000000")

    for program in (agent, command, _program(store, clock)):
        with pytest.raises(PinError, match="15 minutes"):
            program.check(PIN)
    clock.advance(LOCK_S - 1)
    with pytest.raises(PinError, match="15 minutes"):
        _program(store, clock).check(PIN)
    clock.advance(1)
    _program(store, clock).check(PIN)
    store.close()
