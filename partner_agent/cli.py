"""`lenspact-agent`: enrol, run, approve, pin, doctor, pause, resume, panic, mask, clear, new-owner and more."""

import argparse
import getpass
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio

from partner_agent import app, control, doctor, memory, preview
from partner_agent.areas import box
from partner_agent.identity import Identity, NotPairedError
from partner_agent.journal import Journal
from partner_agent.keystore import KeyStoreError
from partner_agent.masks import Masks
from partner_agent.one_agent import InUseError, only_agent
from partner_agent.pairing import Code, PairingError, words
from partner_agent.pin import PinError, SitePin
from partner_agent.premises import Premises
from partner_agent.settings import Settings, SettingsError, load
from partner_agent.switches import Switches
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.tokens import TokenError

_OK, _FAILED = 0, 1
_NO: Final = {"approve": "decline", "clip": "clip_no", "view": "view_no"}
_EXPECTED: Final = (
    SettingsError,
    NotPairedError,
    KeyStoreError,
    PairingError,
    PinError,
    TokenError,
    control.NotRunningError,
    InUseError,
)
_SENTENCES: Final[dict[type[Exception], str]] = {
    NotPairedError: "This agent is not paired yet. Run: lenspact-agent enrol",
    control.NotRunningError: f"No agent is running here. {doctor.HOW_TO_START}",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 = done, 1 = not done (the sentence says why)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["simulate"]:
        from partner_agent.simulator import cli as simulator

        return simulator.main(arguments[1:])
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("httpx", "aioice", "aiortc"):  # they would log every address
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        settings = load(options.config, os.environ)
        command: Callable[[Settings, argparse.Namespace], int] = options.command
        return command(settings, options)
    except _EXPECTED as error:
        print(_SENTENCES.get(type(error), str(error)), file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return _OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lenspact-agent", description="The agent beside your cameras.")
    parser.add_argument("--config", type=Path, help="TOML file (or LENSPACT_AGENT_CONFIG)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[Settings, argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(command=command)
        return found

    enrol = add("enrol", _enrol, "Pair this site with a gateway; type the code in the portal.")
    enrol.add_argument("--yes", action="store_true", help="do not ask to compare the 12 words (the demo only)")
    enrol.add_argument("--pin-file", type=Path, help="to pair again: read the site PIN from a file instead of asking")
    add("run", _run, "Run the agent.")
    approve = add("approve", _approve, "See what waits for you; approve or decline it.")
    approve.add_argument("item", nargs="?", help="digest, or its first letters")
    approve.add_argument("--all", action="store_true", help="everything that waits to be shared (no request)")
    approve.add_argument("--pin-file", type=Path, help="read the site PIN from a file instead of asking")
    approve.add_argument("--no", action="store_true", help="decline")
    approve.add_argument("--unmasked", action="store_true", help="send a recording without your masks")
    add("pin", _pin, "Choose the site PIN.")
    look = add("doctor", _doctor, "Look at everything here now; exit status 1 if something fails, 0 if nothing does.")
    look.add_argument(
        "--last", action="store_true", help="begin no check of the connection: say what the last one found"
    )
    look.add_argument("--json", action="store_true", help="one JSON object for scripts")
    pause = add("pause", _pause, "Stop everything now; only this site can resume.")
    resume = add("resume", _resume, "End the pause.")
    for command in (pause, resume):
        command.add_argument("camera", nargs="?", help="one camera only")
    _add_mask(add("mask", _mask, "List, draw or remove areas that can be black in pictures."))
    panic = add("panic", _panic, "The site's panic input; ends by itself.")
    panic.add_argument("--over", action="store_true", help="end it now")
    clear = add("clear", _clear, "Clear quarantined, clock_skew, promise_overdue or contradiction.")
    clear.add_argument("what")
    add("new-owner", _new_owner, "Somebody else owns this place now: forget every rule and passkey of the one before.")
    journal = add("journal", _journal, "Read this site's own record.")
    journal.add_argument("--json", action="store_true", help="one JSON object per line")
    commands.add_parser("simulate", help="Simulated cameras for trying out.")
    return parser


def _add_mask(mask: argparse.ArgumentParser) -> None:
    mask.add_argument("camera", nargs="?", help="the camera's id; without it every area is listed")
    mask.add_argument("name", nargs="?", help="your name for the area")
    mask.add_argument("--box", help="left,top,right,bottom in percent of the picture")
    mask.add_argument("--corners", nargs="+", help="three or more corners, each x,y in percent")
    mask.add_argument("--picture", type=Path, help="write what it sees now to this JPEG, a line at every tenth")
    mask.add_argument("--remove", action="store_true", help="forget it: views that ask for it are not shown any more")
    mask.add_argument("--pin-file", type=Path, help="read the site PIN from a file instead of asking")


def _enrol(settings: Settings, options: argparse.Namespace) -> int:
    if not settings.gateway:
        raise SettingsError('name the gateway: gateway = "https://…" in the settings, or LENSPACT_AGENT_GATEWAY')
    with only_agent(settings.state_dir):
        return _pair(settings, options)


def _pair(settings: Settings, options: argparse.Namespace) -> int:
    _demand_pin_to_pair_again(settings, options)

    def show_code(code: Code) -> None:
        print(f"\n  Code: {code.user_code}\n\n  Type it at {code.verification_uri}", flush=True)
        print(f"  It is good for {code.expires_in_s // 60} minutes.", flush=True)

    async def flow() -> tuple[Any, Any]:
        return await app.enrol(settings, show_code=show_code)

    pairing, pin_it = anyio.run(flow)
    for name in pairing.agencies.values():
        print(f"\nThis gateway says that it belongs to: {name}", flush=True)
    print("\nThe portal shows these 12 words. Compare them:\n\n  " + " ".join(words(pairing)) + "\n", flush=True)
    if not options.yes and input("Are they the same? Type yes: ").strip().lower() != "yes":
        print("Nothing was stored. If the words differ, somebody stands between you and the gateway.", file=sys.stderr)
        return _FAILED
    store = app.open_store(settings)
    try:
        pin_it(store)
        if not settings.site_pin_hash and not options.yes:
            _choose_pin(settings)
    finally:
        store.close()
    print(f"Paired. {doctor.HOW_TO_START}")
    return _OK


def _demand_pin_to_pair_again(settings: Settings, options: argparse.Namespace) -> None:
    """A site that is paired, and has a PIN, is paired again by whoever knows it."""
    store, clock = app.open_store(settings), SystemClock()
    try:
        pin = SitePin(store=store, journal=Journal(store, clock), clock=clock, configured_hash=settings.site_pin_hash)
        if Identity.is_pinned(store) and pin.is_set:
            print("This site is paired. Pairing again forgets its rules and passkeys; nothing is shared then.")
            pin.check(_site_pin(options))
    finally:
        store.close()


def _run(settings: Settings, _options: argparse.Namespace) -> int:
    memory.keep_small()

    async def serve() -> None:
        await app.run(settings, show=lambda text: print(text, flush=True))

    try:
        with only_agent(settings.state_dir):
            anyio.run(serve)
    except BaseExceptionGroup as group:  # the task groups' wrapping; what counts is inside
        raise _first(group) from group
    return _OK


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _approve(settings: Settings, options: argparse.Namespace) -> int:
    status = _call(settings, do="status")
    items = {item["sha256"]: ("approve", item) for item in status["proposals"]}
    items |= {item["sha256"]: ("clip", item) for item in status["asked"]}
    items |= {item["sha256"]: ("view", item) for item in status["views"]}
    if options.all:
        answers = [
            _call(settings, do="approve", subject=p["sha256"], pin=_site_pin(options)) for p in status["proposals"]
        ]
        return max((_say(answer, "Approved.") for answer in answers), default=_OK)
    if options.item is None:
        _show_waiting(status)
        return _OK
    found = [digest for digest in items if digest.startswith(options.item)]
    if len(found) != 1:
        print("Name exactly one of the waiting items.", file=sys.stderr)
        return _FAILED
    act = items[found[0]][0]
    if options.no:
        return _say(_call(settings, do=_NO[act], subject=found[0]), "Declined.")
    act = "clip_unmasked" if act == "clip" and options.unmasked else act
    return _say(_call(settings, do=act, subject=found[0], pin=_site_pin(options)), "Approved.")


def _site_pin(options: argparse.Namespace) -> str:
    path: Path | None = options.pin_file
    return path.read_text().strip() if path else getpass.getpass("Site PIN: ")


def _show_waiting(status: dict[str, Any]) -> None:
    if not status["proposals"] and not status["asked"] and not status["views"]:
        print("Nothing waits for you.")
    for item in status["proposals"]:
        print(f"\n{item['sha256'][:12]}  share more, until {item['approve_by']}")
        for kind, sentence in item["changes"]:
            print(f"   {kind:>5}: {sentence}")
    for item in status["asked"]:
        print(f"\n{item['sha256'][:12]}  a recording of {item['camera']}, {item['from']} to {item['to']}")
        print(f"   {item['who']}, {item['why']}, incident {item['incident']}, {item['legal_basis']}")
    for item in status["views"]:
        print(f"\n{item['sha256'][:12]}  {item['camera']}: {item['what']}; answer before {item['until']}")
        print(f"   {item['who']}, {item['why']}, incident {item['incident']}")


def _pin(settings: Settings, _options: argparse.Namespace) -> int:
    _choose_pin(settings)
    return _OK


def _choose_pin(settings: Settings) -> None:
    first, second = getpass.getpass("Choose a site PIN (at least 6): "), getpass.getpass("Again: ")
    if first != second:
        raise PinError("The two were not the same.")
    store, clock = app.open_store(settings), SystemClock()
    try:
        SitePin(store=store, journal=Journal(store, clock), clock=clock, configured_hash="").choose(first)
    finally:
        store.close()


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    findings = anyio.run(partial(doctor.examine, settings, is_looking=not options.last))
    print(doctor.as_json(findings) if options.json else doctor.as_text(findings))
    return _OK if doctor.is_well(findings) else _FAILED


def _pause(settings: Settings, options: argparse.Namespace) -> int:
    try:
        answer = _call(settings, do="pause", subject=options.camera)
    except control.NotRunningError:  # pause works without a running agent, and holds when one starts
        store, clock = app.open_store(settings), SystemClock()
        try:
            Switches(store=store, journal=Journal(store, clock), clock=clock).pause(options.camera, by="site")
        finally:
            store.close()
        answer = {"ok": True}
    return _say(answer, "Paused. Nothing leaves this site until you run: lenspact-agent resume")


def _resume(settings: Settings, options: argparse.Namespace) -> int:
    pin = getpass.getpass("Site PIN: ")
    return _say(_call(settings, do="resume", subject=options.camera, pin=pin), "Sharing goes on by your rules.")


def _mask(settings: Settings, options: argparse.Namespace) -> int:
    if options.camera is None:
        for camera in _call(settings, do="status")["cameras"]:
            names = ", ".join(f"{label} ({name})" for name, label in camera["areas"])
            print(f"{camera['id']}  {camera['label']}: {names or 'no areas'}")
        return _OK
    if options.picture:
        return _picture(settings, options)
    if options.remove:
        answer = _call(settings, do="area_remove", subject=options.camera, label=options.name or "")
        return _say(answer, "Removed. What asks for it is not shown any more.")
    points = _corners(options)
    if not points:
        print("Give --box left,top,right,bottom or --corners x,y x,y x,y in percent.", file=sys.stderr)
        return _FAILED
    order = {"subject": options.camera, "label": options.name or "", "points": points, "pin": _site_pin(options)}
    return _say(_call(settings, do="area", **order), "Drawn. It is black wherever a rule asks for it.")


def _picture(settings: Settings, options: argparse.Namespace) -> int:
    store = app.open_store(settings)
    try:
        premises = Premises(settings.cameras, store=store, clock=SystemClock(), ids=SystemIds())
        jpeg = anyio.run(preview.take, premises, Masks(store), options.camera)
    except preview.NoPictureError as error:
        print(error, file=sys.stderr)
        return _FAILED
    finally:
        store.close()
    options.picture.touch(mode=0o600)
    options.picture.write_bytes(jpeg)
    print(f"Written to {options.picture}: a line at every tenth of width and height, areas black.")
    return _OK


def _corners(options: argparse.Namespace) -> list[tuple[int, int]]:
    """What was drawn, in parts of 10,000; nothing where it cannot be read."""
    try:
        if options.box:
            left, top, right, bottom = (round(float(part) * 100) for part in options.box.split(","))
            return list(box(left, top, right, bottom))
        pairs = [corner.split(",") for corner in options.corners or ()]
        return [(round(float(x) * 100), round(float(y) * 100)) for x, y in pairs]
    except (ValueError, OverflowError):
        return []


def _panic(settings: Settings, options: argparse.Namespace) -> int:
    return _say(_call(settings, do="panic", subject="over" if options.over else "on"), "Done.")


def _clear(settings: Settings, options: argparse.Namespace) -> int:
    return _say(_call(settings, do="clear", subject=options.what, pin=getpass.getpass("Site PIN: ")), "Cleared.")


def _new_owner(settings: Settings, _options: argparse.Namespace) -> int:
    print("Nothing will be shared, and no passkey approves anything, until the new owner approves rules here.")
    answer = _call(settings, do="clear", subject="owner", pin=getpass.getpass("Site PIN: "))
    return _say(answer, "Done. Let the new owner choose a PIN: lenspact-agent pin")


def _journal(settings: Settings, options: argparse.Namespace) -> int:
    store = app.open_store(settings)
    try:
        journal = Journal(store, SystemClock())
        for line in journal.all():
            body = {"seq": line.seq, "at": line.at, "kind": line.kind, **line.body, "sha256": line.sha256}
            words_ = ", ".join(f"{name} {value}" for name, value in line.body.items() if value not in {None, ""})
            print(json.dumps(body) if options.json else f"{line.seq:>6}  {line.at}  {line.kind:<18} {words_}")
        broken = journal.first_broken()
    finally:
        store.close()
    if broken is not None:
        print(f"Line {broken} does not continue the record: it was changed or taken out.", file=sys.stderr)
        return _FAILED
    return _OK


def _call(settings: Settings, **request: Any) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        return await control.call(settings.state_dir, **request)

    return anyio.run(ask)


def _say(answer: dict[str, Any], done: str) -> int:
    print(done if answer["ok"] else answer["sentence"], file=sys.stdout if answer["ok"] else sys.stderr)
    return _OK if answer["ok"] else _FAILED


if __name__ == "__main__":
    sys.exit(main())
