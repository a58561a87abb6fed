"""`/api/v1/ice-servers`: ways to the relay for a browser whose network blocks UDP, asked for before any picture is."""

from litestar import get
from litestar.di import NamedDependency

from gateway.edge.requires import requires
from gateway.kernel.principal import Principal
from gateway.live.calls import Calls
from gateway.live.ice_servers import IceServer


@get("/api/v1/ice-servers", opt=requires("live.view"), sync_to_thread=False)
def ice_servers(principal: NamedDependency[Principal], live_calls: NamedDependency[Calls]) -> tuple[IceServer, ...]:
    """STUN and TURN servers with credentials that are good for an hour; ask again before they run out."""
    return live_calls.ice_servers(principal.person_id)
