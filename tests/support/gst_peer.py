#!/usr/bin/python3
"""A WHEP player, or a WHIP publisher, of GStreamer's webrtcbin. Runs under Debian's Python; argument: view or publish.

Prints `fingerprint F` of its certificate, reads a line `URL TICKET`, and calls. Prints `answered STATUS`, a player then
`pictures N` for each picture that came, whole; on a line `leave` it ends its call and prints `left STATUS`.
"""

import sys
import threading
import urllib.error
import urllib.request
from urllib.parse import urljoin

import gi

for name in ("Gst", "GstSdp", "GstWebRTC"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAPS = (
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96"
    ",packetization-mode=(string)1,profile-level-id=(string)42e01f"
)
WHOLE = "rtph264depay ! h264parse ! video/x-h264,alignment=au ! fakesink name=last signal-handoffs=true sync=false"
SOURCE = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1"
    " ! x264enc tune=zerolatency threads=1 speed-preset=ultrafast key-int-max=15 bframes=0"
    " ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 pt=96 aggregate-mode=zero-latency"
    ' ! capsfilter caps="application/x-rtp,media=video,encoding-name=H264,payload=96"'
)


class Peer:
    """One webrtcbin and its call."""

    def __init__(self, *, is_publisher: bool) -> None:
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.ElementFactory.make("webrtcbin", "peer")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.peer.set_property("latency", 0)
        self.pipeline.add(self.peer)
        if is_publisher:
            source = Gst.parse_bin_from_description(SOURCE, ghost_unlinked_pads=True)
            self.pipeline.add(source)
            self.sending = self.peer.request_pad_simple("sink_0")
            source.srcpads[0].link(self.sending)
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
            self.peer.emit("get-transceiver", 0).set_property("direction", direction)
        else:
            direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            self.peer.emit("add-transceiver", direction, Gst.Caps.from_string(CAPS))
            self.peer.connect("pad-added", self.show)
            self.sending = None
        self.offer = ""
        self.location = ""
        self.seen = 0

    def begin(self) -> bool:
        """Make the offer and name the certificate in it, once it is known what is sent; whether to come again."""
        if self.sending is not None and self.sending.get_current_caps() is None:
            return True
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))
        return False

    def offered(self, promise: Gst.Promise) -> None:
        """It is there: the next line says whom to call."""
        reply = promise.get_reply()  # owns the offer
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, Gst.Promise.new())
        self.offer = offer.sdp.as_text()
        found = next(line for line in self.offer.splitlines() if line.startswith("a=fingerprint:sha-256 "))
        say("fingerprint", found.split()[1].upper())
        threading.Thread(target=self.told, daemon=True).start()

    def told(self) -> None:
        """Call, and leave when told to."""
        url, ticket = sys.stdin.readline().split()
        headers = {"content-type": "application/sdp", "authorization": f"Bearer {ticket}"}
        status, answer, location = ask("POST", url, headers, self.offer.encode())
        say("answered", status)
        if status != 201:
            return
        self.location = urljoin(url, location)
        _, parsed = GstSdp.SDPMessage.new_from_text(answer)
        said = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, parsed)
        self.peer.emit("set-remote-description", said, Gst.Promise.new())
        if sys.stdin.readline().strip() == "leave":
            say("left", ask("DELETE", self.location, {}, None)[0])

    def show(self, _: Gst.Element, pad: Gst.Pad) -> None:
        """Count the pictures of what comes."""
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        shown = Gst.parse_bin_from_description(WHOLE, ghost_unlinked_pads=True)
        shown.get_by_name("last").connect("handoff", self.count)
        self.pipeline.add(shown)
        shown.sync_state_with_parent()
        pad.link(shown.sinkpads[0])

    def count(self, *_: object) -> None:
        """One more."""
        self.seen += 1
        say("pictures", self.seen)


def ask(method: str, url: str, headers: dict, body: "bytes | None") -> "tuple[int, str, str]":
    """Status, text and Location of an answer, whatever it is."""
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers.get("location", "")
    except urllib.error.HTTPError as error:
        return error.code, "", ""


def say(*words: object) -> None:
    """One line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run until killed."""
    Gst.init(None)
    peer = Peer(is_publisher=sys.argv[1] == "publish")
    peer.pipeline.set_state(Gst.State.PLAYING)
    GLib.timeout_add(50, peer.begin)
    GLib.MainLoop().run()


main()
