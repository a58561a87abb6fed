"""A law and a site that say what a test wants, and remember what they were told."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio

from gateway.evidence import Decision, Kept, Place, SiteRefusedError, SiteUnreachableError, Wanted
from gateway.evidence.model import ClipRequest
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Principal
from partner_agent.wire import classes, manifest, statements
from partner_agent.wire.clock import Clock
from partner_agent.wire.manifest import Statement
from partner_agent.wire.tokens import LocalSigner

ORG, SITE, AGENT = "org_" + "a" * 26, "sit_" + "a" * 26, "agt_" + "a" * 26
CAMERA, AGENCY, INCIDENT = "cam_" + "a" * 26, "age_" + "a" * 26, "inc_" + "a" * 26
PLACE = Place(organisation_id=ORG, site_id=SITE, agent_id=AGENT, lineage="ab" * 16, local_camera="cam_" + "b" * 26)


@dataclass
class FakeLaw:
    """Permits or denies as told."""

    is_permitted: bool = True
    needs_owner: bool = True
    second_id: str = ""
    place: Place | None = PLACE
    asked: list[Wanted] = field(default_factory=list)

    async def decide(self, principal: Principal, wanted: Wanted, *, now: datetime) -> Decision:
        self.asked.append(wanted)
        reason = "" if self.is_permitted else "no_rule"
        return Decision(self.is_permitted, self.needs_owner, reason, self.place, self.second_id)

    async def may_answer(self, principal: Principal, organisation_id: str) -> bool:
        return principal.organisation_id == organisation_id


@dataclass
class FakeConsequences:
    """Uses a second person's word up, once."""

    used: dict[str, str] = field(default_factory=dict)  # request by confirmation

    async def of_request(self, unit: UnitOfWork, request: ClipRequest) -> None:
        if request.confirmation_id in self.used:
            raise ConflictError("used")
        self.used[request.confirmation_id] = request.id


@dataclass
class FakeSites:
    """One site, with a device key, that is there or not."""

    clock: Clock
    is_there: bool = True
    keep_code: str = ""
    refusal: str = ""
    thinking: anyio.Event | None = None  # answers a grant only once it is set
    device: LocalSigner = field(default_factory=lambda: LocalSigner.generate("ES256"))
    kept: list[tuple[str, bool]] = field(default_factory=list)
    let_gone: list[str] = field(default_factory=list)
    released: list[tuple[ClipRequest, str, str]] = field(default_factory=list)

    async def keep(self, request: ClipRequest, *, ask_owner: bool) -> Kept:
        if not self.is_there:
            raise SiteUnreachableError
        self.kept.append((request.id, ask_owner))
        return Kept(None if self.keep_code else self.clock.now() + timedelta(hours=72), self.keep_code)

    async def let_go(self, request: ClipRequest) -> None:
        self.let_gone.append(request.id)

    async def release(self, request: ClipRequest, *, upload_url: str, upload_token: str) -> None:
        if not self.is_there:
            raise SiteUnreachableError
        self.released.append((request, upload_url, upload_token))
        if self.thinking is not None:
            await self.thinking.wait()
        if self.refusal:
            raise SiteRefusedError(self.refusal)

    def capture(self, request: ClipRequest, *, sha256: str, size: int, gateway: str, **changes: object) -> str:
        """The site's signed capture of `request`."""
        statement = Statement(
            manifest.CAPTURE,
            "clip.mp4",
            sha256,
            {"camera": PLACE.local_camera, "size_bytes": size, "frames": 100, "gaps": []},
        )
        claims = {
            "session": request.session_id,
            "jti": "grt_" + "a" * 26,
            "request_sha256": request.document_sha256,
            "capture": statement.to_json(),
        }
        return statements.make(
            classes.CAPTURE, claims | changes, signer=self.device, agent=AGENT, gateway=gateway, now=self.clock.now()
        )
