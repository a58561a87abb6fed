"""Every capability's tables in one place, for the migrations."""

from gateway.audit import tables as audit
from gateway.kernel.database import METADATA

__all__ = ["METADATA", "audit"]
