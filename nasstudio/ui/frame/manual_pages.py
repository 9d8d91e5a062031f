"""The pages of the manual: Markdown files in `resources/manual`, in their order, with search and links.

It knows no widgets. A link is ``page.md``, ``page.md#heading`` or ``#heading``; a heading's name is its words in lower
case, joined by hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from nasstudio.engine.errors import InvalidInput
from nasstudio.resources import resource
from nasstudio.ui.translatable import QT_TRANSLATE_NOOP

# Section of the contents, and its pages. Those of the stations have the stations' names.
CONTENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (QT_TRANSLATE_NOOP("ManualDialog", "Begin"), ("getting-started",)),
    (
        QT_TRANSLATE_NOOP("ManualDialog", "Stations"),
        ("start", "data", "space", "devices", "train", "search", "compare", "export"),
    ),
    (
        QT_TRANSLATE_NOOP("ManualDialog", "Reference"),
        ("jobs", "window", "command-line", "files", "glossary"),
    ),
)
FIRST = "getting-started"

_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class ManualPage:
    """One page."""

    name: str
    text: str

    @property
    def title(self) -> str:
        """Its first heading."""
        found = _HEADING.search(self.text)
        return plain(found[1]) if found else self.name

    @property
    def headings(self) -> list[str]:
        """All its headings, in order."""
        return [plain(found) for found in _HEADING.findall(_CODE.sub("", self.text))]

    @property
    def links(self) -> list[str]:
        """Targets of its links."""
        return _LINK.findall(_CODE.sub("", self.text))


def plain(heading: str) -> str:
    """A heading without its Markdown signs."""
    return heading.replace("`", "").replace("*", "")


def slug(heading: str) -> str:
    """The name under which a heading is linked to."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", plain(heading).casefold())).strip("-")


@cache
def manual() -> tuple[ManualPage, ...]:
    """Every page, in the order of the contents.

    Raises
    ------
    InvalidInput
        A page is missing from this installation.
    """
    return tuple(_read(name) for _, names in CONTENTS for name in names)


def _read(name: str) -> ManualPage:
    path = resource("manual") / f"{name}.md"
    try:
        return ManualPage(name, path.read_text(encoding="utf-8"))
    except OSError:
        raise InvalidInput(
            "A page of the manual is missing.", where=path, remedy="Install nasstudio again."
        ) from None


def page_of(name: str) -> ManualPage:
    """A page by its name, the first page if there is none of that name."""
    pages = {page.name: page for page in manual()}
    return pages.get(name, pages[FIRST])


def target(link: str, current: str) -> tuple[str, str] | None:
    """(page, heading's name) that a link on the page `current` leads to; None if it leads out of the manual."""
    file, _, fragment = link.partition("#")
    if not file:
        return current, fragment
    name = file.removesuffix(".md")
    known = {page.name for page in manual()}
    return (name, fragment) if file.endswith(".md") and name in known else None


def words_of(query: str) -> list[str]:
    """The words that are searched for."""
    return query.casefold().split()


def found(query: str, pages: Sequence[ManualPage] | None = None) -> list[ManualPage]:
    """Pages that hold every word of `query`, those with a word in a heading first; all without a query."""
    wanted = words_of(query)
    every = list(manual() if pages is None else pages)
    hits = [page for page in every if all(word in page.text.casefold() for word in wanted)]
    if not wanted:
        return every
    return sorted(hits, key=lambda page: -_in_headings(page, wanted))


def _in_headings(page: ManualPage, wanted: Sequence[str]) -> int:
    headings = " ".join(page.headings).casefold()
    return sum(word in headings for word in wanted) + 2 * (
        all(word in page.title.casefold() for word in wanted)
    )
