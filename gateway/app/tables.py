"""Every capability's tables in one place, for the migrations."""

from gateway.audit import tables as _audit
from gateway.edge import tables as _edge
from gateway.kernel.database import METADATA

__all__ = ["METADATA", "_audit", "_edge"]
