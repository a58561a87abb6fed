"""Who asked for a recording is asked again when it is released: gone, or without the role, they get nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app.clip_law import SharingClipGrants
from gateway.evidence import SiteRefusedError
from gateway.identity import Membership
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal, Role
from tests.app.test_clip_grants import request_of
from tests.support.evidence import OPERATOR
from tests.support.site_bench import SiteBench

pytestmark = pytest.mark.anyio


class Law:
    """`SharingClipLaw` that remembers who was asked about, and refuses."""

    def __init__(self) -> None:
        self.asked: list[Principal] = []

    async def second_of(self, *_rest: object, **_named: object) -> str:
        """Nobody."""
        return ""

    async def question(self, principal: Principal, *_rest: object, **_named: object) -> None:
        """Refuse."""
        self.asked.append(principal)
        raise NotFoundError("There is no such camera.")


class People:
    """The people of the agency as they are now."""

    def __init__(self, standing: Membership | None) -> None:
        self.standing = standing

    async def membership(self, _person_id: str) -> Membership | None:
        """What the person may do now."""
        return self.standing


async def asked_about(bench: SiteBench, standing: Membership | None) -> list[Principal]:
    """Whom the law was asked about before the release was refused."""
    law: Any = Law()
    grants = SharingClipGrants(
        Any, law=law, identity=SimpleNamespace(people=People(standing)), emergency=SimpleNamespace(reports=None)
    )  # type: ignore[arg-type]
    request = request_of(bench, await bench.paired())
    with pytest.raises(SiteRefusedError):
        await grants.make(request, fresh="f", upload_url="u", upload_token="t")
    return law.asked  # type: ignore[no-any-return]


@pytest.mark.parametrize("standing", [None, Membership("age_" + "7" * 26, OPERATOR.roles)])
async def test_who_left_the_agency_gets_nothing(sqlite_database, tmp_path, standing):
    """Suspended, gone, or of another agency: nobody is even asked about."""
    assert await asked_about(SiteBench(sqlite_database, tmp_path), standing) == []


async def test_the_roles_of_now_are_decided_on(sqlite_database, tmp_path):
    """A role that was taken away between the request and the owner's yes is not decided with."""
    now = Membership(OPERATOR.organisation_id, frozenset({Role.ADMIN}), "records")
    (principal,) = await asked_about(SiteBench(sqlite_database, tmp_path), now)
    assert (principal.roles, principal.unit) == (frozenset({Role.ADMIN}), "records")
