"""What has to be translated, found in templates, Python and packs, and the catalogues brought up to date with it.

`python deploy/messages.py` writes `gateway/web/locale/es.po` anew: what is new comes in without a text, what is gone
goes, what was translated stays. The result hangs on the sources alone: sorted, without dates, lines or names of people.

Python is read as syntax. A text to translate is the first argument of `_`, `ngettext` and `phrase`; the sentence of
one of our errors, of its `fields`, and of a form's field; and every sentence in one of the `CATALOGUES`, constants
whose words are looked up where they are shown.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

ROOT: Final = Path(__file__).parents[1]
LOCALE: Final = ROOT / "gateway/web/locale"
LANGUAGES: Final = ("es",)
ERRORS: Final = frozenset(
    {
        "ConflictError",
        "DeadlineError",
        "DeniedError",
        "InvalidError",
        "LimitedError",
        "NotFoundError",
        "OutdatedError",
        "PreconditionError",
        "UnauthenticatedError",
        "UnavailableError",
        "UnconditionalError",
        "UnsupportedError",
        "_refused",
        "refusal",
    }
)
# Constants whose sentences are shown, by file.
CATALOGUES: Final[dict[str, tuple[str, ...]]] = {
    "gateway/app/portal.py": ("THE_AGENCY",),
    "gateway/app/sharing.py": ("_LIVE", "_STANDING", "_OFF", "_UNREACHED"),
    "gateway/cameras/pages.py": ("ZONES", "_LAT", "_LON", "_HEADING"),
    "gateway/desks/admin.py": ("MEANINGS", "ROLES"),
    "gateway/desks/console/words.py": ("KINDS", "PURPOSES", "REMEDIES"),
    "gateway/desks/oversight_desk/acts.py": ("WHAT", "OUTCOMES", "CHOICES", "OTHER_ACTS"),
    "gateway/desks/portal/desk.py": ("LISTED", "CONNECTED"),
    "gateway/desks/portal/looks.py": ("SENTENCES", "OF_RECORDINGS", "OF_STILLS", "OF_SOUND"),
    "gateway/desks/portal/requests.py": ("STATES", "VIEW_STATES", "_USED", "_ASKS"),
    "gateway/edge/inputs.py": ("_REASONS",),
    "gateway/edge/problems.py": ("TITLES", "_PLAIN", "_REFUSED"),
    "gateway/emergency/service.py": ("NOT_AVAILABLE", "_NONE", "_OVER"),
    "gateway/evidence/model.py": ("NOT_AVAILABLE", "WORDS", "CAUSES", "NOT_PROMISED"),
    "gateway/evidence/store.py": ("_MOVED",),
    "gateway/identity/passkeys.py": ("UNREADABLE", "OVER", "NOT_TAKEN"),
    "gateway/identity/sign_in.py": ("WRONG", "WRONG_CODE", "OVER"),
    "gateway/kernel/database.py": ("BUSY", "GONE"),
    "gateway/live/phones/model.py": ("ENDS", "NOT_SENT"),
    "gateway/live/phones/answers.py": ("NOTHING", "OTHER_DEVICE", "EXPIRED"),
    "gateway/live/phones/service.py": ("OFF",),
    "gateway/live/asking/service.py": ("_NONE", "_OVER"),
    "gateway/live/opening.py": ("SILENT", "_REMEDIES"),
    "gateway/sharing/all_places.py": ("_MEANWHILE",),
    "gateway/sharing/answering.py": ("PRESETS", "_MEANWHILE"),
    "gateway/sharing/approving.py": ("REFUSALS", "OTHER_REFUSAL"),
    "gateway/sharing/effect_words.py": ("_WAYS",),
    "gateway/sharing/exact.py": ("_MINUTES", "_DAYS", "_OF_DAY"),
    "gateway/sharing/forms.py": ("DAYS",),
    "gateway/sharing/matrix.py": ("COLUMNS",),
    "gateway/sharing/trying.py": (
        *("WHATS", "ROLE_WORDS", "SIGN_INS", "INCIDENTS", "ORIGINS", "STATES", "UNKNOWN", "REMEDIES", "WHY"),
        "OTHERWISE",
    ),
    "gateway/sharing/freshness.py": ("_UNCONFIRMED",),
    "gateway/sharing/listing.py": ("_BROKEN",),
    "gateway/sharing/looking.py": ("NOT_CONNECTED",),
    "gateway/sharing/ordinances.py": ("_NO_JSON",),
    "gateway/sharing/touching.py": ("NOT_TAKEN",),
    "gateway/sharing/signs.py": ("ON_A_SIGN",),
    "gateway/sharing/week_grid.py": ("CONDITIONS",),
    "gateway/sharing/weeks.py": ("_TIME", "_SAME"),
    "gateway/sites/connection.py": ("_TOO_OLD", "_BUSY", "_OFTEN"),
    "gateway/sites/pages.py": ("PROGRESS",),
    "gateway/sites/troubles.py": ("_CONDITIONS", "_HELD_BACK", "_OFFLINE", "_ADD_AGAIN", "_HEALTH"),
    "gateway/web/forms.py": ("NEEDED",),
    "gateway/web/notices.py": ("NOTICES",),
    "gateway/web/render.py": ("_PARTNER_NAV", "_ANSWERS_NAV", "_ROLE_NAV"),
    "partner_agent/wire/diagnosis.py": (
        "BLOCKED",
        "BY_TLS",
        "UDP_UNTRIED",
        "ALONE",
        "IN_WEBSOCKET",
        "LAST_IN_WEBSOCKET",
        "NO_TURN_UDP",
        "NO_TURN_TLS",
        "WRONG_CLOCK",
        "TOO_NARROW",
        "NOT_ALL",
        "CARRIES_LESS",
        "TOO_MUCH",
        "UNMEASURED",
        "TROUBLES",
        "SLOW_TO_ANSWER",
        "LONG_GOP",
        "LONG_GOP_FIRST",
        "LONG_GOP_LEAST",
        "FIRST",
        "AT_ONCE",
        "CARRIES",
        "CARRIES_ONE",
        "ENOUGH",
        "CARRIES_MUCH",
        "CARRIES_BOUND",
        "NEEDED",
        "UDP_PASSES",
        "NO_ROUTER",
        "ORDINARY",
        "SYMMETRIC",
        "TLS_OPEN",
        "RIGHT_CLOCK",
        "BY_SERVER",
        "STRAIGHT",
    ),
}
WORD_LISTS: Final = frozenset({"gateway/web/codes.py", "gateway/web/scripts.py"})  # all of their texts, codes too
PACK_FIELDS: Final = ("title", "why")  # of the ready answers for kinds of places
# Our folders with text that people read in pages and mails.
PYTHON: Final = ("gateway",)
SHARED: Final = ("partner_agent/wire/diagnosis.py",)  # what both programs say, in the portal too
# What is said to programs, or in the terminal and the log of whoever runs this one: in English.
UNSEEN: Final = (
    *("gateway/app/cli.py", "gateway/app/demo", "gateway/app/doctor.py", "gateway/app/evidence.py"),
    *("gateway/app/figures.py", "gateway/app/one_writer.py", "gateway/app/serve.py", "gateway/app/settings.py"),
    *(
        "gateway/app/setup.py",
        "gateway/app/keys.py",
        "gateway/app/log.py",
        "gateway/audit/moved.py",
        "gateway/audit/sequencer.py",
    ),
    *(
        "gateway/audit/store.py",
        "gateway/audit/tree_store.py",
        "gateway/evidence/tus.py",
        "gateway/evidence/uploads.py",
    ),
    *("gateway/identity/mailers.py", "gateway/kernel/keyring.py", "gateway/live/accounts.py"),
    *("gateway/live/grants.py", "gateway/sites/keysets.py", "gateway/sites/store.py"),
)
HEADER: Final = """msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
_CODE: Final = re.compile(r"[a-z0-9_./:{}-]*|[A-Z][A-Za-z]+/[A-Za-z_]+|UTC")
Message = str | tuple[str, str]


