"""`python -m tests.smoke.liar`: the same demo, started again by a centre that lies with every key it holds.

One object is exchanged: what decides at the centre now says yes to everything. Grants are signed, logged and promised
as ever, so nothing but the site's own decision is left between the city and the picture.
"""

import argparse
import sys
from pathlib import Path

import anyio

from gateway.app import demo
from gateway.app.granted import told_incident, told_subject
from gateway.app.services import Services
from gateway.app.settings import Settings
from gateway.incidents import Incidents
from gateway.live import ViewDeny, ViewPermit, ViewQuestion
from gateway.sharing import Decisions, Question
from partner_agent.wire import grants
from policies.vocabulary import Act, Obligation

SECONDS = 300
LINES = 720


class YesToEverything:
    """`live.Decider` that reads what the law says, and permits."""

    def __init__(self, *, decisions: Decisions, incidents: Incidents) -> None:
        self._decisions, self._incidents = decisions, incidents

    def together(self) -> "YesToEverything":
        """Itself."""
        return self

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        """Never."""
        del organisation_id, agency_id
        return False

    async def decide(self, question: ViewQuestion) -> ViewPermit | ViewDeny:
        """Yes."""
        decided = await self._decisions.decide_for(
            Question(
                principal=question.principal,
                camera_id=question.camera_id,
                act=Act.LIVE_VIEW,
                purpose=question.purpose,
                incident=await self._incidents.incident(question.principal, question.incident_id),
                without_session=question.without_session,
            )
        )
        stood_on = decided.snapshot
        assert stood_on is not None, "the site has acknowledged rules"
        return ViewPermit(
            camera_id=question.camera_id,
            local_camera=stood_on.local_camera,
            site_id=stood_on.site_id,
            organisation_id=stood_on.organisation_id,
            agent_id=stood_on.agent_id,
            lineage=stood_on.lineage,
            policy_sha256=stood_on.policy_sha256,
            subject=told_subject(decided.subject),
            facts=grants.Facts(),
            caps=grants.Caps(seconds=SECONDS, height_lines=LINES),
            obligations={
                Obligation.WATERMARK.value: True,
                Obligation.NOTIFY.value: "now",
                Obligation.RECORD_REASON.value: True,
                Obligation.MAX_SECONDS.value: SECONDS,
                Obligation.MAX_HEIGHT.value: LINES,
                Obligation.AUDIO_OFF.value: True,
                Obligation.PTZ_OFF.value: True,
            },
            incident=told_incident(decided),
            horizon=None,
        )


def main() -> None:
    """Run until interrupted."""
    reader = argparse.ArgumentParser()
    reader.add_argument("--folder", type=Path, required=True)
    reader.add_argument("--footage", type=Path, required=True)
    options = reader.parse_args()
    honest = demo.prepare

    async def lying(settings: Settings) -> Services:
        services = await honest(settings)
        services.live._verdicts._decider = YesToEverything(decisions=services.decisions, incidents=services.incidents)
        return services

    demo.prepare = lying
    anyio.run(demo.run, options.folder, options.footage, print, backend_options={"use_uvloop": True})


if __name__ == "__main__":
    sys.exit(main())
