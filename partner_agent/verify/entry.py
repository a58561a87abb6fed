"""Checks one entry file: the leaf is in the signed log, and every opened detail is what the leaf committed to."""

from pathlib import Path

from partner_agent.verify.report import bad, unreadable
from partner_agent.verify.trust import Trust
from partner_agent.wire import canonical
from partner_agent.wire.entry_file import EntryFile


def check_entry(path: Path, trust: Trust) -> tuple[EntryFile, dict[str, object]]:
    """The entry, and what it says of every opened detail.

    Raises:
        CheckError: it cannot be read, does not hold, or too few co-signers have seen its checkpoint.
    """
    try:
        file = EntryFile.parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise unreadable(f"{path} is no entry file: {error}.") from error
    try:
        opened, said = file.verify(trust.log, *trust.cosigners)
        origin = canonical.decode_object(file.leaf).get("origin")
    except ValueError as error:
        raise bad(f"The entry does not hold: {error}.") from error
    if origin != trust.log.name:
        raise bad("The entry is of another log.")
    trust.demand_quorum(opened)
    return file, said
