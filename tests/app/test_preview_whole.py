"""The whole gateway, as it is built: what a save would do is searched, proved and replayed over its own parts."""

import anyio
import pytest

from gateway.cameras import CameraFacts
from gateway.partners import OrganisationKind, Place, Registration, Site
from policies.analysis import Verdict, Way
from policies.clauses import Preset, of_preset
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.application import agreeing_owner, services_for, settings_for

pytestmark = pytest.mark.anyio
HERE = Place(41.8819, -87.6278)


async def test_a_preview_has_its_proof_its_lists_and_its_days(database, tmp_path):
    """On both databases; the solver's process ends with the gateway's background work."""
    settings = settings_for(tmp_path / "state")
    services = services_for(settings, database, clock=FakeClock(), ids=SequentialIds())
    await services.identity.people.ensure_agency("City Police")
    wish = Registration(OrganisationKind.BUSINESS, "Corner Shop", "60 E Benton Pl", "Ana", "ana@shop.example")
    await services.partners.register(wish)
    owner = await agreeing_owner(services, wish)
    place = Site("", "", "Shop", wish.address, HERE, "America/Chicago", people_live_here=False)
    site = await services.partners.save_site(owner, place, is_new=True)
    camera = await services.cameras.add(owner, site, CameraFacts("Door", HERE, 0, True, ""))
    clause = of_preset(Preset.EMERGENCIES, frozenset({camera.id}), is_home=False)
    proof = next(work for work in services.background if work.name == "proof")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(proof.run)
            for _ in range(10):  # a machine with other work may need more than one try to be in time
                effect = (await services.sharing.preview(owner, site.id, [clause])).effect
                if effect.is_proved and effect.replayed is not None:
                    break
            tasks.cancel_scope.cancel()
    await services.close()

    assert effect.is_proved
    assert effect.verdict is Verdict.WIDENS
    assert {one.way for one in effect.concerns} == {Way.NEW}
    assert (effect.replayed.days, effect.replayed.made, effect.ending) == (30, 0, 0)
