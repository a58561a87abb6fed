"""The closed vocabulary of the law: every word a rule, a request or an answer may use.

A word that is not here is refused wherever it is met, at the centre and on site alike: an agent that is older than the
gateway says no to what it does not know. No act's name contains another's, so that a matcher that compared by
substring instead of by set could not go unnoticed (a test holds it).
"""

from enum import StrEnum
from typing import Final

# announced on the link; the gateway writes only words of the agent's version (2: asks for views; 3: whom an ordinance
# means, and how long ago an incident was opened; 4: passkeys that only answer requests; 5: views of a recording; 6:
# stills; 7: a look at its connection; 8: its line and cameras in it; 9: asks for recordings and stills; 10: pictures
# inside a WebSocket)
VERSION: Final = 10


class Act(StrEnum):
    """What somebody may want to do with a camera."""

    REGISTRY_VIEW = "registry.view"  # know that this camera is here
    LIVE_VIEW = "live.view"
    LIVE_AUDIO = "live.audio"
    PTZ_MOVE = "ptz.move"
    STILL_TAKE = "still.take"
    RECORDED_VIEW = "recorded.view"
    CLIP_REQUEST = "clip.request"  # ask the owner for a clip
    CLIP_FETCH = "clip.fetch"  # receive a clip
    PRESERVE_PLACE = "preserve.place"  # keep recordings from being overwritten
    SHARE_FORWARD = "share.forward"  # hand on to another agency


LIVE_ACTS: Final = frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE, Act.STILL_TAKE})
RANGE_ACTS: Final = frozenset({Act.RECORDED_VIEW, Act.CLIP_REQUEST, Act.CLIP_FETCH, Act.PRESERVE_PLACE})


class Duty(StrEnum):
    """What an agency alone lets its people do. It is no act on a camera: no owner's rule and no request names it."""

    SECOND_CONFIRM = "second.confirm"  # be the second person of emergency access by two people


class OwnerRole(StrEnum):
    """What a passkey of a document may approve."""

    OWNER = "owner"  # everything an owner may
    ANSWERS = "answers"  # a yes to one view or to one recording, and nothing that lasts


class Purpose(StrEnum):
    """The coded ground of an access. The last three exist so that a guard-rail can forbid them by name."""

    LIFE_SAFETY = "life_safety"
    VIOLENT_CRIME = "violent_crime"
    PROPERTY_CRIME = "property_crime"
    TRAFFIC = "traffic"
    MISSING_PERSON = "missing_person"
    FIRE = "fire"
    MEDICAL = "medical"
    DISASTER = "disaster"
    PUBLIC_EVENT = "public_event"
    INVESTIGATION = "investigation"  # after the fact, with a case
    IMMIGRATION = "immigration"
    PROTEST_MONITORING = "protest_monitoring"
    HEALTH_CARE_SEEKING = "health_care_seeking"


class IncidentKind(StrEnum):
    """What happened, in the words of a dispatch system, coarse."""

    SHOOTING = "shooting"
    ROBBERY = "robbery"
    ASSAULT = "assault"
    WEAPON = "weapon"
    BURGLARY = "burglary"
    THEFT = "theft"
    CRASH = "crash"
    PURSUIT = "pursuit"
    MISSING_PERSON = "missing_person"
    MEDICAL = "medical"
    FIRE = "fire"
    HAZMAT = "hazmat"
    WEATHER = "weather"
    ALARM = "alarm"
    DISTURBANCE = "disturbance"
    OFFICER_NEEDS_HELP = "officer_needs_help"
    PLANNED_EVENT = "planned_event"
    OTHER = "other"


