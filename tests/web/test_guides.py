"""The guides say what the program says: a sentence somebody searches for is found as it stood on their page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guide"
SAID = "\n".join(
    path.read_text()
    for folder in ("gateway", "partner_agent", "policies")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".js", ".html"} and "vendor" not in path.parts
)


def _sentences() -> list[str]:
    """What a row begins with, in bold or as a log writes it."""
    rows = [line.split("|")[1] for line in (GUIDES / "live-problems.md").read_text().splitlines() if line[:1] == "|"]
    return [part for row in rows for found in re.findall(r"\*\*(.+?)\*\*|`(.+?)`", row) for part in found if part]


COTURN = {"Cannot find credentials of user", "A peer IP … denied in the range", "Allocation Quota Reached"}


@pytest.mark.parametrize("sentence", sorted(set(_sentences()) - COTURN))
def test_a_symptom_stands_as_the_program_says_it(sentence: str):
    """Each in the source, word for word; an ellipsis stands for what varies."""
    for part in sentence.split("…"):
        assert part.strip() in SAID


@pytest.mark.parametrize("guide", sorted(GUIDES.glob("*.md")), ids=lambda path: path.name)
def test_links_between_guides_lead_somewhere(guide: Path):
    """Every file a guide points to is there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", guide.read_text()):
        assert (guide.parent / target).exists(), target
