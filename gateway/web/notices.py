"""What a page says at its top after an act that worked: a closed list, named in the address as `?done=name`.

A name that is not listed shows nothing, so an address made by somebody else cannot put words on our pages.
"""

from typing import Final

NOTICES: Final[dict[str, str]] = {
    "site-saved": "The place is saved.",
    "site-removed": "The place and its cameras are removed.",
    "sharing-on": "Sharing is on again, as your rules say.",
    "sharing-off": "Sharing is off. Whoever watched has lost the picture.",
    "pairing-accepted": "The code is accepted. The agent comes by itself in a few seconds.",
    "cameras-ticked": "Saved. Connecting a camera shares nothing; your rules decide.",
    "agent-removed": "The agent is disconnected for good. Nobody can look through this place.",
    "several-answers": "Several answers speak of this camera. Change them one by one below.",
    "sharing-saved": "Saved. Sharing less counts from now on; sharing more waits for your yes.",
    "camera-saved": "The camera is saved.",
    "camera-removed": "The camera is removed. Nobody can ask for it any more.",
    "agreement-accepted": "The agreement is accepted. A copy stays on your organisation page.",
    "person-invited": "The person is added and gets a message with a sign-in link.",
    "person-removed": "The person can no longer sign in for your organisation.",
    "incident-numbered": "The incident has its number.",
    "incident-closed": "The incident is closed. Its pictures end within two minutes.",
    "view-asked": "The owner is asked. If they say yes, the picture starts by itself.",
    "view-sent": "You said yes. They may watch once, for five minutes.",
    "view-declined": "You declined. Nobody is told who declined, or why.",
    "clip-sent": "You said yes. Your site sends the recording.",
    "clip-asked": "The owner is asked, and the footage is kept from being overwritten meanwhile where the site can.",
    "request-declined": "You declined. Nobody is told who declined, or why.",
    "organisation-saved": "Your details are saved.",
    "passkey-added": "The passkey is added. Say below at which places it may approve.",
    "passkey-asked": "Asked. It may approve there once the change is approved; the first time that is done on site.",
    "passkey-suspended": "The passkey is suspended. It approves nothing any more, at any place.",
    "passkey-resumed": "Asked. It approves at a place again once another passkey, or the site itself, approved that.",
    "touch-taken-back": "You took it back. Everything stays as it was.",
    "passkey-removed": "The passkey is removed. It approves nothing any more, at any place.",
    "touch-held": "Approved. Your site now waits, and tells you itself, before the change counts.",
    "touch-in-force": "Approved. Your site has confirmed it.",
    "signed-out": "You are signed out.",
    "session-ended": "That session is ended.",
    "user-invited": "The invitation is on its way. It works for seven days.",
    "user-changed": "The roles are changed. The person has to sign in again.",
    "user-suspended": "The person can no longer sign in, and what they watched has ended.",
    "user-restored": "The person can sign in again, with the roles they had.",
}
