"""What somebody asks of the log, as it arrives in an address: filters as text, read into a `Query`."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.model import Decision, Query
from gateway.kernel.errors import InvalidError
from gateway.kernel.phrases import phrase
from partner_agent.wire.ids import is_id

# Filter name to the prefix of the ids it takes; each narrows to what is on that stream.
STREAM_FILTERS: Final = {
    "camera": "cam",
    "person": "per",
    "organisation": "org",
    "site": "sit",
    "incident": "inc",
    "session": "ses",
    "entry": "evt",
}
FILTERS: Final = (*STREAM_FILTERS, "kind", "decision", "since", "until")


def read_query(values: Mapping[str, str], *, is_restricted_visible: bool) -> Query:
    """The query of `values`; empty values count as not given.

    `kind` is a whole kind, or the part before its dot for all of them. `since` and `until` are a day or an RFC 3339
    time; `until` a day means to the end of that day, UTC.

    Raises:
        InvalidError: `fields` names each filter that cannot be read.
    """
    given = {name: text.strip() for name, text in values.items() if text.strip()}
    wrong = dict.fromkeys(given.keys() - set(FILTERS), "There is no such filter.")
    streams = set()
    for name, prefix in STREAM_FILTERS.items():
        if name in given:
            streams.add(given[name])
            if not is_id(given[name], prefix):
                wrong[name] = phrase("Give the id, %(prefix)s_ and 26 characters.", prefix=prefix)
    kinds = _kinds(given.get("kind", ""))
    if "kind" in given and not kinds:
        wrong["kind"] = "There is no such kind."
    decision = given.get("decision")
    if decision not in {None, Decision.PERMIT.value, Decision.DENY.value}:
        wrong["decision"] = "Write permit or deny."
    moments = {}
    for name in ("since", "until"):
        try:
            moments[name] = _moment(given.get(name, ""), is_end=name == "until")
        except ValueError:
            wrong[name] = "Write a day, 2026-11-22, or a time with its zone, 2026-11-22T13:00:00Z."
    if wrong:
        raise InvalidError("A filter cannot be read.", fields=wrong)
    return Query(
        streams=frozenset(streams),
        kinds=kinds,
        decision=Decision(decision) if decision else None,
        since=moments["since"],
        until=moments["until"],
        is_restricted_visible=is_restricted_visible,
    )


def _kinds(text: str) -> frozenset[str]:
    return frozenset(kind.value for kind in Kind if text and text in {kind.value, kind.value.partition(".")[0]})


def _moment(text: str, *, is_end: bool) -> datetime | None:
    if not text:
        return None
    if len(text) == len("2026-11-22"):
        day = datetime.combine(datetime.fromisoformat(text).date(), time(), UTC)
        return day + timedelta(days=1) if is_end else day
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")
    return moment
