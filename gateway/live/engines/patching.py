"""PATCH of a call at a media server of others: candidates, signs of life, and ICE restarts (RFC 9725 §4.3).

Tags are the gate's, as everything a caller is told. Candidates are read and dropped, as those of an offer are. A
restart changes the way of the packets and nothing else.
"""

import logging
from typing import Final

from gateway.live.engines.ports import MediaServer, ServerRefusedError
from gateway.live.engines.tables import Uplink, View, Way
from gateway.live.relay.offers import ANY, RESTART_PERIOD_S, CallRefusedError
from gateway.live.relay.protocol import Answer
from gateway.live.relay.silence import Attention
from partner_agent.rtc import fragment
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.sdp import SdpError

_LOG: Final = logging.getLogger("lenspact.live")


async def patched(found: Uplink | View, server: MediaServer, *, tags: list[str], text: str, now: float) -> Answer:
    """Take a patch for a call whose name the caller knows.

    Args:
        found: the call, which the server has taken.
        server: who has it.
        tags: of `If-Match`, strong ones in their quotes, or `*`; empty when there was no such header.
        text: the fragment.
        now: monotonic seconds.

    Raises:
        CallRefusedError: 428 no tag; 412 another ICE session; 400 not readable; 409 nothing to restart yet; 422 this
            server cannot; 429 too often.
        RelayGoneError: the server does not answer.
    """
    assert found.way is not None
    if not tags:
        raise CallRefusedError(428)
    if ANY not in tags and found.way.tag not in tags:
        raise CallRefusedError(412)
    try:
        said = fragment.parse(text)
    except SdpError as error:
        raise CallRefusedError(400) from error
    if isinstance(found, View):
        found.attention = found.attention or Attention()
        found.attention.reported(now)
    if said.user_fragment in ("", found.way.peer):
        return Answer(re=0, status=204)
    if not server.features.restarts_ice:
        raise CallRefusedError(422)
    if not found.is_up:
        raise CallRefusedError(409)
    return await _restarted(found.leg_id, found.way, server, said, now)


async def _restarted(leg_id: str, way: Way, server: MediaServer, said: Fragment, now: float) -> Answer:
    if now - way.restarted_at < RESTART_PERIOD_S:
        raise CallRefusedError(429)
    way.restarted_at = now
    try:
        mine = await server.restart(leg_id, said)
    except ServerRefusedError as error:
        _LOG.warning("the media server restarts no ICE: %s", error)
        raise CallRefusedError(422) from error
    way.peer, way.tag = said.user_fragment, tag_of(mine.user_fragment)
    return Answer(re=0, status=200, sdp=fragment.write(mine, mid=way.mid), etag=way.tag)


def tag_of(user_fragment: str) -> str:
    """The strong entity-tag of the ICE session that our side calls so (RFC 9110 §8.8.3)."""
    return f'"{user_fragment}"'
