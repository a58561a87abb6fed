"""A person's authenticator app: a code serves once, so whoever signs in again takes the next one or waits for it."""

import time
from collections.abc import Callable

from gateway.identity import totp
from partner_agent.wire.clock import SystemClock

STEP_S = 30


class AuthenticatorApp:
    """Codes of one seed, each handed out once.

    The gateway takes the code of the step before, of this one and of the next: two people's windows may be opened at
    once with one seed, a third waits for the next step.
    """

    def __init__(
        self,
        seed: bytes,
        *,
        unix_s: Callable[[], float] = lambda: SystemClock().now().timestamp(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seed, self._unix_s, self._sleep = seed, unix_s, sleep
        self._last_step = 0

    def code(self) -> str:
        """A code that has not been used and is taken now."""
        step = max(int(self._unix_s() // STEP_S), self._last_step + 1)
        early_s = (step - 1) * STEP_S - self._unix_s()
        if early_s > 0:
            self._sleep(early_s)
        self._last_step = step
        return totp.code_at(self._seed, step)
