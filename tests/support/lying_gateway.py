"""A gateway in memory that holds every key of its own and may lie with all of them: builds whatever a test asks for."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_agent.wire import canonical, classes, documents, grants, keyset, leases, promises, proofs
from partner_agent.wire import messages as m
from partner_agent.wire.documents import POLICY_LABEL, PolicyDocument, Position
from partner_agent.wire.enrolment import Pairing
from partner_agent.wire.keyset import Key, KeySet
from partner_agent.wire.leaves import commitment
from partner_agent.wire.notes import Checkpoint, Note, NoteSigner
from partner_agent.wire.tokens import LocalSigner, PublicKey
from policies.geo import cell_of
from policies.model import Policy
from policies.obligations import to_json
from policies.vocabulary import Obligation
from tests.fakes.clock import START, FakeClock
from tests.policies import build
from tests.support import merkle
from tests.support.passkeys import SoftPasskey

GATEWAY, AGENT, SITE = "gw.example", "agt_1", "sit_1"
URL = "wss://gw.example/agent/v1"
ORIGIN = "gw.example/log"
RELAY = ":".join(["CD"] * 32)
SALT = "ab" * 16
OBLIGATIONS = to_json(
    {
        Obligation.WATERMARK: True,
        Obligation.NOTIFY: "now",
        Obligation.RECORD_REASON: True,
        Obligation.MAX_SECONDS: 300,
        Obligation.MAX_HEIGHT: 720,
        Obligation.AUDIO_OFF: True,
        Obligation.PTZ_OFF: True,
    }
)
ROLES = ("grant", "lease", "promise", "link")


@dataclass
class LyingGateway:
    """One gateway; `clock` is its own, and wrong if a test wants it."""

    clock: FakeClock
    keys: dict[str, LocalSigner] = field(default_factory=lambda: {r: LocalSigner.generate("Ed25519") for r in ROLES})
    root: LocalSigner = field(default_factory=lambda: LocalSigner.generate("Ed25519"))
    log_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    leaves: list[bytes] = field(default_factory=list)
    count: int = 0
    lease_n: int = 0

    def __post_init__(self) -> None:
        self.key_set = self.next_key_set(None)

    # --- keys and pairing

    def next_key_set(self, previous: KeySet | None, **changes: Any) -> KeySet:
        """The next key set, of the keys held now."""
        log = LocalSigner({"kty": "OKP", "crv": "Ed25519", **_raw_jwk(self.log_key)}).public
        public: dict[str, PublicKey] = {role: signer.public for role, signer in self.keys.items()} | {"log": log}
        usual: dict[str, Any] = {
            "gateway": GATEWAY,
            "previous": previous,
            "keys": [Key(role, key, START + timedelta(days=60)) for role, key in public.items()],
            "hosts": ["gw.example", "localhost:9"],
            "relay_fingerprints": [RELAY],
            "log_origin": ORIGIN,
            "now": START,
        }
        return keyset.sign(self.root.only(classes.KEY_SET), self.root.public, **{**usual, **changes})

    def pairing(self) -> Pairing:
        """What the token endpoint answers."""
        return Pairing(
            agent=AGENT,
            site=SITE,
            partner=build.PARTNER,
            gateway=GATEWAY,
            link_url=URL,
            root=dict(self.root.public.jwk),
            key_sets=[self.key_set.token],
            agencies={build.AGENCY: "Chicago Police"},
        )

    # --- policy

    def document(self, policy: Policy, base: Position, *, is_proposal: bool = False) -> PolicyDocument:
        """The document after `base`."""
        now = self.clock.now()
        return documents.build(
            gateway=GATEWAY,
            site=SITE,
            agent=AGENT,
            base=base,
            created_at=now,
            approve_by=now + timedelta(hours=1) if is_proposal else None,
            content=policy.to_document(),
        )

    # --- what owners touch on its pages

    def approval(
        self, passkey: SoftPasskey, sha256: str, *, label: str = POLICY_LABEL, signed: str = "", **changes: Any
    ) -> m.PolicyApproval:
        """The owner's touch delivered for `sha256`; the page may have had another document `signed`."""
        assertion = passkey.approve(label, signed or sha256, **changes)
        return m.PolicyApproval(id="msg_t", sha256=sha256, label=label, assertion=assertion)

    def approval_by_sign_in(self, passkey: SoftPasskey, sha256: str) -> m.PolicyApproval:
        """The owner only signed in; the challenge was the document's hash."""
        return m.PolicyApproval(
            id="msg_t", sha256=sha256, label=POLICY_LABEL, assertion=passkey.sign(bytes.fromhex(sha256))
        )

    # --- grants

    def leaf_of(self, message: m.Grant) -> dict[str, Any]:
        """The log entry that a grant carries."""
        keys = (self.keys["grant"].public,)
        return dict(grants.parse(message.token, keys, gateway=GATEWAY, agent=AGENT, now=None).grant.leaf)

    def body(self, base: Position, fresh: str, **changes: Any) -> dict[str, Any]:
        """The claims of a live view of cam_1 that the tests' usual policy permits."""
        self.count += 1
        usual: dict[str, Any] = {
            "jti": f"grt_{self.count}",
            "fresh": fresh,
            "lineage": base.lineage,
            "policy_sha256": base.sha256,
            "session": f"ses_{self.count}",
            "camera": "cam_1",
            "act": "live.view",
            "subject": {"ref": "per_1", "agency": build.AGENCY, "unit": "rtcc", "role": "operator", "assurance": 2},
            "purpose": "violent_crime",
            "incident": {
                "ref": "inc_1",
                "kind": "robbery",
                "origin": "cad",
                "cell": list(cell_of(build.LAT, build.LON)),
                "opened_at": "2026-11-23T14:55:00Z",
            },
            "facts": {},
            "caps": {"seconds": 300, "height_lines": 720},
            "obligations": OBLIGATIONS,
            "publish": {"whip_url": "https://gw.example/whip/1", "ticket": "t", "relay_fingerprint": RELAY},
        }
        return {k: v for k, v in {**usual, **changes}.items() if v is not None}

    def grant(
        self,
        body: dict[str, Any],
        *,
        leaf: dict[str, Any] | None = None,
        leaf_changes: dict[str, Any] | None = None,
        promise_changes: dict[str, Any] | None = None,
        signer: LocalSigner | None = None,
        claims_changes: dict[str, Any] | None = None,
    ) -> m.Grant:
        """The grant of `body` with its leaf in the log and its promise."""
        claims = grants.claims_for_hash(gateway=GATEWAY, agent=AGENT, now=self.clock.now(), body=body)
        claims |= claims_changes or {}
        named = {"grant_sha256": grants.hash_without_leaf(claims)}
        named |= {name: body[name] for name in grants.LEAF_FIELDS} | (leaf_changes or {})
        camera = named.pop("camera")
        own = {"v": 1, "id": body["jti"], "public": named, "c": {"camera": commitment(bytes.fromhex(SALT), camera)}}
        leaf = leaf or own
        leaf_hash = proofs.leaf_hash(canonical.encode(leaf))
        self.leaves.append(leaf_hash)
        said: dict[str, Any] = {
            "gateway": GATEWAY,
            "origin": ORIGIN,
            "leaf_hash": leaf_hash.hex(),
            "now": self.clock.now(),
        }
        promise = promises.sign(self.keys["promise"].only(classes.PROMISE), **{**said, **(promise_changes or {})})
        token = grants.sign(
            (signer or self.keys["grant"]).only(classes.GRANT),
            claims,
            leaf=leaf,
            openings={"camera": {"salt": SALT, "value": camera}},
            promise=promise,
        )
        return m.Grant(id=f"msg_g{self.count}", token=token)

    def lease(self, fresh: str, *sessions: tuple[str, str], n: int | None = None) -> m.Lease:
        """The next batch."""
        self.lease_n = self.lease_n + 1 if n is None else n
        token = leases.sign(
            self.keys["lease"].only(classes.LEASE),
            gateway=GATEWAY,
            agent=AGENT,
            n=self.lease_n,
            fresh=fresh,
            sessions=sessions,
            now=self.clock.now(),
        )
        return m.Lease(id=f"msg_l{self.lease_n}", token=token)

    # --- the log

    def head(self) -> str:
        """The text of its newest checkpoint."""
        return Checkpoint(origin=ORIGIN, size=len(self.leaves), root=merkle.root(self.leaves)).text

    def proof(self, leaf_hash: str, *, have_size: int = 0, leaves: list[bytes] | None = None) -> m.LogProof:
        """The proof of a leaf in the log as it is, or as `leaves` pretends it is."""
        tree = self.leaves if leaves is None else leaves
        index = tree.index(bytes.fromhex(leaf_hash))
        checkpoint = Checkpoint(origin=ORIGIN, size=len(tree), root=merkle.root(tree))
        signature = NoteSigner(ORIGIN, self.log_key).sign(checkpoint.text)
        consistency = merkle.consistency(have_size, tree) if 0 < have_size < len(tree) else []
        return m.LogProof(
            id="msg_p",
            re="msg_q",
            leaf_hash=leaf_hash,
            checkpoint=Note(checkpoint.text, (signature,)).encode().decode(),
            index=index,
            inclusion=[step.hex() for step in merkle.path(index, tree)],
            consistency=[step.hex() for step in consistency],
        )


def _raw_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    import base64

    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    return {"x": text(key.public_key().public_bytes_raw()), "d": text(key.private_bytes_raw())}
