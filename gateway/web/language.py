"""The language of an answer: `edge.language` chooses it once per request, templates and pages speak it.

English is the source and needs no catalogue: every sentence is its own key. What a catalogue does not hold is said in
English rather than not at all. `_` is for sentences written here and now and for words of the listed catalogues
(`deploy/messages.py` names them); it also says a `Phrase` of the rules below. Templates write `_("…")` for their own
sentences and `word|said` for words that code gave them, which, unlike `_`, never makes markup of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from gateway.kernel.phrases import Phrase

LOCALE: Final = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Language:
    """One language pages can be read in.

    Attributes:
        code: ISO 639 code, as browsers ask for it and the cookie keeps it.
        tag: for `<html lang>` and for dates and numbers: the language as it is written in US cities (BCP 47).
        name: its name in itself.
        texts: English to this language; empty for English.
        plurals: English singular to the forms for one and for any other number.
    """

    code: str
    tag: str
    name: str
    texts: Mapping[str, str] = field(default_factory=dict)
    plurals: Mapping[str, tuple[str, str]] = field(default_factory=dict)


ENGLISH: Final = Language("en", "en-US", "English")
_OTHERS: Final = (("es", "es-US", "Español"),)
_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


@cache  # reading a catalogue takes 60 ms, and nobody can change what was read
def load_languages(folder: Path = LOCALE) -> Mapping[str, Language]:
    """Every language by its code; catalogues are `<code>.po` in `folder`.

    Raises:
        OSError: a catalogue is missing; the installation is not whole.
    """
    others = {code: _load(folder / f"{code}.po", code, tag, name) for code, tag, name in _OTHERS}
    return MappingProxyType({"en": ENGLISH, **others})


def _load(path: Path, code: str, tag: str, name: str) -> Language:
    texts: dict[str, str] = {}
    plurals: dict[str, tuple[str, str]] = {}
    with path.open("rb") as file:
        for message in read_po(file, locale=code):
            match message.id, message.string:
                case (str(one), _other), (str(few), str(many)) if few and many:
                    plurals[one] = (few, many)
                case str(text), str(translated) if text and translated and not message.fuzzy:
                    texts[text] = translated
    return Language(code, tag, name, texts, plurals)


def spoken() -> Language:
    """The language of this request; English outside one."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak `language` in this task and in those it starts."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def _(text: str, /, **values: object) -> str:
    """`text` in the reader's language, with `values` in it where it names some."""
    if isinstance(text, Phrase):
        return _(text.pattern, **text.values)
    said = spoken().texts.get(text, text)
    return said % {name: _told(value) for name, value in values.items()} if values else said


def in_each(languages: Iterable[Language], say: Callable[[], str], *, between: str) -> str:
    """What `say` says, in one language after the other: for somebody whose language nobody knows."""
    said = []
    for language in languages:
        with speaking(language):
            said.append(say())
    return between.join(said)


def pattern(text: str, /) -> str:
    """What templates take for `_`: the sentence, its `%(name)s` still open; Jinja escapes and fills in the values."""
    return spoken().texts.get(text, text)


def ngettext(one: str, other: str, num: int, /, **values: object) -> str:
    """`one` or `other`, whichever fits `num`, in the reader's language; both may name `%(num)d`."""
    return plural(one, other, num) % {"num": num, **values}


def plural(one: str, other: str, num: int, /) -> str:
    """The pattern for `num` things; English and Spanish alike have one form for 1 and one for all else."""
    forms = spoken().plurals.get(one, (one, other))
    return forms[0 if num == 1 else 1]


def _told(value: object) -> object:
    return _(value) if isinstance(value, Phrase) else value


def said(word: str) -> str:
    """The filter of templates: a word or `Phrase` that code gave, in the reader's language; still to be escaped."""
    return _(word)


def plain_time(moment: datetime) -> str:
    """A time in words and UTC, for readers without JavaScript; `app.js` shows it in the reader's own zone."""
    return f"{format_datetime(moment, 'd MMM y, HH:mm', locale=_locale())} UTC"


def number(value: float) -> str:
    """A number with the separators of the reader's language."""
    return format_decimal(value, locale=_locale())


def _locale() -> str:
    return spoken().tag.replace("-", "_")
