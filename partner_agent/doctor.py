"""`lenspact-agent doctor`: what works at this site and what does not, one sentence each, with the remedy."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import anyio

from partner_agent import app, control
from partner_agent.addresses import AddressError
from partner_agent.identity import Identity, NotPairedError
from partner_agent.journal import Journal
from partner_agent.keystore import FileKeyStore, KeyStoreError
from partner_agent.local_view import STATES, WORKS
from partner_agent.rtc import buffers
from partner_agent.settings import Settings
from partner_agent.store import Store
from partner_agent.timekeeping import KernelTimeSync
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.diagnosis import Level, Topic

CHECK_S: Final = 30.0  # the gateway's word, first pictures, the line, and the way there and back
HOW_TO_START: Final = "Start it: systemctl start lenspact-agent (or, without a service, lenspact-agent run)."
_LOOK_S: Final = 0.3
_MARKS: Final = {Level.GOOD: "ok  ", Level.CARE: "look", Level.BAD: "FAIL"}
_LINK: Final = "Is the gateway reachable from here, and does it run?"
_AGAIN: Final = "Run it again in half a minute."
_LATER: Final = "Run it again in a minute; if it stays so, look at journalctl -u lenspact-agent."
_FAULT: Final = "Its log says what and where: tell whoever maintains the agent. Everything else was looked at."
_PARTS: Final = {"network": "the network", "check": "connection and cameras"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` is empty where nothing is to be done."""

    level: Level
    topic: str
    sentence: str
    remedy: str = ""


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing fails; what is worth attention is no failure."""
    return all(finding.level is not Level.BAD for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """A line each, for people."""
    return "\n".join(f"{_MARKS[finding.level]}  {finding.sentence} {finding.remedy}".rstrip() for finding in findings)


def as_json(findings: Sequence[Finding]) -> str:
    """One object, for scripts."""
    return json.dumps({"is_well": is_well(findings), "findings": [asdict(finding) for finding in findings]})


async def examine(settings: Settings, *, is_looking: bool = True) -> list[Finding]:
    """Look at key, pairing, clock, record and link, and at connection and cameras as they are now.

    Args:
        settings: of this site.
        is_looking: begin a check and wait for it, at most half a minute; else what the last one found.
    """
    store = app.open_store(settings)
    try:
        findings = [_key(settings), _clock(settings), _pin(settings, store), _notice(settings), _record(store)]
        findings.append(media_buffers(buffers.given_here()))
        findings += await _pairing(settings, store)
        page = app.page_address(settings, store)
    finally:
        store.close()
    return findings + await _running(settings, page, is_looking=is_looking)


def _key(settings: Settings) -> Finding:
    keys = FileKeyStore(settings.state_dir, os.environ)
    try:
        is_there = keys.load() is not None
    except KeyStoreError as error:
        return _bad("key", f"The device key cannot be used: {error}.", "Look at the rights of its file.")
    if not is_there:
        return _bad("key", "There is no device key.", "Run: lenspact-agent enrol")
    return _good("key", keys.describe())


def _clock(settings: Settings) -> Finding:
    if settings.trust_clock:
        return _good("clock", "The clock is trusted as it is (trust_clock); meant for trying out only.")
    if KernelTimeSync().is_synced():
        return _good("clock", "The clock follows a time source.")
    return _bad("clock", "The clock follows no time source: grants are refused.", "Set up NTP.")


def _pin(settings: Settings, store: Store) -> Finding:
    if settings.site_pin_hash or store.get("pin_hash"):
        return _good("pin", "A site PIN is set.")
    return _bad("pin", "No site PIN is set.", "Run: lenspact-agent pin")


def _notice(settings: Settings) -> Finding:
    wait = f"A passkey's approval waits {settings.hold_s // 60} minutes" if settings.hold_s else "Passkeys do not wait"
    if settings.notice_mail is None:
        return _good("notice", f"{wait}; only this machine's page and terminal tell you (notice_mail).")
    return _good("notice", f"{wait}; you are told by mail to {settings.notice_mail.to} as well.")


def _record(store: Store) -> Finding:
    broken = Journal(store, SystemClock()).first_broken()
    if broken is None:
        return _good("record", "This site's own record is whole.")
    return _bad("record", f"Line {broken} of this site's record was changed or taken out.", "Find out who did it.")


def media_buffers(given_bytes: int) -> Finding:
    """Whether the kernel keeps as much for a media port as a group of pictures needs; less costs no view."""
    if too_little := buffers.shortage(given_bytes):
        return Finding(Level.CARE, "buffers", f"{_sentence(too_little)}.", f"{_sentence(buffers.CURE)}.")
    return _good("buffers", "The kernel keeps enough for a media port.")


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


async def _pairing(settings: Settings, store: Store) -> list[Finding]:
    try:
        identity = Identity(store)
    except NotPairedError:
        return [_bad("pairing", "Not paired.", "Run: lenspact-agent enrol")]
    findings = [_good("pairing", f"Paired with {identity.gateway}.")]
    try:
        await app.address_rules(settings).target(identity.link_url, identity.key_set)
    except AddressError as error:
        sentence = f"{identity.link_url} cannot be used: {error}."
        findings.append(_bad("pairing", sentence, "Look at this machine's DNS, and at allow_networks in its settings."))
    now = SystemClock().now()
    if not identity.key_set.live("link", now):
        remedy = "It offers new ones by itself; if not, tell the agency."
        findings.append(_bad("pairing", "The gateway's keys have expired.", remedy))
    return findings


async def _running(settings: Settings, page: str, *, is_looking: bool) -> list[Finding]:
    try:
        status = await (_looked(settings) if is_looking else _status(settings))
    except control.NotRunningError:
        return [_bad("agent", "The agent is not running.", HOW_TO_START)]
    is_linked = bool(status["is_linked"])
    found = [_good("link", "The link is up.") if is_linked else _bad("link", "The link is down.", _LINK)]
    found += [_state(state, page) for state in status["states"]]
    found += [_camera(camera) for camera in status["cameras"]]
    busy, most = status["encoders"]
    found.append(
        _good("encoders", f"Streams made anew now (black areas, convert): {busy} of at most {most} (max_encoders).")
    )
    return found + _checked(status["check"], is_looking=is_looking)


def _camera(camera: dict[str, Any]) -> Finding:
    """In the words of the site's own page, with its remedy: the camera's own, or the usual one."""
    state, remedy = WORKS.get(camera["state"], (camera["state"], ""))
    words = f"Camera {camera['label']}: {state[:1].lower()}{state[1:]}. {camera['live_stream']} {camera['sound']}"
    level = Level.GOOD if camera["state"] in {"ok", "unknown"} else Level.BAD
    return Finding(level, "camera", " ".join(words.split()), camera["advice"] or remedy)


def _state(state: str, page: str) -> Finding:
    """As the site's own page says it, and where that is."""
    title, remedy, _act = STATES.get(state, (f"State: {state}", "", ""))
    where = f"The site's own page, on this machine: {page}" if page else ""
    return _bad("site", f"{title}.", f"{remedy} {where}".strip())


