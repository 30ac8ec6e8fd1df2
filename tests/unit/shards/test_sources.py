"""Listing what is to be embedded: folders, lists and tars, on a disk and elsewhere."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.shards.places import read_bytes
from leaderboard.shards.sources import Item, iterate_items

NAMES = st.sampled_from(
    ["a", "b", "B", "_", "é", "a.jpg", "b.PNG", "c.tif", "notes.txt", ".a.jpg", "a b.jpg", "-.webp"]
)
TREES = st.dictionaries(NAMES, st.none() | st.dictionaries(NAMES, st.none() | st.dictionaries(NAMES, st.none())))
ODD = [os.fsdecode(b"bad\xff"), "two\nlines", "花粉", "a::b", "50%20", "what?#", "c:d", "x=[1]", "back\\slash", "*"]


def paths(source: Path | str) -> list[str]:
    return [item.path for item in iterate_items(str(source))]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode("utf-8", "surrogateescape"))


def refuse(source: Path | str) -> LeaderboardError:
    """The error of a source that cannot be listed; it is one line."""
    with pytest.raises(LeaderboardError) as caught:
        paths(source)
    assert "\n" not in str(caught.value)
    return caught.value


# Folders


def test_files_come_before_subfolders_both_in_byte_order(tmp_path: Path) -> None:
    """At every depth; what a folder is called does not make it an image."""
    listed = ["B.png", "_.tif", "b.jpg", "é.jpg", "A.jpg/y.jpg", "a/Z.JPEG", "a/z.jpg", "a/a/0.jpg", "é/1.webp"]
    touch(tmp_path, *reversed(listed), "notes.txt", "a/Thumbs.db", "a/jpg", "a/list.csv")
    assert paths(tmp_path) == listed


@given(TREES)
@settings(max_examples=30, deadline=None)
def test_every_visible_image_of_any_tree_is_listed_once(tree: dict[str, Any]) -> None:
    """In the order of the plainest walk."""

    def make(folder: Path, below: dict[str, Any]) -> None:
        folder.mkdir()
        for name, inner in below.items():
            make(folder / name, inner) if inner is not None else (folder / name).write_bytes(b"")

    def walk(below: dict[str, Any], start: str = "") -> Iterator[str]:
        names = sorted((name for name in below if not name.startswith(".")), key=str.encode)
        suffixes = (".jpg", ".png", ".tif", ".webp")
        yield from (start + name for name in names if below[name] is None and name.lower().endswith(suffixes))
        for name in names:
            if below[name] is not None:
                yield from walk(below[name], f"{start}{name}/")

    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder, "root"), tree)
        assert paths(f"{folder}/root") == list(walk(tree))


def test_byte_order_is_that_of_the_disk(tmp_path: Path) -> None:
    """Where text would be ordered otherwise: names beyond the first plane, and bytes that are no text."""
    names = ["a", "\ue000", "\U0001f9a0", os.fsdecode(b"\xff")]
    listed = [f"{name}.jpg" for name in names] + [f"{name}/1.jpg" for name in names]
    touch(tmp_path, *listed)
    assert paths(tmp_path) == listed


def test_hidden_files_folders_and_tars_are_passed_over(tmp_path: Path) -> None:
    """Copies in the waste basket are no part of a collection."""
    touch(tmp_path, "a.jpg", ".b.jpg", ".Trash/c.jpg", "d/.e/f.jpg", "d/._g.jpg", ".h.tar")
    assert paths(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_odd_names_are_kept_and_lead_to_their_bytes(tmp_path: Path, name: str) -> None:
    """Of files and of folders, in the source's own path too."""
    touch(tmp_path / name, f"{name}.jpg", f"{name}/{name}.png")
    items = list(iterate_items(str(tmp_path / name)))
    assert [item.path for item in items] == [f"{name}.jpg", f"{name}/{name}.png"]
    assert [os.fsdecode(read_bytes(item.address)) for item in items] == [item.path for item in items]


def test_a_folder_is_listed_once_whatever_links_lead_to_it(tmp_path: Path) -> None:
    """By its own name; of two links to a folder elsewhere the first counts; loops end."""
    touch(tmp_path / "root", "a/1.jpg", "b/2.jpg", "b/deep/3.jpg")
    touch(tmp_path / "elsewhere", "4.jpg")
    links = {"c": "a", "a/x": "../b", "b/up": "..", "b/me": ".", "z": "../elsewhere", "y": "../elsewhere"}
    for name, target in links.items():
        (tmp_path / "root" / name).symlink_to(target)
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "root")
    assert paths(tmp_path / "root") == ["a/1.jpg", "b/2.jpg", "b/deep/3.jpg", "y/4.jpg"]


