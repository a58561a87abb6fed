"""An operator who watches, and the links to phones that they send."""

from dataclasses import dataclass

from gateway.live import OpenedView, Session
from gateway.live.phones.answers import Sent
from gateway.live.phones.model import Token
from gateway.live.phones.service import Phones
from gateway.live.relay import protocol
from tests.support.live import OPERATOR, Plane

PHONE = ":".join(["12"] * 32)


@dataclass
class Street:
    """An operator who watches, and the links they send."""

    plane: Plane

    @property
    def phones(self) -> Phones:
        return self.plane.sessions.phones

    async def watching(self, **changes: str) -> Session:
        """The operator sees a picture."""
        opened = await self.plane.open(**changes)
        return await self.seen(opened)

    async def seen(self, opened: OpenedView) -> Session:
        """It is accepted, and the first picture was forwarded."""
        await self.plane.in_state(opened.session_id, "accepted")
        up = protocol.ViewerUp(session=opened.session_id, srtp_profile="AEAD_AES_128_GCM")
        await self.plane.sessions.upkeep.relay_said(up)
        await self.plane.in_state(opened.session_id, "established")
        return await self.plane.read(opened.session_id)

    async def sent(self, recipient: str = "Unit 12") -> Sent:
        """A link to what they watch."""
        session = await self.watching()
        return await self.phones.send(OPERATOR, session_id=session.id, recipient=recipient)

    async def opened(self, sent: Sent) -> Token:
        """The first device takes it; its secret."""
        taken = await self.phones.open(link_token=sent.token, device_token=None)
        assert taken.device is not None
        return taken.device

    async def shown(self, device: Token) -> Session:
        """The device shows the picture."""
        shown = await self.phones.view(device, fingerprint=PHONE)
        return await self.seen(shown.view)
