"""Puts the parts of evidence together; called by the composition root."""

from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import AuditLog, LogReader
from gateway.evidence.objects import EncryptedObjects
from gateway.evidence.package import Sealer
from gateway.evidence.packages import Packages
from gateway.evidence.ports import ClipLaw, ClipSites, Consequences
from gateway.evidence.service import Evidence
from gateway.evidence.steps import Steps
from gateway.evidence.store import SqlEvidence
from gateway.evidence.uploads import Uploads
from gateway.kernel.database import Database
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


class Secret(Protocol):
    """Derives a key per purpose."""

    def key(self, purpose: str) -> bytes:
        """32 bytes for `purpose` and nothing else."""


def build_evidence(
    *,
    gateway: str,
    public_url: str,
    folder: Path,
    secret: Secret,
    database: Database,
    audit: AuditLog,
    log_reader: LogReader,
    law: ClipLaw,
    consequences: Consequences,
    sites: ClipSites,
    clock: Clock,
    ids: IdSource,
) -> Evidence:
    """All of evidence.

    Args:
        gateway: the audience of what sites sign.
        public_url: where sites reach `/uploads`.
        folder: of the encrypted recordings.
        secret: the gateway's own; recordings, upload secrets and the evidence key hang on it.
        database: migrated.
        audit: the log.
        log_reader: proofs out of the log.
        law: decides at the centre.
        consequences: what a request on a second person's word brings with it.
        sites: speaks with the sites.
        clock: the gateway's.
        ids: of everything made here.
    """
    store = SqlEvidence(database)
    steps = Steps(database=database, store=store, audit=audit, clock=clock)
    objects = EncryptedObjects(folder, wrapping_key=secret.key("evidence-objects"), ids=ids)
    seal_key = Ed25519PrivateKey.from_private_bytes(secret.key("evidence-seal"))
    sealer = Sealer(seal_key.sign, seal_key.public_key().public_bytes_raw())
    return Evidence(
        public_url=public_url,
        store=store,
        steps=steps,
        audit=audit,
        uploads=Uploads(
            gateway=gateway,
            token_key=secret.key("evidence-uploads"),
            steps=steps,
            store=store,
            objects=objects,
            clock=clock,
            ids=ids,
        ),
        packages=Packages(
            steps=steps,
            store=store,
            objects=objects,
            audit=audit,
            log=log_reader,
            sealer=sealer,
            clock=clock,
            ids=ids,
        ),
        law=law,
        consequences=consequences,
        sites=sites,
        clock=clock,
        ids=ids,
    )
