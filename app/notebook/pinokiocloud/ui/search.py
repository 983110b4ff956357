"""Finding apps: the engine ranks and forgives typing errors, this asks it one question at a time."""

import re
from typing import Callable, Iterable, NamedTuple, Optional, Tuple

from ..bridge import Bridge
from ..client import Client
from ..model import CatalogApp

__all__ = ["Query", "Search", "address_in", "plain_search", "same_repository"]

LONGEST = 200  # characters of a question
ADDRESS = re.compile(
    r"(?:https?|ssh|git)://[^\s/]+/\S+|git@[^\s/:]+:\S+|(?:[\w-]+\.)+[a-z]{2,}/[^\s/]+/[^\s/]+/?", re.IGNORECASE
)

Apps = Tuple[CatalogApp, ...]


class Query(NamedTuple):
    """What is looked for; "" where anything will do."""

    text: str = ""
    category: str = ""
    tag: str = ""


def address_in(text: str) -> str:
    """The git URL that a person has typed, or "". "github.com/NAME/REPOSITORY" will do."""
    text = text.strip()
    if len(text) > 4096 or ADDRESS.fullmatch(text) is None:
        return ""
    return text if "://" in text or text.startswith("git@") else "https://" + text


def same_repository(url: str) -> str:
    """Of addresses of the same repository the same text."""
    url = re.sub(r"^[a-z+]+://(?:[^/@]*@)?|^git@", "", url.strip().lower())
    return re.sub(r"(?:\.git)?/*$", "", url.replace(":", "/", 1) if "/" not in url.split(":")[0] else url)


def plain_search(apps: Iterable[CatalogApp], query: Query) -> Apps:
    """Those that hold every word, first those that are called so. Without a text it is what the engine would say."""
    words, category, tag = query.text.lower().split(), query.category.lower(), query.tag.lower()

    def fits(app: CatalogApp) -> bool:
        if category and app.category.lower() != category:
            return False
        tags = [one.lower() for one in app.tags]
        if tag and tag not in tags:
            return False
        said = " ".join((app.id, app.name, app.category, app.author, app.description, *tags)).lower()
        return all(word in said for word in words)

    def is_called_otherwise(app: CatalogApp) -> bool:
        return not all(word in (app.id + " " + app.name).lower() for word in words)

    return tuple(sorted((app for app in apps if fits(app)), key=is_called_otherwise))


class Search:
    """Asks on a worker. The newest question wins: while one is under way only the last of those that came is kept.

    found(query, apps) or failed(query, error) is called on the main thread, for the question that was asked last only.
    """

    def __init__(
        self,
        client: Client,
        bridge: Bridge,
        found: Callable[[Query, Apps], None],
        failed: Callable[[Query, Exception], None],
    ) -> None:
        self._client, self._bridge, self._found, self._failed = client, bridge, found, failed
        self._wanted: Optional[Query] = None
        self._asked = False

    def ask(self, query: Query) -> None:
        self._wanted = query
        self._next()

    def forget(self) -> None:
        """Of what was asked nobody wants to hear any more."""
        self._wanted = None

    def _next(self) -> None:
        if self._asked or self._wanted is None:
            return
        self._asked = True
        query = self._wanted
        self._bridge.work(
            self._request,
            query,
            done=lambda apps: self._over(query, lambda: self._found(query, apps)),
            failed=lambda error: self._over(query, lambda: self._failed(query, error)),
        )

    def _request(self, query: Query) -> Apps:
        text = query.text[:LONGEST]
        return self._client.catalog(q=text, category=query.category or None, tag=query.tag or None).apps

    def _over(self, query: Query, tell: Callable[[], None]) -> None:
        self._asked = False
        if query == self._wanted:
            self._wanted = None
            tell()
        self._next()
