"""Questions about decisions as JSON: evaluations, batches and searches.

Source: OpenID AuthZEN Authorization API 1.0, sections "Access Evaluation API", "Access Evaluations API", "Search APIs".
An evaluation is no release: nothing is opened by it, and no leaf is written. The context of an answer is what the
caller's audience may read (`explaining`). Errors of a whole request are problem+json; within a batch they are a deny
with their status in its context.
"""

import base64
import binascii
import hashlib
import json
from typing import Any, Final

import msgspec
from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from gateway.cameras import Box, Camera, Position, position_of
from gateway.edge.origin import PublicOrigin
from gateway.edge.rate_limit import Limit, RateLimiter
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.errors import DeniedError, InvalidError, NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing.access_inputs import (
    ActionSearchInput,
    EvaluationInput,
    EvaluationsInput,
    Part,
    ResourceSearchInput,
    SubjectSearchInput,
    asked,
    camera_of,
)
from gateway.sharing.evaluating import Asked, Evaluations, SomeRole
from gateway.sharing.explaining import Audience, audience_of
from gateway.sharing.listing import Listing, Search
from policies.vocabulary import Act

ASKS: Final = 120  # of one person in a minute, a batch being one
PAGES_READ: Final = 8  # of a list, to fill one page of results
_API: Final = "/api/v1"
_ENDPOINTS: Final = {
    "access_evaluation_endpoint": "/access/v1/evaluation",
    "access_evaluations_endpoint": "/access/v1/evaluations",
    "search_resource_endpoint": "/access/v1/search/resource",
    "search_subject_endpoint": "/access/v1/search/subject",
    "search_action_endpoint": "/access/v1/search/action",
}
_STATUS: Final = ((NotFoundError, 404), (DeniedError, 403), (InvalidError, 400))
_FACTORS: Final = {1: {"password"}, 2: {"password", "totp"}, 3: {"passkey"}}


class DecisionOutput(msgspec.Struct, frozen=True):
    """An answer, and what the caller may read of it."""

    decision: bool
    context: dict[str, Any]


class DecisionsOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answers of a batch, in the order of its parts; or one answer."""

    evaluations: list[DecisionOutput] | None = None
    decision: bool | None = None
    context: dict[str, Any] | None = None


class FoundOutput(msgspec.Struct, frozen=True):
    """What a search found; `page.next_token` is empty at the end."""

    page: dict[str, Any]
    results: list[dict[str, Any]]


@post(_ENDPOINTS["access_evaluation_endpoint"], opt=requires("access.ask"), status_code=200)
async def evaluate(
    data: JSONBody[EvaluationInput],
    principal: NamedDependency[Principal],
    evaluations: NamedDependency[Evaluations],
    rate_limiter: NamedDependency[RateLimiter],
) -> DecisionOutput:
    """Whether one thing would be permitted now, and what the caller may read of why not."""
    await _count(rate_limiter, principal)
    part = Part(subject=data.subject, action=data.action, resource=data.resource, context=data.context)
    return await _decision(principal, evaluations, *part.read())


@post(_ENDPOINTS["access_evaluations_endpoint"], opt=requires("access.ask"), status_code=200)
async def evaluate_many(
    data: JSONBody[EvaluationsInput],
    principal: NamedDependency[Principal],
    evaluations: NamedDependency[Evaluations],
    rate_limiter: NamedDependency[RateLimiter],
) -> DecisionsOutput:
    """Up to 50 evaluations in one request, all of them or up to the first deny or permit."""
    await _count(rate_limiter, principal)
    if not data.evaluations:
        one = await _decision(principal, evaluations, *data.read())
        return DecisionsOutput(decision=one.decision, context=one.context)
    parts = [part.over(data).read(f"evaluations[{index}].") for index, part in enumerate(data.evaluations)]
    ends_with = {"deny_on_first_deny": False, "permit_on_first_permit": True}.get(data.options.evaluations_semantic)
    found: list[DecisionOutput] = []
    for question, camera_id in parts:
        found.append(await _decision(principal, evaluations, question, camera_id))
        if found[-1].decision is ends_with:
            break
    return DecisionsOutput(evaluations=found)


@post(_ENDPOINTS["search_resource_endpoint"], opt=requires("access.ask"), status_code=200)
async def search_cameras(
    data: JSONBody[ResourceSearchInput],
    principal: NamedDependency[Principal],
    evaluations: NamedDependency[Evaluations],
    listing: NamedDependency[Listing],
    rate_limiter: NamedDependency[RateLimiter],
) -> FoundOutput:
    """The cameras with which something would be permitted: of an area for the agency, else the owner's own."""
    await _count(rate_limiter, principal)
    question = asked(data.subject.read(""), data.action.name, data.context)
    token = _Token(data)
    if audience_of(principal) is Audience.OWNER:
        after = token.read(data.page.token)
        behind = "" if after is None else after.camera_id
        own = await evaluations.own_cameras(principal, question, after=behind, most=data.page.limit)
        return _found(list(own.found), "" if own.last is None else token.write(position_of(own.last)))
    if data.context.area is None:
        raise InvalidError("Say where.", fields={"context.area": "This is needed."})
    search = await _search(principal, evaluations, question)
    return await _cameras(listing, search, data.context.area.read(), token, data)


