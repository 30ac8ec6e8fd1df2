"""Drawn images, toy entries, and a Hub of tiny repositories on this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leaderboard.records import ModelSpec, Preprocessing

TOY = ModelSpec(
    id="toy",
    title="Toy",
    library="timm",
    sources=(),
    architecture="test_efficientnet",
    pooling="head",
    preprocessing=Preprocessing((160, 160), None, "bilinear", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
    dimension=256,
    licence=None,
)


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    """The toy entry with some of its fields changed."""
    return lambda **changes: replace(TOY, **changes)


@pytest.fixture
def draw() -> Callable[..., list[Image.Image]]:
    """``draw(3, (80, 60))``: RGB images of that (width, height), each another ellipse in noise."""

    def draw(count: int, size: tuple[int, int] = (90, 70)) -> list[Image.Image]:
        generator = np.random.default_rng(5)
        width, height = size
        y, x = np.mgrid[0:height, 0:width]
        images = []
        for number in range(count):
            inside = ((x / width - 0.5) / (0.2 + 0.03 * number)) ** 2 + ((y / height - 0.5) / 0.35) ** 2 < 1
            noise = generator.integers(0, 60, (height, width, 3))
            tint = generator.integers(40, 190, 3)
            images.append(Image.fromarray((np.where(inside[..., None], tint, 195) + noise).astype(np.uint8)))
        return images

    return draw


class Hub(ThreadingHTTPServer):
    """The parts of the Hub's interface that downloading one snapshot needs."""

    daemon_threads = True

    def __init__(self) -> None:
        self.branches: dict[str, dict[str, str]] = {}  # repository -> branch -> commit
        self.commits: dict[str, dict[str, bytes]] = {}  # commit -> files
        self.refusals: dict[str, tuple[int, str]] = {}  # beginning of a path -> status, X-Error-Code
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), HubHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def push(self, repository: str, files: dict[str, bytes], commit: str) -> None:
        """Make ``commit`` the head of the repository's main branch."""
        self.branches.setdefault(repository, {})["main"] = commit
        self.commits[commit] = files

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a path."""
        for beginning, (status, code) in self.refusals.items():
            if path.startswith(beginning):
                return status, {"X-Error-Code": code}, b""
        api = re.fullmatch(r"/api/models/(\w+/\w+)/(revision|tree)/(\w+)", path)
        file = re.fullmatch(r"/(\w+/\w+)/(resolve)/(\w+)/(.+)", path)
        repository, kind, revision = (api or file).group(1, 2, 3) if api or file else ("", "", "")
        branches = self.branches.get(repository)
        if branches is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        commit = branches.get(revision, revision)
        if commit not in self.commits:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        return self._content(repository, kind, commit, file.group(4) if file else "")

    def _content(self, repository: str, kind: str, commit: str, name: str) -> tuple[int, dict[str, str], bytes]:
        files = self.commits[commit]
        if kind == "resolve":
            headers = {"ETag": f'"{hash((name, commit)) & 0xFFFFFFFF:x}"', "X-Repo-Commit": commit}
            return (200, headers, files[name]) if name in files else (404, {"X-Error-Code": "EntryNotFound"}, b"")
        siblings = [{"rfilename": path, "size": len(content)} for path, content in files.items()]
        tree = [{"type": "file", "path": path, "size": len(content), "oid": path} for path, content in files.items()]
        body: Any = tree if kind == "tree" else {"id": repository, "sha": commit, "siblings": siblings}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        """Answer HEAD too: the same without its body."""
        path = self.path.split("?")[0]
        self.server.requests.append(f"{self.command} {path}")
        status, headers, body = self.server.answer(path)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty Hub cache and no endpoint: no test here reads the user's cache or leaves this machine."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import close_session, constants

    cache = tmp_path / "hub-cache"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    point_to(monkeypatch, "http://127.0.0.1:9")
    close_session()
    return cache


def point_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What HF_ENDPOINT does; huggingface_hub reads it once, when it is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture
def hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running Hub, to which the real client talks."""
    server = Hub()
    point_to(monkeypatch, server.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
