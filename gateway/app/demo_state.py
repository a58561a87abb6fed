"""What the demo keeps between runs: its ports, its people's secrets, and how far it was set up.

The file marks its folder as demo state; sign-ins with live one-time codes are only ever printed for such a folder.
"""

import json
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

FILE: Final = "demo.json"
FOLDER: Final = Path(".demo")  # where it is kept unless told otherwise


class NotDemoError(Exception):
    """The folder is no demo state, so nothing of it is shown."""


@dataclass
class AgencyPerson:
    """A sign-in of the agency with everything needed to use it."""

    mail: str
    name: str
    roles: list[str]
    password: str
    totp_seed: str = ""  # base 32, once enrolled


@dataclass
class DemoState:
    """The demo's memory. Ports are chosen free once and then kept, so that bookmarks stay good."""

    folder: Path
    http_port: int
    agent_page_port: int
    rtsp_port: int
    owner_mail: str = "owner@corner-market.example"
    site_pin: str = ""
    camera_password: str = ""
    people: list[AgencyPerson] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Where the gateway answers."""
        return f"http://localhost:{self.http_port}"

    @classmethod
    def open(cls, folder: Path) -> "DemoState":
        """Read the state in `folder`, or begin one there.

        Raises:
            NotDemoError: something else is kept in that folder.
        """
        path = folder / FILE
        if path.is_file():
            return cls._read(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise NotDemoError(f"{folder} holds something else than a demo: choose an empty folder")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        http_port, agent_page_port, rtsp_port = free_ports(3)
        state = cls(
            folder=folder,
            http_port=http_port,
            agent_page_port=agent_page_port,
            rtsp_port=rtsp_port,
            site_pin=f"{secrets.randbelow(10**6):06d}",
            camera_password=_password(),
            people=[
                AgencyPerson("operator@city.example", "Dana Ortiz", ["operator"], _password()),
                AgencyPerson("supervisor@city.example", "Lee Brandt", ["supervisor"], _password()),
                AgencyPerson("compliance@city.example", "Priya Shah", ["compliance"], _password()),
                AgencyPerson("admin@city.example", "Sam Keller", ["admin"], _password()),
            ],
        )
        state.save()
        return state

    @classmethod
    def existing(cls, folder: Path) -> "DemoState":
        """Read the state in `folder`.

        Raises:
            NotDemoError: there is none.
        """
        if not (folder / FILE).is_file():
            raise NotDemoError(f"{folder} holds no demo; one-time codes are shown for the demo alone")
        return cls._read(folder)

    @classmethod
    def _read(cls, folder: Path) -> "DemoState":
        values = json.loads((folder / FILE).read_text())
        people = [AgencyPerson(**person) for person in values.pop("people")]
        return cls(folder=folder, people=people, **values)

    def save(self) -> None:
        """Write it, whole or not at all."""
        values = asdict(self)
        del values["folder"]
        path = self.folder / FILE
        part = path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(values, indent=1))
        part.replace(path)

    def is_done(self, step: str) -> bool:
        """Whether `step` was finished in this or an earlier run."""
        return step in self.done

    def finish(self, step: str) -> None:
        """Remember that `step` is finished."""
        if step not in self.done:
            self.done.append(step)
            self.save()


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports, free now on both loopbacks."""
    held: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < count:
        four = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        four.bind(("127.0.0.1", 0))
        held.append(four)
        port = four.getsockname()[1]
        if socket.has_ipv6:
            six = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            held.append(six)
            try:
                six.bind(("::1", port))
            except OSError:
                continue
        ports.append(port)
    for held_socket in held:
        held_socket.close()
    return ports


def _password() -> str:
    return "-".join(secrets.token_hex(2) for _ in range(3))
