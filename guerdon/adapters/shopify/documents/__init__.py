"""The GraphQL documents that are sent to Shopify, one file each."""

from functools import cache
from importlib.resources import files

from msgspec import Struct


class Document(Struct, frozen=True):
    """A document and what is known of it: its name is the file's."""

    name: str
    text: str

    @property
    def is_query(self) -> bool:
        """Whether it changes nothing, so that it may be sent again at will."""
        return self.text.lstrip().startswith("query")


@cache
def document(name: str) -> Document:
    """Read a document by its file's name without the ending."""
    text = files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")
    return Document(name, text)
