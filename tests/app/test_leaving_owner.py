"""Somebody who is removed from an organisation approves nothing there any more."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from gateway.sharing import Key, KeyState
from tests.app.test_withdrawal import partner
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.application import ORIGIN, services_for, settings_for
from tests.support.passkeys import SoftPasskey

pytestmark = pytest.mark.anyio


async def test_whoever_leaves_takes_their_passkey_along(database: Database, tmp_path: Path):
    """It is asked for no longer, and forgotten with them."""
    settings = settings_for(tmp_path / "state")
    services = services_for(settings, database, clock=FakeClock(), ids=SequentialIds())
    owner = await partner(services, settings.state_dir / "spool")
    await services.partners.add_member(owner, name="Bo Owner", email="bo@shop.example", role=Role.OWNER)
    member = next(m for m in await services.partners.members(owner.organisation_id) if m.name == "Bo Owner")
    other = replace(owner, person_id=member.person_id, session_ref="s2")
    keys, key = services.identity.passkeys, SoftPasskey()
    challenge = (await keys.begin(other))["challenge"]
    await keys.add(other, name="Phone", answer=key.register(challenge, origin=ORIGIN, rp_id="localhost"))
    (place,) = await services.site_owners.sites(other)
    await services.site_owners.ask_for(other, place.site.id, Key(key.owner.credential, key.owner.public_key))

    async def state() -> KeyState:
        (place,) = await services.site_owners.sites(owner)
        return place.state_of(key.owner.credential)

    assert await state() is KeyState.ASKED
    await services.partners.remove_member(owner, other.person_id)
    assert await state() is KeyState.UNKNOWN
    assert await keys.of_person(other.person_id) == []
    await services.close()
