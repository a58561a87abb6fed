"""What sites give by their sessions: live seconds, seconds of recording, and how many views run. Pure."""

import math
from collections.abc import Iterable
from datetime import datetime

from gateway.live.model import Session
from policies.request import Usage


def usage_of(sessions: Iterable[Session], now: datetime) -> dict[str, Usage]:
    """By site, of accepted sessions; each live view is rounded up, as the site does.

    A view of a recording counts its whole range until the site has said what of it was shown.
    """
    found: dict[str, Usage] = {}
    for session in sessions:
        so_far = found.get(session.site_id, Usage())
        live_s = 0 if session.is_recorded else math.ceil(session.seconds_until(now))
        found[session.site_id] = Usage(
            live_s=so_far.live_s + live_s,
            clip_s=so_far.clip_s + session.recorded_s,
            views_now=so_far.views_now + session.is_open,
        )
    return found
