"""Reads the mail spool that the demo and the tests use: the newest sign-in link that was mailed to somebody."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Final

LINK_PATH: Final = "/sign-in/link/"


def newest_link(folder: Path, address: str) -> str:
    """The sign-in link in the newest message to `address`; empty if there is none. Names of messages sort by time."""
    for path in sorted(folder.glob("*.eml"), reverse=True):
        message = message_from_bytes(path.read_bytes(), policy=default)
        if address not in [to.addr_spec for to in message["To"].addresses]:
            continue
        found = [word for word in str(message.get_content()).split() if LINK_PATH in word]
        if found:
            return found[0]
    return ""
