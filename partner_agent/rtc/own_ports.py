"""The sockets that an uplink leaves by: at the address the owner named, or one for each family of addresses.

Which of two is used is settled by ICE: it pairs addresses of one family alone, so media take that of the relay's.
"""

import contextlib
from typing import Final

from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.whip_answer import PublishFailedError

_ANY: Final = ""
_ANY_IPV6: Final = "::"


async def opened(media_address: str) -> list[UdpPort]:
    """Any free port of each; `media_address`: empty = any address of this machine.

    Raises:
        PublishFailedError: it is not our address any more, or too many files are open.
    """
    try:
        ports = [await UdpPort.open(media_address)]
    except OSError as error:
        raise PublishFailedError(f"no socket at {media_address}: {error.strerror}") from error
    if media_address == _ANY:
        with contextlib.suppress(OSError):  # a machine without IPv6
            ports.append(await UdpPort.open(_ANY_IPV6))
    return ports
