"""A library that moved is noticed before anybody watches: what is gone is named, and nothing is used unlisted."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from aioice.ice import Connection, StunProtocol
from aiortc import RTCIceGatherer
from aiortc.rtcdtlstransport import RTCDtlsTransport

import partner_agent.rtc
from partner_agent.rtc import expected
from partner_agent.rtc.expected import EXPECTED, USED, Expected, HooksMovedError, check_hooks

pytestmark = pytest.mark.anyio
PACKAGE = Path(partner_agent.rtc.__file__).parent
EACH = [(entry, hook) for entry in EXPECTED for hook in entry.hooks]
SOURCE = {user: inspect.getsource(user) for user, _ in USED}


class Without:
    """Something that has lost one name."""

    def __init__(self, owner: object, gone: str) -> None:
        self.__owner, self.__gone = owner, gone

    def __getattr__(self, name: str) -> Any:
        if name == self.__gone:
            raise AttributeError(name)
        return getattr(self.__owner, name)


async def test_every_hook_is_there():
    """The pinned libraries look as this package expects; if this fails, do not ship."""
    check_hooks()


@pytest.mark.parametrize(("entry", "hook"), EACH, ids=[f"{entry.name} {hook}" for entry, hook in EACH])
async def test_a_hook_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch, entry: Expected, hook: str):
    """Each of them, by the library's name and its own."""
    less = [each._replace(make=lambda: Without(entry.make(), hook)) if each is entry else each for each in EXPECTED]
    monkeypatch.setattr(expected, "EXPECTED", less)

    with pytest.raises(HooksMovedError, match=rf"^{entry.name} has no {hook}$"):
        check_hooks()


@pytest.mark.parametrize(
    ("owner", "hook"),
    [(Connection, "build_request"), (StunProtocol, "request"), (RTCDtlsTransport, "_set_role")],
)
async def test_the_libraries_themselves_are_looked_at(monkeypatch: pytest.MonkeyPatch, owner: type, hook: str):
    """A method taken out of the library is missed."""
    monkeypatch.delattr(owner, hook)

    with pytest.raises(HooksMovedError, match=f"{owner.__name__} has no {hook}"):
        check_hooks()


async def test_an_attribute_that_is_no_longer_made_is_missed(monkeypatch: pytest.MonkeyPatch):
    """Those that are there only once the thing is made, and what is made of another thing's."""

    def nothing(self: object, **_named: object) -> None:
        del self

    monkeypatch.setattr(RTCIceGatherer, "__init__", nothing)

    with pytest.raises(HooksMovedError, match="RTCIceGatherer has no _connection"):
        check_hooks()


async def test_something_that_is_made_otherwise_is_named(monkeypatch: pytest.MonkeyPatch):
    """A constructor that takes other arguments."""

    def other(self: object, url: str) -> None:
        del self, url

    monkeypatch.setattr(RTCIceGatherer, "__init__", other)

    with pytest.raises(HooksMovedError, match="RTCIceGatherer is not made as it was"):
        check_hooks()


@pytest.mark.parametrize(("user", "words"), USED)
async def test_a_library_that_no_longer_calls_what_we_replace_is_noticed(
    monkeypatch: pytest.MonkeyPatch, user: type, words: str
):
    """What is never called would lose media, or send them unread, or keep asking nobody."""
    monkeypatch.setattr(
        expected, "_source", lambda other: SOURCE[other].replace(words, "") if other is user else SOURCE[other]
    )

    with pytest.raises(HooksMovedError) as moved:
        check_hooks()
    assert str(moved.value) == f"{user.__name__} no longer says {words}"


async def test_a_libsrtp_without_any_cipher_of_ours_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Nobody could be served."""
    monkeypatch.setattr(expected, "PROFILES", ())

    with pytest.raises(HooksMovedError, match="no profile"):
        check_hooks()


def test_every_private_name_of_a_library_is_listed():
    """Whatever this package uses with an underscore, and does not define itself, is demanded at the start."""
    used, own = set[str](), set[str]()
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    own.add(name)
                case ast.Attribute(attr=name) if name.startswith("_") and not name.startswith("__"):
                    used.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    own.add(name)
    listed = {hook for entry in EXPECTED for hook in entry.hooks} | set(
        re.findall(r"self\.(_\w+)", " ".join(words for _, words in USED))
    )

    assert used - own <= listed
    assert {"_nominated", "_pair_remote_candidate", "_check_list", "_tie_breaker"} <= used - own
