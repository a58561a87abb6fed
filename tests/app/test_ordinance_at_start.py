"""The start takes the ordinance pack that two people approved last, and refuses one that does not parse."""

import json

import pytest
from sqlalchemy import text

from gateway.app.settings import Settings
from gateway.app.setup import prepare
from gateway.kernel.errors import PreconditionError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from policies import packs

pytestmark = pytest.mark.anyio

ADA = Principal(PrincipalKind.AGENCY, "per_" + "1" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada")
BEN = Principal(PrincipalKind.AGENCY, "per_" + "2" * 26, "age_1", frozenset({Role.SECOND}), name="Ben")


async def test_a_start_decides_by_what_two_people_approved(tmp_path):
    """Before, the pack of the settings; after, the approved one; one broken since then refuses."""
    settings = Settings(state_dir=tmp_path)
    services = await prepare(settings)
    try:
        assert services.ordinance.pack == packs.ordinance("open_city")
        body = json.dumps(packs.load_document("ordinances", "incident_only/pack.json"))
        proposal = await services.ordinances.propose(ADA, body)
        await services.ordinances.decide(BEN, proposal.id, is_approved=True)
    finally:
        await services.close()

    services = await prepare(settings)
    try:
        assert services.ordinance.pack == packs.ordinance("incident_only")
        async with services.database.engine.begin() as connection:
            broken = body.replace('"always"', '"sometimes"', 1)
            await connection.execute(text("UPDATE sharing_ordinance SET body = :body"), {"body": broken})
    finally:
        await services.close()
    with pytest.raises(PreconditionError, match=r"pack\.rules\[0\]\.condition"):
        await prepare(settings)


async def test_a_pack_of_the_settings_that_is_not_there_refuses_the_start(tmp_path):
    """No guard-rails, no gateway."""
    with pytest.raises(PreconditionError, match="nowhere"):
        await prepare(Settings(state_dir=tmp_path, ordinance="nowhere"))