def test_links_to_files_to_hidden_folders_and_to_nothing_are_followed(tmp_path: Path) -> None:
    """What leads nowhere is listed, so that it becomes a failure; it stops nothing."""
    touch(tmp_path, ".store/1.jpg", "2.jpg")
    for name, target in {"linked.jpg": "2.jpg", "all": ".store", "lost.jpg": "nowhere", "self.jpg": "self.jpg"}.items():
        (tmp_path / name).symlink_to(target)
    assert paths(tmp_path) == ["2.jpg", "linked.jpg", "lost.jpg", "self.jpg", "all/1.jpg"]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nor one that a link leads to."""
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("b.jpg")
    assert paths(tmp_path) == ["a.jpg"]


@contextmanager
def dig(root: Path, depth: int, name: str = "d") -> Iterator[None]:
    """Folders within folders, an image in the last one; paths of them are longer than the system takes whole."""
    place = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=place)
        outer, place = place, os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(outer)
    os.close(os.open("a.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=place))
    os.close(place)
    try:
        yield
    finally:
        subprocess.run(["rm", "-rf", root / name], check=True)


def test_a_folder_may_be_very_deep(tmp_path: Path) -> None:
    """Deeper than Python's own limit of calls."""
    with dig(tmp_path, 1010):
        assert paths(tmp_path) == [1010 * "d/" + "a.jpg"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    """Rather than left out."""
    with dig(tmp_path, 20, 250 * "d"):
        error = refuse(tmp_path)
    assert isinstance(error, Unavailable)
    assert f"{250 * 'd'}/" in str(error)
    assert "cannot be listed (File name too long)" in str(error)


def test_a_folder_is_listed_as_a_stream(tmp_path: Path) -> None:
    """The first image is there before later folders are looked at."""
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    stream = iterate_items(str(tmp_path))
    assert next(stream).path == "a/1.jpg"
    touch(tmp_path, "b/3.jpg")
    assert [item.path for item in stream] == ["b/2.jpg", "b/3.jpg"]


# Lists

LISTED = ["b.jpg", "a b.jpg", "sub/é.png", "b.jpg", "/else/where.jpg", "s3://bucket/k.jpg"]
ROWS = "".join(f"{name}\n" for name in LISTED)
TEXTS = {
    "lf.txt": ROWS.encode(),
    "crlf.txt": ROWS.replace("\n", "\r\n").encode(),
    "bom.txt": ROWS.encode("utf-8-sig"),
    "blank.txt": ROWS.replace("\n", "\n\n  \n").removesuffix("\n").encode(),
    "CAPITALS.TXT": ROWS.encode(),
    "plain.csv": f"path\n{ROWS}".encode(),
    "bom.csv": f"path\n{ROWS}".encode("utf-8-sig"),
    "crlf.csv": f"path\n{ROWS}".replace("\n", "\r\n").encode(),
    "more.csv": "".join(f'{number},"{name}",x\n' for number, name in enumerate(["path", *LISTED, ""])).encode(),
    "short.csv": ("label,path\n" + "".join(f"x,{name}\n" for name in LISTED) + "x\n").encode(),
}


def expect(folder: Path | str) -> list[Item]:
    own = [Item(name, f"{folder}/{name}") for name in LISTED[:4]]
    return [*own, *(Item(name, name) for name in LISTED[4:])]


@pytest.mark.parametrize("name", TEXTS)
def test_a_list_keeps_its_order_and_its_repetitions(tmp_path: Path, name: str) -> None:
    """Relative to the list's own folder, unless an address is whole; spaces and accents are part of a name."""
    (tmp_path / name).write_bytes(TEXTS[name])
    assert list(iterate_items(str(tmp_path / name))) == expect(tmp_path)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.binary()])
def test_a_parquet_list_may_hold_text_of_any_kind(tmp_path: Path, kind: pa.DataType) -> None:
    """In several row groups, beside other columns; nulls are passed over."""
    texts = pa.array([*LISTED[:2], None, *LISTED[2:]], pa.string())
    table = pa.table({"label": range(len(texts)), "path": texts.cast(kind)})
    pq.write_table(table, tmp_path / "list.parquet", row_group_size=2)
    assert list(iterate_items(str(tmp_path / "list.parquet"))) == expect(tmp_path)


