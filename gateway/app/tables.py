"""Every capability's tables in one place, for the migrations."""

from gateway.kernel.database import METADATA

__all__ = ["METADATA"]
