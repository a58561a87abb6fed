"""What this machine cannot run is skipped here and fails in CI: no part of the suite is left out there unseen."""

import re
from pathlib import Path

import pytest

from tests.support import nets, outside

TESTS = Path(__file__).parents[1]
SKIPS = {
    "architecture/test_files.py": "a tree that was not checked out",
    "contracts/test_media_engines.py": "what one engine has and another has not",
}


@pytest.mark.parametrize(("variable", "end"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_what_cannot_run_here_fails_in_ci(monkeypatch: pytest.MonkeyPatch, variable: str, end: type[BaseException]):
    """A program that is missing, and a kernel that lets nobody make networks."""
    monkeypatch.setenv("CI", variable)
    monkeypatch.setattr(nets, "_ROUTER", "no such words")

    for ask in (lambda: outside.need("no-such-program", package="x"), lambda: nets._run_again("tests::none")):
        with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as ended:
            ask()
        assert ended.type is end


def test_nothing_is_skipped_but_in_one_place():
    """Whoever needs something of the machine says so by `outside`, which knows of CI."""
    skips = re.compile(r"pytest\.(skip\(|importorskip|mark\.skip)")
    found = {str(path.relative_to(TESTS)) for path in TESTS.rglob("*.py") if skips.search(path.read_text("utf-8"))}

    assert found == SKIPS.keys()
