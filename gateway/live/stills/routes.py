"""`/api/v1/stills`: take one, look at it, download it; and where sites hand them over."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from gateway.edge.bearer import bearer
from gateway.edge.inputs import Line, OptionalLine, StrictInput
from gateway.edge.rate_limit import Limit, RateLimiter
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal
from gateway.live.asking.answers import Asked
from gateway.live.asking.ports import AskWish
from gateway.live.asking.service import ViewAsks
from gateway.live.ports import ViewQuestion
from gateway.live.query import QUESTION
from gateway.live.stills.model import Still
from gateway.live.stills.service import Stills
from gateway.live.stills.taking import ANSWER_S, ARRIVES_S
from partner_agent.wire.limits import STILL_BYTES
from policies.vocabulary import Act, Remedy

WAIT_S: Final = ANSWER_S + ARRIVES_S + 4.0  # the site's answer, the picture, and our own work
A_MINUTE: Final = 20  # stills that one person asks for
_PATH: Final = "/api/v1/stills"
AnyRequest = Request[Any, Any, Any]


class TakeStill(StrictInput, frozen=True, kw_only=True):
    """Of which camera, and why."""

    camera_id: Line
    purpose: Line
    incident_id: OptionalLine = ""
    on_behalf_of: OptionalLine = ""
    confirmation_id: OptionalLine = ""


class AskForStill(StrictInput, frozen=True, kw_only=True):
    """Of which camera, and why."""

    camera_id: Line
    purpose: Line
    incident_id: Line


class StillFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A still as whoever took it reads of it; `statement` is the site's signature over the digest."""

    still_id: str
    camera_id: str
    taken_at: datetime
    expires_at: datetime
    sha256: str
    size_bytes: int
    width: int
    height: int
    statement: str
    picture: str

    @classmethod
    def of(cls, still: Still) -> "StillFacts":
        """What may be told of it."""
        return cls(
            still_id=still.id,
            camera_id=still.camera_id,
            taken_at=still.taken_at,
            expires_at=still.expires_at,
            sha256=still.sha256,
            size_bytes=still.size_bytes,
            width=still.width,
            height=still.height,
            statement=still.statement,
            picture=f"/console/stills/{still.id}.jpg",
        )


class StillOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a still would be given now.

    Attributes:
        is_once: it is the owner's yes that gives it: one picture.
        may_ask: it would be given if its owner agreed, who can be asked, or was and may still answer.
        may_second: it would be given if a second person confirmed it.
    """

    is_offered: bool
    is_once: bool = False
    may_ask: bool = False
    may_second: bool = False


@get(_PATH, opt=requires("still.take"), dependencies=QUESTION)
async def offer_still(question: NamedDependency[ViewQuestion], stills: NamedDependency[Stills]) -> StillOffer:
    """Whether a still would be permitted now; takes none, and is no entry in the log."""
    offered = await stills.taking.offer(question)
    ways = offered.remedies
    return StillOffer(
        is_offered=offered.is_given,
        is_once=offered.is_once,
        may_ask=Remedy.ASK in ways,
        may_second=Remedy.TWO_PERSONS in ways,
    )


@post(_PATH + "/asks", opt=requires("still.take"), status_code=201)
async def ask_for_still(
    data: JSONBody[AskForStill], principal: NamedDependency[Principal], view_asks: NamedDependency[ViewAsks]
) -> Asked:
    """Ask the owner for one still of what happens when it is taken."""
    wish = AskWish(camera_id=data.camera_id, purpose=data.purpose, incident_id=data.incident_id, act=Act.STILL_TAKE)
    return Asked.of(await view_asks.ask(principal, wish))


@post(_PATH, opt=requires("still.take", deadline_s=WAIT_S), status_code=201)
async def take_still(
    data: JSONBody[TakeStill],
    principal: NamedDependency[Principal],
    stills: NamedDependency[Stills],
    rate_limiter: NamedDependency[RateLimiter],
) -> StillFacts:
    """Take a still; answered once it is here, at most 21 s later."""
    await rate_limiter.check("stills", [Limit("account", principal.person_id, count=A_MINUTE, window_s=60)])
    still = await stills.taking.take(
        principal,
        camera_id=data.camera_id,
        purpose=data.purpose,
        incident_id=data.incident_id,
        on_behalf_of=data.on_behalf_of,
        confirmation_id=data.confirmation_id,
    )
    return StillFacts.of(still)


@get(_PATH + "/{still_id:str}", opt=requires("self.read"))
async def read_still(
    still_id: FromPath[str], principal: NamedDependency[Principal], stills: NamedDependency[Stills]
) -> StillFacts:
    """What is known of one."""
    return StillFacts.of(await stills.look(principal, still_id))


@get("/console/stills/{name:str}", opt=requires("self.read"), include_in_schema=False)
async def still_picture(
    name: FromPath[str], principal: NamedDependency[Principal], stills: NamedDependency[Stills]
) -> Response[bytes]:
    """The picture itself; every reading is in the log."""
    still_id, dot, kind = name.partition(".")
    if (dot, kind) != (".", "jpg"):
        raise NotFoundError("There is no such still.")
    still, jpeg = await stills.read(principal, still_id)
    headers = {
        "content-disposition": f'inline; filename="still-{still.taken_at:%Y%m%d-%H%M%S}-{still.id[-8:]}.jpg"',
        "cache-control": "no-store",
    }
    return Response(jpeg, media_type="image/jpeg", headers=headers)


@put(
    "/uploads/stills/{session_id:str}",
    opt=requires(PUBLIC, reads_cookies=False),
    status_code=204,
    request_max_body_size=STILL_BYTES,
    include_in_schema=False,
)
async def hand_over(request: AnyRequest, session_id: FromPath[str], stills: NamedDependency[Stills]) -> None:
    """Where a site hands a still over, once; who does not hold the secret learns nothing."""
    token = bearer(request.headers.get("authorization", ""))
    if not token:
        raise NotFoundError("There is no such still.")
    stills.demand_token(session_id, token)
    statement = request.headers.get("lenspact-still", "")
    await stills.receive(session_id, token=token, statement=statement, jpeg=await request.body())


STILL_ROUTES: Final = (offer_still, ask_for_still, take_still, read_still, still_picture, hand_over)