def _checked(check: dict[str, Any], *, is_looking: bool) -> list[Finding]:
    faults = [
        _bad("check", f"An error nobody foresaw ended the newest look at {_PARTS.get(name, name)}.", _FAULT)
        for name in check["faults"]
    ]
    return _found(check, is_looking=is_looking) + faults


def _found(check: dict[str, Any], *, is_looking: bool) -> list[Finding]:
    if check["at"] is None:
        sentence = "No check came to an end." if is_looking else "Connection and cameras were not looked at yet."
        return [Finding(Level.CARE, "check", sentence, _LATER if is_looking else "Run: lenspact-agent doctor")]
    found = [_good("check", f"Connection and cameras, as they were at {check['at']}:")]
    if check["is_running"]:
        found = [Finding(Level.CARE, "check", f"The check is not over; this is what was so at {check['at']}.", _AGAIN)]
    lines = [each for each in check["lines"] if each["topic"] != Topic.CLOCK]  # the clock was looked at just now
    return found + [Finding(Level(line["level"]), line["topic"], line["sentence"], line["remedy"]) for line in lines]


async def _looked(settings: Settings) -> dict[str, Any]:
    """The site's state once a check that begins now is over, or the time for it is.

    Raises:
        NotRunningError: there is no agent.
    """
    await control.call(settings.state_dir, do="check")
    with anyio.move_on_after(CHECK_S):
        while (await _status(settings))["check"]["is_running"]:
            await SystemClock().sleep(_LOOK_S)
    return await _status(settings)


async def _status(settings: Settings) -> dict[str, Any]:
    return await control.call(settings.state_dir, do="status")


def _good(topic: str, sentence: str) -> Finding:
    return Finding(Level.GOOD, topic, sentence)


def _bad(topic: str, sentence: str, remedy: str) -> Finding:
    return Finding(Level.BAD, topic, sentence, remedy)
