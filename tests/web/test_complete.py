"""English and Spanish are complete: every sentence people read has its text, and none slips past the catalogue."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from deploy import messages
from gateway.audit import Kind
from gateway.kernel.principal import Role
from gateway.web.codes import ENTRIES, WORDS
from policies.vocabulary import IncidentKind, Purpose, Reason

TEMPLATES = sorted((messages.ROOT / "gateway/web/templates").rglob("*.html"))
PYTHON = [
    path
    for path in sorted((messages.ROOT / "gateway").rglob("*.py"))
    if not path.relative_to(messages.ROOT).as_posix().startswith(messages.UNSEEN)
]
# Sentence-like texts that no catalogue holds, and why nobody who reads Spanish misses them.
NOT_TRANSLATED = {
    "Lenspact gateway": "the title of the API's description",
    "Lenspact approvals": "a name that a browser keeps with a passkey",
    "The address holds a character that no address may hold.": "to a program that makes up addresses",
    "Expected `([a-z |]+)`": "a pattern",
    "So many are here that there is no room for one more. Try again in a few seconds.": "said before a request is read",
    "OPTIONS, POST": "a header",
    "A {part} of {agency}": "in policies/spanish.py",
    "The unit {part} of {agency}": "in policies/spanish.py",
}
_TO_THE_LOG = re.compile(r"(Janus|MediaMTX) ")  # what a media server's adapter says of it; the name makes the capital
_SQL = re.compile(r"[A-Z]{2,} ")


def _key(message: messages.Message) -> str:
    return message if isinstance(message, str) else message[0]


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_sentence_has_its_text(language):
    """Whoever adds a sentence runs `make messages` and writes what waits there."""
    with (messages.LOCALE / f"{language}.po").open("rb") as file:
        known = {
            _key(message.id): message
            for message in read_po(file, locale=language)
            if message.id and all([message.string] if isinstance(message.string, str) else message.string)
        }

    assert [_key(message) for message in messages.messages() if _key(message) not in known] == []
    assert not any(message.fuzzy for message in known.values())


def _sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Constants that read like sentences or titles: a capital first, and a space."""
    tree = ast.parse(path.read_text())
    inside = {
        id(part)
        for node in ast.walk(tree)
        for part in (ast.walk(node) if isinstance(node, ast.JoinedStr) else [])
        if part is not node
    }
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (inside | docstrings):
            text = node.value
            if text[:1].isupper() and " " in text.strip() and not (_SQL.match(text) or _TO_THE_LOG.match(text)):
                yield node.lineno, text


def test_no_sentence_slips_past_the_catalogue():
    """A sentence in code goes through `_`, `phrase`, an error of ours or a listed catalogue, or is listed here."""
    known = {part for message in messages.messages() for part in ([message] if isinstance(message, str) else message)}
    left = [
        f"{path.relative_to(messages.ROOT)}:{line}: {text}"
        for path in PYTHON
        for line, text in _sentences(path)
        if text not in known and text not in NOT_TRANSLATED
    ]

    assert left == []


def test_templates_translate_only_what_is_written_in_them():
    """`_` makes markup of its text, so it is given constants alone; words that code gave go through `said`."""
    variable = re.compile(r"(?<![\w.])(?:_|gettext|ngettext)\((?!\s*[\"'])[^)]*\)")

    assert [f"{path.name}: {call}" for path in TEMPLATES for call in variable.findall(path.read_text())] == []


def test_templates_hold_no_bare_words():
    """Text between tags passes through gettext; what is left are names, units and marks."""
    allowed = {"Lenspact", "UTC", "ms", "kbd", "px", "r", "Esc", "SHA", "Nov"}
    found = []
    for path in TEMPLATES:
        text = re.sub(r"\{% block shape %\}.*?\{% endblock %\}", " ", path.read_text())
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        text = re.sub(r"[\w-]+=\"[^\"]*\"", " ", text)
        text = re.sub(r"<(code|pre|kbd|script|title)\b.*?</\1>|<!?[^>]*>|&\w+;", " ", text, flags=re.DOTALL)
        found += [f"{path.name}: {word}" for word in re.findall(r"[A-Za-z]{2,}", text) if word not in allowed]

    assert found == []


def test_every_code_has_its_word():
    """Purposes, kinds of incident, roles, reasons and kinds of entries are listed, and nothing that is none of them."""

    def plain(code: str) -> str:
        return code.replace("_", " ").replace(".", " ")

    assert set(WORDS) == {plain(str(code)) for enum in (Purpose, IncidentKind, Role, Reason) for code in enum}
    assert set(ENTRIES) == {plain(str(kind)).capitalize() for kind in Kind}


def test_every_listed_catalogue_is_there():
    """A constant that moved or went away is noticed, not silently left untranslated."""
    for name, constants in messages.CATALOGUES.items():
        text = (messages.ROOT / name).read_text()
        for constant in constants:
            assert re.search(rf"^{constant}\b[^=\n]*=", text, re.MULTILINE), f"{name}: {constant}"
    for name in messages.UNSEEN:
        path = messages.ROOT / name
        assert list(path.parent.glob(f"{path.name}*")), name
