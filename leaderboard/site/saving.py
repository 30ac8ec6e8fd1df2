"""Writing the site's folder, so that nothing of an older site stays behind and nothing else is touched."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from leaderboard.errors import LeaderboardError, printable
from leaderboard.paths import replacing

CONTENTS = "contents.txt"  # every file of the site but itself, so that the next one knows what to remove
TITLE = "# Files of this leaderboard site. The next build here removes those that it does not write again."
NOT_OURS = (".git",)  # the working tree of a branch that holds nothing but the site
TOP = (".nojekyll", "index.html", "reading.html", "compare.html")
FOLDERS = ("assets", "models", "datasets", "data", "thumbnails")
NAME = r"\w[\w.-]*"
OURS = re.compile(  # every path that a site of ours has
    rf"{'|'.join(map(re.escape, TOP))}|(assets|data)/{NAME}|(models|datasets)/{NAME}\.html|thumbnails/{NAME}/\d+\.jpg",
    re.ASCII,
)


def check_folder(out: Path) -> None:
    """Whether a site may be written there: said before the work.

    Raises:
        LeaderboardError: the folder holds something that no site of ours put there, or is none.
    """
    _list_earlier(out)
    links = (path.relative_to(out).as_posix() for path in out.glob("thumbnails/*") if path.is_symlink())
    _check_ways(out, [*FOLDERS, *links])
    _check_places(out, TOP)


def save_site(files: Mapping[str, bytes], out: Path) -> None:
    """Write what has changed, and remove what an older site had and this one has not.

    A build that is killed is completed by the next one: the list of what may be removed is written first.

    Raises:
        LeaderboardError: as ``check_folder`` says, or somebody else's file has the name of one of these. Nothing is
            written then.
        ValueError: a path is none of those that a site has.
    """
    contents = _format_contents(files)
    check_folder(out)
    earlier = _list_earlier(out)
    _check_ways(out, {folder.as_posix() for name in files for folder in Path(name).parents[:-1]})
    _check_places(out, files)
    _check_foreign(out, files, earlier)
    _save_file(out / CONTENTS, _format_contents(earlier | files.keys()))
    for name, content in files.items():
        _save_file(out / name, content)
    for name in earlier - files.keys():
        _remove(out, name)
    _save_file(out / CONTENTS, contents)


def _list_earlier(out: Path) -> set[str]:
    """The files of the site that is there, by its own account: believed of files below the folder with names of ours.

    The list may have come with a branch that others write to: it decides what is removed.
    """
    _check_out(out)
    if not out.exists() or all(path.name in NOT_OURS for path in out.iterdir()):
        return set()
    contents = out / CONTENTS
    lines = contents.read_text(encoding="utf-8", errors="replace").splitlines() if contents.is_file() else []
    if lines[:1] != [TITLE]:
        raise LeaderboardError(f"{out} is not empty, and no site of ours is there; choose another folder with --out")
    root = out.resolve()
    ours = (name for name in lines[1:] if OURS.fullmatch(name))
    return {name for name in ours if (path := (out / name).resolve()).is_relative_to(root) and path.is_file()}


def _check_out(out: Path) -> None:
    if out.is_symlink() and not out.exists():
        raise LeaderboardError(f"{out} is a link to {out.readlink()}, which does not exist; remove it or change --out")
    if out.exists() and not out.is_dir():
        raise LeaderboardError(f"{out} is a file, not a folder; choose another one with --out")
    if blocked := next((path for path in out.parents if path.exists() and not path.is_dir()), None):
        raise LeaderboardError(f"{out} lies below {blocked}, which is a file; choose another folder with --out")


def _check_ways(out: Path, folders: Iterable[str]) -> None:
    """Each folder of the site is one, and where it seems to be: a link would lead the writing elsewhere."""
    root = out.resolve()
    for folder in sorted(folders):
        path = out / folder
        if path.is_symlink() or path.resolve() != root / folder:
            raise LeaderboardError(
                f"{path} is a link to {path.resolve()}, and a site writes only into its own folder; remove the link, "
                "or choose another folder with --out"
            )
        if path.exists() and not path.is_dir():
            raise LeaderboardError(
                f"{path} is a file where the site has a folder; remove it, or choose another folder with --out"
            )


def _check_places(out: Path, names: Iterable[str]) -> None:
    """No folder is where a file is to be written."""
    if wrong := next((out / name for name in names if (out / name).is_dir()), None):
        raise LeaderboardError(
            f"{wrong} is a folder where the site has a file; remove it, or choose another folder with --out"
        )


def _check_foreign(out: Path, files: Mapping[str, bytes], earlier: Collection[str]) -> None:
    """What no site put there is not replaced, unless it is the same."""
    for name in sorted(files.keys() - earlier):
        path = out / name
        if os.path.lexists(path) and not (path.is_file() and path.read_bytes() == files[name]):
            raise LeaderboardError(
                f"{path} is in the way: it is in no list of a site of ours, which would overwrite it; move it, or "
                "choose another folder with --out"
            )


def _format_contents(names: Iterable[str]) -> bytes:
    """The list; a name that the next build would not believe may not get into it."""
    if wrong := next((name for name in names if not OURS.fullmatch(name)), None):
        raise ValueError(f"{printable(wrong)} is no path of a site; expected one that fits {OURS.pattern}")
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
