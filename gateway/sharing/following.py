"""Keeps sites in step with facts that are not the owner's answers: cameras ticked, moved or gone, homes, a new link."""

from typing import Final

from gateway.kernel.bus import MemoryBus
from gateway.sharing.outbox import Outbox
from gateway.sharing.ports import SharingRows

_SITE: Final = "site"
_CAMERA: Final = "camera"


async def follow_forever(*, bus: MemoryBus, rows: SharingRows, outbox: Outbox) -> None:
    """Look again at what a site should hold whenever it, or one of its cameras, is said to have changed.

    News may be lost; whoever connects is looked at anew, and the centre decides by what is stored in any case.
    """
    with bus.subscribe(_SITE, _CAMERA) as news:
        while True:
            topic, _, name = (await news.get()).topic.partition(".")
            sites = [name] if topic == _SITE else await rows.sites_with(name)
            for site_id in sites:
                await outbox.refresh(site_id)
