"""The log: leaves, sequencer, tiles, checkpoints, promises."""

from gateway.audit.asking import FILTERS, read_query
from gateway.audit.export import export_log
from gateway.audit.kinds import Kind
from gateway.audit.model import Decision, Entry, Json, LeafDraft, LeafRef, Opening, Page, ProofState, Query
from gateway.audit.reader import Growth, LogReader
from gateway.audit.sequencer import SIGNED_TOPIC, LogStatus, Sequencer
from gateway.audit.service import ALL_TOPIC, AuditLog, topic_of

__all__ = [
    "ALL_TOPIC",
    "FILTERS",
    "SIGNED_TOPIC",
    "AuditLog",
    "Decision",
    "Entry",
    "Growth",
    "Json",
    "Kind",
    "LeafDraft",
    "LeafRef",
    "LogReader",
    "LogStatus",
    "Opening",
    "Page",
    "ProofState",
    "Query",
    "Sequencer",
    "export_log",
    "read_query",
    "topic_of",
]
