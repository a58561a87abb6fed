"""Keeping the log's promises to agents: inclusion, growth and checkpoint, as one answer over the link."""

from typing import Final

from gateway.audit import LogReader
from gateway.sites.hub import LinkHub
from gateway.sites.links import Peer
from partner_agent.wire.messages import LogProof, LogProofRequest, Message, Problem

NOT_YET: Final = "not_yet"  # the leaf has no number in a signed tree; ask again
_OTHER_LOG: Final = "other_log"
_TRIES: Final = 5  # the tree may grow between the two proofs; both must be of one checkpoint


class ProofDesk:
    """Answers `log_proof_request`."""

    def __init__(self, *, hub: LinkHub, log: LogReader, origin: str) -> None:
        self._hub = hub
        self._log = log
        self._origin = origin
        hub.on(LogProofRequest, self.prove)

    async def prove(self, _peer: Peer, message: LogProofRequest) -> Message:
        """The proofs an agent asks for, or that it must ask again."""
        if message.origin != self._origin:
            return Problem(id=self._hub.new_id(), re=message.id, code=_OTHER_LOG)
        for _ in range(_TRIES):
            found = await self._log.prove(_hash(message.leaf_hash))
            if found is None:
                break
            growth = await self._log.prove_growth(message.have_size) if message.have_size > 0 else None
            if growth is None or growth.note == found.note:
                return LogProof(
                    id=self._hub.new_id(),
                    re=message.id,
                    leaf_hash=message.leaf_hash,
                    checkpoint=found.note,
                    index=found.index,
                    inclusion=[item.hex() for item in found.hashes],
                    consistency=[item.hex() for item in growth.hashes] if growth else [],
                )
        return Problem(id=self._hub.new_id(), re=message.id, code=NOT_YET)


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