def messages() -> dict[Message, list[str]]:
    """Every text, with the files it stands in."""
    found: dict[Message, set[str]] = {}
    for path in _files():
        name = path.relative_to(ROOT).as_posix()
        for message in _of_file(path, name):
            found.setdefault(message, set()).add(name)
    return {message: sorted(places) for message, places in found.items()}


def _files() -> list[Path]:
    web = ROOT / "gateway/web"
    python = [path for folder in PYTHON for path in (ROOT / folder).rglob("*.py")]
    packs = (ROOT / "policies/packs").rglob("pack.json")
    python += [ROOT / name for name in SHARED]
    return sorted([*python, *(web / "templates").rglob("*.html"), *packs])


def _of_file(path: Path, name: str) -> Iterator[Message]:
    if path.suffix == ".py":
        tree = ast.parse(path.read_text())
        if name in WORD_LISTS:
            yield from (text for tuple_ in ast.walk(tree) if isinstance(tuple_, ast.Tuple) for text in _texts(tuple_))
        elif not name.startswith(UNSEEN):
            yield from _of_python(tree, CATALOGUES.get(name, ()))
        return
    if path.suffix == ".json":
        pack = json.loads(path.read_text())
        yield from (pack[field] for field in PACK_FIELDS)
        return
    source = BytesIO(path.read_bytes())
    options = {"silent": "false", "trimmed": "false", "newstyle_gettext": "true"}
    for _line, _function, message, _comments in babel_extract(source, ("_", "gettext", "ngettext"), (), options):
        yield from _message(message)


