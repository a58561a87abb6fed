"""Operations log: one JSON line per event on standard error, with control characters escaped.

It holds no subject data: handlers log ids of requests and names of parts. Audit is elsewhere (`gateway.audit`).
"""

import logging
import sys
import traceback
from datetime import UTC, datetime

import msgspec

from partner_agent.wire.clock import to_rfc3339

_NOISY = ("uvicorn.access", "uvicorn.error", "asyncio", "alembic", "aioice", "aiortc", "httpx")


class JsonLines(logging.Formatter):
    """Time, level, logger, message, and of an error its type and frames, never its locals."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields: dict[str, object] = {
            "time": to_rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            fields["error"] = type(error).__name__
            fields["text"] = str(error)[:500]
            fields["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
        return msgspec.json.encode(fields).decode()


def start_logging(level: int = logging.INFO) -> None:
    """Send everything through `JsonLines` to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
