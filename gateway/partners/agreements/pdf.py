"""The agreement as a PDF: the same sections as the page, the digest, and who signed when.

The core font Helvetica is enough for English and Spanish; a letter it lacks is shown as a question mark. The same
version, names and date give the same bytes: no clock, no random file id.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from gateway.partners.agreements.document import Section

_MARGIN_MM: Final = 22
_FONT: Final = "Helvetica"
# typographic signs that the core fonts lack, and what stands for them
_PLAIN: Final = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "\u00a0": " "})


class _Document(FPDF):
    """A document without a file id, which would be another one each time."""

    def file_id(self) -> None:  # a falsy value leaves it out
        """None."""


def to_pdf(title: str, sections: Sequence[Section], *, closing: Sequence[str], language: str, dated: datetime) -> bytes:
    """The document.

    Args:
        title: its heading.
        sections: its clauses in order.
        closing: lines at the end: signatures and the digest.
        language: as in `<html lang>`.
        dated: the date the file says it was made.
    """
    pdf = _Document(format="letter")
    pdf.set_creation_date(dated)
    pdf.set_title(_latin(title))
    pdf.set_lang(language)
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=_MARGIN_MM)
    pdf.add_page()
    _line(pdf, title, size=16, style="B")
    for number, section in enumerate(sections, start=1):
        _line(pdf, f"{number}. {section.heading}", size=11, style="B", before_mm=4)
        for paragraph in section.paragraphs:
            _line(pdf, paragraph, size=10)
        for item in section.items:
            _line(pdf, f"- {item}", size=10)
    _line(pdf, "", size=10)
    for text in closing:
        _line(pdf, text, size=9)
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, *, size: int, style: str = "", before_mm: int = 1) -> None:
    pdf.ln(before_mm)
    pdf.set_font(_FONT, style, size)
    pdf.multi_cell(0, size * 0.5, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _latin(text: str) -> str:
    return text.translate(_PLAIN).encode("latin-1", "replace").decode("latin-1")
