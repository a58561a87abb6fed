"""Who this agent is and whom it believes: what pairing pinned, the key set in force, the epoch of the link.

Everything here was stored at pairing or follows from the pinned root; nothing the gateway says later can replace the
root, the agent's own id or the log's origin.
"""

import base64
import json
from collections.abc import Sequence

import msgspec

from partner_agent.store import Store
from partner_agent.wire import canonical, keyset
from partner_agent.wire.enrolment import Pairing
from partner_agent.wire.keyset import KeySet
from partner_agent.wire.notes import KeyKind, Verifier
from partner_agent.wire.tokens import PublicKey, TokenError

_PAIRING, _KEY_SET, _EPOCH, _ORIGIN = "pairing", "key_set", "epoch", "log_origin"


class NotPairedError(Exception):
    """This agent is not paired with a gateway yet: run `lenspact-agent enrol`."""


class Identity:
    """The pinned facts of one pairing."""

    def __init__(self, store: Store) -> None:
        """Load what pairing stored.

        Raises:
            NotPairedError: nothing is stored.
        """
        text, key_set = store.get(_PAIRING), store.get(_KEY_SET)
        if text is None or key_set is None:
            raise NotPairedError
        pairing = msgspec.json.decode(text, type=Pairing)
        self._store = store
        self.agent, self.site, self.partner = pairing.agent, pairing.site, pairing.partner
        self.gateway, self.link_url = pairing.gateway, pairing.link_url
        self.agencies = dict(pairing.agencies)  # as the gateway called them at pairing; it cannot change them later
        self.root = PublicKey.of(pairing.root)
        self.log_origin = str(store.get(_ORIGIN))
        self.key_set = keyset.parse(key_set, self.root)

    @staticmethod
    def is_pinned(store: Store) -> bool:
        """Whether this site is paired."""
        return store.get(_PAIRING) is not None

    @staticmethod
    def pin(store: Store, pairing: Pairing) -> KeySet:
        """Store a pairing, after the person at the machine has compared the 12 words.

        Raises:
            TokenError: the key sets are not the root's, or of another gateway than the answer says.
        """
        root = PublicKey.of(pairing.root)
        key_set = keyset.advance(None, pairing.key_sets, root)
        if key_set is None or key_set.gateway != pairing.gateway or not key_set.allows(pairing.link_url):
            raise TokenError("the gateway's own description contradicts its key set")
        with store.transaction():
            store.put(_PAIRING, json.dumps(msgspec.to_builtins(pairing)))
            store.put(_KEY_SET, key_set.token)
            store.put(_ORIGIN, key_set.log_origin)
            store.put(_EPOCH, "0")
        return key_set

    @property
    def epoch(self) -> int:
        """The epoch of the last welcome this agent stored."""
        return int(self._store.get(_EPOCH) or 0)

    def store_epoch(self, epoch: int) -> None:
        """Store the welcome's epoch, durably, before it is acknowledged."""
        self._store.put(_EPOCH, str(epoch))

    def advance(self, tokens: Sequence[str]) -> bool:
        """Follow the chain of key sets; True if a new one is in force.

        Raises:
            TokenError: it does not follow; what is held stays in force.
        """
        found = keyset.advance(self.key_set, tokens, self.root)
        if found is None or found.version == self.key_set.version:
            return False
        self._store.put(_KEY_SET, found.token)
        self.key_set = found
        return True

    def log_verifiers(self) -> tuple[Verifier, ...]:
        """The log's keys under the pinned origin; expiry does not matter to what a log has signed."""
        keys = [key.public for key in self.key_set.keys if key.role == "log"]
        return tuple(
            Verifier(name=self.log_origin, kind=KeyKind.ED25519, public=_raw(key)) for key in keys if self.log_origin
        )

    def __repr__(self) -> str:
        return canonical.encode({"agent": self.agent, "gateway": self.gateway}).decode()


def _raw(key: PublicKey) -> bytes:
    text = key.jwk["x"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
