"""Fetching a data set from a real HTTP server that behaves well, badly, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.datasets import archive, load_dataset
from leaderboard.datasets.archive import unpack
from leaderboard.datasets.listing import digest_of
from leaderboard.download import ATTEMPTS, download
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable
from leaderboard.records import DatasetSpec, RunOptions

TOP = "scampi-416e5c1"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own, no data from outside, and no proxy in between."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEADERBOARD_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache"


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(stream, "png")
    return stream.getvalue()


IMAGES = {f"{folder}/{number}.png": png(number) for folder in ("cyst", "pollen") for number in range(6)}


def tar_of(
    files: dict[str, bytes], *extra: tarfile.TarInfo, top: str = f"{TOP}/images/", compression: str = "gz"
) -> bytes:
    """A tar archive of files below ``top``, and of bare members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as tar:
        for member in extra:
            tar.addfile(member, io.BytesIO(b"\0" * member.size))
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zip_of(files: dict[str, bytes], *extra: zipfile.ZipInfo, top: str = f"{TOP}/images/") -> bytes:
    """A zip archive of files below ``top``, and of bare members of three bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in extra:
            packed.writestr(member, b"bad")
        for name, content in files.items():
            packed.writestr(top + name, content)
    return stream.getvalue()


def member_of(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", size: int = 0) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, size
    return member


ARCHIVE = tar_of(IMAGES)


@dataclass
class Server:
    """What the server sends and how; what it was asked."""

    url: str
    content: bytes = ARCHIVE
    status: int = 200
    ranges: bool = True  # honours Range
    cuts: int = 0  # how many answers break off half-way
    silent: threading.Event | None = None  # answer only when set
    asked: list[str | None] = field(default_factory=list)  # Range header of each request
    sent: int = 0  # bytes of all bodies


@pytest.fixture
def server() -> Iterator[Server]:
    """A real server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            if state.silent is not None:
                state.silent.wait(10)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
            if start and start >= len(state.content):
                self.send_error(416)
                return
            if state.status != 200:
                self.send_error(state.status)
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.cuts:
                state.cuts -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body)
            state.sent += len(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        state = Server(f"http://127.0.0.1:{running.server_port}/toy.tar.gz")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield state
        if state.silent is not None:
            state.silent.set()
        running.shutdown()
        thread.join()


def spec_of(url: str) -> DatasetSpec:
    return DatasetSpec(
        id="toy-data",
        title="Toy",
        kind="archive",
        classes=2,
        images=len(IMAGES),
        digest=digest_of({name: hashlib.sha256(content).hexdigest() for name, content in IMAGES.items()}),
        licence=None,
        attribution="nobody",
        url=url,
        subfolder="*/images",
        download="20 kB",
    )


def assert_fetched(root: Path) -> None:
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert found == IMAGES


def failure(spec: DatasetSpec, kind: type[LeaderboardError], cache: Path, **options: float) -> str:
    """The message of a failed fetch, which is one line and leaves no data set behind."""
    with pytest.raises(kind) as caught:
        load_dataset(spec, RunOptions(**options))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert not list((cache / "datasets").iterdir()), "a failed fetch left something where data sets are"
    return str(caught.value)


def assert_recovers(server: Server, cache: Path) -> None:
    """With the server in order, the next run succeeds and leaves nothing but the data set."""
    server.content, server.status, server.ranges, server.cuts = ARCHIVE, 200, True, 0
    assert_fetched(load_dataset(spec_of(server.url)).root)
    assert [path.name for path in (cache / "datasets").iterdir()] == ["toy-data"]
    assert not list((cache / "downloads").iterdir())


def test_plain_download(server: Server, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A data set that is nowhere is fetched, once; what and how much is said first, on stderr."""
    dataset = load_dataset(spec_of(server.url))
    assert dataset.root == cache / "datasets" / "toy-data"
    assert_fetched(dataset.root)
    assert load_dataset(spec_of(server.url)) == dataset
    assert server.asked == [None]
    assert not list((cache / "downloads").iterdir())
    captured = capsys.readouterr()
    assert f"toy-data: fetching 20 kB from {server.url}" in captured.err
    assert captured.out == ""


def test_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    """A download cut half-way goes on where it stopped: no byte is sent twice, and all are right."""
    server.cuts = 2
    download(server.url, tmp_path / "a.tar.gz")
    half = len(ARCHIVE) // 2
    assert server.asked[:2] == [None, f"bytes={half}-"]
    assert len(server.asked) == 3
    assert server.sent == len(ARCHIVE)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


def test_earlier_part_is_resumed(server: Server, tmp_path: Path) -> None:
    """What an earlier, killed run left is not fetched again."""
    (tmp_path / "a.tar.gz.part").write_bytes(ARCHIVE[:100])
    download(server.url, tmp_path / "a.tar.gz")
    assert server.asked == ["bytes=100-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


@pytest.mark.parametrize("surplus", [b"", b"more than there is"])
def test_part_as_long_as_the_file_starts_again(server: Server, tmp_path: Path, surplus: bytes) -> None:
    """When the server has nothing beyond the part (416), the part is not trusted and all is fetched anew."""
    (tmp_path / "a.tar.gz.part").write_bytes(b"\0" * len(ARCHIVE) + surplus)
    download(server.url, tmp_path / "a.tar.gz")
    assert len(server.asked) == 2
    assert server.asked[1] is None
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    """A server that answers 200 to a Range request sends everything, and nothing is appended twice."""
    server.cuts, server.ranges = 1, False
    download(server.url, tmp_path / "a.tar.gz")
    assert server.asked == [None, f"bytes={len(ARCHIVE) // 2}-"]
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_connection_that_always_breaks(server: Server, cache: Path) -> None:
    """After three attempts the data set is unavailable; what arrived is kept for the next run."""
    server.cuts = 99
    message = failure(spec_of(server.url), Unavailable, cache)
    assert "the connection broke" in message
    assert "run again to go on" in message
    assert len(server.asked) == ATTEMPTS
    sent = server.sent
    assert_recovers(server, cache)
    assert server.sent == len(ARCHIVE)
    assert server.asked[-1] == f"bytes={sent}-"


@pytest.mark.parametrize("status", [404, 503, 416])
def test_refusal_is_unavailable(server: Server, cache: Path, status: int) -> None:
    """A server that refuses makes the data set unavailable, with its address."""
    server.status = status
    message = failure(spec_of(server.url), Unavailable, cache)
    assert server.url in message
    if status != 416:  # without a part it makes no sense, and is tried again
        assert f"answers {status}" in message
        assert len(server.asked) == (1 if status == 404 else ATTEMPTS)  # an overloaded server is asked again
    assert_recovers(server, cache)


def test_page_instead_of_an_archive(server: Server, cache: Path) -> None:
    """An HTML page with status 200 (a login, a proxy) is no archive; it does not stay in the way."""
    server.content = b"<!doctype html><title>Sign in</title>" * 50
    assert "is no sound archive of images" in failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_archive(server: Server, cache: Path, compression: str, share: float) -> None:
    """An archive that is complete for HTTP and yet cut, anywhere, is refused and removed."""
    whole = tar_of(IMAGES, compression=compression)
    server.content = whole[: int(len(whole) * share)]
    message = failure(spec_of(server.url), CheckFailed, cache)
    assert "is no sound archive of images" in message
    assert "removed, run again" in message
    assert_recovers(server, cache)


@pytest.mark.parametrize("compression", ["gz", "xz"])
def test_damaged_archive(server: Server, cache: Path, compression: str) -> None:
    """Bytes changed on the way are noticed, by the compression, by tar or by the digest."""
    draws = np.random.default_rng(0)
    for _ in range(25):
        content = bytearray(tar_of(IMAGES, compression=compression))
        for place in draws.integers(10, len(content) - 8, 3):
            content[place] ^= 0xFF
        server.content = bytes(content)
        failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


def test_archive_with_garbage_inside(server: Server, cache: Path) -> None:
    """A gzip stream that stops being one half-way is refused and removed."""
    plain = gzip.decompress(ARCHIVE)
    server.content = gzip.compress(plain[: len(plain) // 2]) + b"<html>502</html>" * 10
    assert "removed, run again" in failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


def test_other_images_than_declared(server: Server, cache: Path) -> None:
    """A sound archive with other content fails verification with both counts and does not stay."""
    server.content = tar_of({name: IMAGES[name] for name in list(IMAGES)[:-1]})
    message = failure(spec_of(server.url), CheckFailed, cache)
    assert "11 images in 2 classes, expected 12 in 2" in message
    assert "datasets.yaml" in message
    assert_recovers(server, cache)


def test_archive_without_the_subfolder(server: Server, cache: Path) -> None:
    """Says which place, and keeps the archive: it is the entry that is wrong, or else the file is to be removed."""
    server.content = tar_of(IMAGES, top=f"{TOP}/elsewhere/")
    message = failure(spec_of(server.url), CheckFailed, cache)
    [archive] = (cache / "downloads").iterdir()
    assert f"has no images below */images; correct the subfolder, or remove {archive} to fetch it again" in message
    archive.unlink()
    assert_recovers(server, cache)


def test_refused_connection(server: Server, cache: Path) -> None:
    """A port where nobody listens makes the data set unavailable."""
    with socket.socket() as bound:  # bound and not listening: nobody else takes the port meanwhile
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/toy.tar.gz"
        message = failure(spec_of(url), Unavailable, cache)
    assert url in message
    assert "refused" in message
    assert_recovers(server, cache)


def test_hanging_server(server: Server, cache: Path) -> None:
    """A server that takes the connection and never answers is given up after the limit, at once."""
    server.silent = threading.Event()
    assert "timed out" in failure(spec_of(server.url), Unavailable, cache, hub_timeout=0.3)
    server.silent.set()
    server.silent = None
    assert_recovers(server, cache)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[bytes], Path]:
    """Unpacks an archive into an inner folder of an otherwise empty one."""

    def run(content: bytes) -> Path:
        archive = tmp_path / "a.tar.gz"
        archive.write_bytes(content)
        unpack(archive, tmp_path / "outer" / "inner", subfolder="*/images")
        return tmp_path / "outer" / "inner"

    return run


def test_only_images_of_the_subfolder_are_taken(unpacked: Callable[[bytes], Path]) -> None:
    """Other folders, files beside the subfolder, notes and system files stay in the archive."""
    others = ["other/cyst/1.png", "images-2/cyst/1.png", "1.png", "images", "images.png"]
    strays = ["images/.DS_Store", "images/cyst/Thumbs.db", "images/cyst/notes.txt", "images/run.sh"]
    extra = [member_of(f"{TOP}/{name}") for name in others + strays]
    folder = unpacked(tar_of(IMAGES, *extra, member_of("pax_global_header"), member_of(f"{TOP}/images", b"5")))
    assert files_in(folder.parent) == {f"inner/{name}" for name in IMAGES}
    assert_fetched(folder)


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize(
    ("top", "subfolder"),
    [("", ""), ("./", ""), ("data/", "data"), ("a/b c/d/", "a/b c/d"), ("v1/b/", "*/b"), ("v1/b/", "v1/*")],
)
def test_subfolder_of_the_archive(tmp_path: Path, pack: Callable[..., bytes], top: str, subfolder: str) -> None:
    """At the root, below one folder or several, or below one of any name."""
    (tmp_path / "a").write_bytes(pack(IMAGES, top=top))
    unpack(tmp_path / "a", tmp_path / "out", subfolder=subfolder)
    assert_fetched(tmp_path / "out")


def test_zip_archive(server: Server, cache: Path) -> None:
    """What an archive is, its content tells, not its name; only images of the subfolder are taken."""
    strays = [zipfile.ZipInfo(f"{TOP}/{name}") for name in ("notes.txt", "images/cyst/run.sh", "other/cyst/1.png")]
    server.content = zip_of(IMAGES, *strays, zipfile.ZipInfo(f"{TOP}/images/empty.png/"))
    assert_fetched(load_dataset(spec_of(server.url)).root)
    assert not list((cache / "downloads").iterdir())


@pytest.mark.parametrize("name", ["../evil.png", "cyst/../../evil.png", "c/../../../../evil.png"])
def test_name_in_a_zip_that_leaves_the_folder(unpacked: Callable[[bytes], Path], tmp_path: Path, name: str) -> None:
    """It makes the archive unsound; nothing is written outside."""
    with pytest.raises(CheckFailed, match="would leave the folder"):
        unpacked(zip_of(IMAGES, zipfile.ZipInfo(f"{TOP}/images/{name}")))
    assert not list(tmp_path.rglob("evil.png"))


def test_absolute_name_in_an_archive_without_subfolder(tmp_path: Path) -> None:
    """It is refused, not followed."""
    for pack in (tar_of, zip_of):
        (tmp_path / "a").write_bytes(pack({str(tmp_path / "evil.png"): b"bad"}, top=""))
        with pytest.raises(CheckFailed, match="would leave the folder"):
            unpack(tmp_path / "a", tmp_path / "out")
        assert not (tmp_path / "evil.png").exists()


def test_links_in_a_zip_are_left_out(unpacked: Callable[[bytes], Path]) -> None:
    """Only regular files are taken, whatever else has an image's name."""
    link = zipfile.ZipInfo(f"{TOP}/images/cyst/evil.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert files_in(unpacked(zip_of(IMAGES, link))) == set(IMAGES)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_truncated_zip(server: Server, cache: Path, share: float) -> None:
    """It is refused and removed, wherever it ends."""
    whole = zip_of(IMAGES)
    server.content = whole[: max(4, int(len(whole) * share))]
    assert "removed, run again" in failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


def test_damaged_zip(server: Server, cache: Path) -> None:
    """Bytes changed on the way are noticed, by the compression, by the checksums or by the digest."""
    draws = np.random.default_rng(0)
    for _ in range(25):
        content = bytearray(zip_of(IMAGES))
        for place in draws.integers(10, len(content) - 30, 3):
            content[place] ^= 0xFF
        server.content = bytes(content)
        failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


def test_encrypted_zip(unpacked: Callable[[bytes], Path]) -> None:
    """Nobody here knows the password."""
    content = bytearray(zip_of({"cyst/1.png": b"secret"}))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + place] |= 1  # the flag that says so
    with pytest.raises(CheckFailed, match=r"no sound archive of images.*encrypted"):
        unpacked(bytes(content))


def test_more_bytes_than_images_have(unpacked: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """All members together have a limit too."""
    monkeypatch.setattr(archive, "MAX_BYTES", sum(map(len, IMAGES.values())) - 1)
    with pytest.raises(CheckFailed, match="unpacks to more than"):
        unpacked(zip_of(IMAGES))


def test_sha256_of_the_archive(server: Server, cache: Path) -> None:
    """The declared one is fetched and unpacked; the images are then verified by their number."""
    spec = replace(spec_of(server.url), digest=None, sha256=hashlib.sha256(ARCHIVE).hexdigest())
    assert_fetched(load_dataset(spec).root)


def test_another_archive_than_declared(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything of it is unpacked, with both digests, and does not stay."""
    spec = replace(spec_of(server.url), sha256="0" * 64)
    monkeypatch.setattr("leaderboard.datasets.unpack", lambda *_, **__: pytest.fail("unpacked"))
    message = failure(spec, CheckFailed, cache)
    assert f"{server.url} came with sha256 {hashlib.sha256(ARCHIVE).hexdigest()}, expected {'0' * 64}" in message
    assert "correct the entry's sha256" in message
    assert not list((cache / "downloads").iterdir())


@pytest.mark.parametrize("prefix", ["./", "a/../"])
def test_name_of_the_top_folder(unpacked: Callable[[bytes], Path], prefix: str, tmp_path: Path) -> None:
    """A leading './' is nothing; a top folder written with '..' is not followed."""
    content = tar_of(IMAGES, top=f"{prefix}{TOP}/images/")
    if prefix == "./":
        assert_fetched(unpacked(content))
        return
    with pytest.raises(CheckFailed, match="has no images below"):
        unpacked(content)
    assert not (tmp_path / "outer").exists()


@pytest.mark.parametrize("name", ["../evil.jpg", "cyst/../../evil.jpg", "../../../../evil.jpg"])
def test_name_that_leaves_the_folder(unpacked: Callable[[bytes], Path], tmp_path: Path, name: str) -> None:
    """A member that climbs out of the folder makes the archive unsound; nothing is written outside."""
    with pytest.raises(CheckFailed, match="no sound archive of images"):
        unpacked(tar_of(IMAGES, member_of(f"{TOP}/images/{name}", size=3)))
    assert not list(tmp_path.rglob("evil.jpg"))
    assert not (tmp_path / "a.tar.gz").exists()


def test_absolute_name_stays_inside(unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    """An absolute name is not followed."""
    outside = tmp_path / "evil.jpg"
    folder = unpacked(tar_of(IMAGES, member_of(str(outside), size=3), member_of(f"{TOP}/images/{outside}x", size=3)))
    assert not outside.exists()
    assert {name for name in files_in(tmp_path) if "evil" not in name} == {"a.tar.gz"} | {
        f"outer/inner/{name}" for name in IMAGES
    }
    assert all(path.is_relative_to(folder) for path in tmp_path.rglob("*evil*"))


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "0.png"),
        (tarfile.LNKTYPE, f"{TOP}/images/cyst/0.png"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_are_left_out(unpacked: Callable[[bytes], Path], kind: bytes, link: str) -> None:
    """Only regular files are taken, whatever else has an image's name."""
    folder = unpacked(tar_of(IMAGES, member_of(f"{TOP}/images/cyst/evil.png", kind, link=link)))
    assert files_in(folder) == set(IMAGES)


def test_folder_link_is_not_followed(unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    """A file below a symbolic link of the same archive lands inside, in a real folder."""
    link = member_of(f"{TOP}/images/way", tarfile.SYMTYPE, link=str(tmp_path))
    folder = unpacked(tar_of(IMAGES, link, member_of(f"{TOP}/images/way/evil.png", size=3)))
    assert (folder / "way" / "evil.png").is_file()
    assert not (tmp_path / "evil.png").exists()


def test_name_that_is_file_and_folder(unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    """Members that contradict each other make the archive unsound."""
    members = [member_of(f"{TOP}/images/a.png", size=3), member_of(f"{TOP}/images/a.png/b.png", size=3)]
    with pytest.raises(CheckFailed, match="no sound archive of images"):
        unpacked(tar_of(IMAGES, *members))
    with pytest.raises(CheckFailed, match="no sound archive of images"):
        unpacked(tar_of(IMAGES, member_of(f"{TOP}/images/c/b.png/d.png"), member_of(f"{TOP}/images/c/b.png", size=3)))


def test_oversized_member(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member above the limit is refused before it is unpacked, with its size; the archive does not stay."""
    server.content = tar_of(IMAGES, member_of(f"{TOP}/images/cyst/huge.png", size=50_000))
    monkeypatch.setattr(archive, "MAX_FILE_BYTES", 49_999)
    assert "huge.png unpacks to 50,000 bytes" in failure(spec_of(server.url), CheckFailed, cache)
    assert_recovers(server, cache)


def test_unwritable_place_is_unavailable(tmp_path: Path) -> None:
    """When the folder cannot be made, the archive is not to blame, and stays."""
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(ARCHIVE)
    with pytest.raises(Unavailable, match="cannot be unpacked"):
        unpack(archive, tmp_path / ("x" * 300), subfolder="*/images")
    assert archive.exists()


LOAD_ALONE = """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_fetch import assert_fetched, load_dataset, spec_of
    print("ready", flush=True)
    sys.stdin.readline()
    assert_fetched(load_dataset(spec_of(sys.argv[2])).root)
"""


def test_two_processes_fetch_once(server: Server, cache: Path) -> None:
    """Of two processes that need the same data set at once one fetches it, the other waits; both get it."""
    command = [sys.executable, "-c", textwrap.dedent(LOAD_ALONE), str(Path(__file__).parent), server.url]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    runs = [subprocess.Popen(command, env=os.environ, text=True, **pipes) for _ in range(2)]
    for run in runs:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin
        run.stdin.write("go\n")
        run.stdin.flush()
    errors = [run.communicate(timeout=30)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    assert server.asked == [None]
    assert [path.name for path in (cache / "datasets").iterdir()] == ["toy-data"]
