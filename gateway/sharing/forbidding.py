"""An answer that the ordinance forbids in every case cannot be saved: the sentence names the line, at the field.

Only what is new is refused, so that an older answer never stands in the way of taking something else back.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gateway.kernel.errors import InvalidError
from gateway.kernel.phrases import phrase
from policies.conflicts import Forbidden, forbidden
from policies.guardrail import Guardrail
from policies.matching import ANY
from policies.model import Policy
from policies.vocabulary import Act

# the field of the form that gives an act
FIELDS: Final[Mapping[Act, str]] = {
    Act.REGISTRY_VIEW: "where",
    Act.LIVE_VIEW: "live",
    Act.LIVE_AUDIO: "audio",
    Act.PTZ_MOVE: "ptz",
    Act.STILL_TAKE: "live",
    Act.RECORDED_VIEW: "recordings",
    Act.CLIP_REQUEST: "recordings",
    Act.CLIP_FETCH: "recordings",
    Act.PRESERVE_PLACE: "hold",
    Act.SHARE_FORWARD: "live",
}


def demand_lawful(before: Policy | None, after: Policy, guardrail: Guardrail, names: Mapping[str, str]) -> None:
    """Refuse what a line of the ordinance forbids in every case, unless it was said before.

    Args:
        before: what was saved last; None for nothing.
        after: what is to be saved.
        guardrail: the ordinance in force.
        names: what people call the cameras.

    Raises:
        InvalidError: with the line's citation at each field that it concerns.
    """
    known = set() if before is None else set(_said(forbidden(before, guardrail)))
    fields: dict[str, str] = {}
    for found in forbidden(after, guardrail):
        if not known.issuperset(_said([found])):
            cameras = ", ".join(names.get(camera, camera) for camera in sorted(found.cameras))
            said = phrase("The ordinance forbids this for %(cameras)s. %(cite)s", cameras=cameras, cite=found.cite)
            fields |= dict.fromkeys(_fields(found, guardrail), said)
    if fields:
        raise InvalidError("Nothing was saved: the ordinance forbids part of it in every case.", fields=fields)


def _said(found: Iterable[Forbidden]) -> Iterator[tuple[object, ...]]:
    for one in found:
        for camera in one.cameras:
            for act in one.acts:
                yield from ((one.line, camera, act, word) for word in one.purposes)


def _fields(found: Forbidden, guardrail: Guardrail) -> set[str]:
    line = next(rule for rule in guardrail.rules if rule.id == found.line)
    return {FIELDS[act] for act in found.acts} if ANY in line.purposes else {"purposes"}
