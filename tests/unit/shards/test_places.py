"""Reading and writing, on a disk as elsewhere, in spite of a network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import _registry, known_implementations

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.shards import places
from leaderboard.shards.places import ATTEMPTS, Folder, exists, local_path, locate, patiently, read_bytes


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made, in seconds."""
    made: list[float] = []
    monkeypatch.setattr("leaderboard.shards.places.time.sleep", made.append)
    return made


def failing(*errors: BaseException) -> Callable[[], str]:
    """Something that fails in these ways, one after the other, and then works."""
    waiting = list(errors)

    def attempt() -> str:
        if waiting:
            raise waiting.pop(0)
        return "done"

    return attempt


# Folder


def test_what_is_written_can_be_read_and_taken_away(place: str) -> None:
    """Subfolders are made; taking away twice is no mistake."""
    folder = Folder(place)
    assert folder.sizes("shards") == {}
    folder.write("shards/a b.parquet", b"12345")
    folder.write("shards/é", b"")
    assert folder.read("shards/a b.parquet") == b"12345"
    assert folder.sizes("shards") == {"a b.parquet": 5, "é": 0}
    folder.write("shards/é", b"new")
    assert folder.sizes("shards") == {"a b.parquet": 5, "é": 3}
    folder.remove("shards/é")
    folder.remove("shards/é")
    assert folder.sizes("shards") == {"a b.parquet": 5}
    with pytest.raises(FileNotFoundError):
        folder.read("shards/é")


def test_sizes_are_of_one_folder_alone(place: str) -> None:
    """What lies deeper does not count as its file."""
    folder = Folder(place)
    folder.write("work/done/0.json", b"{}")
    folder.write("work/plan.json", b"{}")
    assert folder.sizes("work")["plan.json"] == 2
    assert "0.json" not in folder.sizes("work")


def test_hidden_files_are_no_files_of_a_folder_on_a_disk(tmp_path: Path) -> None:
    """Half-written ones of a run that was killed are hidden."""
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / ".000000.parquet.x.tmp").write_bytes(b"half")
    assert Folder(str(tmp_path)).sizes("shards") == {}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """And nothing beside it."""
    folder = Folder(str(tmp_path))
    folder.write("a", b"old")
    with pytest.raises(TypeError):
        folder.write("a", "no bytes")  # type: ignore[arg-type]
    assert folder.read("a") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_is_told_in_one_line() -> None:
    """Whatever it is called."""
    assert str(Folder("two\nlines\udcff")) == "two\\nlines\\udcff"
    assert Folder("s3://bucket/x/").at("a") == Folder("s3://bucket/x").at("a") == "s3://bucket/x/a"


def test_a_part_of_a_file_is_read(place: str) -> None:
    """From a byte to before another one, as far as the file goes."""
    Folder(place).write("a", b"0123456789")
    parts = [(None, None), (2, 5), (None, 3), (7, None), (8, 20), (4, 4)]
    found = [read_bytes(f"{place}/a", start, end) for start, end in parts]
    assert found == [b"0123456789", b"234", b"012", b"789", b"89", b""]


def test_files_and_folders_exist_until_they_are_gone(place: str) -> None:
    """Somebody else may take them away: the place itself is asked."""
    assert not exists(place)
    Folder(place).write("a/b", b"x")
    assert exists(place)
    assert exists(f"{place}/a/b")
    filesystem, root = fsspec.core.url_to_fs(place)
    filesystem.rm(root, recursive=True)
    assert not exists(f"{place}/a/b")
    assert not exists(place)


# Patience


def test_pauses_grow_until_it_works(pauses: list[float]) -> None:
    """Each is twice the one before."""
    assert patiently(failing(TimeoutError(), ConnectionResetError(), ValueError("the client's own"))) == "done"
    assert pauses == [0.5, 1.0, 2.0]


def test_the_last_error_is_told_when_nothing_helps(pauses: list[float]) -> None:
    """After six attempts and 15.5 seconds of pauses."""
    errors = [OSError(f"attempt {number}") for number in range(1, ATTEMPTS + 1)]
    with pytest.raises(OSError, match="attempt 6"):
        patiently(failing(*errors))
    assert sum(pauses) == 15.5


