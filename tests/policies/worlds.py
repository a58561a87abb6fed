"""What whole decisions stand on, for the law and for the oracle, and random variations of it."""

import dataclasses
from random import Random
from typing import Any

from policies import packs
from policies.agency import read_agency_rules
from policies.guardrail import Guardrail, read_guardrail
from policies.layers import AgencyLayer, GuardrailLayer, Layers, SharingLayer
from policies.model import Policy
from policies.obligations import to_json
from policies.parts import Envelope, Totals, plain
from policies.request import Facts, Invariants, Permit, Place, Request, Usage
from policies.vocabulary import (
    FEDERAL,
    PURPOSES_OF_ROLE,
    VIEWERS,
    Act,
    GuardCondition,
    IncidentKind,
    Obligation,
    Purpose,
    Tag,
    Technology,
    Who,
)
from tests.policies.build import AGENCY_LAYER, PACK, PACK_DOCUMENT, envelope
from tests.policies.generate import directed, random_policy

AGENCY_DOCUMENT = packs.load_document("agencies", "default.json")
OPEN_DOCUMENT = {  # an ordinance that forbids next to nothing, and an agency that lets everybody do everything
    **PACK_DOCUMENT,
    "rules": [{**PACK_DOCUMENT["rules"][0], "technologies": ["behaviour_prediction"]}],  # type: ignore[index]
    "limits": {
        "session_s": 43_200, "clip_s": 86_400, "look_back_s": 31_536_000, "height_lines": 4320, "watermark": False,
        "record_reason": False, "after_action": False,
    },
}  # fmt: skip
OPEN_PACK = read_guardrail(OPEN_DOCUMENT)
OPEN_GUARD = GuardrailLayer(OPEN_PACK)
EVERYBODY = AgencyLayer(
    read_agency_rules(
        {
            "v": 1,
            "title": "Everybody may do everything",
            "rules": [
                {"id": role, "role": role, "agency": "any", "acts": sorted(Act), "assurance": 0, "effect": "allow"}
                for role in ("operator", "supervisor", FEDERAL, *VIEWERS)
            ],
        }
    )
)
SHIPPED = ("incident_only", "live_24_hours", "no_federal_users", "open_city")
PACKS = (
    (PACK, PACK_DOCUMENT),
    *((packs.ordinance(name), packs.load_document("ordinances", f"{name}/pack.json")) for name in SHIPPED),
)
AGE_S = 3600  # the incident of a question was opened sometimes longer ago than this, sometimes not
GUARD_CONDITIONS = tuple(
    f"{one}:{AGE_S}" if one is GuardCondition.OPENED_BEFORE else str(one) for one in GuardCondition
)
WHOM = (*map(str, Who), "role:operator", f"role:{FEDERAL}", "role:fire")
ROLES = (
    *[None] * 24,
    *({role} for role in VIEWERS),
    {"operator", FEDERAL},
    {FEDERAL},
    {"compliance"},
    {"operator", "fire"},
)
KINDS = (IncidentKind.SHOOTING, IncidentKind.CRASH, IncidentKind.FIRE)
FLAGS = ("watermark", "record_reason", "second_person", "after_action")
LIMITS: tuple[dict[str, Any], ...] = (
    {}, {"session_s": 60}, {"clip_s": 60, "look_back_s": 3600}, {"height_lines": 480, "watermark": True},
    {"record_reason": True, "after_action": True, "after_action_days": 7},
)  # fmt: skip
INVARIANTS: tuple[dict[str, bool], ...] = (
    {"is_camera_present": False}, {"is_paused": True}, {"is_suspended": True}, {"is_partner_active": False},
    {"is_account_active": False},
)  # fmt: skip
PURPOSES = (*[Purpose.VIOLENT_CRIME] * 6, Purpose.LIFE_SAFETY, Purpose.PROPERTY_CRIME, Purpose.IMMIGRATION)


def random_world(dice: Random) -> tuple[Layers, Any, list[Policy]]:
    """Layers of either place with everything varied, and the same for the oracle."""
    pack, document = _random_pack(dice)
    place = dice.choice(tuple(Place))
    held = [
        _varied(dice, random_policy(dice, 4), pack) for _ in range(1 if place is Place.SITE else dice.choice((1, 1, 2)))
    ]
    own = _random_envelope(dice) if place is Place.CENTRE else None
    is_let = dice.random() < 0.97
    layers = Layers(
        place=place,
        invariants=Invariants(**{"is_camera_present": True, **({} if is_let else dice.choice(INVARIANTS))}),
        guardrail=GuardrailLayer(pack),
        envelope=held[0].envelope if own is None else own,
        sharing=tuple(SharingLayer(one) for one in held),
        facts=Facts(),
        agency=AGENCY_LAYER if place is Place.CENTRE else None,
    )
    world = {
        "is_let": is_let,
        "pack": document,
        "envelope": None if own is None else plain(own),
        "documents": [one.to_document() for one in held],
        "agency": AGENCY_DOCUMENT if place is Place.CENTRE else None,
    }
    return layers, world, held