_ANY_CRIME: Final = (Purpose.VIOLENT_CRIME, Purpose.LIFE_SAFETY, Purpose.INVESTIGATION)
# incident kind -> the purposes it can be a ground for; the first is the one that opening the incident proposes
PURPOSES_OF_KIND: Final[dict[IncidentKind, tuple[Purpose, ...]]] = {
    IncidentKind.SHOOTING: _ANY_CRIME,
    IncidentKind.ROBBERY: _ANY_CRIME,
    IncidentKind.ASSAULT: _ANY_CRIME,
    IncidentKind.WEAPON: _ANY_CRIME,
    IncidentKind.BURGLARY: (Purpose.PROPERTY_CRIME, Purpose.LIFE_SAFETY, Purpose.INVESTIGATION),
    IncidentKind.THEFT: (Purpose.PROPERTY_CRIME, Purpose.INVESTIGATION),
    IncidentKind.CRASH: (Purpose.TRAFFIC, Purpose.LIFE_SAFETY, Purpose.MEDICAL, Purpose.INVESTIGATION),
    IncidentKind.PURSUIT: (Purpose.LIFE_SAFETY, Purpose.VIOLENT_CRIME, Purpose.TRAFFIC),
    IncidentKind.MISSING_PERSON: (Purpose.MISSING_PERSON, Purpose.LIFE_SAFETY),
    IncidentKind.MEDICAL: (Purpose.MEDICAL, Purpose.LIFE_SAFETY),
    IncidentKind.FIRE: (Purpose.FIRE, Purpose.LIFE_SAFETY, Purpose.INVESTIGATION),
    IncidentKind.HAZMAT: (Purpose.DISASTER, Purpose.LIFE_SAFETY, Purpose.FIRE),
    IncidentKind.WEATHER: (Purpose.DISASTER, Purpose.LIFE_SAFETY),
    IncidentKind.ALARM: (Purpose.PROPERTY_CRIME, Purpose.LIFE_SAFETY),
    IncidentKind.DISTURBANCE: (Purpose.LIFE_SAFETY, Purpose.VIOLENT_CRIME),
    IncidentKind.OFFICER_NEEDS_HELP: (Purpose.LIFE_SAFETY, Purpose.VIOLENT_CRIME),
    IncidentKind.PLANNED_EVENT: (Purpose.PUBLIC_EVENT, Purpose.LIFE_SAFETY),
    IncidentKind.OTHER: (Purpose.LIFE_SAFETY,),
}


class Origin(StrEnum):
    """Who says that the incident exists."""

    CAD = "cad"  # the 911 centre's dispatch system
    ALERT = "alert"  # a device: an alarm, a gunshot sensor
    HAND = "hand"  # an operator
    PLANNED = "planned"  # an event known before


class Condition(StrEnum):
    """What must be true for a rule to hold. `near` is written with its radius in metres: `near:300`."""

    ALWAYS = "always"
    ANY = "any"  # an active incident anywhere in reach
    NEAR = "near"  # an incident whose cell lies wholly within the radius
    ASK = "ask"  # the owner approved this view or this clip
    PANIC = "panic"  # the site's own panic input is on
    TWO_PERSONS = "two_persons"  # emergency access by two people


class GuardCondition(StrEnum):
    """When a guard-rail's deny holds. `opened_before` is written with its age in seconds: `opened_before:86400`."""

    ALWAYS = "always"
    NO_INCIDENT = "no_incident"
    HAND_INCIDENT = "hand_incident"  # none, or one that only an operator vouches for
    ONE_PERSON = "one_person"  # until a second person, of the rank that the pack may name, has approved
    OPENED_BEFORE = "opened_before"  # no incident, or one that was opened longer ago than this


class Who(StrEnum):
    """Whom a guard-rail means, besides `role:<role>`."""

    ANY = "any"
    ON_BEHALF = "on_behalf"  # whoever acts for another agency


class Rank(StrEnum):
    """What the second person has to be, where an ordinance says so: a role, or a mark that gives nothing else."""

    SUPERVISOR = "supervisor"
    CAPTAIN = "captain"  # or higher; the agency marks who is


class Default(StrEnum):
    """What every ordinance pack forbids, unless it cites the ordinance that allows it."""

    SOUND = "sound"
    ASSEMBLY = "assembly"  # watching people who protest
    IMMIGRATION = "immigration"
    REPRODUCTIVE_HEALTH = "reproductive_health"
    STANDING_LIVE_AT_HOMES = "standing_live_at_homes"  # live where people live, without an incident


FEDERAL: Final = "federal"  # a federal officer, also as a member of a task force
MARKS: Final = (FEDERAL,)  # roles that give nothing and that an ordinance may forbid by name
WATCHERS: Final = ("operator", "supervisor")  # police roles that look through cameras