def _message(found: object) -> Iterator[Message]:
    parts = [part for part in (found if isinstance(found, tuple | list) else [found]) if isinstance(part, str)]
    match parts:
        case [one, other]:
            yield (one, other)
        case [text]:
            yield text


def _of_python(tree: ast.Module, constants: tuple[str, ...]) -> Iterator[Message]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("_" | "phrase"), args=[ast.Constant(str(text)), *_]):
                yield text
            case ast.Call(func=ast.Name("ngettext"), args=[ast.Constant(str(one)), ast.Constant(str(other)), *_]):
                yield (one, other)
            case ast.Call(func=ast.Name(name)) if name in ERRORS:
                yield from _of_error(node)
            case ast.Call(func=ast.Attribute(attr="wrong") | ast.Name("_wrong"), args=[_, sentence]):
                yield from _sentences(sentence)
            case (
                ast.keyword(arg="sentence", value=value)
                | ast.Call(func=ast.Attribute(attr="fromkeys"), args=[_, value])
            ):
                yield from _sentences(value)
            case ast.Assign(
                targets=[ast.Name("fields" | "sentence") | ast.Subscript(value=ast.Name("fields" | "wrong"))],
                value=value,
            ):
                yield from _sentences(value)
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value) if name in constants:
                yield from _sentences(value)
            case ast.Assign(targets=[ast.Name(name)], value=value) if name in constants:
                yield from _sentences(value)


def _texts(found: ast.Tuple) -> Iterator[str]:
    yield from (each.value for each in found.elts if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _of_error(call: ast.Call) -> Iterator[Message]:
    for argument in call.args[:1]:
        yield from _sentences(argument)
    for keyword in call.keywords:
        if keyword.arg == "fields":
            yield from _sentences(keyword.value)


def _sentences(value: ast.expr) -> Iterator[str]:
    """Constant texts in an expression that are no codes; of a mapping only the values."""
    match value:
        case ast.Constant(str(text)):
            if not _CODE.fullmatch(text):
                yield text
        case ast.Dict(values=values):
            for each in values:
                yield from _sentences(each)
        case ast.JoinedStr():
            return
        case _:
            for child in ast.iter_child_nodes(value):
                if isinstance(child, ast.expr):
                    yield from _sentences(child)


def updated(language: str) -> bytes:
    """The catalogue of `language` with every text of today, as the bytes of its file."""
    catalog = Catalog()
    path = LOCALE / f"{language}.po"
    with path.open("rb") as file:
        before = {_key(message.id): message.string for message in read_po(file, locale=language) if message.id}
    for message, places in messages().items():
        catalog.add(
            message, before.get(_key(message), ""), locations=[(place, 0) for place in places], flags=_flags(message)
        )
    out = BytesIO(HEADER.format(language=language).encode())
    out.seek(0, 2)
    write_po(out, catalog, width=110, omit_header=True, sort_output=True, include_lineno=False)
    return out.getvalue()


def _key(message: object) -> str:
    return message[0] if isinstance(message, tuple | list) else str(message)


def _flags(message: Message) -> tuple[str, ...]:
    return ("python-format",) if "%(" in _key(message) else ()


def main() -> int:
    """Write every catalogue; say what waits for a text."""
    for language in LANGUAGES:
        path = LOCALE / f"{language}.po"
        path.write_bytes(updated(language))
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
        missing = [
            _key(message.id)
            for message in catalog
            if message.id and not all([message.string] if isinstance(message.string, str) else message.string)
        ]
        print(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {len(missing)} without a translation")
        for text in missing[:20]:
            print(f"  {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
