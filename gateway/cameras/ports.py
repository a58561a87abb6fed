"""What cameras need of others: the log, wake-ups, and rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.cameras.model import Box, Camera, Wanted
from gateway.kernel.database import UnitOfWork


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft) -> object:
        """Write a leaf into the caller's transaction."""


class Publisher(Protocol):
    """Wake-ups, which may be lost."""

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell the listeners of `topic`."""


class CameraRows(Protocol):
    """Cameras in storage. Methods with a unit change; the others read."""

    async def add(self, unit: UnitOfWork, camera: Camera, *, at: datetime) -> None:
        """A new camera, without a mark; `at`: since when it is on the list."""

    async def save(self, unit: UnitOfWork, camera: Camera) -> None:
        """A camera's current facts; its mark is gone."""

    async def remove(self, unit: UnitOfWork, camera_id: str) -> None:
        """The camera is gone."""

    async def camera(self, camera_id: str, *, unit: UnitOfWork | None = None) -> Camera | None:
        """One camera."""

    async def cameras(self, camera_ids: Collection[str]) -> list[Camera]:
        """Those that exist of these, by name."""

    async def of_site(self, site_id: str, *, unit: UnitOfWork | None = None) -> list[Camera]:
        """Those of a site, by name."""

    async def of_organisation(self, organisation_id: str) -> list[Camera]:
        """Those of an organisation, by name."""

    async def within(self, box: Box, *, most: int) -> list[Camera]:
        """Up to `most` cameras in a box, in no order."""

    async def page(self, box: Box, wanted: Wanted) -> Sequence[Camera]:
        """Cameras in a box, in the order of `Position`."""

    async def counts(self, box: Box, *, homes: bool, now_ms: int) -> Mapping[tuple[int, str], int]:
        """How many cameras with each mark are in each square the box touches: homes alone, or all others.

        A mark that has ended by `now_ms` is counted as none.
        """

    async def unmark(self, unit: UnitOfWork, owners: Collection[str]) -> None:
        """The marks of the cameras of these sites and organisations are gone."""

    async def unmark_all(self, unit: UnitOfWork) -> None:
        """Every mark is gone, also one that is being made now."""

    async def mark(self, unit: UnitOfWork, camera: Camera) -> bool:
        """Its mark, for the revision that was read; False when the mark was taken away since: nothing was written."""

    async def unmark_others(self, unit: UnitOfWork, prefix: str) -> None:
        """Take away every mark that does not begin like this."""

    async def unmarked_sites(self, *, most: int, now_ms: int) -> Sequence[str]:
        """Sites with a camera that has no mark, or one that has ended."""

    async def sites_after(self, site_id: str, *, most: int) -> Sequence[str]:
        """Sites with cameras, in the order of their ids, behind this one."""

    async def marks(self) -> Collection[str]:
        """Every mark that a camera has."""
