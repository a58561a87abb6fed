"""The terminal's way to the running agent: one line of JSON each way over a Unix socket that only this user can open.

`lenspact-agent pause`, `approve` and the others come here; when no agent runs, `cli` works on the state directly. What
needs the PIN needs it here as well.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from partner_agent.clips import Asked
from partner_agent.pin import PinError
from partner_agent.site import ActError, Site, View
from partner_agent.view_asks import said_act
from partner_agent.wire import local_sockets
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.diagnosis import lines_of
from partner_agent.wire.views import ViewRequest
from policies.words import say, say_change

LINE_BYTES: Final = 256 * 1024
CALL_S: Final = 30.0
_LOG: Final = logging.getLogger(__name__)


class NotRunningError(Exception):
    """No agent answers on the socket."""


def socket_path(state_dir: Path) -> Path:
    """Where the running agent listens."""
    return state_dir / "agent.sock"


async def serve(path: Path, site: Site) -> None:
    """Answer until cancelled."""
    await anyio.Path(path).unlink(missing_ok=True)
    listener = await anyio.create_unix_listener(path, mode=0o600)

    async def one(taken: anyio.abc.SocketStream) -> None:
        async with await local_sockets.on_a_transport(taken) as stream:
            with anyio.move_on_after(CALL_S):
                line = await BufferedByteReceiveStream(stream).receive_until(b"\n", LINE_BYTES)
                request = json.loads(line)
                if isinstance(request, dict):
                    await stream.send(json.dumps(answer(site, request)).encode() + b"\n")

    async with listener:
        await listener.serve(_guarded(one))


def _guarded(handle: Callable[[anyio.abc.SocketStream], Awaitable[None]]) -> Callable[[anyio.abc.SocketStream], Any]:
    async def guarded(stream: anyio.abc.SocketStream) -> None:
        try:
            await handle(stream)
        except (
            ValueError,
            anyio.BrokenResourceError,
            anyio.EndOfStream,
            anyio.DelimiterNotFound,
            anyio.IncompleteRead,
        ):
            return  # the terminal went away, or said nothing we know
        except Exception:  # noqa: BLE001 - the supervisor of one command: the agent goes on whatever a terminal says
            _LOG.exception("a command failed")

    return guarded


async def call(state_dir: Path, **request: Any) -> dict[str, Any]:
    """Ask the running agent.

    Raises:
        NotRunningError: nobody listens.
    """
    try:
        with anyio.fail_after(CALL_S):
            async with await local_sockets.connect(socket_path(state_dir)) as stream:
                await stream.send(json.dumps(request).encode() + b"\n")
                line = await BufferedByteReceiveStream(stream).receive_until(b"\n", LINE_BYTES)
    except (OSError, anyio.EndOfStream, anyio.IncompleteRead, TimeoutError) as error:
        raise NotRunningError from error
    found: dict[str, Any] = json.loads(line)
    return found


def answer(site: Site, request: dict[str, Any]) -> dict[str, Any]:
    """Do one thing; `ok`, and for a refusal the sentence."""
    try:
        _do(site, request)
    except (ActError, PinError) as error:
        return {"ok": False, "sentence": str(error)}
    return {"ok": True, **(_status(site) if request.get("do") == "status" else {})}


def _do(site: Site, request: dict[str, Any]) -> None:
    subject, pin = str(request.get("subject") or ""), str(request.get("pin") or "")
    acts: dict[str, Callable[[], None]] = {
        "status": lambda: None,
        "check": site.look,
        "pause": lambda: site.pause(subject or None),
        "resume": lambda: site.resume(pin, subject or None),
        "panic": lambda: site.panic(is_on=subject != "over"),
        "approve": lambda: site.approve(subject, pin),
        "decline": lambda: site.decline(subject),
        "clip": lambda: site.approve_clip(subject, pin, is_unmasked=False),
        "clip_unmasked": lambda: site.approve_clip(subject, pin, is_unmasked=True),
        "clip_no": lambda: site.decline_clip(subject),
        "view": lambda: site.approve_view(subject, pin),
        "view_no": lambda: site.decline_view(subject),
        "clear": lambda: site.clear(subject, pin),
        "area": lambda: site.draw(subject, str(request.get("label") or ""), _points(request.get("points")), pin),
        "area_remove": lambda: site.remove_area(subject, str(request.get("label") or "")),
    }
    act = acts.get(str(request.get("do")))
    if act is None:
        raise ActError("The agent does not know this command; is it an older version?")
    act()


def _points(value: object) -> list[tuple[int, int]]:
    """Corners as the terminal sends them; nothing that is none."""
    if not isinstance(value, list):
        return []
    return [(int(pair[0]), int(pair[1])) for pair in value if isinstance(pair, list) and len(pair) == 2]


def _status(site: Site) -> dict[str, Any]:
    view = site.view()
    voice = view.voice
    return {
        "gateway": view.gateway,
        "is_linked": view.is_linked,
        "states": list(view.states),
        "version": view.position_seq,
        "says": say(view.policy, voice) if view.policy else ["Nothing is shared."],
        "running": len(view.running),
        "encoders": list(view.encoders),
        "cameras": [
            {
                "id": c.id,
                "label": c.label,
                "state": c.state,
                "live_stream": c.live_stream,
                "sound": c.sound,
                "advice": c.sentence,
                "areas": [[area.id, area.label] for area in view.masks.get(c.id, ())],
            }
            for c in view.cameras
        ],
        "check": _check(view),
        "proposals": [
            {
                "sha256": document.sha256,
                "approve_by": to_rfc3339(document.approve_by) if document.approve_by else None,
                "changes": [[change.kind, change.sentence] for change in say_change(view.policy, policy, voice)],
            }
            for document, policy in view.proposals
        ],
        "asked": [_asked(asked) for asked in view.asked if asked.answer is None],
        "views": [_view_asked(asked.request) for asked in view.view_asks if asked.answer is None],
    }


def _check(view: View) -> dict[str, Any]:
    """The newest look at the connection: when, what was found, whether another is on its way."""
    faults = [view.voice.cameras.get(name, name) for name in view.check_faults]
    if view.check is None:
        return {"is_running": view.is_checking, "at": None, "lines": [], "faults": faults}
    at, said = view.check
    lines = [
        {
            "level": str(line.level),
            "topic": str(line.topic),
            "sentence": line.sentence % line.values,
            "remedy": line.remedy % line.values,
        }
        for line in lines_of(said, view.voice.cameras)
    ]
    return {"is_running": view.is_checking, "at": to_rfc3339(at), "lines": lines, "faults": faults}


def _asked(asked: Asked) -> dict[str, Any]:
    request = asked.request
    return {
        "sha256": request.sha256,
        "camera": request.camera,
        "from": request.t0,
        "to": request.t1,
        "who": request.agency,
        "why": request.purpose,
        "incident": request.incident,
        "legal_basis": request.legal_basis,
        "until": request.expires_at,
    }


def _view_asked(request: ViewRequest) -> dict[str, Any]:
    return {
        "sha256": request.sha256,
        "what": said_act(request),
        "camera": request.camera,
        "who": request.agency,
        "why": request.purpose,
        "incident": request.incident,
        "until": request.expires_at,
    }
