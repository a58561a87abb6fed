"""One counter, one histogram and one JSON line per request: what operators may know about traffic.

Figures of the other capabilities are asked of their sources at each scrape: a source that fails or is late leaves its
figures out and says so, for a number that is not measured would be taken for one that is.

Fields are an allow-list: never a path with ids, a query, a header, a cookie, a body or a person. Routes are named by
their template. Audit is something else entirely and lives in `gateway.audit`; the two share the request id only.
"""

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import anyio
import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from partner_agent.wire.clock import Clock, to_rfc3339

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FIELDS: Final = ("time", "request_id", "method", "route", "status", "duration_ms", "bytes", "caller")
SOURCE_S: Final = 2.0  # a scrape waits no longer for one source
_LOG: Final = logging.getLogger("lenspact.metrics")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `state` tells apart those of one name, and is one of a short fixed list."""

    name: str
    meaning: str
    value: float
    kind: Literal["gauge", "counter"] = "gauge"
    state: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Who is asked for figures at each scrape; `name` is one of a short fixed list."""

    name: str
    read: Callable[[], Awaitable[Sequence[Figure]]]


class Metrics:
    """Numbers since the start, in the text format of Prometheus, and what `sources` measure when asked."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._sources = tuple(sources)
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()

    def observe(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one request."""
        self._requests[method, route, status] += 1
        buckets = self._buckets.setdefault(route, [0] * (len(BUCKETS_S) + 1))
        buckets[bisect_left(BUCKETS_S, duration_s)] += 1
        self._sums[route] += duration_s  # type: ignore[assignment]

    def count(self, name: str, label: str = "") -> None:
        """Count an event such as `sign_in_failed`; `label` is one of a short fixed list."""
        self._events[name, label] += 1

    async def page(self) -> str:
        """The exposition: requests, then every source, all asked at once and each within `SOURCE_S`."""
        found: dict[str, Sequence[Figure]] = {}
        async with anyio.create_task_group() as group:
            for source in self._sources:
                group.start_soon(_ask, source, found)
        failed = Figure("scrape_failed", "1 where this source could not be asked: its figures are missing.", 0)
        figures = [figure for source in self._sources for figure in found.get(source.name, ())]
        figures += [replace(failed, value=source.name not in found, state=source.name) for source in self._sources]
        return self.text() + "".join(f"{line}\n" for line in _exposed(figures))

    def text(self) -> str:
        """The part about requests and events; text format 0.0.4."""
        lines = ["# TYPE lenspact_http_requests_total counter"]
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{_label(route)}",status="{status}"'
            lines.append(f"lenspact_http_requests_total{{{labels}}} {count}")
        lines.append("# TYPE lenspact_http_request_seconds histogram")
        for route, buckets in sorted(self._buckets.items()):
            lines += _histogram(_label(route), buckets, float(self._sums[route]))
        for (name, label), count in sorted(self._events.items()):
            suffix = f'{{kind="{_label(label)}"}}' if label else ""
            lines.append(f"lenspact_{name}_total{suffix} {count}")
        return "\n".join(lines) + "\n"


async def _ask(source: Source, found: dict[str, Sequence[Figure]]) -> None:
    try:
        with anyio.fail_after(SOURCE_S):
            found[source.name] = await source.read()
    except Exception:  # noqa: BLE001  (the supervisor of sources: one that fails must not hide the others)
        _LOG.warning("no figures of %s", source.name, exc_info=True)


def _exposed(figures: Sequence[Figure]) -> Iterator[str]:
    """Figures as lines, those of one name together under one head, as the format demands."""
    for name in dict.fromkeys(figure.name for figure in figures):
        same = [figure for figure in figures if figure.name == name]
        yield f"# HELP lenspact_{name} {same[0].meaning}"
        yield f"# TYPE lenspact_{name} {same[0].kind}"
        for figure in same:
            label = f'{{state="{_label(figure.state)}"}}' if figure.state else ""
            yield f"lenspact_{name}{label} {_number(figure.value)}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.3f}"


def _histogram(route: str, buckets: list[int], total_s: float) -> list[str]:
    lines, running = [], 0
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
        running += count
        lines.append(f'lenspact_http_request_seconds_bucket{{route="{route}",le="{bound}"}} {running}')
    lines.append(f'lenspact_http_request_seconds_sum{{route="{route}"}} {total_s:.6f}')
    lines.append(f'lenspact_http_request_seconds_count{{route="{route}"}} {running}')
    return lines


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "")


class Observe:
    """The outermost wrapper: sees every answer, also those of the wrappers below it."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, clock: Clock, write: Callable[[bytes], None]) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then count and write."""
        started = self._clock.monotonic()
        status, size = 0, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "http.response.body":
                    size += len(message["body"])
                case "websocket.accept":
                    status = 101
                case _:
                    pass
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._tell(scope, status or 500, size, self._clock.monotonic() - started)

    def _tell(self, scope: Scope, status: int, size: int, duration_s: float) -> None:
        fields: dict[str, Any] = {
            "time": to_rfc3339(self._clock.now()),
            "request_id": scope.get("state", {}).get("request_id", ""),
            "method": _method(scope),
            "route": scope.get("path_template") or "none",
            "status": status,
            "duration_ms": round(duration_s * 1000, 1),
            "bytes": size,
            "caller": str(getattr(scope.get("user"), "kind", "anonymous")),
        }
        self._metrics.observe(fields["method"], fields["route"], status, duration_s)
        self._write(msgspec.json.encode(fields))


def _method(scope: Scope) -> str:
    method = scope["method"] if scope["type"] == ScopeType.HTTP else "WEBSOCKET"
    return method if method in _METHODS else "OTHER"
