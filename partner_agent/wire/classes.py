"""The closed table of token classes: who signs, for whom, and which claims; the n x n test walks `ALL`.

Gateway classes name the agent (or the log's origin) as audience and are signed by the key-set role of the same name;
device classes name the gateway and are signed by the agent's device key.
"""

from typing import Final

from partner_agent.wire.tokens import TokenClass

KEY_SET: Final = TokenClass(
    "keyset+jwt",
    "Ed25519",
    frozenset({"version", "previous_sha256", "keys", "hosts", "relay_fingerprints", "log_origin"}),
)
WELCOME: Final = TokenClass("welcome+jwt", "Ed25519", frozenset({"exp", "nonce", "proof_sha256", "epoch", "link"}))
GRANT: Final = TokenClass(
    "grant+jwt",
    "Ed25519",
    frozenset(
        {"jti", "exp", "fresh", "lineage", "policy_sha256", "session", "camera", "act", "subject", "purpose", "facts"}
        | {"caps", "obligations", "leaf", "openings", "promise"}
    ),
    frozenset({"incident", "approval", "origin_gateway", "publish", "clip", "recorded", "still"}),
)
LEASE: Final = TokenClass("lease+jwt", "Ed25519", frozenset({"n", "fresh", "sessions"}))
PROMISE: Final = TokenClass("promise+jwt", "Ed25519", frozenset({"origin", "leaf_hash", "time", "max_merge_delay_s"}))

PROOF: Final = TokenClass(
    "agent-pop+jwt",
    "ES256",
    frozenset({"exp", "nonce", "agent_nonce", "epoch", "boot_id", "ver", "keyset_version", "lineage"}),
)
TUNNEL: Final = TokenClass("agent-tunnel+jwt", "ES256", frozenset())  # its `aud` names one call
ENROL: Final = TokenClass("agent-enrol+jwt", "ES256", frozenset({"exp", "jwk"}))
# What the device says about one message of the gateway: `re` is that message's id, `body` depends on the class.
POLICY_ACK: Final = TokenClass("policy-ack+jwt", "ES256", frozenset({"re", "lineage", "seq", "sha256"}))
POLICY_STALE: Final = TokenClass("policy-stale+jwt", "ES256", frozenset({"re", "lineage", "seq", "sha256"}))
POLICY_REFUSED: Final = TokenClass("policy-refused+jwt", "ES256", frozenset({"re", "sha256", "code"}))
ACCEPTED: Final = TokenClass(
    "accepted+jwt", "ES256", frozenset({"re", "jti", "session", "camera", "grant_sha256"}), frozenset({"fingerprint"})
)
REFUSED: Final = TokenClass(
    "refused+jwt", "ES256", frozenset({"re", "grant_sha256", "code"}), frozenset({"jti", "session"})
)
STOPPED: Final = TokenClass(
    "stopped+jwt",
    "ES256",
    frozenset({"jti", "session", "reason", "seconds", "bytes"}),
    frozenset({"first_packet_at", "last_packet_at", "footage"}),
)
INTERRUPTED: Final = TokenClass(
    "interrupted+jwt", "ES256", frozenset({"jti", "session", "seconds_min", "seconds_max", "bytes_min"})
)
PRESERVED: Final = TokenClass(
    "preserved+jwt", "ES256", frozenset({"re", "request_sha256", "code"}), frozenset({"until", "ranges"})
)
SITE_APPROVAL: Final = TokenClass("site-approval+jwt", "ES256", frozenset({"label", "digest", "answer"}))
CAPTURE: Final = TokenClass("capture+jwt", "ES256", frozenset({"session", "jti", "request_sha256", "capture"}))
STILL: Final = TokenClass(
    "still+jwt", "ES256", frozenset({"session", "jti", "camera", "sha256", "size_bytes", "taken_at", "width", "height"})
)

BY_GATEWAY: Final = (KEY_SET, WELCOME, GRANT, LEASE, PROMISE)
BY_DEVICE: Final = (
    PROOF,
    TUNNEL,
    ENROL,
    POLICY_ACK,
    POLICY_STALE,
    POLICY_REFUSED,
    ACCEPTED,
    REFUSED,
    STOPPED,
    INTERRUPTED,
    PRESERVED,
    SITE_APPROVAL,
    CAPTURE,
    STILL,
)
ALL: Final = BY_GATEWAY + BY_DEVICE
