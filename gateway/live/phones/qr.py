"""A link as a QR code, an SVG that a page shows as an image; the one place for segno."""

import segno


def svg_data_of(text: str) -> str:
    """`text` as a `data:` address of an SVG, dark on light with the quiet zone of four that scanners need.

    Level M: a screen that is photographed askew is read all the same (ISO/IEC 18004, 15 % of it may be lost).
    """
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_data_uri(scale=4, border=4, dark="#000", light="#fff", omitsize=True))
