"""Reading forms: every field by name, every error at once, so that a page can say them all beside their fields.

JSON bodies are read by strict models; a form is filled in by a person, who should not meet one error per attempt.
`Form` collects sentences by field and `checked` raises them together. Unknown fields, fields given twice and control
characters are refused; what was typed stays in `values`, cut to what a page may show again.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from litestar import Request

from gateway.kernel.errors import InvalidError
from gateway.kernel.phrases import phrase

MAX_FIELDS: Final = 200
SHOWN_AGAIN: Final = 4_000  # characters of one field that a page repeats
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_EMAIL: Final = re.compile(r"[^@\s<>\",;:]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
NEEDED: Final = "This is needed."


async def read_form(request: Request[Any, Any, Any], *names: str) -> "Form":
    """The form of `request`, which may hold exactly the fields `names` (and the token).

    Raises:
        InvalidError: a field nobody asked for, or one given twice.
    """
    data = await request.form()
    pairs = list(data.multi_items())
    allowed = {*names, "csrf"}
    if len(pairs) > MAX_FIELDS or any(name not in allowed or not isinstance(value, str) for name, value in pairs):
        raise InvalidError("This form holds a field that the page does not have. Open the page again.")
    if len({name for name, _ in pairs}) != len(pairs):
        raise InvalidError("This form holds a field twice. Open the page again.")
    return Form({name: value for name, value in pairs if name != "csrf"})


class Form:
    """What somebody typed, and what is wrong with it.

    Attributes:
        values: what was typed, by field, to be shown again.
        errors: one sentence by field.
    """

    def __init__(self, typed: Mapping[str, str]) -> None:
        self._typed = dict(typed)
        self.values = {name: value[:SHOWN_AGAIN] for name, value in typed.items()}
        self.errors: dict[str, str] = {}

    def line(self, name: str, *, most: int, is_required: bool = True) -> str:
        """One line of text, spaces at the ends removed."""
        text = " ".join(self._typed.get(name, "").split())
        return self._text(name, text, most=most, is_required=is_required)

    def prose(self, name: str, *, most: int, is_required: bool = True) -> str:
        """Text that may hold line breaks."""
        text = self._typed.get(name, "").strip().replace("\r\n", "\n")
        return self._text(name, text, most=most, is_required=is_required)

    def email(self, name: str) -> str:
        """An e-mail address, in lower case."""
        text = self.line(name, most=254)
        if text and name not in self.errors and not _EMAIL.fullmatch(text):
            self.wrong(name, "We cannot send mail to this. Write it as name@example.org.")
        return text.lower()

    def number(self, name: str, low: float, high: float, *, sentence: str) -> float:
        """A number between `low` and `high`; `sentence` says what is expected."""
        text = self._typed.get(name, "").strip()
        if not text:
            self.errors.setdefault(name, NEEDED)
            return low
        try:
            value = float(text) if len(text) <= 32 else math.nan
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            self.errors.setdefault(name, sentence)
            return low
        return value

    def choice(self, name: str, options: Iterable[str]) -> str:
        """One of `options`."""
        text = self._typed.get(name, "")
        if text not in set(options):
            self.wrong(name, "Choose one of these." if text else NEEDED)
        return text

    def is_ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return self._typed.get(name, "") == "yes"

    def given(self, name: str) -> str:
        """The text as it came."""
        return self._typed.get(name, "")

    def wrong(self, name: str, sentence: str) -> None:
        """Say that a field is wrong for a reason only the caller knows."""
        self.errors.setdefault(name, sentence)

    def check(self) -> None:
        """Go on only if nothing is wrong.

        Raises:
            InvalidError: `fields` holds every sentence.
        """
        if self.errors:
            raise InvalidError("Something needs your attention.", fields=self.errors)

    def _text(self, name: str, text: str, *, most: int, is_required: bool) -> str:
        if not text:
            if is_required:
                self.errors.setdefault(name, NEEDED)
        elif len(text) > most:
            self.errors.setdefault(
                name,
                phrase(
                    "This is too long: at most %(most)d characters, and these are %(have)d.", most=most, have=len(text)
                ),
            )
        elif _CONTROL.search(text):
            self.wrong(name, "This holds a character that cannot be used here.")
        return text
