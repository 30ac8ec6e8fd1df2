"""Writing the site's folder, so that nothing of an older site stays behind and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.paths import replacing

CONTENTS = "contents.txt"  # every file of the site but itself, so that the next one knows what to remove
TITLE = "# Files of this leaderboard site. The next build here removes those that it does not write again."
NOT_OURS = (".git",)  # the working tree of a branch that holds nothing but the site


def check_folder(out: Path) -> None:
    """Whether a site may be written there: said before the work.

    Raises:
        LeaderboardError: the folder holds something that no site of ours put there, or is none.
    """
    _list_earlier(out)


def save_site(files: Mapping[str, bytes], out: Path) -> None:
    """Write what has changed, and remove what an older site had and this one has not.

    A build that is killed is completed by the next one: the list of what may be removed is written first.

    Raises:
        LeaderboardError: as ``check_folder`` says.
    """
    earlier = _list_earlier(out)
    _save_file(out / CONTENTS, _format_contents(earlier | files.keys()))
    for name, content in files.items():
        _save_file(out / name, content)
    for name in earlier - files.keys():
        _remove(out, name)
    _save_file(out / CONTENTS, _format_contents(files))


def _list_earlier(out: Path) -> set[str]:
    """The files of the site that is there, by its own account; only files below the folder are believed."""
    if out.exists() and not out.is_dir():
        raise LeaderboardError(f"{out} is a file, not a folder; choose another one with --out")
    if not out.exists() or all(path.name in NOT_OURS for path in out.iterdir()):
        return set()
    contents = out / CONTENTS
    lines = contents.read_text(encoding="utf-8", errors="replace").splitlines() if contents.is_file() else []
    if lines[:1] != [TITLE]:
        raise LeaderboardError(f"{out} is not empty, and no site of ours is there; choose another folder with --out")
    root = out.resolve()
    return {name for name in lines[1:] if (path := (out / name).resolve()).is_relative_to(root) and path.is_file()}


def _format_contents(names: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in (TITLE, *sorted(names))).encode()


def _save_file(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        with replacing(path) as temporary:
            temporary.write_bytes(content)


def _remove(out: Path, name: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    path = out / name
    path.unlink()
    for folder in path.relative_to(out).parents[:-1]:
        with suppress(OSError):  # others are still in it
            (out / folder).rmdir()
