"""The owner's desk: is anything watched right now, does anything need me, is everything healthy."""

from gateway.desks.portal.delegates import DELEGATE_PAGES
from gateway.desks.portal.desk import PortalDesk
from gateway.desks.portal.pages import PAGES
from gateway.desks.portal.passkeys import PASSKEY_PAGES
from gateway.desks.portal.ports import (
    CameraStatus,
    LiveViews,
    Request,
    Requests,
    Sharing,
    Task,
    Trouble,
    Troubles,
    ViewRequest,
    ViewRequests,
    Watched,
)

__all__ = [
    "DELEGATE_PAGES",
    "PAGES",
    "PASSKEY_PAGES",
    "CameraStatus",
    "LiveViews",
    "PortalDesk",
    "Request",
    "Requests",
    "Sharing",
    "Task",
    "Trouble",
    "Troubles",
    "ViewRequest",
    "ViewRequests",
    "Watched",
]
