"""Builds what looks at decisions without releasing anything: lists with their marks, and questions."""

from gateway.app.ground import Ground
from gateway.cameras import Cameras
from gateway.incidents import Incidents
from gateway.kernel.background import Background, Place
from gateway.sharing import Evaluations, Layering, Listing, Marker, SiteBook, ground_of
from gateway.sharing.store import SqlSharing


def build_evaluations(
    ground: Ground, incidents: Incidents, *, cameras: Cameras, layering: Layering, rows: SqlSharing, book: SiteBook
) -> Evaluations:
    """Questions about decisions."""
    return Evaluations(
        cameras=cameras, incidents=incidents, layering=layering, rows=rows, book=book, clock=ground.clock
    )


def build_lists(
    ground: Ground, *, cameras: Cameras, layering: Layering, rows: SqlSharing, book: SiteBook
) -> tuple[Listing, Background]:
    """Lists, and what keeps the marks that they go by."""
    database, clock, name = ground.database, ground.clock, ground_of(book)
    marker = Marker(database=database, cameras=cameras, rows=rows, layering=layering, ground=name, clock=clock)
    listing = Listing(cameras=cameras, layering=layering, rows=rows, ground=name, clock=clock)
    return listing, Background("marks", marker.run, Place.WORKER)
