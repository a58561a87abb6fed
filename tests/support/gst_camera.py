#!/usr/bin/python3
"""A foreign camera: GStreamer's RTSP server with digest sign-in. Runs under Debian's Python; arguments: user, password.

Prints `ready PORT`. Mounts: /h264, /h264-b (B-frames), /h264-slices (SPS and PPS before each slice of a key picture),
/h264-slices-plain (once before it), /h264-udp (refuses TCP), /h265. With a
tone of 1 kHz, and a pipeline for each client: /alaw, /aac, /g722.
"""

import sys

import gi

for name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOURCE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1 ! "
SLICED = (
    SOURCE + "x264enc tune=zerolatency sliced-threads=true threads=4 speed-preset=ultrafast key-int-max=15 bframes=0"
)
SOUND = (
    SOURCE + "x264enc tune=zerolatency threads=1 speed-preset=ultrafast key-int-max=15 bframes=0"
    " ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "audiotestsrc is-live=true wave=sine freq=1000 volume=0.5 ! audio/x-raw,rate={rate},channels={channels} ! "
)
MOUNTS = {
    "/h264": SOURCE + "x264enc tune=zerolatency threads=1 speed-preset=ultrafast key-int-max=15 bframes=0"
    " ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "/h264-b": SOURCE + "x264enc threads=1 speed-preset=ultrafast key-int-max=15 bframes=2 b-adapt=false rc-lookahead=2"
    " ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "/h264-slices": SLICED + " ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "/h264-slices-plain": SLICED + " ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96",
    "/h264-udp": SOURCE + "x264enc tune=zerolatency threads=1 speed-preset=ultrafast key-int-max=15 bframes=0"
    " ! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1",
    "/alaw": SOUND.format(rate=8_000, channels=1) + "alawenc ! rtppcmapay name=pay1 pt=8",
    "/aac": SOUND.format(rate=44_100, channels=2) + "avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97",
    "/g722": SOUND.format(rate=16_000, channels=1) + "avenc_g722 ! rtpg722pay name=pay1 pt=9",
    "/h265": SOURCE + "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 pt=96",
}


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_digest(sys.argv[1], sys.argv[2], token)
    server.set_auth(auth)
    for path, pipeline in MOUNTS.items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(f"( {pipeline} )")
        factory.set_shared("audiotestsrc" not in pipeline)
        if path == "/h264-udp":
            factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
        permissions = GstRtspServer.RTSPPermissions()
        for act in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("user", act, True)
        factory.set_permissions(permissions)
        server.get_mount_points().add_factory(path, factory)
    server.attach(None)
    sys.stdout.write(f"ready {server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
