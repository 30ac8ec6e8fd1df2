"""Which comments and issues are ours, and what may be written into one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

BOT = "github-actions[bot]"  # whom a workflow's own token writes as
LONGEST = 65_000  # signs; GitHub takes 65,536
CUT = "\n\n*Cut here: GitHub takes no longer text. The artifacts of the run hold the rest.*\n"


class Author(Protocol):
    """Of a post."""

    @property
    def login(self) -> str:
        """The name."""

    @property
    def type(self) -> str:
        """User, Bot, Organization."""


class Post(Protocol):
    """A comment or an issue."""

    @property
    def id(self) -> int:
        """Its number in all of GitHub: the lowest is the oldest."""

    @property
    def body(self) -> str | None:
        """Its text."""

    @property
    def user(self) -> Author | None:
        """Whose it is; None: the account is gone."""


P = TypeVar("P", bound=Post)


def find_ours(posts: Iterable[P], marker: str) -> list[P]:
    """Those that we wrote under this marker, the oldest first.

    The marker alone proves nothing, since anybody can paste it: the author has to be the workflows' bot as well.
    """
    return sorted((post for post in posts if _is_ours(post, marker)), key=lambda post: post.id)


def _is_ours(post: Post, marker: str) -> bool:
    by_bot = post.user is not None and (post.user.login, post.user.type) == (BOT, "Bot")
    return by_bot and (post.body or "").partition("\n")[0].rstrip("\r") == marker


def compose(text: str, marker: str) -> str:
    """The marker on a line of its own, then the text, cut after a line when GitHub would not take all of it."""
    if not (marker.startswith("<!--") and marker.endswith("-->") and "\n" not in marker):
        raise ValueError(f"marker {marker!r} is no HTML comment on one line")
    whole = f"{marker}\n{text}"
    if len(whole) <= LONGEST:
        return whole
    kept, _, _ = whole[: LONGEST - len(CUT)].rpartition("\n")
    return kept + CUT


def is_same(stored: str | None, text: str) -> bool:
    """Whether a post says that already; GitHub may change line ends, and blanks at the end."""
    return (stored or "").replace("\r\n", "\n").rstrip() == text.rstrip()
