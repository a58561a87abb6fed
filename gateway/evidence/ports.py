"""What evidence needs of others, in its own words; the composition root connects them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.evidence.model import Chunk, ClipRequest, ClipState, Package, Upload
from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an operator asks for."""

    camera_id: str
    t0: datetime
    t1: datetime
    purpose: str
    incident_id: str
    legal_basis: str
    on_behalf_of: str = ""  # the other agency it is for, as the asker says; empty for their own
    confirmation_id: str = ""  # a second person's word for emergency access; empty for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a camera is and who decides about it.

    Attributes:
        lineage: of the policy chain the site is in.
        local_camera: the camera's id as the site minted it: what goes into documents.
    """

    organisation_id: str
    site_id: str
    agent_id: str
    lineage: str
    local_camera: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the law says at the centre.

    Attributes:
        is_permitted: whether asking is permitted at all.
        needs_owner: whether the owner has to say yes to this one; otherwise a standing clause has said it.
        reason: a code, for the log.
        place: where the camera is; None if the caller may not know of it.
        second_id: the second person it stands on; empty where it needs none.
    """

    is_permitted: bool
    needs_owner: bool
    reason: str
    place: Place | None
    second_id: str = ""


class ClipLaw(Protocol):
    """Decides at the centre (`sharing`)."""

    async def decide(self, principal: Principal, wanted: Wanted, *, now: datetime) -> Decision:
        """Whether this person may ask for this recording, and who says yes."""

    async def may_answer(self, principal: Principal, organisation_id: str) -> bool:
        """Whether the caller answers requests for this organisation."""


class Consequences(Protocol):
    """What a request brings with it beside itself, in the transaction that writes it."""

    async def of_request(self, unit: UnitOfWork, request: ClipRequest) -> None:
        """The second person's word that it stands on is used up, and its owner is told.

        Raises:
            ConflictError: the word was used, or is over; nothing may be written.
        """


@dataclass(frozen=True, slots=True)
class Kept:
    """The site's answer to `preserve`: until when, or a refusal code."""

    until: datetime | None
    code: str


class SiteUnreachableError(Exception):
    """The site is not connected, or did not answer in time; try again later."""


class ClipSites(Protocol):
    """Speaks with the site (`sites`)."""

    async def keep(self, request: ClipRequest, *, ask_owner: bool) -> Kept:
        """Have the site keep the footage from being overwritten, and ask its owner there as well.

        Raises:
            SiteUnreachableError: try again later.
        """

    async def let_go(self, request: ClipRequest) -> None:
        """Tell the site that nothing needs to be kept any more; a site that is away hears it when it is back."""

    async def release(self, request: ClipRequest, *, upload_url: str, upload_token: str) -> None:
        """Send the grant for `request.session_id`; returns once the site has accepted it.

        Raises:
            SiteUnreachableError: try again later.
            SiteRefusedError: the site said no.
        """


class SiteRefusedError(Exception):
    """The site refused the grant; `code` as in the protocol."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class EvidenceStore(Protocol):
    """Requests, uploads, packages in storage."""

    async def add_request(self, unit: UnitOfWork, request: ClipRequest) -> None:
        """Write a new request."""

    async def request(self, request_id: str) -> ClipRequest | None:
        """One request."""

    async def request_of_session(self, session_id: str) -> ClipRequest | None:
        """The request whose grant runs under `session_id`."""

    async def request_of_digest(self, document_sha256: str) -> ClipRequest | None:
        """The request with this document."""

    async def requests(
        self,
        *,
        agency_id: str = "",
        organisation_id: str = "",
        states: Sequence[ClipState] = (),
        before: str,
        limit: int,
    ) -> list[ClipRequest]:
        """Requests, newest first, older than the id `before` (empty: from the newest)."""

    async def count_by_state(self) -> dict[ClipState, int]:
        """How many requests are in each state; states without any may be missing."""

    async def given(self, sites: Collection[str], *, since: datetime) -> Mapping[str, int]:
        """How many seconds of recordings count for each site's day, as `model.COUNTS_WHILE` says; none: left out."""

    async def change(self, unit: UnitOfWork, request: ClipRequest, **values: Any) -> ClipRequest:
        """Change a request that is still as `request` says.

        Raises:
            ConflictError: somebody changed it meanwhile.
        """

    async def put_upload(self, unit: UnitOfWork, upload: Upload) -> None:
        """Write an upload, new or changed."""

    async def upload(self, upload_id: str) -> Upload | None:
        """One upload."""

    async def upload_of_request(self, request_id: str) -> Upload | None:
        """The upload of a request."""

    async def upload_of_token(self, token_sha256: str) -> Upload | None:
        """The upload a secret is for."""

    async def chunks(self, upload_id: str) -> list[Chunk]:
        """The chunks of an upload, in order."""

    async def add_chunk(self, unit: UnitOfWork, upload: Upload, chunk: Chunk) -> Upload:
        """Write a chunk down and move the offset.

        Raises:
            ConflictError: the offset moved meanwhile.
        """

    async def add_package(self, unit: UnitOfWork, package: Package) -> None:
        """Write a package."""

    async def package_of_request(self, request_id: str) -> Package | None:
        """The package of a request."""
