"""`lenspact`: set up, serve and look after a gateway. Each command says what it did, or what to do."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio

from gateway.app import keys, schema
from gateway.app.demo_state import FOLDER
from gateway.app.doctor import examine
from gateway.app.ground import lay_ground
from gateway.app.logs import start_logging
from gateway.app.serve import become_relay, serve
from gateway.app.services import build_services
from gateway.app.settings import Settings, SettingsError, check_role, load_settings
from gateway.app.setup import migrate, prepare
from gateway.audit.export import export_log
from gateway.kernel.database import Database
from gateway.kernel.errors import LenspactError

Command = Callable[[Settings, argparse.Namespace], Awaitable[int]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for what went wrong, 2 for wrong words or settings."""
    options = _parser().parse_args(arguments)
    if options.run is run_demo:
        return int(run_demo(options))  # it brings settings of its own
    try:
        settings = load_settings(environ=os.environ, config=options.config)
        check_role(settings, getattr(options, "role", "all"))
        return int(anyio.run(options.run, settings, options, backend_options={"use_uvloop": True}))
    except SettingsError as error:
        print(f"lenspact: {error}", file=sys.stderr)
        return 2
    except (LenspactError, OSError) as error:
        print(f"lenspact: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def say(line: str) -> None:
    """One line to the person who runs the command."""
    print(line, flush=True)


async def run_setup(settings: Settings, options: argparse.Namespace) -> int:
    """Keys, database, agency, and a link for the first administrator where asked for."""
    services = await prepare(settings, say=say)
    try:
        if options.admin:
            link = await services.identity.people.invite_first_admin(email=options.admin, name=options.name)
            say(f"Open this link within 24 hours to become administrator:\n{link}")
    finally:
        await services.close()
    return 0


async def run_serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve until stopped."""
    if options.role == "relay":
        become_relay(settings)
    start_logging(logging.INFO)
    await serve(settings, role=options.role, say=say)
    return 0


async def run_migrate(settings: Settings, options: argparse.Namespace) -> int:
    """Bring the database to this program's schema, or only look."""
    if not options.check:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        await migrate(settings)
    database = Database(settings.database)
    try:
        await schema.at_head(database)
    finally:
        await database.close()
    say("The database is at this program's schema.")
    return 0


async def run_admin(settings: Settings, options: argparse.Namespace) -> int:
    """Print a link that makes somebody an administrator, or list the agency's people."""
    services = build_services(settings)
    try:
        if options.what == "invite":
            link = await services.identity.people.invite_first_admin(email=options.email, name=options.name)
            say(f"Open this link within 24 hours to become administrator:\n{link}")
        for user in await services.identity.people.users() if options.what == "list" else ():
            state = "suspended" if user.person.is_suspended else "enrolled" if user.is_enrolled else "invited"
            say(f"{user.person.email}  {' '.join(sorted(user.membership.roles))}  {state}")
    finally:
        await services.close()
    return 0


async def run_doctor(settings: Settings, options: argparse.Namespace) -> int:
    """Look at everything a gateway needs and say what to do about what is missing."""
    del options
    findings = await examine(settings)
    for finding in findings:
        say(f"{'ok  ' if finding.is_fine else 'FAIL'}  {finding.what}" + (f": {finding.cure}" if finding.cure else ""))
    return 0 if all(finding.is_fine for finding in findings) else 1


async def run_audit(settings: Settings, options: argparse.Namespace) -> int:
    """How far the log is, a copy of it that lenspact-verify can check, or going on after a move to another server."""
    if options.what == "adopt":
        return await _adopt(settings)
    services = build_services(settings)
    try:
        if options.what == "export":
            count = await export_log(services.log_reader, options.folder)
            say(f"{count} entries written to {options.folder}; check them with: lenspact-verify log {options.folder}")
        else:
            status = await services.sequencer.status()
            say(f"{status.size} entries signed, {status.lag_s:.1f} s behind; {services.keyring.log.vkey}")
            return 1 if status.is_behind else 0
    finally:
        await services.close()
    return 0


async def _adopt(settings: Settings) -> int:
    ground = lay_ground(settings)
    try:
        count = await ground.log.adopt()
    finally:
        await ground.database.close()
    say(f"The log goes on from here; {count} waiting entries were numbered.")
    return 0


async def run_keys(settings: Settings, options: argparse.Namespace) -> int:
    """Show what is public of the keys, publish or renew them for the sites, or take the root key off this machine."""
    match options.what:
        case "export-root":
            keys.take_root_away(settings, say, target=options.target)
        case "publish":
            await keys.publish(settings, say, root_file=options.root)
        case "rotate":
            await keys.rotate(settings, say, root_file=options.root)
        case _:
            await keys.show(settings, say)
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """Run the main job here, with simulated cameras, on loopback only."""
    from gateway.app import demo  # each command loads what it needs: the small ones start at once
    from gateway.app.demo_children import ChildError
    from gateway.app.demo_state import NotDemoError
    from gateway.app.logs import start_logging

    start_logging(logging.WARNING)
    said: list[BaseException] = []
    try:
        if options.codes:
            anyio.run(demo.show_codes, options.folder, say)
        else:
            anyio.run(demo.run, options.folder, options.footage, say, backend_options={"use_uvloop": True})
    except* (ChildError, NotDemoError, LenspactError, OSError) as group:
        said.extend(group.exceptions)
    for error in _leaves(said):
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        cure = "; end the program that holds it, or `make demo-reset` chooses other ports" if is_taken else ""
        print(f"lenspact demo: {error}{cure}", file=sys.stderr)
    return 1 if said else 0


def _leaves(errors: Sequence[BaseException]) -> Iterator[BaseException]:
    """What went wrong, out of the task groups it passed."""
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error.exceptions)
        else:
            yield error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lenspact", description="A federation gateway for other people's cameras.")
    parser.add_argument("--config", type=Path, help="a TOML file of settings (default: LENSPACT_CONFIG)")
    commands = parser.add_subparsers(required=True, metavar="command")

    setup = _command(commands, "setup", run_setup)
    setup.add_argument("--admin", metavar="EMAIL", default="", help="print a link for the first administrator")
    setup.add_argument("--name", default="Administrator", help="the administrator's name")
    roles = _command(commands, "serve", run_serve)
    roles.add_argument("--role", choices=("all", "api", "worker", "relay"), default="all")
    _command(commands, "migrate", run_migrate).add_argument("--check", action="store_true", help="only look")
    admin = _command(commands, "admin", run_admin).add_subparsers(dest="what", required=True)
    invite = admin.add_parser("invite", help="print a one-time link")
    invite.add_argument("email")
    invite.add_argument("name")
    admin.add_parser("list", help="the agency's people")
    _command(commands, "doctor", run_doctor)
    demo = _command(commands, "demo", run_demo)
    demo.add_argument("--folder", type=Path, default=FOLDER, help=f"where the demo is kept (default {FOLDER})")
    footage = Path(".demo-footage")
    demo.add_argument("--footage", type=Path, default=footage, help=f"encoded loops (default {footage})")
    demo.add_argument("--codes", action="store_true", help="only show the sign-ins with the codes of this moment")
    audit = _command(commands, "audit", run_audit).add_subparsers(dest="what", required=True)
    audit.add_parser("status", help="size and lag")
    audit.add_parser("export", help="a copy to check offline").add_argument("folder", type=Path)
    audit.add_parser("adopt", help="go on after the database was restored on another PostgreSQL server")
    of_keys = _command(commands, "keys", run_keys).add_subparsers(dest="what", required=True)
    of_keys.add_parser("show", help="what is public")
    for name, text in (("publish", "sign the keys in use for another 90 days"), ("rotate", "make new keys, then sign")):
        of_keys.add_parser(name, help=text).add_argument("--root", type=Path, help="file of the exported root key")
    of_keys.add_parser("export-root", help="move the root key out").add_argument("target", type=Path)
    return parser


def _command(commands: Any, name: str, run: Callable[..., Any]) -> argparse.ArgumentParser:
    text = (run.__doc__ or "").strip()
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
