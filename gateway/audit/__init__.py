"""The log: leaves, sequencer, tiles, checkpoints, promises."""

from gateway.audit.kinds import Kind
from gateway.audit.model import Decision, Entry, Json, LeafDraft, LeafRef, Opening, Page, ProofState, Query
from gateway.audit.reader import Growth, LogReader
from gateway.audit.sequencer import LogStatus, Sequencer
from gateway.audit.service import ALL_TOPIC, AuditLog, topic_of

__all__ = [
    "ALL_TOPIC",
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
    "topic_of",
]