def test_a_parquet_list_of_bytes_may_hold_names_that_are_no_text(tmp_path: Path) -> None:
    """They are names of the disk."""
    pq.write_table(pa.table({"path": pa.array([b"bad\xff.jpg"], pa.binary())}), tmp_path / "list.parquet")
    assert paths(tmp_path / "list.parquet") == [os.fsdecode(b"bad\xff.jpg")]


def test_a_csv_quotes_commas_quotes_and_newlines(tmp_path: Path) -> None:
    """By the usual rules."""
    (tmp_path / "list.csv").write_bytes(b'path,label\n"a, ""b"".jpg",x\n"two\nlines.jpg",y\n')
    assert paths(tmp_path / "list.csv") == ['a, "b".jpg', "two\nlines.jpg"]


def test_a_list_of_the_working_folder_is_relative_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is named without a folder."""
    monkeypatch.chdir(tmp_path)
    Path("list.txt").write_text("a.jpg\n")
    assert list(iterate_items("list.txt")) == [Item("a.jpg", "a.jpg")]


MISTAKEN = {
    "latin.txt": ("é.jpg\n".encode("latin-1"), "is not UTF-8 (invalid continuation byte); save it so"),
    "wide.csv": ("path\na.jpg\n".encode("utf-16"), "is not UTF-8"),
    "other.csv": (b"file,label\na.jpg,x\n", "has the columns: file, label; expected one named 'path'"),
    "semicolon.csv": (b"path;label\na.jpg;x\n", "has the columns: path;label; expected one named 'path'"),
    "empty.csv": (b"", "has the columns: none; expected one named 'path'"),
    "quotes.csv": (b'path\n"' + b"a.jpg\n" * 30_000, "cannot be read (field larger than"),
    "text.parquet": (b"path\na.jpg\n", "is no parquet file of paths"),
    "empty.parquet": (b"", "is no parquet file of paths"),
}


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_list_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    """With its name and what was expected."""
    content, reason = MISTAKEN[name]
    (tmp_path / name).write_bytes(content)
    told = str(refuse(tmp_path / name))
    assert told.startswith(f"{tmp_path}/{name} ")
    assert reason in told
    assert len(told) < 500


@pytest.mark.parametrize("column", ["file", "path"])
def test_a_parquet_list_without_paths_is_refused(tmp_path: Path, column: str) -> None:
    """Be it by the column's name or by what it holds."""
    pq.write_table(pa.table({column: [1, 2]}), tmp_path / "list.parquet")
    reason = {"file": "has the columns: file; expected one named 'path'", "path": "is no parquet file of paths"}
    assert reason[column] in str(refuse(tmp_path / "list.parquet"))


# Tars


def test_a_tar_gives_the_place_of_each_image(tmp_path: Path, pack_tar: Callable[..., bytes]) -> None:
    """Nested ones too; folders, hidden ones and what is no image are passed over."""
    members = {"a.jpg": b"1" * 700, "d": None, "d/e/b.PNG": b"", "d/e/b.cls": b"7", "d/.c.jpg": b"x", ".t/c.jpg": b"x"}
    (tmp_path / "x.tar").write_bytes(pack_tar(members | {"./z.jpg": b"3" * 512}))
    items = list(iterate_items(f"{tmp_path}/x.tar"))
    assert [item.path for item in items] == ["x.tar/a.jpg", "x.tar/d/e/b.PNG", "x.tar/./z.jpg"]
    assert {item.address for item in items} == {f"{tmp_path}/x.tar"}
    found = [read_bytes(item.address, item.start, item.start + item.size) for item in items]
    assert found == [b"1" * 700, b"", b"3" * 512]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_odd_names_are_whole_in_every_form_of_tar(
    tmp_path: Path, pack_tar: Callable[..., bytes], form: int
) -> None:
    """POSIX 1988 with its 255 bytes, GNU and pax with any length."""
    longest = "/".join(["d" * 99, "e" * 50]) if form == tarfile.USTAR_FORMAT else "/".join(["d" * 200] * 3)
    names = [f"{longest}/{name}.jpg" for name in ("a", "花粉", os.fsdecode(b"bad\xff"))]
    (tmp_path / "x.tar").write_bytes(pack_tar(dict.fromkeys(names, b"same"), form))
    items = list(iterate_items(f"{tmp_path}/x.tar"))
    assert [item.path for item in items] == [f"x.tar/{name}" for name in names]
    assert [read_bytes(item.address, item.start, item.start + item.size) for item in items] == [b"same"] * 3


