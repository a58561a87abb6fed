"""What is wrong at a site, each in one sentence with one remedy, as its owner reads it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.kernel.phrases import phrase
from gateway.sites.model import Agent, AgentCamera, AgentState, CameraHealth


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong, since when as far as we know, and what to do."""

    sentence: str
    remedy: str
    since: datetime | None = None


_CONDITIONS: Final[dict[str, tuple[str, str]]] = {
    "paused": ("Sharing is paused on site.", "Resume it on the agent's page, or run: lenspact-agent resume"),
    "panic": ("The site has called for help; sharing follows your rules for that.", "It ends by itself."),
    "clock_skew": ("The clock of the agent's machine cannot be trusted.", "Set the clock (NTP), then clear it there."),
    "promise_overdue": ("A promised entry of the log did not appear in time.", "Ask the agency why; clear it on site."),
    "contradiction": (
        "The log contradicted itself; the site keeps the proof.",
        "Keep it: run lenspact-agent journal, and show it to the agency's compliance office and to somebody you trust "
        "outside it.",
    ),
}
_HELD_BACK: Final = (
    "The agent may have been copied or set back, so nothing is released.",
    "Clear it on the agent's page, then approve your rules again.",
)
_OFFLINE: Final = ("The site is offline.", "Check the power and network of the agent's machine.")
_ADD_AGAIN: Final = "Add it there again, or untick it."
_HEALTH: Final[dict[CameraHealth, tuple[str, str]]] = {
    CameraHealth.AUTH_FAILED: (
        "%(camera)s refuses the agent's password.",
        "Correct it in the agent's settings, then restart the agent.",
    ),
    CameraHealth.GONE: ("%(camera)s does not answer.", "Check its power and network."),
    CameraHealth.FROZEN: ("%(camera)s is connected and sends no pictures.", "Restart the camera."),
}


def troubles_of(
    agent: Agent | None, cameras: tuple[AgentCamera, ...], *, seen_at: datetime | None, is_online: bool
) -> list[Trouble]:
    """Everything wrong at a site, the gravest first; nothing for a site that has no agent yet."""
    if agent is None or agent.state is AgentState.PENDING:
        return []
    return [*_of_agent(agent, seen_at=seen_at, is_online=is_online), *_of_cameras(cameras, is_online=is_online)]


def _of_agent(agent: Agent, *, seen_at: datetime | None, is_online: bool) -> Iterator[Trouble]:
    if agent.state is AgentState.QUARANTINED:
        yield Trouble(*_HELD_BACK, agent.state_since)
    if not is_online:
        yield Trouble(*_OFFLINE, seen_at)
    for condition in sorted(agent.conditions & set(_CONDITIONS)):
        sentence, remedy = _CONDITIONS[condition]
        yield Trouble(sentence, remedy)


def _of_cameras(cameras: tuple[AgentCamera, ...], *, is_online: bool) -> Iterator[Trouble]:
    for camera in cameras:
        if camera.camera_id is None:
            continue
        if not camera.is_listed:
            yield Trouble(
                phrase("%(camera)s is no longer known to the agent.", camera=camera.label),
                _ADD_AGAIN,
            )
        elif is_online and camera.health in _HEALTH:
            what, remedy = _HEALTH[camera.health]
            yield Trouble(phrase(what, camera=camera.label), remedy, camera.health_since)
