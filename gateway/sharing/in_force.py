"""The ordinance pack that this process decides by: what two people approved last, else the one that the settings name.

Decisions, documents, lists and pages read it here each time. `Freshness` has a new pack taken over before it counts
what it saw as seen, so nothing newer is ever decided by an older pack. A pack that is approved but cannot be read keeps
this process from being confirmed: it permits nothing, renews no lease, and `/readyz` names `ordinance`; each look tries
again. What it holds until then is good for taking access away and for pages that say what is wrong.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio

from gateway.kernel.errors import UnavailableError
from gateway.sharing.ordinances import OrdinanceRows, Progress, Proposal, newest_approved
from policies import packs
from policies.fields import PolicyError
from policies.guardrail import Guardrail
from policies.layers import GuardrailLayer

_log: Final = logging.getLogger("lenspact.sharing")


class InForce:
    """The pack in force, compiled, and every one that was, is the settings' own, or ships with the program."""

    def __init__(self, *, start: Mapping[str, Any], rows: OrdinanceRows) -> None:
        """`start`: what counts where nobody approved anything.

        Raises:
            PolicyError: `start` is not whole.
        """
        self._start, self._rows = dict(start), rows
        self._document: Mapping[str, Any] = self._start
        self._layer = GuardrailLayer(packs.read_ordinance(self._start))
        shipped = {packs.ordinance(name).digest: _shipped(name) for name in packs.ordinances()}
        self._always = {**shipped, self.pack.digest: self._start}
        self._documents: Mapping[str, Mapping[str, Any]] = {}
        self._known: Mapping[str, Guardrail] = {}
        self._know({})
        self.is_behind = False
        self._reading = anyio.Lock()

    @property
    def layer(self) -> GuardrailLayer:
        """It, compiled; another object whenever it is another pack."""
        return self._layer

    @property
    def pack(self) -> Guardrail:
        """It, read."""
        return self._layer.guardrail

    @property
    def known(self) -> Mapping[str, Guardrail]:
        """Every pack a site may hold, by digest: comparing two of them says which is stricter."""
        return self._known

    def document_of(self, digest: str) -> Mapping[str, Any]:
        """The pack that a policy document names, as a site is told it; the one in force where that is not known."""
        return self._documents.get(digest, self._document)

    async def take_over(self) -> None:
        """Read what was approved last, and decide by it from now on.

        Raises:
            PolicyError: it is not whole for this version of the program. UnavailableError: it cannot be fetched.
        """
        async with self._reading:  # one after the other, so what was read last is what counts
            try:
                proposals = await self._rows.proposals()
                self._obey(proposals)
            except BaseException:
                self.is_behind = True
                raise
            self.is_behind = False

    def _obey(self, proposals: Sequence[Proposal]) -> None:
        chosen = newest_approved(proposals)
        document = self._start if chosen is None else chosen.document
        pack = packs.read_ordinance(document)
        if pack.digest != self.pack.digest:
            _log.warning("the ordinance in force is %s (%s) from now on", pack.id, pack.digest[:12])
            self._document, self._layer = document, GuardrailLayer(pack)
        self._know(_approved(proposals))

    async def demand(self) -> None:
        """Decide by what was approved last (a probe).

        Raises:
            UnavailableError: another pack was approved, and this process cannot read it.
        """
        if self.is_behind:
            raise UnavailableError("The ordinance pack that was approved last cannot be read here.")

    def _know(self, approved: Mapping[str, Mapping[str, Any]]) -> None:
        documents = {**self._always, **approved}
        if documents.keys() != self._documents.keys():
            self._documents = documents
            self._known = {digest: packs.read_ordinance(one) for digest, one in documents.items()}


def _shipped(name: str) -> Mapping[str, Any]:
    return packs.load_document("ordinances", f"{name}/pack.json")


def _approved(proposals: Sequence[Proposal]) -> dict[str, Mapping[str, Any]]:
    """Every pack that was ever in force; one that this program does not read is compared with nothing."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in proposals:
        if one.state is Progress.APPROVED:
            try:
                found[one.pack.digest] = one.document
            except PolicyError:
                continue
    return found
