"""`lenspact-agent doctor`: what works at this site and what does not, one sentence each, with the remedy."""

import os
from dataclasses import dataclass

import anyio

from partner_agent import app, control
from partner_agent.addresses import AddressError
from partner_agent.identity import Identity, NotPairedError
from partner_agent.journal import Journal
from partner_agent.keystore import FileKeyStore, KeyStoreError
from partner_agent.settings import Settings
from partner_agent.store import Store
from partner_agent.timekeeping import KernelTimeSync
from partner_agent.wire.clock import SystemClock


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    is_good: bool
    sentence: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at key, pairing, clock, record, link and cameras."""
    store = app.open_store(settings)
    try:
        findings = [_key(settings), _clock(settings), _pin(settings, store), _notice(settings), _record(store)]
        findings += await _pairing(settings, store)
    finally:
        store.close()
    return findings + await _running(settings)


def _key(settings: Settings) -> Finding:
    keys = FileKeyStore(settings.state_dir, os.environ)
    try:
        is_there = keys.load() is not None
    except KeyStoreError as error:
        return Finding(is_good=False, sentence=f"The device key cannot be used: {error}.")
    if not is_there:
        return Finding(is_good=False, sentence="There is no device key. Run: lenspact-agent enrol")
    return Finding(is_good=True, sentence=keys.describe())


def _clock(settings: Settings) -> Finding:
    if settings.trust_clock:
        return Finding(is_good=True, sentence="The clock is trusted as it is (trust_clock); meant for trying out only.")
    if KernelTimeSync().is_synced():
        return Finding(is_good=True, sentence="The clock follows a time source.")
    return Finding(is_good=False, sentence="The clock follows no time source: grants are refused. Set up NTP.")


def _pin(settings: Settings, store: Store) -> Finding:
    if settings.site_pin_hash or store.get("pin_hash"):
        return Finding(is_good=True, sentence="A site PIN is set.")
    return Finding(is_good=False, sentence="No site PIN is set. Run: lenspact-agent pin")


def _notice(settings: Settings) -> Finding:
    wait = f"A passkey's approval waits {settings.hold_s // 60} minutes" if settings.hold_s else "Passkeys do not wait"
    if settings.notice_mail is None:
        return Finding(is_good=True, sentence=f"{wait}; only this machine's page and terminal tell you (notice_mail).")
    return Finding(is_good=True, sentence=f"{wait}; you are told by mail to {settings.notice_mail.to} as well.")


def _record(store: Store) -> Finding:
    broken = Journal(store, SystemClock()).first_broken()
    if broken is None:
        return Finding(is_good=True, sentence="This site's own record is whole.")
    return Finding(is_good=False, sentence=f"Line {broken} of this site's record was changed or taken out.")


async def _pairing(settings: Settings, store: Store) -> list[Finding]:
    try:
        identity = Identity(store)
    except NotPairedError:
        return [Finding(is_good=False, sentence="Not paired. Run: lenspact-agent enrol")]
    findings = [Finding(is_good=True, sentence=f"Paired with {identity.gateway}.")]
    try:
        await app.address_rules(settings).target(identity.link_url, identity.key_set)
    except AddressError as error:
        findings.append(Finding(is_good=False, sentence=f"{identity.link_url} cannot be used: {error}."))
    now = SystemClock().now()
    if not identity.key_set.live("link", now):
        findings.append(Finding(is_good=False, sentence="The gateway's keys have expired; it will offer new ones."))
    return findings


async def _running(settings: Settings) -> list[Finding]:
    try:
        with anyio.fail_after(control.CALL_S):
            status = await control.call(settings.state_dir, do="status")
    except control.NotRunningError:
        return [Finding(is_good=False, sentence="The agent is not running. Start it with: lenspact-agent run")]
    is_linked = bool(status["is_linked"])
    found = [Finding(is_good=is_linked, sentence="The link is up." if is_linked else "The link is down.")]
    found += [Finding(is_good=False, sentence=f"State: {state}.") for state in status["states"]]
    for camera in status["cameras"]:
        is_good = camera["state"] in {"ok", "unknown"}
        sentence = f"Camera {camera['label']}: {camera['state']}. {camera['live_stream']}".rstrip()
        found.append(Finding(is_good=is_good, sentence=sentence))
    return found
