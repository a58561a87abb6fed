"""Promises about files: the lock, the documents' links, the commands the README names, what each program may load."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MOST_BYTES = 4 * 1024 * 1024
LOCKS = [ROOT / "requirements.lock", *sorted((ROOT / "deploy").glob("*.lock"))]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_address_and_hashes_everything(lock: Path):
    """Each locked package carries hashes, and no lock holds an address."""
    text = lock.read_text()
    pinned = re.findall(r"^[A-Za-z0-9_.\[\]-]+==[^\s;\\]+", text, re.MULTILINE)

    assert "://" not in text
    assert pinned
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        if "==" in block.split("\n")[0]:
            assert "--hash=sha256:" in block, block.split("\n")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(document: Path):
    """A link in a document that is no address names a file that exists."""
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (document.parent / target).exists(), target


def test_the_readme_names_only_commands_that_exist():
    """Each `make x` in README and CONTRIBUTING is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"`?make ([a-z-]+)", (ROOT / name).read_text()))

        assert named <= targets


def test_nothing_large_is_kept_here():
    """No file under version control is larger than 4 MB: a crashed program's memory was, with all it knew."""
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)

    kept = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert len(kept) > 100
    assert [path.name for path in kept if path.is_file() and path.stat().st_size > MOST_BYTES] == []


def test_architecture_stays_short():
    """ARCHITECTURE.md stays under 250 lines."""
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) < 250


def _closure(extra: str | None) -> set[str]:
    """Top-level modules that `lenspact[extra]` installs, by the installed packages' own metadata."""
    wanted, seen = [("lenspact", extra)], set()
    modules: set[str] = {"partner_agent", "policies", "tests"}
    by_dist: dict[str, set[str]] = {}
    for module, dists in metadata.packages_distributions().items():
        for dist in dists:
            by_dist.setdefault(dist.lower().replace("_", "-"), set()).add(module)
    while wanted:
        name, want = wanted.pop()
        if (name, want) in seen:
            continue
        seen.add((name, want))
        modules |= by_dist.get(name, set())
        requires = _own_requirements() if name == "lenspact" else metadata.distribution(name).requires or []
        for line in requires:
            found = re.match(r"([A-Za-z0-9_.-]+)(?:\[([a-z,]+)\])?[^;]*(?:;(.*))?", line)
            assert found
            marker = found[3] or ""
            needed = f"extra == '{want}'" in marker.replace('"', "'") if "extra ==" in marker else True
            if needed and _installed(found[1]):
                name = found[1].lower().replace("_", "-")
                wanted += [(name, sub or None) for sub in (found[2] or "").split(",")]
    return modules


def _own_requirements() -> list[str]:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra, names in project["optional-dependencies"].items():
        lines += [f"{name}; extra == '{extra}'" for name in names]
    return lines


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


LOAD = """
import sys
before = set(sys.modules)  # what the interpreter brings, such as Debian's sitecustomize
import importlib, pkgutil
package = importlib.import_module(sys.argv[1])
for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not found.name.endswith("__main__") and not found.name.startswith(tuple(sys.argv[2:]) or ("-",)):
        importlib.import_module(found.name)
print("\\n".join(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def _loaded(package: str, *without: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", LOAD, package, *without], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in run.stdout.split() if name not in sys.stdlib_module_names and not name.startswith("_")}


def test_the_agent_loads_only_what_its_extra_installs():
    """Every module of the agent and the law imports with nothing but the [agent] extra."""
    optional = {"cython_runtime", "sniffio"}  # anyio looks for sniffio and does without
    optional |= {"click", "pygments", "rich"}  # so does httpx for its command line
    optional |= {"qh3"}  # the gateway's; packets are sealed without it, too
    assert _loaded("partner_agent") | _loaded("policies") <= _closure("agent") | optional


def test_the_verifier_loads_only_cryptography():
    """Every module of lenspact-verify imports with the bare distribution."""
    assert _loaded("partner_agent.verify") <= _closure(None)


def test_a_gateway_that_starts_loads_no_library_for_what_is_rarely_asked():
    """No PDF library with its fonts and pictures, and no solver: together they take more than its memory allows."""
    code = "import sys, gateway.app.serve; print('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {name.partition(".")[0] for name in run.stdout.split()} & {"fpdf", "PIL", "fontTools", "z3"}