def spoil(content: bytes, start: int, patch: bytes) -> bytes:
    return content[:start] + patch + content[start + len(patch) :]


BROKEN: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "in its data": (lambda tar: tar[: 1024 * 2 + 600], 2, "unexpected end of data"),
    "in a header": (lambda tar: tar[: 1024 * 2 + 300], 2, "it is damaged at byte 2,048"),
    "between images": (lambda tar: tar[: 1024 * 2], 2, "it breaks off at byte 2,048"),
    "damaged header": (lambda tar: spoil(tar, 1024 * 2, b"?" * 512), 2, "it is damaged at byte 2,048"),
    "one wrong byte": (lambda tar: spoil(tar, 1024 + 5, b"?"), 1, "it is damaged at byte 1,024"),
    "compressed": (gzip.compress, 0, "compressed ones are not read"),
    "no tar": (lambda tar: b"<html>not found</html>" * 60, 0, "invalid header"),
    "nothing": (lambda tar: b"", 0, "empty file"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_tar_gives_what_is_before_and_says_where_it_ends(
    tmp_path: Path, pack_tar: Callable[..., bytes], how: str
) -> None:
    """Its images are never lost without a word; what comes after it is listed."""
    change, whole, reason = BROKEN[how]
    (tmp_path / "x.tar").write_bytes(change(pack_tar({f"{number}.jpg": b"x" * 512 for number in range(4)})))
    touch(tmp_path, "z.jpg")
    *before, broken, after = iterate_items(str(tmp_path))
    # where data is missing, tarfile says so at the next header
    assert [item.path for item in before] == [f"x.tar/{number}.jpg" for number in range(whole + (how == "in its data"))]
    assert (broken.path, broken.start) == ("x.tar", None)
    assert f"the tar cannot be read after {len(before)} images" in broken.problem
    assert reason in broken.problem
    assert after.path == "z.jpg"


def test_a_whole_tar_has_no_problem_even_without_images(tmp_path: Path, pack_tar: Callable[..., bytes]) -> None:
    """Nor has one of nothing but its end."""
    (tmp_path / "a.tar").write_bytes(pack_tar({}))
    (tmp_path / "b.tar").write_bytes(pack_tar({"notes.txt": b"x"}))
    (tmp_path / "c.tar").write_bytes(pack_tar({"c.jpg": b"x"})[: 512 * 4])  # one block of zeros, as some end
    assert [(item.path, item.problem) for item in iterate_items(str(tmp_path))] == [("c.tar/c.jpg", "")]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_no_tar_whatever_its_bytes_stops_a_listing(pack_tar: Callable[..., bytes], data: st.DataObject) -> None:
    """Headers that are wrong with a right checksum are the worst."""
    names = ["a.jpg", "d" * 150 + "/b.jpg", os.fsdecode(b"\xff.jpg")]
    form = data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    content = bytearray(pack_tar(dict.fromkeys(names, b"x" * 100), form))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 6000))] = data.draw(st.integers(0, 255))
    for start in range(0, len(content) - 511, 512):
        header = content[start : start + 512]
        if header[257:262] == b"ustar":
            content[start + 148 : start + 156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.tar").write_bytes(content[: data.draw(st.sampled_from([None, 512, 1500, 4000]))])
        items = list(iterate_items(f"{folder}/x.tar"))
    assert all(item.path.startswith("x.tar") for item in items)
    assert not any(item.problem for item in items[:-1])


def test_images_of_a_tar_stand_where_the_tar_does(tmp_path: Path, pack_tar: Callable[..., bytes]) -> None:
    """In a folder of both; inside a tar they keep the tar's order."""
    touch(tmp_path, "a.jpg", "c.jpg", "k/a.jpg", "m.tar.gz", "n.tgz")
    for name in ("b.TAR", "k/b.tar"):
        (tmp_path / name).write_bytes(pack_tar({"2.jpg": b"x", "1.jpg": b"y"}))
    expected = ["a.jpg", "b.TAR/2.jpg", "b.TAR/1.jpg", "c.jpg", "k/a.jpg", "k/b.tar/2.jpg", "k/b.tar/1.jpg"]
    assert paths(tmp_path) == expected


# Places


def test_the_same_tree_is_listed_alike_in_every_place(
    place: str, tmp_path: Path, save: Callable[..., None], pack_tar: Callable[..., bytes]
) -> None:
    """By the same paths, whose addresses lead to the same bytes."""
    tar = pack_tar({"d/1.jpg": b"in a tar", "2.jpg": b"and another"})
    files = {"b.jpg": b"b", "a/x.png": b"x", "a/é.jpg": b"e", "a/.h.jpg": b"h", "shards/t.tar": tar, "n.txt": b"n"}
    for root in (place, str(tmp_path / "plain")):
        save(root, files)
    expected = ["b.jpg", "a/x.png", "a/é.jpg", "shards/t.tar/d/1.jpg", "shards/t.tar/2.jpg"]
    assert paths(place) == paths(place + "/") == paths(tmp_path / "plain") == expected
    found = [
        read_bytes(item.address, item.start, None if item.size is None else item.start + item.size)
        for item in iterate_items(place)
    ]
    assert found == [b"b", b"x", b"e", b"in a tar", b"and another"]


def test_lists_and_tars_of_every_place_are_read(
    place: str, save: Callable[..., None], pack_tar: Callable[..., bytes]
) -> None:
    """What a list names is beside it, there."""
    save(place, {"bom.txt": TEXTS["bom.txt"], "more.csv": TEXTS["more.csv"], "t.tar": pack_tar({"1.jpg": b"x"})})
    with fsspec.open(f"{place}/list.parquet", "wb") as stream:
        pq.write_table(pa.table({"path": LISTED}), stream)
    for name in ("bom.txt", "more.csv", "list.parquet"):
        assert list(iterate_items(f"{place}/{name}")) == expect(place)
    (item,) = iterate_items(f"{place}/t.tar")
    assert replace(item, header=None) == Item("t.tar/1.jpg", f"{place}/t.tar", 512, 1)


def test_a_service_is_asked_again_when_it_fails(service: Any, save: Callable[..., None]) -> None:
    """A listing of hours does not end for a moment without connection."""
    save("service://bucket", {"a/1.jpg": b"x", "b/2.jpg": b"y"})
    service.failures += [ConnectionResetError("gone"), TimeoutError("late"), RuntimeError("the client's own")]
    assert paths("service://bucket") == ["a/1.jpg", "b/2.jpg"]
    assert service.failures == []


def test_a_service_that_does_not_answer_is_unavailable(service: Any, save: Callable[..., None]) -> None:
    """And not an empty folder."""
    save("service://bucket", {"a/1.jpg": b"x"})
    service.failures += [ConnectionResetError("gone") for _ in range(100)]
    error = refuse("service://bucket")
    assert isinstance(error, Unavailable)
    assert str(error) == "service://bucket cannot be listed (gone)"


# Mistakes


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.txt", "nowhere.txt does not exist; check --images"),
        ("nowhere.tar", "nowhere.tar does not exist; check --images"),
        ("nowhere", "nowhere does not exist; check --images"),
        ("one.jpg", "one.jpg is neither a folder of images nor a list (.txt, .csv, .parquet) nor a .tar; a single"),
        ("a.tar.gz", "a.tar.gz is neither a folder"),
    ],
)
def test_what_is_no_source_is_refused(place: str, save: Callable[..., None], name: str, reason: str) -> None:
    """In every place, by its address."""
    save(place, {"one.jpg": b"x", "a.tar.gz": b"x"})
    told = str(refuse(f"{place}/{name}"))
    assert told.startswith((f"{place}/{reason}", f"{place.removeprefix('file://')}/{reason}"))


def test_an_endless_list_is_read_as_it_is_needed(tmp_path: Path) -> None:
    """A pipe gives lines for ever; the first ones are there at once."""
    os.mkfifo(tmp_path / "list.txt")
    script = f"exec 2>/dev/null; yes a.jpg > '{tmp_path}/list.txt'"
    with subprocess.Popen(["/bin/sh", "-c", script]) as writer:
        stream = iterate_items(str(tmp_path / "list.txt"))
        assert [next(stream).path for _ in range(3)] == ["a.jpg"] * 3
        stream.close()
        writer.wait(timeout=30)
