"""XML that somebody else wrote, read as it flows: element by element, in bounded memory.

A document type is refused before it is read, and with it every entity that could be expanded or fetched: it is what
defusedxml does to the same parser, and no index has one. What is left to cap is depth and length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol
from xml.parsers import expat

from rocmswitch.errors import VerificationFailed

MAX_DEPTH = 16
"""Elements within one another. An index has five."""
_MAX_TEXT = 1024 * 1024
"""Characters of one element, and of one attribute."""
_MAX_MARK = 4 * 1024 * 1024
"""Bytes of one tag or comment: expat begins anew with it at each piece until its end has come."""

BASE = "xml:base"
"""The attribute that says from where a path counts; nothing else can have that prefix (Namespaces in XML, 3)."""

Attributes = Mapping[str, str]


class Elements(Protocol):
    """Who is told of elements. Their names are without prefix, and those of attributes as they stand there."""

    def start(self, name: str, attributes: Attributes) -> None: ...

    def end(self, name: str, text: str) -> None:
        """*text* is what stands in the element itself, behind the last one in it, stripped."""


def read_elements(pieces: Iterable[bytes], elements: Elements, source: str) -> Iterator[None]:
    """Tell *elements* of what is in *pieces*; stops after each piece, for whoever takes what is ready then.

    Raises VerificationFailed; *source* names it in messages.
    """
    parser = _parser(_Reading(elements, source))
    given = 0
    try:
        for piece in pieces:
            parser.Parse(piece, False)
            given += len(piece)
            if given - parser.CurrentByteIndex > _MAX_MARK:
                raise VerificationFailed(f"`{source}` is deeper or longer than any index")
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        raise VerificationFailed(f"`{source}` is not XML: {error}") from error
    except (LookupError, ValueError) as error:
        # An encoding that Python lacks, or one of several bytes that expat cannot use.
        raise VerificationFailed(f"`{source}` is in an encoding that cannot be read") from error


def _parser(reading: _Reading) -> expat.XMLParserType:
    # Without namespaces: their addresses, of any length, would be put before each name once more.
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reading.refuse
    parser.EntityDeclHandler = reading.refuse
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    return parser


class _Reading:
    """Holds the text of the innermost element, and no more."""

    def __init__(self, elements: Elements, source: str) -> None:
        self._elements = elements
        self._source = source
        self._depth = 0
        self._text: list[str] = []
        self._length = 0

    def refuse(self, *_: object) -> None:
        raise VerificationFailed(f"`{self._source}` declares a document type, which no index has")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == MAX_DEPTH or any(len(one) > _MAX_TEXT for one in attributes.values()):
            raise VerificationFailed(f"`{self._source}` is deeper or longer than any index")
        self._depth += 1
        self._taken()
        self._elements.start(_bare(name), attributes)

    def text(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MAX_TEXT:
            raise VerificationFailed(f"`{self._source}` is deeper or longer than any index")
        self._text.append(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        self._elements.end(_bare(name), self._taken())

    def _taken(self) -> str:
        text = "".join(self._text).strip()
        self._text.clear()
        self._length = 0
        return text


def _bare(name: str) -> str:
    return name.rpartition(":")[2]
