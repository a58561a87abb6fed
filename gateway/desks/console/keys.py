"""The keys of the console in words, as its help lists them; `js/console.js` and `js/recorded.js` obey them. Pure."""

from gateway.web.language import _

Keys = list[tuple[tuple[str, ...], str]]  # keys that do the same or the opposite, and what they do


def all_keys(*, sends: bool) -> list[tuple[str, Keys]]:
    """By where they are of use, in the reader's language; `sends`: whether pictures can be sent to a phone."""
    pictures = [*_of_pictures(), *([(("m",), _("send to a phone"))] if sends else [])]
    return [(_("Cameras"), _of_list()), (_("Pictures"), pictures), (_("Recordings"), _of_recordings())]


def _of_list() -> Keys:
    return [
        (("↓", "↑"), _("next, previous camera; the map follows")),
        (("Enter",), _("show its picture")),
        (("?",), _("this list")),
        (("Esc",), _("make a large picture small again, or leave the incident")),
    ]


def _of_pictures() -> Keys:
    return [
        (("1", "…", "9"), _("enlarge a picture, or make it small again")),
        (("n", "p"), _("next, previous picture")),
        (("l",), _("layout")),
        (("f",), _("full screen")),
        (("x",), _("close")),
        (("←",), _("30 s back, where the recording may be seen")),
        (("s",), _("take a still, where stills are given")),
        (("a",), _("sound on or off")),
        (("r",), _("ask for a recording")),
    ]


def _of_recordings() -> Keys:
    return [
        ((_("Space"),), _("play or pause")),
        (("←", "→"), _("10 s back, 10 s on")),
        ((",", "."), _("picture before, picture after")),
        (("<", ">"), _("slower, faster")),
        (("f",), _("full screen")),
        (("l",), _("back to live")),
    ]
