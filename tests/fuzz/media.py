"""Bytes found by coverage for everything that takes them from a network: `make fuzz-media`, or `-m tests.fuzz.media`.

Each target runs in a process of its own, because a fuzzer ends its process. Ends with 1 on the first input that breaks
one; it is printed whole, in hex.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

PREFIX = "input-"
MOST_BYTES = 2_000
MOST_S = 20  # for one input: beyond, it hangs


def main() -> int:
    """Every target, or one inside its own process."""
    reader = argparse.ArgumentParser(description="Fuzz the media plane's parsers.")
    reader.add_argument("--runs", type=int, default=200_000, help="of each target")
    reader.add_argument("--target", help="this one, here")
    reader.add_argument("--corpus", type=Path)
    options = reader.parse_args()
    if options.target:
        _run(options.target, options.runs, options.corpus)
    from tests.fuzz.media_targets import TARGETS

    broken = [name for name in TARGETS if not _holds(name, options.runs)]
    print("broken: " + ", ".join(broken) if broken else f"{len(TARGETS)} targets, {options.runs} inputs each: all hold")
    return 1 if broken else 0


def _holds(name: str, runs: int) -> bool:
    from tests.fuzz.media_targets import TARGETS

    with tempfile.TemporaryDirectory(prefix="lenspact-fuzz-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(TARGETS[name].seeds):
            (corpus / str(number)).write_bytes(seed)
        command = [sys.executable, "-m", "tests.fuzz.media", "--target", name, "--runs", str(runs), "--corpus", folder]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        found = [path.read_bytes().hex() for path in Path(folder).glob(PREFIX + "*")]
    lines = run.stderr.splitlines()
    done = next((line for line in reversed(lines) if line.startswith("Done ")), lines[-1] if lines else "")
    print(f"{name}: {done}", *found, sep="\n  ", flush=True)
    if run.returncode:
        print(run.stdout[-3_000:], run.stderr[-3_000:], sep="\n")
    return run.returncode == 0


def _run(name: str, runs: int, folder: Path) -> None:
    with atheris.instrument_imports(include=["partner_agent.rtc", "aioice"]):
        from tests.fuzz.media_targets import TARGETS
    arguments = [
        f"-runs={runs}",
        f"-max_len={MOST_BYTES}",
        f"-timeout={MOST_S}",
        f"-artifact_prefix={folder}/{PREFIX}",
        str(folder / "corpus"),
    ]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name].take)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
