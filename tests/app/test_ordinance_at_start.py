"""The start takes the ordinance pack that two people approved last, and refuses one that does not parse."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from sqlalchemy import text

from gateway.app.settings import Settings
from gateway.app.setup import prepare
from gateway.kernel.errors import PreconditionError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from policies import packs
from tests.support.processes import ROOT, free_port

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


BROKEN = {
    "no JSON": (lambda text: text.replace(":", "=", 1), "ordinances/open_city/pack.json: is not JSON at line "),
    "a misspelt effect": (
        lambda text: text.replace('"condition": "always"', '"condition": "allways"', 1),
        "ordinances/open_city/pack.json: pack.rules[",
    ),
    "a tag that is none": (
        lambda text: text.replace('"scope": "any"', '"scope": "tag:moonlight"', 1),
        "ordinances/open_city/pack.json: pack.rules[",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BROKEN)
def test_a_pack_that_does_not_parse_refuses_the_start_and_is_named_with_the_place(tmp_path, name):
    """`lenspact serve` over a copy of the law with one broken file: a line says which file and where, nothing runs."""
    change, said = BROKEN[name]
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    pack = tmp_path / "policies" / "ordinances" / "open_city" / "pack.json"
    whole = pack.read_text()
    assert change(whole) != whole
    pack.write_text(change(whole))
    done = subprocess.run(
        [sys.executable, "-m", "gateway.app.cli", "serve"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
            "LENSPACT_STATE_DIR": str(tmp_path / "state"),
            "LENSPACT_PORT": str(free_port()),
            "LENSPACT_METRICS_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
