"""The site PIN: Argon2id, five tries, then a pause of fifteen minutes, the same for every program on this disk.

It guards what widens (approve, resume, clear), never what narrows.
"""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from partner_agent.journal import Journal
from partner_agent.store import Store
from partner_agent.wire.clock import Clock, to_ms
from partner_agent.wire.limits import PIN_TRIES

LOCK_S: Final = 900
MIN_DIGITS: Final = 6
_HASH, _WRONG, _LOCKED_AT = "pin_hash", "pin_wrong", "pin_locked_at_ms"


class PinError(Exception):
    """The PIN was not taken; the sentence says why."""


class SitePin:
    """Checks the PIN of this site."""

    def __init__(self, *, store: Store, journal: Journal, clock: Clock, configured_hash: str) -> None:
        self._store, self._journal, self._clock, self._configured = store, journal, clock, configured_hash
        self._hasher = PasswordHasher()

    @property
    def is_set(self) -> bool:
        """Whether there is a PIN at all; without one nothing that needs it can be done."""
        return bool(self._hash())

    def choose(self, pin: str) -> None:
        """Set the PIN (terminal only; whoever can run this owns the machine).

        Raises:
            PinError: shorter than six digits.
        """
        if len(pin) < MIN_DIGITS:
            raise PinError(f"Choose at least {MIN_DIGITS} characters.")
        with self._store.transaction():
            self._store.put(_HASH, self._hasher.hash(pin))
            self._store.put(_WRONG, None)
            self._journal.add("pin_set")

    def check(self, pin: str) -> None:
        """Compare.

        Raises:
            PinError: wrong, locked, or none set.
        """
        if not self.is_set:
            raise PinError("No PIN is set. Run: lenspact-agent pin")
        if self._wrong() >= PIN_TRIES:
            if to_ms(self._clock.now()) - int(self._store.get(_LOCKED_AT) or 0) < LOCK_S * 1000:
                raise PinError("Too many wrong tries. Wait 15 minutes.")
            self._store.put(_WRONG, None)
        try:
            self._hasher.verify(self._hash(), pin)
        except (VerifyMismatchError, InvalidHashError) as error:
            raise PinError(self._count_wrong()) from error
        self._store.put(_WRONG, None)

    def _count_wrong(self) -> str:
        wrong = self._wrong() + 1
        with self._store.transaction():
            self._store.put(_WRONG, str(wrong))
            self._store.put(_LOCKED_AT, str(to_ms(self._clock.now())))  # read by every program that uses this disk
            self._journal.add("pin_wrong", count=wrong)
        if wrong < PIN_TRIES:
            return f"Wrong PIN; {PIN_TRIES - wrong} tries left."
        return "Too many wrong tries. Wait 15 minutes."

    def _wrong(self) -> int:
        return int(self._store.get(_WRONG) or 0)

    def _hash(self) -> str:
        return self._store.get(_HASH) or self._configured
