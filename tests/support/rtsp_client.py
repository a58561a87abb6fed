"""A bare RTSP client for tests: its own digest, its own parsing, so that the server is not tested with its own code."""

import hashlib
import re
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: str

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Client:
    socket: SocketStream
    url: str
    reader: BufferedByteReceiveStream = field(init=False)
    cseq: int = 0
    authorization: tuple[str, str, str] | None = None  # algorithm, user, password
    nonce: str = ""
    realm: str = ""

    def __post_init__(self) -> None:
        self.reader = BufferedByteReceiveStream(self.socket)

    async def ask(self, method: str, headers: dict[str, str] | None = None, *, suffix: str = "") -> Answer:
        """Send one request and read its answer; interleaved packets before it are skipped."""
        self.cseq += 1
        url = self.url + suffix
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.authorization and self.nonce:
            lines.append(f"Authorization: {self._digest(method, url)}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.socket.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        while self.reader.buffer[:1] == b"$":
            await self.packet()
        head = (await self.reader.receive_until(b"\r\n\r\n", 16384)).decode()
        first, *rest = head.split("\r\n")
        pairs = [(name, value) for name, _, value in (line.partition(": ") for line in rest)]
        length = int(dict(pairs).get("Content-Length", 0))
        body = (await self.reader.receive_exactly(length)).decode() if length else ""
        return Answer(int(first.split()[1]), pairs, body)

    async def sign_in(self, algorithm: str, user: str, password: str) -> Answer:
        """DESCRIBE, read the challenge of `algorithm`, DESCRIBE with the password."""
        refused = await self.ask("DESCRIBE")
        offered = refused.values("WWW-Authenticate")
        unnamed = [v for v in offered if algorithm == "MD5" and "algorithm=" not in v]  # RFC 7616 §3.3: then it is MD5
        challenge = [*(v for v in offered if f"algorithm={algorithm}" in v), *unnamed][0]
        self.nonce = re.search(r'nonce="([^"]+)"', challenge)[1]
        self.realm = re.search(r'realm="([^"]+)"', challenge)[1]
        self.authorization = (algorithm, user, password)
        return await self.ask("DESCRIBE")

    async def start(self) -> None:
        """SETUP and PLAY over this connection."""
        await self.ask("SETUP", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, suffix="/track0")
        assert (await self.ask("PLAY")).status == 200

    async def packet(self) -> tuple[int, bytes]:
        """The next interleaved packet: channel and bytes."""
        head = await self.reader.receive_exactly(4)
        assert head[:1] == b"$"
        return head[1], await self.reader.receive_exactly(int.from_bytes(head[2:], "big"))

    async def drain(self) -> None:
        """Read packets until the connection ends."""
        with anyio.fail_after(5):
            while True:
                await self.packet()

    def _digest(self, method: str, url: str) -> str:
        algorithm, user, password = self.authorization

        def h(text: str) -> str:
            return HASHES[algorithm](text.encode()).hexdigest()

        response = h(f"{h(f'{user}:{self.realm}:{password}')}:{self.nonce}:{h(f'{method}:{url}')}")
        return (
            f'Digest username="{user}", realm="{self.realm}", nonce="{self.nonce}", uri="{url}", '
            f'response="{response}", algorithm={algorithm}'
        )


async def connect(port: int, path: str) -> Client:
    """A client of the server on `port`."""
    return Client(await anyio.connect_tcp("127.0.0.1", port), f"rtsp://127.0.0.1:{port}/{path}")
