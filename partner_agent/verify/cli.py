"""`lenspact-verify`: offline, one sentence per answer, and an exit code that says it to scripts.

0 it holds; 1 it does not; 2 sound, but seen by fewer co-signers than demanded; 3 it cannot be read.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from partner_agent.verify.entry import check_entry
from partner_agent.verify.log import KEY_FILE, Folder, check_log, check_range
from partner_agent.verify.package import check_package
from partner_agent.verify.report import CheckError, Outcome, unreadable
from partner_agent.verify.trust import Trust, read_trust
from partner_agent.wire import canonical

Command = Callable[[argparse.Namespace], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one check; returns the exit code."""
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        sentence = command(arguments)
    except CheckError as error:
        print(error.sentence, file=sys.stderr)
        return int(error.outcome)
    print(sentence)
    return int(Outcome.OK)


def _log(arguments: argparse.Namespace) -> str:
    trust = _trust(arguments, beside=arguments.folder / KEY_FILE)
    older = None
    if arguments.older:
        try:
            older = arguments.older.read_bytes()
        except OSError as error:
            raise unreadable(f"{arguments.older} cannot be read.") from error
    point = check_log(Folder(arguments.folder), trust, older=older).checkpoint
    grown = " It begins with the older one, unchanged." if older else ""
    return f"OK: all {point.size} entries of {point.origin} are what the log has signed.{grown}{trust.remark}"


def _range(arguments: argparse.Namespace) -> str:
    trust = _trust(arguments, beside=arguments.folder / KEY_FILE)
    first, last = arguments.first, arguments.last
    point = check_range(Folder(arguments.folder), trust, first, last + 1).checkpoint
    return f"OK: the entries {first} to {last} of {point.origin} are what the log has signed.{trust.remark}"


def _entry(arguments: argparse.Namespace) -> str:
    trust = _trust(arguments)
    file, said = check_entry(arguments.file, trust)
    leaf = canonical.decode_object(file.leaf)
    ts = leaf.get("ts")
    at = datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds") if isinstance(ts, int) else "unknown"
    lines = [f"OK: entry {file.proof.index} of {trust.log.name}, {leaf.get('kind')}, {at}, is in the signed log."]
    public = leaf.get("public")
    shown = {**(public if isinstance(public, dict) else {}), **said}
    lines += [f"  {name}: {canonical.encode(value).decode()}" for name, value in sorted(shown.items())]
    return "\n".join(lines)


def _package(arguments: argparse.Namespace) -> str:
    checked = check_package(
        arguments.file,
        key=arguments.key,
        cosigners=arguments.cosigner,
        quorum=arguments.quorum,
        gateway_key=arguments.gateway_key,
        agent_key=arguments.agent_key,
    )
    predicate = checked.capture.statement.predicate
    lines = [
        f"OK: {checked.recording} is what the site signed and the gateway received.{checked.remark}",
        f"  sha256: {checked.sha256}",
        *(f"  {name}: {canonical.encode(predicate[name]).decode()}" for name in sorted(predicate)),
    ]
    for index, kind, at_ms in checked.entries:
        at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        lines.append(f"  entry {index}: {kind}, {at}")
    return "\n".join(lines)


def _trust(arguments: argparse.Namespace, *, beside: Path | None = None) -> Trust:
    return read_trust(arguments.key, arguments.cosigner, arguments.quorum, beside=beside)


class _Parser(argparse.ArgumentParser):
    """Leaves with 3 on a wrong command line: argparse's own 2 means too few co-signers here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(int(Outcome.UNREADABLE), f"{message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lenspact-verify",
        description="Checks logs and evidence offline. Exit codes: 0 holds, 1 does not, 2 too few co-signers, "
        "3 cannot be read.",
    )
    commands = parser.add_subparsers(required=True, metavar="WHAT")

    log = commands.add_parser("log", help="a whole log, exported into a folder")
    log.add_argument("folder", type=Path)
    log.add_argument("--older", type=Path, metavar="CHECKPOINT", help="an older checkpoint it must begin with")
    log.set_defaults(command=_log)

    part = commands.add_parser("range", help="some entries of a log in a folder")
    part.add_argument("folder", type=Path)
    part.add_argument("first", type=int)
    part.add_argument("last", type=int)
    part.set_defaults(command=_range)

    entry = commands.add_parser("entry", help="one entry, downloaded with its proof")
    entry.add_argument("file", type=Path)
    entry.set_defaults(command=_entry)

    package = commands.add_parser("package", help="an evidence package")
    package.add_argument("file", type=Path)
    package.add_argument("--gateway-key", default="", help="the gateway's evidence key in hex")
    package.add_argument("--agent-key", default="", metavar="FILE", help="the site's public key (JWK)")
    package.set_defaults(command=_package)

    for command in (log, part, entry, package):
        command.add_argument("--key", default="", help="the log's public key: its text or a file")
        command.add_argument("--cosigner", action="append", default=[], help="a co-signer's public key; repeatable")
        command.add_argument("--quorum", type=int, help="how many co-signers must have signed (default: all given)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
