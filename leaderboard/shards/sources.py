"""What is to be embedded: a folder of any depth, a list, WebDataset's tars; as a stream of items, in one fixed order.

Of a folder: its files by name in byte order, then its subfolders the same way; the images of a tar stand where the tar
does. Of a list: as listed. A stream, because a hundred million names do not fit into memory.
"""

from __future__ import annotations

import csv
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path, PurePosixPath
from typing import IO, Any
from zlib import crc32

from leaderboard.errors import LeaderboardError, Unavailable, first_line, printable
from leaderboard.images import SUFFIXES
from leaderboard.shards.places import as_os_error, exists, list_remote, local_path, locate, patiently

COLUMN = "path"  # of a list with columns
LISTS = (".txt", ".csv", ".parquet")


@dataclass(frozen=True)
class Item:
    """An image as it is listed: where its bytes are, and what it is called."""

    path: str  # below the source, or as the list has it; bytes that are no UTF-8 as surrogates
    address: str  # of the file, or of the tar that holds it
    start: int | None = None  # in the tar, bytes
    size: int | None = None
    header: int | None = None  # CRC-32 of what stands before it there, by which a tar that was packed anew is noticed
    problem: str = ""  # what makes it useless, where that is known already


def iterate_items(source: str) -> Iterator[Item]:
    """Every image of a source, in order.

    Raises:
        LeaderboardError: nothing there, or nothing that could be listed.
        Unavailable: it cannot be reached.
    """
    try:
        yield from _iterate(source)
    except FileNotFoundError as error:
        raise LeaderboardError(f"{printable(error.filename or source)} does not exist; check --images") from None
    except OSError as error:
        where = printable(str(error.filename or source))
        is_refused = isinstance(error, PermissionError) and local_path(source) is None
        remedy = "; check the account that the environment names" if is_refused else ""
        raise Unavailable(f"{where} cannot be listed ({error.strerror or first_line(error)}){remedy}") from None
    except LeaderboardError:
        raise
    except Exception as error:  # of a service's client, in the middle of a file
        if local_path(source) is not None:
            raise
        raise Unavailable(f"{printable(source)} cannot be listed ({as_os_error(error)})") from None


def _iterate(source: str) -> Iterator[Item]:
    suffix = PurePosixPath(source).suffix.lower()
    if _is_folder(source):
        yield from _iterate_folder(source.rstrip("/") or "/")
    elif suffix == ".tar":
        yield from _iterate_tar(source, PurePosixPath(source).name)
    elif suffix in LISTS:
        yield from _iterate_list(source, suffix)
    elif not exists(source):
        raise FileNotFoundError
    else:
        raise LeaderboardError(
            f"{printable(source)} is neither a folder of images nor a list ({', '.join(LISTS)}) nor a .tar; "
            "a single image goes into a folder"
        )


def _is_folder(source: str) -> bool:
    local = local_path(source)
    if local is not None:
        return local.is_dir()
    filesystem, path = locate(source)
    try:
        return bool(patiently(lambda: filesystem.info(path))["type"] == "directory")
    except FileNotFoundError:  # `isdir` says no to whatever goes wrong
        return False


def _iterate_folder(root: str) -> Iterator[Item]:
    """Files, then subfolders; each folder once, whatever links lead to it. No recursion, whose depth is limited."""
    local = local_path(root)
    real = os.path.realpath(local) if local is not None else ""
    seen, waiting = {real}, [("", real)]
    while waiting:
        below, real = waiting.pop()
        files, folders = _list(f"{root}/{below}" if below else root, real, seen)
        for name in files:
            path, suffix = f"{below}{name}", PurePosixPath(name).suffix.lower()
            if suffix in SUFFIXES:
                yield Item(path, f"{root}/{path}")
            elif suffix == ".tar":
                yield from _iterate_tar(f"{root}/{path}", path)
        waiting += [(f"{below}{name}/", real) for name, real in reversed(folders)]


