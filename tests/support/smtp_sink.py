"""A real mail server for tests: speaks enough SMTP (RFC 5321) over a loopback socket, with or without STARTTLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SmtpSink:
    """Takes every message, or refuses recipients as told."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.messages: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.refuse_with = ""
        self.port = 0
        self._tls = tls

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        to: list[str] = []
        while line := (await reader.readline()).decode("latin-1").strip():
            verb = line.split(" ", 1)[0].upper()
            if verb == "EHLO":
                writer.write(b"250-sink\r\n250-STARTTLS\r\n250 8BITMIME\r\n" if self._tls else b"250 8BITMIME\r\n")
            elif verb == "STARTTLS" and self._tls:
                writer.write(b"220 go\r\n")
                await writer.drain()
                try:
                    await writer.start_tls(self._tls)
                except ssl.SSLError:
                    break  # the client did not trust us, which is what the test wants
            elif verb == "RCPT" and self.refuse_with:
                writer.write(f"{self.refuse_with} no\r\n".encode())
            elif verb == "RCPT":
                to.append(line.partition(":")[2].split(">")[0].strip("< "))
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                self.messages.append(data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
                self.recipients.append(to)
                writer.write(b"250 ok\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["SmtpSink"]:
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
