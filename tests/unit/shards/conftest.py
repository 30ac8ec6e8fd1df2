"""What a collection is made of in these tests: small files, tars, places, and runs with a toy for a network."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from leaderboard.records import RunOptions
from leaderboard.shards.build import Outcome, Settings, embed_collection
from leaderboard.shards.engines import LocalEngine
from leaderboard.shards.model_choice import ModelChoice
from leaderboard.shards.places import Folder


class Service(MemoryFileSystem):
    """A filesystem in memory that counts what is read, and fails as often as it is told to."""

    protocol = "service"
    store: dict[str, Any] = {}  # noqa: RUF012  # its own, as MemoryFileSystem has one
    pseudo_dirs = [""]  # noqa: RUF012
    failures: list[Exception] = []  # noqa: RUF012  # the next ones, of any kind of request
    reads: list[tuple[int | None, int | None]] = []  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("service://", "memory://")))

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        self._fail()
        self.reads.append((start, end))
        return bytes(super().cat_file(path, start=start, end=end, **options))

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        self._fail()
        super().pipe_file(path, value, **options)

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        self._fail()
        return super().ls(path, detail=detail, **options)

    def info(self, path: str, **options: Any) -> Any:
        self._fail()
        return super().info(path, **options)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Service]]:
    """An empty ``service://``; pauses between attempts are not waited for."""
    fsspec.register_implementation("service", Service, clobber=True)
    monkeypatch.setattr("leaderboard.shards.places.FIRST_PAUSE", 0.0)
    yield Service
    for kept in (Service.store, Service.failures, Service.reads):
        kept.clear()
    Service.pseudo_dirs[:] = [""]


@pytest.fixture(params=["disk", "url", "service"])
def place(request: pytest.FixtureRequest, service: type[Service], tmp_path: Path) -> str:
    """The address of a folder that is not there yet: a path, a ``file://`` URL, or elsewhere."""
    addresses = {"disk": f"{tmp_path}/place", "url": f"file://{tmp_path}/place", "service": "service://bucket/place"}
    return addresses[request.param]


@pytest.fixture
def save() -> Callable[..., None]:
    """Puts files below an address, whatever kind of place it is: ``save(address, {"a/b.jpg": content})``."""

    def put(address: str | Path, files: Mapping[str, bytes]) -> None:
        filesystem, root = fsspec.core.url_to_fs(str(address))
        for name, content in files.items():
            filesystem.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
            filesystem.pipe_file(f"{root}/{name}", content)

    return put


def draw_image(seed: int, *, form: str = "JPEG", size: tuple[int, int] = (16, 12)) -> bytes:
    """An image file of noise; every seed another one."""
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, form)
    return stream.getvalue()


@pytest.fixture(scope="session")
def draw() -> Callable[..., bytes]:
    """The bytes of an image file: ``draw(seed, form="PNG", size=(width, height))``."""
    return draw_image


@pytest.fixture(scope="session")
def pack_tar() -> Callable[..., bytes]:
    """The bytes of a tar: ``pack_tar({"a/b.jpg": content})``; names may be of any form, content None makes a folder."""

    def pack(members: Mapping[str, bytes | None], form: int = tarfile.GNU_FORMAT) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
                member.size = len(content or b"")
                archive.addfile(member, io.BytesIO(content or b""))
        return stream.getvalue()

    return pack


@pytest.fixture
def make_choice(doubles: ModuleType) -> Callable[..., ModelChoice]:
    """A toy as it is chosen: ``make_choice(threads=2, batch_size=None)``."""

    def make(*, threads: int | None = 2, batch_size: int | None = None) -> ModelChoice:
        return ModelChoice(doubles.toy_spec(), (), RunOptions(batch_size=batch_size), threads)

    return make


@pytest.fixture
def run(toy: Callable[..., Any], make_choice: Callable[..., ModelChoice]) -> Callable[..., Outcome]:
    """Embed a collection with a toy, shards of four: ``run(source, out, engine=..., shard_size=4, ...)``."""

    def embed(
        source: str | Path,
        out: str | Path,
        *,
        engine: LocalEngine | None = None,
        choice: ModelChoice | None = None,
        shard_size: int | None = 4,
        **settings: Any,
    ) -> Outcome:
        return embed_collection(
            str(source),
            Folder(str(out)),
            choice or make_choice(),
            engine or LocalEngine(toy()),
            Settings(shard_size=shard_size, **settings),
        )

    return embed
