"""A 3 x 5 pixel alphabet for what is burned into pictures, so that no font file is needed. Pure."""

from typing import Final

_ROWS: Final = 5
_COLUMNS: Final = 3
_ADVANCE: Final = _COLUMNS + 1

# One octal digit a row, top to bottom; bit 4 is the left pixel.
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.: "
_SHAPES: Final = """
25755 65656 34443 65556 74647 74644 34753 55755 72227 11152 55655 44447 57755 57775 25552 65644 25563 65655 34216 72222
55557 55552 55775 55255 55222 71247 75557 26227 71747 71317 55711 74717 74757 71122 75757 75717 00700 00002 02020 00000
"""
_GLYPHS: Final = dict(zip(_ALPHABET, _SHAPES.split(), strict=True))


def pixels(text: str) -> list[tuple[int, int]]:
    """The lit (column, row) pixels of `text` in one line; characters outside the alphabet are blank."""
    lit = []
    for position, character in enumerate(text.upper()):
        for row, digit in enumerate(_GLYPHS.get(character, "00000")):
            bits = int(digit, 8)
            lit += [(position * _ADVANCE + x, row) for x in range(_COLUMNS) if bits >> (_COLUMNS - 1 - x) & 1]
    return lit


def size(text: str) -> tuple[int, int]:
    """Width and height of `text` in pixels of the alphabet."""
    return len(text) * _ADVANCE - 1, _ROWS
