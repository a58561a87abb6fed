"""The solver, in a process of its own: one question after another on standard input, each answered on standard output.

Started as a file (`prover.py`), so that nothing of the gateway is loaded beside it; the only importer of z3. A frame is
four bytes of length and as much JSON. It ends when its input does, when nothing is asked for a while, and when it takes
more memory than a question can need.
"""

import json
import resource
import signal
import sys
from typing import Any, BinaryIO, Final

IDLE_S: Final = 300
MEMORY_BYTES: Final = 2 * 1024**3
HEADER_BYTES: Final = 4


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """For each goal: None where it cannot be met, else a model; `unknown` where the solver gave up.

    Args:
        asked: `text` in SMT-LIB 2, `goals` and `variables` named in it, `timeout_ms` for each goal.
    """
    import z3  # noqa: PLC0415  the one place, and only where something is asked

    solver = z3.SimpleSolver()  # twice as fast at its slowest here as the one that preprocesses
    solver.set("timeout", asked["timeout_ms"])
    solver.from_string(asked["text"])
    found: dict[str, Any] = {}
    for goal in asked["goals"]:
        result = solver.check(z3.Bool(goal))
        if result == z3.unsat:
            found[goal] = None
        elif result == z3.sat:
            found[goal] = {name: _value(solver.model(), name, kind) for name, kind in asked["variables"].items()}
        else:
            found[goal] = "unknown"
    return found


def _value(model: Any, name: str, kind: str) -> int | bool:
    import z3  # noqa: PLC0415

    if kind == "Bool":
        return bool(z3.is_true(model.eval(z3.Bool(name), model_completion=True)))
    return int(model.eval(z3.Int(name), model_completion=True).as_long())


def read_frame(stream: BinaryIO) -> Any:
    """The next frame; None at the end of the input."""
    header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return None
    return json.loads(stream.read(int.from_bytes(header, "big")))


def frame(value: Any) -> bytes:
    """A value as one frame."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def main() -> None:
    """Answer until nobody asks any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    while True:
        signal.alarm(IDLE_S)
        asked = read_frame(sys.stdin.buffer)
        signal.alarm(0)
        if asked is None:
            return
        sys.stdout.buffer.write(frame(answer(asked)))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
