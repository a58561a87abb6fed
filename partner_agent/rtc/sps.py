"""What an H.264 parameter set and a slice header say: the picture's size, reordering (ITU-T H.264 §7.3). Pure.

Read from bytes that a camera sent: whatever is cut short or out of range is `BadParametersError`, never a guess.
"""

from dataclasses import dataclass
from typing import Final

from partner_agent.rtc import nal

_WITH_CHROMA: Final = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})  # §7.3.2.1.1
_BASELINE: Final = 66  # §A.2.1: no B slices
_CROP_UNITS: Final = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}  # Table 6-1: by chroma_format_idc, width and height
_FULL_CHROMA: Final = 3  # chroma_format_idc of 4:4:4
_EXTENDED_SAR: Final = 255  # Table E-1
_B_SLICES: Final = frozenset({1, 6})  # Table 7-6
_MOST_SPS_ID: Final = 31  # §7.4.2.1.1
_MOST_PPS_ID: Final = 255  # §7.4.2.2
_LONGEST_CODE_BITS: Final = 32
_MOST_IN_CYCLE: Final = 255  # §7.4.2.1.1: num_ref_frames_in_pic_order_cnt_cycle
_MOST_MACROBLOCKS: Final = 1055  # a side of the largest picture of any level: 16,880 pixels (Table A-1, level 6.2)


class BadParametersError(ValueError):
    """The bytes are no parameter set or slice header that can be read."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What is used of a sequence parameter set.

    Attributes:
        set_id: which of the stream's sets it is, 0 to 31.
        width: of the shown picture, pixels.
        height: the same, lines.
        reorders: how many pictures may come before one that is shown earlier; None = it does not say.
    """

    set_id: int
    width: int
    height: int
    reorders: int | None


def read(unit: bytes) -> Parameters:
    """Read one SPS NAL unit, without its start code (§7.3.2.1.1).

    Raises:
        BadParametersError: it cannot be read.
    """
    bits = _Bits(unit[1:])
    profile = bits.number(8)
    bits.number(16)  # constraint flags, level_idc
    number = bits.code()
    chroma = _chroma(bits) if profile in _WITH_CHROMA else 1
    bits.code()  # log2_max_frame_num_minus4
    order_type = bits.code()
    _skip_order(bits, order_type)
    bits.code()  # max_num_ref_frames
    bits.number(1)
    columns, rows = bits.code() + 1, bits.code() + 1
    is_frames_only = bits.number(1)
    if not is_frames_only:
        bits.number(1)
    bits.number(1)  # direct_8x8_inference_flag
    left, right, top, bottom = (bits.code() for _ in range(4)) if bits.number(1) else (0, 0, 0, 0)
    if number > _MOST_SPS_ID or chroma not in _CROP_UNITS or max(columns, rows) > _MOST_MACROBLOCKS:
        raise BadParametersError("out of range")
    across, down = _CROP_UNITS[chroma]
    width = 16 * columns - across * (left + right)
    height = (2 - is_frames_only) * (16 * rows - down * (top + bottom))
    if min(width, height) < 1:
        raise BadParametersError("nothing is left of the picture")
    declared = _declared_reorders(bits)
    is_in_order = profile == _BASELINE or order_type == 2
    return Parameters(number, width, height, 0 if is_in_order else declared)


def set_id(unit: bytes) -> int:
    """Which of the stream's sets an SPS or PPS NAL unit is: the one before it of the same number is over.

    Raises:
        BadParametersError: it cannot be read, or the number is out of range.
    """
    is_sps = nal.nal_type(unit) == nal.SPS
    bits = _Bits(unit[1:16])
    if is_sps:
        bits.number(24)
    found = bits.code()
    if found > (_MOST_SPS_ID if is_sps else _MOST_PPS_ID):
        raise BadParametersError("out of range")
    return found


