"""What is sent to the access endpoints, in the shape of the OpenID AuthZEN Authorization API 1.0, and how it is read.

Fields that we do not know are ignored, as section "JSON Serialization" asks; those that we know have exact types.
Words of ours: subjects are `user` (the caller) and `role`, resources `camera`, actions the acts of the law. The context
holds `purpose`, and where needed `incident_id`, a supposed `incident`, `span`, `time`, and for searches `area`.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from gateway.cameras import Box
from gateway.edge.inputs import OptionalLine, StrictInput
from gateway.kernel.errors import InvalidError
from gateway.sharing.evaluating import ASSURANCES, ROLES, USUAL_ASSURANCE, Asked, Person, SomeRole, Supposed
from policies.request import Span
from policies.vocabulary import Act, IncidentKind, Origin, Purpose

MOST_EVALUATIONS: Final = 50  # of one batch
MOST_RESULTS: Final = 500  # of one page of a search
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]


class SubjectProperties(StrictInput, frozen=True, forbid_unknown_fields=False):
    """More about a role."""

    unit: OptionalLine = ""
    assurance: int = USUAL_ASSURANCE


class SubjectInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """Who: `user` with the caller's own id, or `role` with `operator` or `supervisor`."""

    type: Literal["user", "role"]
    id: Id | UnsetType = UNSET
    properties: SubjectProperties = SubjectProperties()

    def read(self, at: str) -> Person | SomeRole:
        """As the service reads it.

        Raises:
            InvalidError: it has no id, or one that is no role of ours.
        """
        if self.id is UNSET:
            raise _missing(f"{at}subject.id")
        if self.type == "user":
            return Person(self.id)
        if self.id not in ROLES:
            raise InvalidError("This is no role we know.", fields={f"{at}subject.id": "Use operator or supervisor."})
        if self.properties.assurance not in ASSURANCES:
            path = f"{at}subject.properties.assurance"
            raise InvalidError("Something cannot be used as it is.", fields={path: "Use 1, 2 or 3."})
        return SomeRole(self.id, self.properties.unit, self.properties.assurance)


class ActionInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """What is to be done."""

    name: Act


class ResourceInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """A camera; a search for cameras needs no id."""

    type: Literal["camera"]
    id: Id | UnsetType = UNSET


class SpanInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """From when until when."""

    start: datetime
    end: datetime


class IncidentSupposed(StrictInput, frozen=True, forbid_unknown_fields=False):
    """An incident that is only supposed."""

    kind: IncidentKind
    lat: Lat
    lon: Lon
    origin: Origin = Origin.CAD


class AreaInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """A rectangle in degrees that does not cross the antimeridian."""

    south: Lat
    west: Lon
    north: Lat
    east: Lon

    def read(self) -> Box:
        """As the service reads it.

        Raises:
            InvalidError: it is turned over.
        """
        if self.south > self.north or self.west > self.east:
            raise InvalidError("This is no area.", fields={"context.area": "South before north, west before east."})
        return Box(self.south, self.west, self.north, self.east)


class ContextInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """Why, and under which circumstances."""

    purpose: Purpose
    incident_id: OptionalLine = ""
    incident: IncidentSupposed | None = None
    span: SpanInput | None = None
    time: datetime | None = None
    area: AreaInput | None = None


class PageInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """Which part of a search's results."""

    token: Annotated[str, Meta(max_length=400)] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_RESULTS)] = MOST_RESULTS


class Part(StrictInput, frozen=True, forbid_unknown_fields=False):
    """One evaluation of a batch; what it does not say is said above it."""

    subject: SubjectInput | None = None
    action: ActionInput | None = None
    resource: ResourceInput | None = None
    context: ContextInput | None = None

    def over(self, default: "Part") -> "Part":
        """With what it does not say taken from `default`."""
        return Part(
            subject=self.subject or default.subject,
            action=self.action or default.action,
            resource=self.resource or default.resource,
            context=self.context or default.context,
        )

    def read(self, at: str = "") -> tuple[Asked, str]:
        """The question and its camera.

        Raises:
            InvalidError: something is missing or cannot be used; `fields` names it below `at`.
        """
        for name in ("subject", "action", "resource", "context"):
            if getattr(self, name) is None:
                raise _missing(f"{at}{name}")
        assert self.subject is not None
        assert self.action is not None
        assert self.resource is not None
        assert self.context is not None
        return asked(self.subject.read(at), self.action.name, self.context, at), camera_of(self.resource, at)


class Options(StrictInput, frozen=True, forbid_unknown_fields=False):
    """How a batch is executed."""

    evaluations_semantic: Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"] = "execute_all"


class EvaluationInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """One evaluation."""

    subject: SubjectInput
    action: ActionInput
    resource: ResourceInput
    context: ContextInput


class EvaluationsInput(Part, frozen=True, forbid_unknown_fields=False):
    """A batch, with defaults for its parts; without parts it is one evaluation."""

    evaluations: Annotated[tuple[Part, ...], Meta(max_length=MOST_EVALUATIONS)] = ()
    options: Options = Options()


class ResourceSearchInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """A search for cameras; an agency names an area."""

    subject: SubjectInput
    action: ActionInput
    resource: ResourceInput
    context: ContextInput
    page: PageInput = PageInput()


class SubjectSearchInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """A search for roles that may do something with a camera."""

    subject: SubjectInput
    action: ActionInput
    resource: ResourceInput
    context: ContextInput


class ActionSearchInput(StrictInput, frozen=True, forbid_unknown_fields=False):
    """A search for what somebody may do with a camera."""

    subject: SubjectInput
    resource: ResourceInput
    context: ContextInput


def asked(subject: Person | SomeRole, act: Act, context: ContextInput, at: str = "") -> Asked:
    """The question in the service's words.

    Raises:
        InvalidError: a time has no zone, or a range ends before it begins.
    """
    span, told = context.span, context.incident
    moments = [("time", context.time)]
    moments += [("span.start", span.start), ("span.end", span.end)] if span is not None else []
    for name, moment in moments:
        if moment is not None and moment.utcoffset() is None:
            sentence = "Give the time with its zone, for instance 2026-11-22T14:30:00Z."
            raise InvalidError("A time cannot be used as it is.", fields={f"{at}context.{name}": sentence})
    if span is not None and span.start >= span.end:
        raise InvalidError("This is no range.", fields={f"{at}context.span": "The end comes after the beginning."})
    return Asked(
        subject=subject,
        act=act,
        purpose=context.purpose,
        incident_id=context.incident_id,
        supposed=None if told is None else Supposed(told.kind, told.origin, told.lat, told.lon),
        span=None if span is None else Span(span.start, span.end),
        at=context.time,
    )


def camera_of(resource: ResourceInput, at: str = "") -> str:
    """The camera that is named.

    Raises:
        InvalidError: none is.
    """
    if resource.id is UNSET:
        raise _missing(f"{at}resource.id")
    return resource.id


def _missing(path: str) -> InvalidError:
    return InvalidError("Something is missing.", fields={path: "This is needed."})
