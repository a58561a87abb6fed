"""Where the gateway may send this agent: https and wss on hosts of the key set, and no address of the owner's network.

A compromised gateway must not turn the agent into a probe of the shop's own machines. Every URL is checked for scheme,
host and port before anything is resolved; every address it resolves to is checked once and then used as it is, so that
a name cannot change its meaning between check and connection. Nor is an answer taken that would fill the machine.
"""

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Protocol
from urllib.parse import urlsplit

import anyio
import httpx

from partner_agent.wire.keyset import KeySet

Address = IPv4Address | IPv6Address
RESOLVE_S: Final = 3.0
ANSWER_BYTES: Final = 256 * 1024  # of one answer over HTTP: none that the agent waits for is larger
_TLS: Final = frozenset({"https", "wss"})
_PLAIN: Final = frozenset({"http", "ws"})
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class AddressError(Exception):
    """The agent does not go there."""


class Resolver(Protocol):
    """Turns a host name into addresses."""

    async def resolve(self, host: str) -> Sequence[Address]:
        """Every address of `host`; empty if there is none."""


class SystemResolver:
    """The operating system's resolver."""

    async def resolve(self, host: str) -> Sequence[Address]:
        """Every address of `host`."""
        try:
            found = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError:
            return []
        return list(dict.fromkeys(ip_address(item[4][0]) for item in found))


class AddressRules:
    """What this site allows."""

    def __init__(self, *, resolver: Resolver, allow_loopback: bool = False, allow_networks: Sequence[str] = ()) -> None:
        self._resolver, self._allow_loopback = resolver, allow_loopback
        self._networks = [ip_network(text) for text in allow_networks]

    def allows(self, address: Address) -> bool:
        """Whether the agent may connect to, or send media to, this address."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._networks if network.version == address.version):
            return True
        if address.is_loopback:
            return self._allow_loopback
        return address.is_global and not address.is_multicast

    async def target(self, url: str, key_set: KeySet) -> Address:
        """The one address to use for `url`.

        Raises:
            AddressError: another scheme, a host that is not the key set's, or no address the site allows.
        """
        parts = urlsplit(url)
        if not key_set.allows(url) or parts.hostname is None:
            raise AddressError("the address is not on a host of the key set")
        return await self.resolved(parts.scheme, parts.hostname)

    async def server(self, host: str, port: int, key_set: KeySet) -> Address | None:
        """The one address to use for a STUN or TURN server that the gateway named; None where the site allows none."""
        if f"{host}:{port}" not in key_set.hosts:
            return None
        with anyio.move_on_after(RESOLVE_S):
            for address in await self._resolver.resolve(host):
                if self.allows(address):
                    return address
        return None

    async def resolved(self, scheme: str, host: str) -> Address:
        """The one address of `host` to use with `scheme`.

        Raises:
            AddressError: plain http or ws beyond this machine, or no address the site allows.
        """
        is_local = host in _LOOPBACK_NAMES and self._allow_loopback
        if scheme not in _TLS and not (scheme in _PLAIN and is_local):
            raise AddressError("the address is neither https nor wss")
        with anyio.move_on_after(RESOLVE_S):
            for address in await self._resolver.resolve(host):
                if self.allows(address) and (scheme in _TLS or address.is_loopback):
                    return address
        raise AddressError("the address is on a network this site does not allow")


class PinnedTransport(httpx.AsyncBaseTransport):
    """HTTP that resolves each host once, by the site's rules, and connects to exactly that address.

    An answer comes as it is, of at most `ANSWER_BYTES`; another one is as a connection that broke.
    """

    def __init__(self, rules: AddressRules, may_call: Callable[[str], bool]) -> None:
        self._rules, self._may_call = rules, may_call
        self._inner = httpx.AsyncHTTPTransport(retries=0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request to the checked address; the certificate is still checked against the host's name."""
        host = request.url.host
        if not self._may_call(str(request.url)):
            raise httpx.ConnectError("the agent does not call this host", request=request)
        try:
            address = await self._rules.resolved(request.url.scheme, host)
        except AddressError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=str(address))  # the Host header was set from the name before
        request.headers["accept-encoding"] = "identity"
        answer = await self._inner.handle_async_request(request)
        if (
            answer.headers.get("content-encoding", "identity").strip().lower() != "identity"
        ):  # small here, huge unpacked
            await answer.aclose()
            raise httpx.RemoteProtocolError("the answer is packed, which nobody asked for", request=request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        answer.stream = _Bounded(answer.stream)
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Bounded(httpx.AsyncByteStream):
    """The body of an answer, as far as it is one."""

    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ANSWER_BYTES
        async for piece in self._body:
            left -= len(piece)
            if left < 0:
                raise httpx.RemoteProtocolError("the answer is larger than any that the agent waits for")
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()
