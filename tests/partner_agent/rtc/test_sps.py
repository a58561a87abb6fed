"""A sequence parameter set is read as FFmpeg reads it, and rubbish is called that."""

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import nal, sps
from partner_agent.rtc.sps import BadParametersError


def encoded(width: int, height: int, **options: str) -> bytes:
    """The parameter sets that x264 makes."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, options.pop("pix_fmt", "yuv420p")
    encoder.framerate = 15
    encoder.options = {"preset": "ultrafast", **options}
    encoder.encode(av.VideoFrame(width, height, encoder.pix_fmt))
    packets = encoder.encode(None)
    return next(unit for unit in nal.split(bytes(packets[0])) if nal.nal_type(unit) == nal.SPS)


@pytest.mark.parametrize("size", [(160, 96), (320, 180), (1920, 1080), (162, 100), (3840, 2160)])
@pytest.mark.parametrize(
    "options",
    [
        {"profile": "baseline"},
        {"profile": "main", "bf": "2"},
        {"profile": "high", "x264-params": "interlaced=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"},
        {"profile": "high", "x264-params": "cqm=jvt:sar=12/11:overscan=show:colorprim=bt709:transfer=bt709"},
        {"profile": "high422", "pix_fmt": "yuv422p"},
        {"profile": "high444", "pix_fmt": "yuv444p"},
    ],
)
def test_the_size_is_the_encoders(size: tuple[int, int], options: dict[str, str]):
    """With cropping, fields, scaling matrices, HRD and every chroma format."""
    said = sps.read(encoded(*size, **options))

    assert (said.width, said.height) == size


@pytest.mark.parametrize(
    ("options", "reorders"), [({"profile": "baseline"}, 0), ({"bf": "0"}, 0), ({"bf": "2", "b_strategy": "0"}, 2)]
)
def test_what_it_says_of_reordering(options: dict[str, str], reorders: int):
    """No B-frames by profile or by word; or how many pictures come early."""
    said = sps.read(encoded(160, 96, **options))

    assert said.reorders is not None
    assert bool(said.reorders) is bool(reorders)


def test_a_set_without_usability_information_says_nothing_of_reordering():
    """A main-profile camera that does not tell is not taken to say no."""
    # profile 77, level 3.0; set 0, frame numbers of 4 bits, order type 0 of 4 bits, 1 reference; 40 x 30 macroblocks
    bits = "01001101000000000001111011110100000001 01000".replace(" ", "")
    bits += "00001111011001"
    bits += "0" * (-len(bits) % 8)
    said = sps.read(bytes([0x67]) + int(bits, 2).to_bytes(len(bits) // 8, "big"))

    assert (said.width, said.height, said.reorders) == (640, 480, None)


def test_a_set_that_is_cut_short_is_bad():
    """At every byte before its size is read."""
    whole = encoded(1920, 1080, profile="high")
    for end in range(1, 8):
        with pytest.raises(BadParametersError):
            sps.read(whole[:end])


@given(st.binary(max_size=60))
def test_rubbish_is_bad_or_in_range(data: bytes):
    """Whatever a camera sends: one error, or a size that can be."""
    try:
        said = sps.read(b"\x67" + data)
    except BadParametersError:
        return
    assert 1 <= said.width <= 16 * 1055
    assert 1 <= said.height <= 2 * 16 * 1055
