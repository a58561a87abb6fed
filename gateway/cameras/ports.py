"""What cameras need of others: the log, wake-ups, and rows."""

from collections.abc import Collection
from typing import Protocol

from gateway.audit import LeafDraft
from gateway.cameras.model import Box, Camera
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

    async def save(self, unit: UnitOfWork, camera: Camera) -> None:
        """A new camera, or its current facts."""

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