# roles of other services, each with the purposes that are its own; police have all
PURPOSES_OF_ROLE: Final[dict[str, frozenset[Purpose]]] = {
    "fire": frozenset({Purpose.FIRE, Purpose.LIFE_SAFETY, Purpose.DISASTER, Purpose.MISSING_PERSON}),
    "ems": frozenset({Purpose.MEDICAL, Purpose.LIFE_SAFETY, Purpose.DISASTER}),
    "emergency_management": frozenset(
        {Purpose.DISASTER, Purpose.LIFE_SAFETY, Purpose.FIRE, Purpose.MISSING_PERSON, Purpose.PUBLIC_EVENT}
    ),
    "transport": frozenset({Purpose.TRAFFIC, Purpose.DISASTER}),
}
VIEWERS: Final = tuple(PURPOSES_OF_ROLE)


class Technology(StrEnum):
    """What is done with the picture."""

    VIDEO = "video"  # a person looks at it
    PLATE_READING = "plate_reading"
    FACE_MATCHING = "face_matching"
    BIOMETRIC_SEARCH = "biometric_search"
    BEHAVIOUR_PREDICTION = "behaviour_prediction"


class Tag(StrEnum):
    """What a camera looks at, as its owner says; guard-rails are written against it."""

    RESIDENTIAL = "residential"  # people live here
    PUBLIC_FACING = "public_facing"
    INTERIOR = "interior"
    SCHOOL = "school"
    HEALTH = "health"
    WORSHIP = "worship"
    TRANSIT = "transit"


class Effect(StrEnum):
    """What a rule does when it matches."""

    ALLOW = "allow"
    DENY = "deny"


class Notify(StrEnum):
    """When the owner hears of a use, the stricter last."""

    DIGEST = "digest"
    NOW = "now"


class Obligation(StrEnum):
    """What a permit obliges to. Values: flags are true, numbers are upper bounds, `masks` is a list of mask ids."""

    WATERMARK = "watermark"
    NOTIFY = "notify"  # "digest" or "now"
    MASKS = "masks"
    MAX_SECONDS = "max_s"
    MAX_HEIGHT = "max_height_lines"
    AUDIO_OFF = "audio_off"
    PTZ_OFF = "ptz_off"
    RECORD_REASON = "record_reason"
    SECOND_PERSON = "second_person"
    AFTER_ACTION = "after_action"
    AFTER_ACTION_DAYS = "after_action_days"  # within how many days it is due


class Layer(StrEnum):
    """A part of the decision; each can only narrow what the others leave."""

    INVARIANTS = "invariants"
    GUARDRAIL = "guardrail"
    ENVELOPE = "envelope"
    SHARING = "sharing"
    FACTS = "facts"
    AGENCY = "agency"


class Reason(StrEnum):
    """Why not. For the owner and the auditor; an operator reads `Remedy` only."""

    LAYER_MISSING = "layer_missing"
    DISAGREEMENT = "disagreement"  # kernel and enforcer differ: an alarm
    ERROR = "error"  # a rule could not be evaluated: an alarm
    UNKNOWN_TERM = "unknown_term"
    RANGE_MISSING = "range_missing"
    WRONG_PARTNER = "wrong_partner"
    NO_SUCH_CAMERA = "no_such_camera"
    SUSPENDED = "suspended"  # the network-wide switch
    PAUSED = "paused"  # the site's own switch
    PARTNER_INACTIVE = "partner_inactive"
    ACCOUNT_INACTIVE = "account_inactive"
    GUARDRAIL = "guardrail"
    WRONG_GUARDRAIL = "wrong_guardrail"
    AGREEMENT = "agreement"  # outside the agreement's dates, agencies, acts or purposes
    PURPOSE_MISMATCH = "purpose_mismatch"  # this kind of incident is no ground for that purpose
    DENY_RULE = "deny_rule"
    NOT_SHARED = "not_shared"
    GRANTEE = "grantee"
    ACT = "act"
    PURPOSE = "purpose"
    DATES = "dates"
    WINDOW = "window"
    CONDITION = "condition"
    TERMS = "terms"
    MASKS = "masks"  # the deciding rule asks for masks that nobody can draw there
    TOTALS = "totals"
    AGENCY = "agency"


class Remedy(StrEnum):
    """What the person who asked can do, where the owner offers it; `REMEDIES` is their order."""

    NONE = "none"
    ASK = "ask"
    LINK_INCIDENT = "link_incident"
    TWO_PERSONS = "two_persons"


REMEDIES: Final = (Remedy.LINK_INCIDENT, Remedy.ASK, Remedy.TWO_PERSONS)  # the one that takes least comes first
