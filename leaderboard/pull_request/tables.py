"""The generated files in a pull request: as its base has them, since tables are rendered on main only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.git import read_committed
from leaderboard.paths import save_text
from leaderboard.pull_request.checks import REPAIR, Finding
from leaderboard.render.markdown import find_block, replace_block

GENERATED = ("leaderboard/README.md", "leaderboard/history.jsonl")
README = "README.md"  # only a block of it is generated


def find_rendered(root: Path, base: str) -> Iterator[Finding]:
    """Generated files that differ from those of the base commit: two pull requests would collide in them."""
    for path, _ in _load_wanted(root, base):
        name = path.relative_to(root).as_posix()
        yield Finding(name, "tables are rendered on main, after the merge; leave them out of the pull request", REPAIR)


def restore_rendered(root: Path, base: str) -> list[Path]:
    """Give generated files the text of the base commit, and return those that had another."""
    wanted = list(_load_wanted(root, base))
    for path, text in wanted:
        if text is None:
            path.unlink()
        else:
            save_text(path, text)
    return [path for path, _ in wanted]


def _load_wanted(root: Path, base: str) -> Iterator[tuple[Path, str | None]]:
    """Files that are not as the base has them, and how it has them; None: not at all."""
    for name in (README, *GENERATED):
        path = root / name
        now = _decode(path.read_bytes() if path.exists() else None, name)
        before = _decode(read_committed(root, base, name), name)
        wanted = before if name != README else _with_older_block(now, before)
        if _with_plain_ends(now) != _with_plain_ends(wanted):
            yield path, wanted


def _with_older_block(now: str | None, before: str | None) -> str | None:
    block = find_block(before or "")
    return replace_block(now, block) if now is not None and block else now


def _with_plain_ends(text: str | None) -> str | None:
    """On some systems git itself gives every line another end."""
    return None if text is None else text.replace("\r\n", "\n")


def _decode(content: bytes | None, name: str) -> str | None:
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LeaderboardError(f"{name} is no UTF-8 ({error.reason} at byte {error.start}); save it as such") from None
