"""Every capability's tables in one place, for the migrations."""

from gateway.audit import tables as _audit
from gateway.cameras import tables as _cameras
from gateway.edge import tables as _edge
from gateway.emergency import tables as _emergency
from gateway.evidence import tables as _evidence
from gateway.identity import tables as _identity
from gateway.incidents import tables as _incidents
from gateway.kernel import tables as _kernel
from gateway.kernel.database import METADATA
from gateway.live import tables as _live
from gateway.live.asking import tables as _asking
from gateway.live.phones import tables as _phones
from gateway.live.stills import tables as _stills
from gateway.partners import tables as _partners
from gateway.sharing import tables as _sharing
from gateway.sites import tables as _sites

__all__ = [
    "METADATA",
    "_asking",
    "_audit",
    "_cameras",
    "_edge",
    "_emergency",
    "_evidence",
    "_identity",
    "_incidents",
    "_kernel",
    "_live",
    "_partners",
    "_phones",
    "_sharing",
    "_sites",
    "_stills",
]