@post(_ENDPOINTS["search_subject_endpoint"], opt=requires("access.ask"), status_code=200)
async def search_roles(
    data: JSONBody[SubjectSearchInput],
    principal: NamedDependency[Principal],
    evaluations: NamedDependency[Evaluations],
    rate_limiter: NamedDependency[RateLimiter],
) -> FoundOutput:
    """The roles for whom it would be permitted, each with the weakest sign-in that is enough."""
    await _count(rate_limiter, principal)
    if data.subject.type != "role":
        raise InvalidError("Search for roles.", fields={"subject.type": "Use role."})
    somebody = SomeRole("", data.subject.properties.unit)
    question = asked(somebody, data.action.name, data.context)
    roles = await evaluations.roles(principal, question, camera_of(data.resource))
    results = [
        {"type": "role", "id": who.role, "properties": {"unit": who.unit, "assurance": who.assurance}} for who in roles
    ]
    return FoundOutput(page={"next_token": "", "count": len(results)}, results=results)


@post(_ENDPOINTS["search_action_endpoint"], opt=requires("access.ask"), status_code=200)
async def search_acts(
    data: JSONBody[ActionSearchInput],
    principal: NamedDependency[Principal],
    evaluations: NamedDependency[Evaluations],
    rate_limiter: NamedDependency[RateLimiter],
) -> FoundOutput:
    """Everything that would be permitted with a camera; nothing, for one that the caller may not know of."""
    await _count(rate_limiter, principal)
    question = asked(data.subject.read(""), Act.REGISTRY_VIEW, data.context)
    try:
        acts = await evaluations.acts(principal, question, camera_of(data.resource))
    except NotFoundError:
        acts = []
    results = [{"name": str(act)} for act in acts]
    return FoundOutput(page={"next_token": "", "count": len(results)}, results=results)


@get("/.well-known/authzen-configuration", opt=requires(PUBLIC, reads_cookies=False), include_in_schema=False)
async def metadata(origin: NamedDependency[PublicOrigin]) -> Response[dict[str, str]]:
    """Where which question is asked (AuthZEN Authorization API 1.0, "Policy Decision Point Metadata")."""
    document = {"policy_decision_point": origin.text}
    document |= {name: f"{origin.text}{_API}{path}" for name, path in _ENDPOINTS.items()}
    return Response(document, headers={"cache-control": "max-age=300"})


def access_routes() -> list[ControllerRouterHandler]:
    """The questions below `/api/v1`, and the document that says where they are."""
    handlers = [evaluate, evaluate_many, search_cameras, search_roles, search_acts]
    return [Router(_API, route_handlers=handlers), metadata]


