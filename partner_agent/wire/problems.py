"""The closed list of refusal codes, each with one sentence and one remedy for the owner; an operator sees neither."""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """Why the site refused; what crosses the link as `code`."""

    NOT_SHARED = "not_shared"
    PAUSED = "paused"
    POLICY_STALE = "policy_stale"
    POLICY_DENIES = "policy_denies"
    OBLIGATION_UNKNOWN = "obligation_unknown"
    GRANT_INVALID = "grant_invalid"
    REPLAYED = "replayed"
    CLOCK_SKEW = "clock_skew"
    PROMISE_INVALID = "promise_invalid"
    PROMISE_OVERDUE = "promise_overdue"
    CAMERA_UNREACHABLE = "camera_unreachable"
    CAMERA_AUTH = "camera_auth"
    CODEC_UNSUPPORTED = "codec_unsupported"
    LIMIT = "limit"
    QUARANTINED = "quarantined"


SENTENCES: Final[dict[Code, tuple[str, str]]] = {
    Code.NOT_SHARED: ("This camera is not shared.", "Tick it in the portal, then approve on the agent."),
    Code.PAUSED: ("Sharing is paused on site.", "Run `lenspact-agent resume`, or resume on the agent's page."),
    Code.POLICY_STALE: ("The gateway used an older version of your rules.", "Nothing to do: it has been sent yours."),
    Code.POLICY_DENIES: ("Your rules do not allow this.", "Nothing to do, unless you want to share more."),
    Code.OBLIGATION_UNKNOWN: (
        "A condition is unknown to one side.",
        "Update the agent, or ask the gateway's operator.",
    ),
    Code.GRANT_INVALID: ("The gateway's request was not valid.", "Ask the gateway's operator; nothing was sent."),
    Code.REPLAYED: ("An old request came again.", "Nothing to do; if it repeats, ask the gateway's operator."),
    Code.CLOCK_SKEW: ("This machine's clock cannot be trusted.", "Set the clock (NTP), then clear it on the agent."),
    Code.PROMISE_INVALID: ("The log entry for this access was not right.", "Ask the gateway's operator why."),
    Code.PROMISE_OVERDUE: ("A promised log entry did not appear.", "Ask why; clear it on the agent when satisfied."),
    Code.CAMERA_UNREACHABLE: ("The camera does not answer.", "Check its power and network."),
    Code.CAMERA_AUTH: ("The camera refused the agent's password.", "Correct it in the agent's settings."),
    Code.CODEC_UNSUPPORTED: ("The camera's video format cannot be sent.", "Set its sub stream to H.264."),
    Code.LIMIT: ("A limit of your site was reached.", "Raise it in the agent's settings or wait."),
    Code.QUARANTINED: (
        "The agent may have been copied or reset.",
        "Clear it on the agent, then approve your rules again.",
    ),
}


class PolicyProblem(StrEnum):
    """Why a policy document or an approval was not taken."""

    MALFORMED = "malformed"
    WRONG_SITE = "wrong_site"
    PACK_MISSING = "pack_missing"
    WIDENING = "widening"  # sent as a narrowing, but it shares more
    EXPIRED = "expired"
    DEAD = "dead"
    BUSY = "busy"  # another proposal is held
    APPROVAL_INVALID = "approval_invalid"
    ON_SITE_ONLY = "on_site_only"
    QUARANTINED = "quarantined"
    LAST_OWNER = "last_owner"  # it would take the last owner's passkey away
    ANOTHER_OWNER = "another_owner"  # a passkey cannot remove itself
