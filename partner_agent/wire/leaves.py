"""What an agent reads in a log leaf that it was shown: public words, and committed fields opened by salt and value.

A leaf is canonical JSON {v, id, ts, kind, origin, public: {…}, c: {field: hex SHA-256(salt ‖ canonical(value))}}. A
grant's leaf names `grant_sha256`, `camera`, `act`, `purpose` and `policy_sha256`, each in `public` or as a commitment
that an opening {field: {salt: hex of 16 bytes, value}} opens.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from partner_agent.wire import canonical, proofs

SALT_BYTES: Final = 16


def leaf_hash(leaf: Mapping[str, object]) -> str:
    """Hex RFC 9162 §2.1.1 leaf hash of the canonical leaf: SHA-256(0x00 ‖ leaf)."""
    return proofs.leaf_hash(canonical.encode(leaf)).hex()


def commitment(salt: bytes, value: object) -> str:
    """Hex SHA-256(salt ‖ canonical(value)): what `c` holds of a field."""
    return hashlib.sha256(salt + canonical.encode(value)).hexdigest()


def said(leaf: Mapping[str, object], openings: Mapping[str, object], field: str) -> object:
    """What the leaf says about `field`: the public value, or the opened one.

    Raises:
        ValueError: the leaf says nothing about it, says it twice, or the opening does not open the commitment.
    """
    public, committed = leaf.get("public"), leaf.get("c")
    if not isinstance(public, Mapping) or not isinstance(committed, Mapping):
        raise ValueError("not a leaf")  # noqa: TRY004 - a malformed document, not a programming error
    if (field in public) == (field in committed):
        raise ValueError(f"the leaf must name {field} once")
    if field in public:
        return public[field]
    match openings.get(field):
        case {"salt": str() as salt_hex, "value": value, **rest} if not rest and len(salt_hex) == 2 * SALT_BYTES:
            if commitment(bytes.fromhex(salt_hex), value) == committed[field]:
                return value
    raise ValueError(f"{field} is not opened")