async def _count(limiter: RateLimiter, principal: Principal) -> None:
    await limiter.check("access", [Limit("account", principal.person_id, count=ASKS, window_s=60)])


async def _decision(principal: Principal, evaluations: Evaluations, question: Asked, camera_id: str) -> DecisionOutput:
    audience = audience_of(principal)
    try:
        found = await evaluations.evaluate(principal, question, camera_id)
    except (NotFoundError, DeniedError, InvalidError) as error:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return DecisionOutput(
            False, {"audience": str(audience), "error": {"status": status, "message": error.sentence}}
        )
    return DecisionOutput(found.is_permitted, dict(found.told_to(audience)))


async def _search(principal: Principal, evaluations: Evaluations, question: Asked) -> Search:
    """What is looked for; an operator looks for themselves, the auditor for a role."""
    if question.supposed is not None or question.at is not None:
        raise InvalidError("A search of an area is about now, and about incidents that exist.")
    who = question.subject
    is_auditor = audience_of(principal) is Audience.AUDITOR
    if is_auditor is not isinstance(who, SomeRole) or (not is_auditor and who.id != principal.person_id):  # type: ignore[union-attr]
        raise DeniedError("Ask about a role." if is_auditor else "You can ask about yourself only.")
    if isinstance(who, SomeRole):
        factors = frozenset(_FACTORS[who.assurance])
        caller = Principal(
            kind=PrincipalKind.AGENCY,
            organisation_id=principal.organisation_id,
            roles=frozenset({Role(who.role)}),
            unit=who.unit,
            factors=factors,
        )
    else:
        caller = principal
    incident = await evaluations.incident(principal, question)
    return Search(principal=caller, purpose=question.purpose, act=question.act, incident=incident)


async def _cameras(
    listing: Listing, search: Search, area: Box, token: "_Token", data: ResourceSearchInput
) -> FoundOutput:
    found: list[Camera] = []
    after, limit = token.read(data.page.token), data.page.limit
    for _ in range(PAGES_READ):
        page = await listing.page(search, area, after=after)
        for one in page.listed:
            if one.look.denied is None:
                if len(found) == limit:
                    return _found(found, token.write(position_of(found[-1])))
                found.append(one.camera)
        after = page.next
        if after is None:
            return _found(found, "")
    assert after is not None
    return _found(found, token.write(after))


def _found(cameras: list[Camera], next_token: str) -> FoundOutput:
    results = [{"type": "camera", "id": camera.id} for camera in cameras]
    return FoundOutput(page={"next_token": next_token, "count": len(results)}, results=results)


class _Token:
    """Where a search goes on, bound to what it asks: another question with the same token is refused.

    It names only a camera that was listed for the caller, or one of an owner's own, so it need not be hidden from them.
    """

    def __init__(self, data: ResourceSearchInput) -> None:
        question = msgspec.json.encode(
            [data.subject, data.action, data.context, data.page.limit], order="deterministic"
        )
        self._bound = hashlib.sha256(question).hexdigest()[:16]

    def write(self, at: Position) -> str:
        """The token of a place."""
        text = json.dumps([self._bound, at.cell, at.lat, at.lon, at.camera_id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, token: str) -> Position | None:
        """The place of a token; None for none.

        Raises:
            InvalidError: it is none of ours, or of another question.
        """
        if not token:
            return None
        wrong = InvalidError("Begin the search again.", fields={"page.token": "This belongs to another search."})
        try:
            value = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, RecursionError):
            raise wrong from None
        match value:
            case [str(bound), int(cell), float() | int() as lat, float() | int() as lon, str(name)] if (
                bound == self._bound and {bool} & {type(cell), type(lat), type(lon)} == set()
            ):
                return Position(cell, float(lat), float(lon), name)
        raise wrong
