"""Every limit of the link and its tokens, with unit, reason and source.

The numbers come from the trust protocol (docs/ref/wire.md); the code that enforces one names it from here.
"""

from typing import Final

FRAME_BYTES: Final = 64 * 1024  # one message on the link; larger is refused before parsing
DOCUMENT_BYTES: Final = 48 * 1024  # one policy document, so that it fits a frame with its envelope
LEAF_BYTES: Final = 8 * 1024  # one log leaf; the C2SP tile format allows 65,535
SDP_BYTES: Final = 16 * 1024  # one SDP offer or answer

FRESH_AGE_S: Final = 60  # a grant must echo a `fresh` the agent sent at most this long ago (monotonic)
ACCEPTED_LEASE_S: Final = 10  # `accepted` is its own first lease
LEASE_VALID_S: Final = 10  # a lease lives this long from the SENDING of the echoed `fresh`
LEASE_PERIOD_S: Final = 3  # two lost batches are survived, more ends all live video
HEARTBEAT_IDLE_S: Final = 30
HEARTBEAT_LIVE_S: Final = 3
HANDSHAKE_S: Final = 5  # challenge to welcome
MAX_MERGE_DELAY_S: Final = 60  # promise to inclusion
MERGE_DELAY_ALARM_S: Final = 10
MAX_OUTSTANDING_PROMISES: Final = 16  # per site; a further grant waits for proofs, then `limit`
CLOCK_SKEW_S: Final = 30
PROGRESS_PERIOD_S: Final = 5  # durable progress of a running session, so a crash loses at most this much account
TICKET_LIFE_S: Final = 30
APPROVE_BY_S: Final = 24 * 3600  # a widening proposal dies after this
CLIP_REQUEST_LIFE_S: Final = 7 * 24 * 3600
TOUCH_DIGESTS: Final = 200  # documents that one touch of a passkey may approve
VIEW_REQUEST_LIFE_S: Final = 3600  # an owner may answer a request for a live view this long
INCIDENT_MOVES: Final = 19  # an incident that moved more often is opened anew: a chase is no way through a whole city
PANIC_MOST_S: Final = 4 * 3600  # a panic that lasts longer is pressed again: a stuck button opens no camera for a night
VIEW_APPROVED_S: Final = 300  # a view the owner approved lasts this long, once; a yes on site waits no longer for it
VIEW_ASKS: Final = 32  # requests for live views that wait for one owner; one more is refused, so nobody is flooded
VIEW_VOCABULARY: Final = 2  # the `vocabulary` from which on an agent knows view_ask and view_no
ANSWERS_VOCABULARY: Final = 4  # from which on an agent knows passkeys that only answer requests
HOLD_DEFAULT_S: Final = 3600  # a passkey-approved widening waits this long (0 in the demo, which says so)
KEY_LIFE_DAYS: Final = 90
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_LAST_S: Final = 300.0
PIN_TRIES: Final = 5
