"""Pairing: the agent asks for a short code, a person types it in the portal, the agent pins the root (RFC 8628).

The device key is made here and never leaves. The person compares the 12 words of the root on both screens before
anything is pinned; afterwards nobody but the site can pair again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from partner_agent.accounts import Accounts
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.policy_store import PolicyStore
from partner_agent.proofs import Promises
from partner_agent.store import Store
from partner_agent.wire import enrolment, keyset
from partner_agent.wire.clock import Clock
from partner_agent.wire.enrolment import Pairing
from partner_agent.wire.tokens import PublicKey, Signer, TokenError

MAX_AGENCIES: Final = 16
LINE_LENGTH: Final = 200  # of what is shown to the person who pairs
_DEFAULT_INTERVAL_S: Final = 5
_MAX_INTERVAL_S: Final = 60
_CALL_S: Final = 15.0
_ANSWER_BYTES: Final = 256 * 1024


class PairingError(Exception):
    """Pairing did not happen; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Code:
    """What the person types, and where."""

    user_code: str
    verification_uri: str
    expires_in_s: int


async def pair(
    *,
    http: httpx.AsyncClient,
    gateway_url: str,
    device: Signer,
    host: str,
    version: str,
    clock: Clock,
    show_code: Callable[[Code], None],
) -> Pairing:
    """Run the device flow until a person has typed the code.

    Raises:
        PairingError: declined, expired, or the gateway cannot be reached or believed.
    """
    base = gateway_url.rstrip("/")
    token_url = f"{base}/oauth/token"
    started = await _call(
        http,
        f"{base}/oauth/device",
        {
            "client_id": enrolment.CLIENT_ID,
            "jwk": json.dumps(dict(device.public.jwk)),
            "jwk_proof": enrolment.make_proof(device, token_url=token_url, now=clock.now()),
            "host": host,
            "version": version,
        },
    )
    try:
        code = Code(started["user_code"], started["verification_uri"], int(started["expires_in"]))
        device_code, interval_s = str(started["device_code"]), int(started.get("interval", _DEFAULT_INTERVAL_S))
    except (KeyError, TypeError, ValueError) as error:
        raise PairingError("The gateway's answer was not one of a Lenspact gateway.") from error
    if not (_is_line(code.user_code) and _is_line(code.verification_uri)):
        raise PairingError("The gateway's code is written in a way that no person could read.")
    show_code(code)
    ends = clock.monotonic() + code.expires_in_s
    while clock.monotonic() < ends:
        await clock.sleep(min(interval_s, _MAX_INTERVAL_S))
        form = {"grant_type": enrolment.GRANT_TYPE, "device_code": device_code, "client_id": enrolment.CLIENT_ID}
        answer = await _call(http, token_url, form)
        match answer.get("error"):
            case None:
                return _believed(answer)
            case "authorization_pending":
                continue
            case "slow_down":  # RFC 8628 §3.5
                interval_s += 5
            case "access_denied":
                raise PairingError("The code was declined in the portal.")
            case _:
                break
    raise PairingError("The code was not typed in time. Run `lenspact-agent enrol` again.")


def words(pairing: Pairing) -> tuple[str, ...]:
    """The 12 words both screens show."""
    return keyset.root_words(PublicKey.of(pairing.root))


def _believed(answer: dict[str, Any]) -> Pairing:
    try:
        pairing = msgspec.convert(answer, Pairing)
        PublicKey.of(pairing.root)
    except (msgspec.ValidationError, TokenError) as error:
        raise PairingError("The gateway's answer was not one of a Lenspact gateway.") from error
    names = [*pairing.agencies.values(), *pairing.agencies]
    if len(pairing.agencies) > MAX_AGENCIES or not all(_is_line(name) for name in names):
        raise PairingError("The gateway names its agencies in a way that no person could read.")
    return pairing


def _is_line(text: object) -> bool:
    """Short and printable: nothing that draws on the screen where the 12 words are compared."""
    return isinstance(text, str) and 0 < len(text) <= LINE_LENGTH and text.isprintable()


async def _call(http: httpx.AsyncClient, url: str, form: dict[str, str]) -> dict[str, Any]:
    try:
        answer = await http.post(url, data=form, timeout=_CALL_S, headers={"accept": "application/json"})
    except httpx.HTTPError as error:
        raise PairingError(f"{url} cannot be reached: {error}") from error
    if len(answer.content) > _ANSWER_BYTES or answer.status_code >= 500:
        raise PairingError(f"{url} answered with an error ({answer.status_code}).")
    try:
        body = answer.json()
    except ValueError as error:
        raise PairingError(f"{url} did not answer in JSON.") from error
    if not isinstance(body, dict):
        raise PairingError(f"{url} did not answer with an object.")
    return body


def settle(store: Store, pairing: Pairing, clock: Clock, *, adopt_key: Callable[[], None]) -> None:
    """Pin a pairing, after the person at the machine has compared the 12 words, and begin a new lineage.

    Whatever an earlier pairing left behind opens nothing under this one: no document is in force, no passkey known, and
    what was promised by or owed to the old gateway stays in the record only, with the last head of its log.

    Args:
        store: of this site.
        pairing: the gateway's answer.
        clock: of the record.
        adopt_key: puts the device key of this pairing in the place of the former one; called last.

    Raises:
        TokenError: the gateway's own description contradicts its key set; nothing was changed.
    """
    with store.transaction():
        Identity.pin(store, pairing)
        PolicyStore.forget(store)
        head = Promises.forget(store)
        Accounts.forget(store)
        Journal(store, clock).add("paired", gateway=pairing.gateway, site=pairing.site, head_before=head)
        adopt_key()
