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
ASKED_RANGE_S: Final = 600  # the range of a recording an owner is asked to show; minutes are answered, not an hour
RECORDED_APPROVED_S: Final = 900  # how long it may be looked at, once: time to see it all, and some of it again
VIEW_ASKS: Final = 32  # requests that wait for one owner; one more is refused, so nobody is flooded
VIEW_VOCABULARY: Final = 2  # the `vocabulary` from which on an agent knows view_ask and view_no
ASKED_VOCABULARY: Final = 9  # from which on such a request may be for a recording or a still
ANSWERS_VOCABULARY: Final = 4  # from which on an agent knows passkeys that only answer requests
RECORDED_VOCABULARY: Final = 5  # from which on an agent knows views of a recording
STILL_VOCABULARY: Final = 6  # from which on an agent knows stills
STILL_S: Final = 12  # from the acceptance of a still until it has left, or nothing of it does
STILL_BYTES: Final = 2 * 1024 * 1024  # of one, as JPEG
STILL_LABEL: Final = 40  # characters of what the grant has the site burn into it
CHECK_VOCABULARY: Final = 7  # from which on an agent looks at its connection when asked
FULL_CHECK_VOCABULARY: Final = 8  # from which on it measures its line, opens its cameras, and asks for a check itself
CHECKS_AN_HOUR: Final = 20  # of one site, by way of the gateway: each opens every camera, and tries the network
TUNNEL_VOCABULARY: Final = 10  # from which on it knows that pictures can go inside a WebSocket, and tells if they did
LINE_BYTES: Final = 3 * 1024 * 1024  # sent at most to measure a line
LINE_S: Final = 3.0  # the same, in time: long enough to leave slow start behind, too short to be in anybody's way
LINE_REQUESTS: Final = 8  # the same, in requests: an empty one for the way there and back, then larger and larger ones
LINE_MOST_KBPS: Final = 200_000  # beyond it three megabytes are over too soon to say more
PICTURE_S: Final = 12.0  # for the first pictures of a check, all cameras together
RECORDED_VIEW_S: Final = 1800  # one view of a recording lasts no longer, whatever of its range was shown
RECORDED_RANGE_S: Final = 3600  # the range of one view; a longer one is asked for as a recording
RECORDED_AHEAD_S: Final = 30  # how far past the site's clock a range may end: clocks differ
SPEEDS: Final = (50, 100, 200, 400, 800)  # percent of the time in which it happened
KEYS_ONLY_SPEED: Final = 400  # from here on only key pictures leave: about as many as are shown in real time
PLAYBACK_PER_S: Final = 10  # orders to one playback; one more is refused
FOOTAGE_RANGES: Final = 32  # of what was shown, in one account; more are told as fewer, longer ones
THUMBNAILS: Final = 6  # small pictures in one message, so that it fits a frame
THUMBNAIL_WIDTH: Final = 160  # pixels
THUMBNAIL_BYTES: Final = 7 * 1024  # of one, as JPEG
HOLD_DEFAULT_S: Final = 3600  # a passkey-approved widening waits this long (0 in the demo, which says so)
KEY_LIFE_DAYS: Final = 90
BACKOFF_FIRST_S: Final = 1.0
BACKOFF_LAST_S: Final = 300.0
PIN_TRIES: Final = 5
