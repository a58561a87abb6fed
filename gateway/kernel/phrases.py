"""A sentence that remembers how it was made, so that it can be said in another language where a person reads it.

Rules and services write English. A constant sentence is its own key in the catalogue; one with values in it is a
`Phrase`: the finished English text for logs and machines, and the pattern with its values for `gateway.web.language`,
which alone knows the reader's language.
"""

from collections.abc import Mapping


class Phrase(str):
    """English text made from a pattern and values.

    Attributes:
        pattern: the English sentence with `%(name)s` for each value: the key in the catalogue.
        values: what stands in it, by name; a value may be a `Phrase` itself.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, object]


def phrase(pattern: str, /, **values: object) -> Phrase:
    """The sentence `pattern` with `values` in it.

    Raises:
        KeyError: the pattern names a value that is not given; a programming error.
    """
    said = Phrase(pattern % values)
    said.pattern, said.values = pattern, values
    return said
