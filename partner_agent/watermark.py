"""Words burned into a picture along its diagonals: faint enough to look through, readable on bright and on dark. Pure.

Only the luma of a picture is touched, so nothing is hidden; every copy of the file bears the words.
"""

import math
from typing import Final

from partner_agent import font

_LIGHT: Final = bytes((level + 2 * 235) // 3 for level in range(256))
_DARK: Final = bytes((level + 16) // 2 for level in range(256))
_WIDTHS: Final = 0.62  # of the picture that one line of words may take
_SLOPE: Final = 0.3


def burn(pixels: memoryview, *, line: int, width: int, height: int, words: str) -> None:
    """Write `words` over the luma plane `pixels`, whose rows are `line` bytes apart, again and again."""
    across, _ = font.size(words)
    scale = max(1, math.floor(width * _WIDTHS / max(1, across)))
    shadow = max(1, scale // 3)
    long, tall = across * scale, round(across * scale * _SLOPE) + 5 * scale
    lit = [(x * scale, y * scale + round((across - x) * scale * _SLOPE)) for x, y in font.pixels(words)]
    for top in range(-tall // 3, height, tall):
        for left in range(scale * 2, width, long + 8 * scale):
            for shade, by in ((_DARK, shadow), (_LIGHT, 0)):
                for x, y in lit:
                    first, last = left + x + by, min(width, left + x + by + scale)
                    for row in range(max(0, top + y + by), min(height, top + y + by + scale)):
                        start, end = row * line + first, row * line + last
                        if first < last:
                            pixels[start:end] = bytes(pixels[start:end]).translate(shade)
