"""The rules of the protocol that can be switched off, to see that each is needed.

With all of them every property holds; without any one of them the search finds a way to break one (`tests` per rule).
"""

from enum import StrEnum


class Rule(StrEnum):
    """One rule, in one sentence."""

    # documents
    DEAD = "a proposal answered with no is dead until the document in force changes"
    NEXT = "seq is exactly the held one plus one"
    BASE = "whatever changes the document in force cancels what is held"
    AGAIN = "every check is made again when a hold ends"
    MONOTONIC = "the hold runs on the monotonic clock and starts again after a restart"
    REACK = "the document in force is acknowledged again, and policy_stale counts as an ack"
    LINK = "a quarantined agent keeps its link and takes narrowings, a no and pause"
    ANEW = "clearing a quarantine starts a new lineage"
    LABEL = "a touch approves only the kind of thing its label names"
    PINNED = "only an unsuspended passkey of the document in force approves"
    ROLE = "a passkey that only answers requests approves no document"
    OTHER = "a passkey is removed by another one, or by the site"
    PUT_BACK = "a passkey is suspended at once, and put back as a widening only"
    LAST = "the last passkey is never removed"
    # sessions
    FIRST = "an accepted grant is its own first lease"
    SESSION = "session, like jti, is unused, and both are durable"
    ABSENT = "absence ends a session only in a batch whose fresh was sent after its accepted"
    REDECIDE = "before the ack, running sessions are decided again"
    LINKN = "n counts per link, and a fresh dies with its link"
    BOUND = "interrupted carries the durable count and one interval more"
    CLOSE = "every grant sent is closed by refused, stopped or interrupted, else by an incident"
    BURN = "a grant that was refused is used up"
    # promises
    CLEAR = "the site may clear an overdue promise"
    DURABLE = "outstanding promises are on disk"
    ONE_LEAF = "one leaf, one grant"
    CONSISTENT = "a head must be consistent with the last one taken"
    # key sets
    KEYS_FIRST = "key sets are offered before the welcome and need no live key but the root"
    FORWARD = "key sets never go back"
    # asking
    ONCE = "one request releases one recording, or opens one view"
    EXACT = "the approval is over the digest of the very request that the grant carries"
    NO_WINS = "a no on site beats a touch"
    KIND = "a touch for a view is none for a recording, nor the other way round"
    FIVE = "a view that was asked for ends after its time"
    ACT = "a yes to a live view, to a recording or to a still is none to another of them"
    RANGE = "a yes to a recording gives no more than the range that was asked for"
    PERSON = "a yes to a recording or to a still is to the person it names"
    INCIDENT = "one incident asks an owner once"
    FINAL = "a no to a view is for good, whoever gave it"
    NO_ENDS = "a no ends the view that a yes opened"
    WAITS = "a yes on site waits for its view no longer than the view may last"
    ON_DISK = "what was asked, answered and used up is on disk"
    # asking, at the gateway
    ASKED_ONCE = "the gateway asks an owner once for an incident, whichever of its processes is asked"
    EXACT_VIEW = "a yes opens the view it was given to: of this person, of this camera, in this incident"
    ONE_VIEW = "a view that came to a picture has used up its yes"
    IN_TIME = "what is over takes no yes"
    SILENT = "nobody declines in the portal what lapsed"
    GOOD_UNTIL = "a yes is good for five minutes, and never past the deadline"
    NO_IS_LAST = "a yes that comes after a no counts for nothing"
    NO_STOPS = "the gateway ends what a yes opened when a no comes, in whichever process"
    AS_READ = "a request is changed as it was read, or not at all"
    KEPT = "what was asked stays asked when the gateway restarts"
    ALIKE = "a no reads as silence does"
    LAPSES = "a request goes with its time, and with its incident"


ALL = frozenset(Rule)
