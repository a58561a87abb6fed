"""Proves what the wheel promises to those who install less than everything.

Builds the wheel and, for `lenspact[agent]` and for bare `lenspact`, makes an environment of exactly the packages its
metadata names, runs the program in it and then that program's tests, against the wheel and not this folder. Packages
are copied out of `.venv`, which the hashed lock has filled, so nothing is fetched. Property tests and slow ones are
left out: they run with all the others, and here only what is installed is asked.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
GATEWAYS_OWN: Final = ("alembic", "authlib", "jose", "litestar", "qh3", "sqlalchemy", "uvicorn")  # modules
BEYOND_BARE: Final = ("aiortc", "anyio", "av", "casbin", "httpx", "joserfc", "msgspec", "websockets")
TEST_PACKAGES: Final = ("cedarpy", "pytest", "hypothesis", "pymerkle", "rfc8785")
STEP_S: Final = 600


class BrokenPromiseError(Exception):
    """An extra does not hold what it promises."""


def main() -> int:
    """Check both; 0 when they hold."""
    with tempfile.TemporaryDirectory(prefix="lenspact-extras-") as name:
        folder = Path(name)
        _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
        (wheel,) = folder.glob("*.whl")
        _copy_tests(folder / "tests-alone")
        try:
            _check_agent(wheel, folder)
            _check_bare(wheel, folder)
        except BrokenPromiseError as error:
            print(f"lenspact: {error}", file=sys.stderr)
            return 1
    return 0


def _check_agent(wheel: Path, folder: Path) -> None:
    env = _environment(wheel, "agent", folder / "agent", without=GATEWAYS_OWN)
    for arguments in (["--help"], ["simulate", "--help"]):
        _run([env / "bin/lenspact-agent", *arguments], folder)
    _test(env, folder / "tests-alone", "tests/partner_agent", "tests/policies")


def _check_bare(wheel: Path, folder: Path) -> None:
    env = _environment(wheel, None, folder / "bare", without=GATEWAYS_OWN + BEYOND_BARE)
    _run([env / "bin/lenspact-verify", "--help"], folder)
    _test(env, folder / "tests-alone", "tests/partner_agent/verify", "--confcutdir=tests/partner_agent/verify")


def _environment(wheel: Path, extra: str | None, folder: Path, *, without: Sequence[str]) -> Path:
    """A virtual environment that holds the wheel, what it names with `extra`, what its tests need, and no more."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], ROOT)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--no-deps", "--no-index", str(wheel)], ROOT)
    (site,) = folder.glob("lib/python*/site-packages")
    (own,) = metadata.distributions(name="lenspact", path=[str(site)])
    named = set(_closure(own.requires or [], extra))
    for dist in named | set(_closure(TEST_PACKAGES, None)):
        _copy(dist, site)
    found = _run([python, "-c", _FIND, *without], folder).split()
    if found:
        raise BrokenPromiseError(f"lenspact[{extra or ''}] installs {', '.join(found)}, which it must do without")
    print(f"lenspact[{extra or ''}]: {len(named)} packages and the wheel", flush=True)
    return folder


_FIND: Final = "import sys, importlib.util as u; print(*[name for name in sys.argv[1:] if u.find_spec(name)])"


def _closure(lines: Sequence[str], extra: str | None) -> Iterator[str]:
    """Names of everything that `lines` and their own requirements install here."""
    waiting, seen = [(line, extra) for line in lines], set()
    while waiting:
        line, wanted = waiting.pop()
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": wanted or ""}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            dist = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BrokenPromiseError(f"{line} is named and not in the lock: make lock") from None
        if not requirement.specifier.contains(dist.version, prereleases=True):
            raise BrokenPromiseError(f"{line} is named and the lock holds {dist.version}: make lock")
        yield name
        for sub in {"", *requirement.extras}:
            if (name, sub) not in seen:
                seen.add((name, sub))
                waiting += [(own, sub) for own in dist.requires or []]


def _copy(name: str, site: Path) -> None:
    """One package's files, as its installer wrote them down; commands outside the packages' folder are not needed."""
    for file in metadata.distribution(name).files or []:
        if ".." not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def _copy_tests(folder: Path) -> None:
    """Our tests without our sources beside them, so that they import the wheel."""
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")


def _test(env: Path, folder: Path, *arguments: str) -> None:
    began = time.perf_counter()
    command = [env / "bin/python", "-m", "pytest", "-m", "not slow and not hypothesis", "-p", "no:cacheprovider"]
    _run([*command, *arguments], folder, is_shown=True)
    print(f"in {time.perf_counter() - began:.0f} s", flush=True)


def _run(command: Sequence[str | Path], folder: Path, *, is_shown: bool = False) -> str:
    """Its output; or what it said last, if it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LENSPACT_"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=None if is_shown else subprocess.PIPE,
        stderr=None if is_shown else subprocess.STDOUT,
        text=True,
        timeout=STEP_S,
        check=False,
    )
    if done.returncode != 0:
        said = "" if is_shown else "\n" + "\n".join(done.stdout.splitlines()[-20:])
        raise BrokenPromiseError(f"{' '.join(str(word) for word in command)} ended with {done.returncode}{said}")
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