def _list(folder: str, real: str, seen: set[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Names of the files, and of the subfolders that were not seen yet with their real paths; both in byte order."""
    local = local_path(folder)
    entries = _list_remote(folder) if local is None else _list_local(local, real, seen)
    files: list[str] = []
    folders: list[tuple[str, str]] = []
    for name, target in entries:
        if target is None:
            files.append(name)
        else:
            folders.append((name, target))
    return sorted(files, key=os.fsencode), sorted(folders, key=lambda folder: os.fsencode(folder[0]))


def _list_local(folder: Path, real: str, seen: set[str]) -> Iterator[tuple[str, str | None]]:
    """Names, of folders with their real paths, hidden ones left out; pipes too, because whoever opened them would wait.

    Links come last, so that what they lead to keeps its own name; one to nothing is a file that cannot be read.
    """
    links: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                links.append(entry.name)
            elif entry.is_file():
                yield entry.name, None
            elif entry.is_dir() and _is_new(f"{real}/{entry.name}", seen):  # realpath would look at every folder above
                yield entry.name, f"{real}/{entry.name}"
    for name in sorted(links, key=os.fsencode):
        link = folder / name
        if link.is_file() or not link.exists():
            yield name, None
        elif link.is_dir() and _is_new(target := os.path.realpath(link), seen):
            yield name, target


def _is_new(folder: str, seen: set[str]) -> bool:
    before = len(seen)
    seen.add(folder)
    return len(seen) > before


def _list_remote(folder: str) -> Iterator[tuple[str, str | None]]:
    for name, entry in list_remote(folder):
        if not name.startswith("."):
            yield name, "" if entry["type"] == "directory" else None


def _open(address: str) -> Any:
    local = local_path(address)
    if local is not None:
        return local.open("rb")
    filesystem, path = locate(address)
    return patiently(lambda: filesystem.open(path, "rb"))


def _iterate_tar(address: str, name: str) -> Iterator[Item]:
    """Its images, with the place of each; where the tar breaks off, that is the last item's problem."""
    count = 0
    try:
        with _open(address) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # else it remembers every header
                if member.isreg() and _is_image(member.name):
                    count += 1
                    header = read_header(stream, member.offset_data)
                    yield Item(f"{name}/{member.name}", address, member.offset_data, member.size, header)
            _check_end(stream, archive.offset)
    except tarfile.TarError as error:
        problem = f"the tar cannot be read after {count} images ({first_line(error)}); compressed ones are not read"
        yield Item(name, address, problem=problem)


def read_header(stream: IO[bytes], start: int) -> int:
    """CRC-32 of the header of a tar's member, whose bytes begin at ``start``: of its name, size and time."""
    stream.seek(start - tarfile.BLOCKSIZE)
    return crc32(stream.read(tarfile.BLOCKSIZE))


def _check_end(stream: IO[bytes], offset: int) -> None:
    """Tarfile takes any header that it cannot read for the end, unless it is the first; the real end is zeros."""
    stream.seek(offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if not block or block.strip(b"\0"):
        raise tarfile.ReadError(f"it {'is damaged' if block else 'breaks off'} at byte {offset:,}")


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _iterate_list(address: str, suffix: str) -> Iterator[Item]:
    """What is listed, relative to the list's own folder unless it is a whole address."""
    folder, slash, _ = address.rpartition("/")
    with _open(address) as stream:
        try:
            for path in _READERS[suffix](stream, address):
                whole = "://" in path or path.startswith("/") or not slash
                yield Item(path, path if whole else f"{folder}/{path}")
        except UnicodeDecodeError as error:
            raise LeaderboardError(f"{printable(address)} is not UTF-8 ({error.reason}); save it so") from None
        except csv.Error as error:
            raise LeaderboardError(f"{printable(address)} cannot be read ({error}); correct its quotes") from None


def _read_lines(stream: IO[bytes], address: str) -> Iterator[str]:
    for line in TextIOWrapper(stream, encoding="utf-8-sig"):
        if line.strip():
            yield line.rstrip("\r\n")


def _read_csv(stream: IO[bytes], address: str) -> Iterator[str]:
    rows = csv.DictReader(TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
    _check_column(rows.fieldnames or (), address)
    yield from (row[COLUMN] for row in rows if row[COLUMN])


def _read_parquet(stream: IO[bytes], address: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream)
        _check_column(file.schema_arrow.names, address)
        for batch in file.iter_batches(columns=[COLUMN]):  # of text, or of bytes as some write it
            yield from (os.fsdecode(path) for path in batch.column(0).to_pylist() if path)
    except (pa.ArrowException, TypeError) as error:
        raise LeaderboardError(f"{printable(address)} is no parquet file of paths ({first_line(error)})") from None


def _check_column(names: Any, address: str) -> None:
    if COLUMN not in names:
        found = printable(", ".join(names))[:200] or "none"
        raise LeaderboardError(f"{printable(address)} has the columns: {found}; expected one named {COLUMN!r}")


_READERS = {".txt": _read_lines, ".csv": _read_csv, ".parquet": _read_parquet}