def is_bidirectional(unit: bytes) -> bool:
    """Whether a slice NAL unit is a B slice (§7.3.3, Table 7-6).

    Raises:
        BadParametersError: its header cannot be read.
    """
    bits = _Bits(unit[1:16])
    bits.code()  # first_mb_in_slice
    return bits.code() in _B_SLICES


def of(stream: bytes) -> Parameters | None:
    """The first SPS of an Annex B byte stream, if there is one.

    Raises:
        BadParametersError: it cannot be read.
    """
    return next((read(unit) for unit in nal.split(stream) if nal.nal_type(unit) == nal.SPS), None)


def _chroma(bits: "_Bits") -> int:
    """`chroma_format_idc`, and past what stands with it up to the scaling lists."""
    chroma = bits.code()
    if chroma == _FULL_CHROMA:
        bits.number(1)  # separate_colour_plane_flag: cropped by single pixels either way
    bits.code()
    bits.code()  # bit depths
    bits.number(1)
    if bits.number(1):
        for size in (*[16] * 6, *[64] * (6 if chroma == _FULL_CHROMA else 2)):
            if bits.number(1):
                _skip_scaling_list(bits, size)
    return chroma


def _skip_scaling_list(bits: "_Bits", size: int) -> None:
    """§7.3.2.1.1.1."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: "_Bits", order_type: int) -> None:
    if order_type == 0:
        bits.code()
    elif order_type == 1:
        bits.number(1)
        bits.signed()
        bits.signed()
        count = bits.code()
        if count > _MOST_IN_CYCLE:
            raise BadParametersError("out of range")
        for _ in range(count):
            bits.signed()


def _declared_reorders(bits: "_Bits") -> int | None:
    """What the VUI says, where there is a whole one: the size above does not hang on it."""
    try:
        return _reorders(bits) if bits.number(1) else None
    except BadParametersError:
        return None


def _reorders(bits: "_Bits") -> int | None:
    """`max_num_reorder_frames` of the VUI, if it is told (§E.1.1)."""
    if bits.number(1) and bits.number(8) == _EXTENDED_SAR:
        bits.number(32)
    if bits.number(1):
        bits.number(1)
    if bits.number(1):
        bits.number(4)
        if bits.number(1):
            bits.number(24)
    if bits.number(1):
        bits.code()
        bits.code()
    if bits.number(1):
        bits.number(65)  # timing: two of 32 bits, fixed_frame_rate_flag
    has_nal = bits.number(1) and _skip_hrd(bits)
    has_vcl = bits.number(1) and _skip_hrd(bits)
    if has_nal or has_vcl:
        bits.number(1)
    bits.number(1)
    if not bits.number(1):
        return None
    bits.number(1)
    for _ in range(4):
        bits.code()
    return bits.code()


def _skip_hrd(bits: "_Bits") -> bool:
    """§E.1.2; always True."""
    count = bits.code() + 1
    bits.number(8)
    for _ in range(count):
        bits.code()
        bits.code()
        bits.number(1)
    bits.number(20)
    return True


class _Bits:
    """Reads bits; emulation prevention bytes are taken out first (§7.3.1)."""

    def __init__(self, data: bytes) -> None:
        data = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._left = len(data) * 8
        self._value = int.from_bytes(data, "big")

    def number(self, bits: int) -> int:
        """u(n): the next `bits` bits.

        Raises:
            BadParametersError: there are not as many.
        """
        self._left -= bits
        if self._left < 0:
            raise BadParametersError("cut short")
        return (self._value >> self._left) & ((1 << bits) - 1)

    def code(self) -> int:
        """ue(v), §9.1.

        Raises:
            BadParametersError: cut short, or longer than any value may be.
        """
        zeros = 0
        while not self.number(1):
            zeros += 1
            if zeros > _LONGEST_CODE_BITS:
                raise BadParametersError("a code that never ends")
        return (1 << zeros) - 1 + self.number(zeros)

    def signed(self) -> int:
        """se(v), §9.1.1."""
        code = self.code()
        return (code + 1) // 2 if code % 2 else -(code // 2)