def test_a_clients_own_error_becomes_a_usual_one(pauses: list[float]) -> None:
    """So that whoever calls knows what to expect; of many lines the first is kept."""
    with pytest.raises(ConnectionError, match=r"^RuntimeError: broken$"):
        patiently(failing(*[RuntimeError("broken\nand\nmore")] * ATTEMPTS))
    assert len(pauses) == ATTEMPTS - 1


@pytest.mark.parametrize(
    "error", [FileNotFoundError(), PermissionError(), IsADirectoryError(), NotADirectoryError(), KeyboardInterrupt()]
)
def test_what_another_attempt_cannot_help_is_told_at_once(pauses: list[float], error: BaseException) -> None:
    """Nor is somebody kept waiting who wants to stop."""
    with pytest.raises(type(error)):
        patiently(failing(error))
    assert pauses == []


def test_every_request_to_a_service_is_repeated(service: Any) -> None:
    """Writing, reading, asking for sizes and whether something is there, taking away."""
    folder = Folder("service://bucket/place")
    requests: dict[str, tuple[Callable[[], Any], Any]] = {
        "write": (lambda: folder.write("a/b", b"123"), None),
        "read": (lambda: folder.read("a/b"), b"123"),
        "sizes": (lambda: folder.sizes("a"), {"b": 3}),
        "exists": (lambda: exists(folder.at("a/b")), True),
        "remove": (lambda: folder.remove("a/b"), None),
    }
    for request, expected in requests.values():
        service.failures += [ConnectionResetError(), TimeoutError()]
        assert request() == expected
        assert service.failures == []
    assert folder.sizes("a") == {}


def test_a_name_that_no_service_can_have_is_not_asked_for_again(service: Any) -> None:
    """It is the row of a list, or a user's mistake; trying again would cost a quarter of a minute each."""
    service.failures += [type("ParamValidationError", (Exception,), {})("Parameter validation failed:\nno bucket")] * 2
    with pytest.raises(ValueError, match="Parameter validation failed: no bucket"):
        read_bytes("service://Bad Bucket!!/x.jpg")
    assert len(service.failures) == 1


def test_a_service_is_asked_only_so_often(service: Any) -> None:
    """Six times."""
    service.failures += [TimeoutError() for _ in range(100)]
    with pytest.raises(TimeoutError):
        Folder("service://bucket/place").write("a", b"x")
    assert len(service.failures) == 100 - ATTEMPTS


# Addresses


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/a/b", Path("/a/b")),
        ("a::b", Path("a::b")),
        ("file:///a/b c%20", Path("/a/b c%20")),
        ("s3://bucket/a", None),
        ("service://a", None),
    ],
)
def test_addresses_of_this_machine_are_known(address: str, expected: Path | None) -> None:
    """Paths, and file:// before one, in which nothing is escaped."""
    assert local_path(address) == expected


def test_an_unknown_kind_of_address_is_refused() -> None:
    """With the kinds that are known."""
    with pytest.raises(LeaderboardError, match=r"^nonsense://a: nonsense:// is unknown; give a path, file://, s3://"):
        locate("nonsense://a")


@pytest.mark.parametrize(
    ("protocol", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("absent", "the fsspec package for absent")]
)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, protocol: str, package: str) -> None:
    """By the name that pip knows it by."""
    monkeypatch.setitem(known_implementations, protocol, {"class": "no_such_package.FileSystem", "err": "install it"})
    monkeypatch.delitem(_registry, protocol, raising=False)  # what another test has imported
    with pytest.raises(Unavailable, match=f"{protocol}://a needs {package}, which is not installed"):
        locate(f"{protocol}://a")


def test_without_fsspec_other_places_are_unavailable_and_the_disk_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(Unavailable, match=r"pip install 'fossil-leaderboard\[shards\]'"):
        places.read_bytes("s3://bucket/a")
    Folder(str(tmp_path)).write("a", b"x")
    assert Folder(str(tmp_path)).read("a") == b"x"