def random_question(dice: Random, held: list[Policy]) -> tuple[Request, Facts]:
    """A directed question with the other layers' words varied too."""
    asked, facts = directed(dice, held[0])
    told = asked.incident
    if told is not None and dice.random() < (0.9 if asked.purpose is Purpose.PROPERTY_CRIME else 0.05):
        told = dataclasses.replace(told, kind=IncidentKind.BURGLARY)
    elif told is not None and dice.random() < 0.1:
        told = dataclasses.replace(told, kind=dice.choice(KINDS))
    roles = dice.choice(ROLES)
    who = dataclasses.replace(
        asked.subject,
        assurance=dice.choice((1, *[2] * 9, 3)),
        roles=asked.subject.roles if roles is None else frozenset(roles),
        on_behalf_of=dice.choice((*[""] * 7, "age_3")),
    )
    technology = Technology.VIDEO if dice.random() < 0.95 else dice.choice(tuple(Technology))
    purpose = asked.purpose if dice.random() < 0.9 else dice.choice(PURPOSES)
    if who.said_role in VIEWERS and dice.random() < 0.5:
        purpose = dice.choice(sorted(PURPOSES_OF_ROLE[who.said_role]))
    changed = dataclasses.replace(asked, incident=told, subject=who, technology=technology, purpose=purpose)
    usage = Usage(
        live_s=dice.choice((0, 0, 900, 999, 1000)), clip_s=dice.choice((0, 0, 900)), views_now=dice.choice((0, 0, 1, 2))
    )
    return changed, dataclasses.replace(facts, usage=usage)


def in_words(answer: Permit) -> dict[str, object]:
    """A permit in the oracle's words."""
    duties = to_json(answer.obligations)
    return {
        "caps": (answer.caps.seconds, answer.caps.height_lines),
        **{flag: duties.get(flag, False) for flag in FLAGS},
        "after_action_days": duties.get("after_action_days", 0),
        "notify": duties[Obligation.NOTIFY],
        "masks": duties.get(Obligation.MASKS, []),
        "rules": list(answer.rules),
    }


def _random_pack(dice: Random) -> tuple[Guardrail, Any]:
    """A shipped one, one that forbids next to nothing, or that one with rules of any of an ordinance's words."""
    if dice.random() < 0.4:
        return dice.choice(PACKS)
    if dice.random() < 0.4:
        return OPEN_PACK, OPEN_DOCUMENT
    rules = [
        {
            "id": f"g{number}",
            "scope": dice.choice(("any", "any", *(f"tag:{tag}" for tag in Tag))),
            "acts": sorted(dice.sample(tuple(Act), dice.choice((1, 2, 4)))),
            "purposes": dice.choice((["any"], ["any"], [str(dice.choice(tuple(Purpose)))])),
            "technologies": dice.choice((["any"], ["any"], ["video"], ["face_matching", "plate_reading"])),
            "condition": dice.choice(GUARD_CONDITIONS),
            "cite": "Made up",
            "who": dice.choice(WHOM),
        }
        for number in range(dice.randint(1, 3))
    ]
    limits = {**OPEN_DOCUMENT["limits"], **dice.choice(LIMITS)}  # type: ignore[dict-item]
    document = {**OPEN_DOCUMENT, "rules": [*OPEN_DOCUMENT["rules"], *rules], "limits": limits}  # type: ignore[misc]
    return read_guardrail(document), document


def _varied(dice: Random, held: Policy, pack: Guardrail) -> Policy:
    tags = {
        tag: frozenset(dice.sample(("cam_1", "cam_2"), 1)) for tag in dice.sample(tuple(Tag), dice.choice((0, 0, 1)))
    }
    return dataclasses.replace(
        held,
        guardrail=pack.digest,
        envelope=_random_envelope(dice),
        totals=dice.choice((Totals(86_400, 86_400, 8), Totals(1000, 1000, 2))),
        tags={**held.tags, **tags},
    )


def _random_envelope(dice: Random) -> Envelope:
    """Half of the time wide, else tight in one thing."""
    tight: dict[str, Any] = dice.choice(
        (
            *[{}] * 9, {"agencies": frozenset({"age_1"})}, {"acts": frozenset(Act) - {Act.LIVE_AUDIO}},
            {"purposes": frozenset({Purpose.VIOLENT_CRIME})}, {"until_ms": 1_780_500_000_000},
            {"from_ms": 1_780_500_000_000}, {"session_s": 60}, {"session_s": 0}, {"clip_s": 60}, {"hold_s": 60},
            {"look_back_s": 1800}, {"height_lines": 240}, {"height_lines": 0},
        )
    )  # fmt: skip
    return envelope(**{"agencies": frozenset({"age_1", "age_2"}), **tight})
