"""Words that scripts say by themselves; a page in another language than English carries their texts (`js/words.js`)."""

from typing import Final

from gateway.web.language import ENGLISH, _, spoken

SCRIPT_WORDS: Final = (
    # js/player.js: how a picture stands, and why it ended
    *("Connecting", "Catching up", "Live", "The picture has stopped; trying to go on", "Closed"),
    "Stopped while out of sight",
    *("Ended by the sharing rules", "The camera is offline", "The picture cannot start"),
    "The connection to the camera was lost",
    # js/wall.js, js/camera-list.js, js/clip-form.js
    *("Not available for this purpose", "Stopped by a supervisor", "This site can show no more pictures now"),
    "No still could be taken. Try again.",  # js/still.js
    *("Sound", "Sound cannot be had now. Try again."),  # js/wall.js, js/sound.js
    "Recording",  # js/recorded.js
    "That did not work. Try again.",  # js/refusals.js: of what a network swallowed
    # js/passkeys.js
    "The passkey was not used. Nothing has changed; try again.",
    "This passkey is on your list already. Use another device.",
    # js/lens-map.js: where a camera looks
    *("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"),
)


def script_words() -> dict[str, str]:
    """English to the reader's language; empty in English."""
    return {} if spoken() is ENGLISH else {word: _(word) for word in SCRIPT_WORDS}
