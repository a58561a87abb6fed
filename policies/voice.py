"""In which language, and by whose names, sentences about sharing are said; the sentences themselves are elsewhere.

A `Tongue` gives each English text its own and knows how several are joined; a `Voice` adds the names that a document
does not hold, and the units and dates of who reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language, by what it says for each English text.

    Attributes:
        texts: English to this language, with the same `{names}`.
        of_many: the texts that differ when whom they speak of are several.
        conjunction: how the last of several is joined on: a text with `{some}` and `{last}`, chosen by the last.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    of_many: Mapping[str, str] = field(default_factory=dict)
    conjunction: Callable[[str], str] = lambda last: "{some} and {last}"


@dataclass(frozen=True, slots=True)
class Voice:
    """How to say it.

    Attributes:
        cameras: id to the name its owner gave it.
        agencies: id to name.
        is_metric: metres, else feet and blocks.
        zone: for dates; weekly hours are said in their own.
        tongue: the language.
    """

    cameras: Mapping[str, str] = field(default_factory=dict)
    agencies: Mapping[str, str] = field(default_factory=dict)
    is_metric: bool = False
    zone: str = "UTC"
    tongue: Tongue = field(default_factory=Tongue)

    def translate(self, text: str, *, is_many: bool = False) -> str:
        """A text in the tongue; English where it has none."""
        said = self.tongue.of_many.get(text) if is_many else None
        return said or self.tongue.texts.get(text, text)

    def listed(self, items: Sequence[str]) -> str:
        """Several texts as one, the last joined on as the tongue does it; nothing for none."""
        if len(items) < 2:
            return "".join(items)
        return self.tongue.conjunction(items[-1]).format(some=", ".join(items[:-1]), last=items[-1])
