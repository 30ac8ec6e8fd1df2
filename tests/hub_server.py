"""A Hugging Face Hub on this machine: repositories, gates, tokens and faults, for the real client over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

LFS = (".safetensors", ".bin", ".pth", ".zip")  # the Hub keeps these elsewhere and redirects to them
REPOSITORY = r"(?P<repository>datasets/[\w.-]+/[\w.-]+|[\w.-]+/[\w.-]+|[\w.-]+)"
API = re.compile(
    rf"/api/(?:models/|(?=datasets/)){REPOSITORY}(?:/(?P<kind>revision|tree)/(?P<revision>[^/]+)(?:/(?P<name>.+))?)?"
)
RESOLVE = re.compile(rf"/{REPOSITORY}/(?P<kind>resolve)/(?P<revision>[^/]+)/(?P<name>.+)")
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to this network.</body></html>"
ANSWERS = ("status", "html", "hang")
TRANSMISSIONS = ("hang-body", "cut", "flip", "slow")
CLIENT_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


@dataclass(frozen=True)
class Request:
    """What a client asked, and of which of the two hosts."""

    server: str  # "hub" or "cdn"
    method: str
    path: str  # without the query
    query: dict[str, list[str]]
    headers: Message  # their names match in any case

    @property
    def line(self) -> str:
        """As ``Hub.requests`` has it, and as ``Fault.match`` sees it."""
        return f"{self.method} {self.path}"

    @property
    def token(self) -> str | None:
        """The bearer token that was sent along."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None


@dataclass
class Answer:
    """A status with headers and a body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Fault:
    """Something that goes wrong with the requests whose line contains ``match``; see ``Hub.fault``."""

    match: str
    kind: str
    times: int | None = None
    code: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    pad: bool = False
    after: int | None = None
    reset: bool = False
    seconds: float = 1.0
    hits: int = 0

    def concerns(self, request: Request, answer: Answer) -> bool:
        """Whether it is due; what spoils the content waits for an answer that has content."""
        content = request.method == "GET" and answer.status < 300
        return self.hits != self.times and self.match in request.line and (content or self.kind in ANSWERS)

    def replace(self, answer: Answer) -> Answer:
        """What is said in the server's place."""
        if self.kind == "status":
            return Answer(self.code, self.headers, self.body)
        if self.kind == "html":
            size = int(answer.headers.get("X-Linked-Size", len(answer.body))) if self.pad else len(LOGIN_PAGE)
            page = LOGIN_PAGE.ljust(size)[:size]
            return Answer(200, {"Content-Type": "text/html; charset=utf-8"}, page)
        return answer


class Hub:
    """Two servers: the Hub on 127.0.0.1, and on localhost the host that large files are redirected to.

    ``files`` are served at any path, without the Hub's headers. ``gated`` repositories show what they hold to anyone
    and give it to their token only; ``private`` ones are not there for another. ``metadata`` is what ``describe`` adds
    to what the files tell. ``refusals`` maps the beginning of a
    path to a status and X-Error-Code. ``fault`` describes what else may go wrong.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)  # the client would ask for this list once in a process
        (home / ".agent_harnesses.json").write_text('{"standardEnvVars": [], "harnesses": {}}')
        self.branches: dict[str, dict[str, str]] = {}  # repository -> branch -> commit
        self.commits: dict[tuple[str, str], dict[str, bytes]] = {}  # repository, commit -> files
        self.metadata: dict[str, dict[str, Any]] = {}  # repository -> what model_info says besides its files
        self.files: dict[str, bytes] = {}
        self.gated: dict[str, str] = {}
        self.private: dict[str, str] = {}
        self.refused_token: str | None = None
        self.refusals: dict[str, tuple[int, str]] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.seen: list[Request] = []
        self.ended = threading.Event()
        self._blobs: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self.server = Server(self, "hub", "127.0.0.1")
        self.cdn = Server(self, "cdn", "localhost")

    @property
    def url(self) -> str:
        """What HF_ENDPOINT has to be."""
        return self.server.url

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.server.stop()
        self.cdn.stop()

    def push(self, repository: str, files: dict[str, bytes], commit: str | None = None, *, branch: str = "main") -> str:
        """Make ``commit`` the head of the branch; by default it follows from the content.

        A data set's ``repository`` begins with ``datasets/``, as in its addresses.
        """
        hashes = {name: sha256(content) for name, content in files.items()}
        commit = commit or hashlib.sha1(json.dumps(sorted(hashes.items())).encode()).hexdigest()
        self.branches.setdefault(repository, {})[branch] = commit
        self.commits[repository, commit] = dict(files)
        self._blobs.update({hashes[name]: content for name, content in files.items()})
        return commit

    def describe(self, repository: str, *, licence: object = None, **metadata: Any) -> None:
        """What ``model_info`` says of a repository: ``library_name``, ``pipeline_tag``, ``tags``, ``safetensors``.

        ``licence`` is that of its card, or ``cardData`` is the whole card.
        """
        card = {"license": licence} if licence is not None else {}
        self.metadata[repository] = {"cardData": card, **metadata}

    def fault(self, match: str, kind: str, times: int | None = None, **details: Any) -> Fault:
        """Let requests whose "METHOD /path" contains ``match`` go wrong: so many ``times``, or for ever.

        The first fault that is due happens. These answer in the server's place:
            status: ``code``, ``headers`` (Retry-After, X-Error-Code), ``body``.
            html: 200 with a login page; ``pad=True`` makes it as large as the file.
            hang: nothing is sent until the hub ends.
        These spoil what it sends ``after`` so many bytes (half); redirections and HEAD requests do not use them up:
            hang-body: nothing more is sent until the hub ends.
            cut: the connection is closed; with ``reset=True`` it is reset.
            flip: one bit of the next byte differs.
            slow: the rest comes ``seconds`` later.
        """
        if kind not in ANSWERS + TRANSMISSIONS:
            raise ValueError(f"no such fault: {kind}")
        self.faults.append(Fault(match, kind, times, **details))
        return self.faults[-1]

    def due(self, request: Request, answer: Answer) -> Fault | None:
        """The fault that happens to this request."""
        with self._lock:  # requests come in parallel, and a fault that happens once happens to one of them
            fault = next((fault for fault in self.faults if fault.concerns(request, answer)), None)
            if fault is not None:
                fault.hits += 1
            return fault

    def environment(self) -> dict[str, str]:
        """The variables by which another process talks to this Hub; it has to lack CLIENT_VARIABLES."""
        hosts = "127.0.0.1,localhost"
        own = {"HF_ENDPOINT": self.url, "HF_HOME": str(self.home), "HF_HUB_CACHE": str(self.home / "hub")}
        return own | {"NO_PROXY": hosts, "no_proxy": hosts}

    def redirect_client(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Point this process to the Hub; huggingface_hub reads the variables once, when it is imported."""
        from huggingface_hub import close_session, constants, hf_api

        for name in CLIENT_VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)
        places = {
            "HF_HUB_CACHE": "hub",
            "HF_XET_CACHE": "xet",
            "HF_TOKEN_PATH": "token",
            "HF_STORED_TOKENS_PATH": "stored_tokens",
            "AGENT_HARNESSES_PATH": ".agent_harnesses.json",
        }
        values: dict[str, Any] = {name: str(self.home / place) for name, place in places.items()}
        values |= {"ENDPOINT": self.url, "HF_HUB_OFFLINE": False, "HF_HUB_DISABLE_IMPLICIT_TOKEN": False}
        values["HUGGINGFACE_CO_URL_TEMPLATE"] = self.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in values.items():
            monkeypatch.setattr(constants, name, value, raising=False)
        monkeypatch.setattr(hf_api.api, "endpoint", self.url)  # of huggingface_hub.model_info and the like
        close_session()  # an open one keeps the proxies that it was made with

    def answer(self, request: Request) -> Answer:
        """What a Hub without faults says."""
        for beginning, (status, code) in self.refusals.items():
            if request.path.startswith(beginning):
                return refuse(status, code)
        if request.path in self.files:
            content = self.files[request.path]
            return serve(request, content, sha256(content))
        if request.server == "cdn":
            digest = request.path.split("/")[-2]
            return serve(request, self._blobs[digest], digest) if digest in self._blobs else Answer(403)
        if self.refused_token is not None and request.token == self.refused_token:
            return refuse(401, message="Invalid credentials in Authorization header")
        wanted = API.fullmatch(request.path) or RESOLVE.fullmatch(request.path)
        return self._answer(request, **wanted.groupdict()) if wanted else Answer(404)

    def _answer(
        self, request: Request, repository: str, kind: str | None, revision: str | None, name: str | None
    ) -> Answer:
        if repository in self.private and request.token != self.private[repository]:
            return refuse(401, "RepoNotFound", "Invalid username or password.")
        if repository not in self.branches:
            return refuse(404, "RepoNotFound", "Repository not found")
        if kind == "resolve" and repository in self.gated and request.token != self.gated[repository]:
            return refuse(403 if request.token else 401, "GatedRepo", f"Access to model {repository} is restricted.")
        revision = unquote(revision or "main")
        commit = self.branches[repository].get(revision, revision)
        files = self.commits.get((repository, commit))
        if files is None:
            return refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if kind == "resolve":
            return self._resolve(request, repository, commit, files, unquote(name or ""))
        if kind == "tree":
            return send_json([describe(path, content, entry=True) for path, content in files.items()])
        full = request.query.get("blobs", ["false"])[0].lower() in ("true", "1")
        siblings = [
            describe(path, content, entry=False) if full else {"rfilename": path} for path, content in files.items()
        ]
        state = {"private": repository in self.private, "gated": "auto" if repository in self.gated else False}
        name = repository.removeprefix("datasets/")
        known = self.metadata.get(repository, {})
        return send_json({"id": name, "modelId": name, "sha": commit, "siblings": siblings, **known, **state})

    def _resolve(self, request: Request, repository: str, commit: str, files: dict[str, bytes], name: str) -> Answer:
        if name not in files:
            answer = refuse(404, "EntryNotFound", "Entry not found")
        elif not name.endswith(LFS):
            answer = serve(request, files[name], git_blob(files[name]))
        else:
            digest, size = sha256(files[name]), str(len(files[name]))
            location = f"{self.cdn.url}/cdn/{repository}/{digest}/{quote(name, safe='')}?Signature=signed"
            linked = {"Location": location, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": size}
            answer = Answer(302, linked, f"Found. Redirecting to {location}".encode())
        answer.headers["X-Repo-Commit"] = commit
        return answer


class Server(ThreadingHTTPServer):
    """One of the Hub's two hosts."""

    daemon_threads = True  # a request that hangs holds nothing up
    request_queue_size = 64

    def __init__(self, hub: Hub, role: str, host: str) -> None:
        self.hub = hub
        self.role = role
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://{host}:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer HEAD too: the same without its body."""
        hub, url = self.server.hub, urlsplit(self.path)
        request = Request(self.server.role, self.command, url.path, parse_qs(url.query), self.headers)
        hub.requests.append(request.line)
        hub.seen.append(request)
        answer = hub.answer(request)
        fault = hub.due(request, answer) or Fault("", "none")
        if fault.kind == "hang":
            hub.ended.wait()
            return
        answer = fault.replace(answer)
        self._send_head(answer)
        if self.command == "GET":
            self._send_body(answer.body, fault)

    do_HEAD = do_GET

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        # a connection serves one request, so that none outlives its test
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, body: bytes, fault: Fault) -> None:
        ended, start = self.server.hub.ended, len(body) // 2 if fault.after is None else fault.after
        if fault.kind == "flip":
            body = body[:start] + bytes(byte ^ 1 for byte in body[start : start + 1]) + body[start + 1 :]
        self.wfile.write(body[:start])
        if fault.kind == "hang-body":
            ended.wait()
        elif fault.kind == "cut" and fault.reset:
            self._reset()
        elif fault.kind != "cut":
            ended.wait(fault.seconds if fault.kind == "slow" else 0)
            self.wfile.write(body[start:])

    def _reset(self) -> None:
        time.sleep(0.05)  # a reset throws away what has not arrived yet
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it would keep the socket open
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_blob(content: bytes) -> str:
    """The name by which git knows a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def describe(path: str, content: bytes, *, entry: bool) -> dict[str, Any]:
    """A file as model_info lists it, or as an ``entry`` of a tree."""
    digest, size, blob, lfs = sha256(content), len(content), content, {}
    if path.endswith(LFS):  # git holds a pointer in its place
        blob = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()
        lfs = {"lfs": {"oid" if entry else "sha256": digest, "size": size, "pointerSize": len(blob)}}
    names = (
        {"type": "file", "path": path, "oid": git_blob(blob)}
        if entry
        else {"rfilename": path, "blobId": git_blob(blob)}
    )
    return names | {"size": size} | lfs


def send_json(value: Any) -> Answer:
    return Answer(200, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())


def refuse(status: int, code: str = "", message: str = "") -> Answer:
    """An error as the Hub tells it, in headers and in JSON."""
    known = {"X-Error-Code": code, "X-Error-Message": message}
    headers = {name: value for name, value in known.items() if value}
    body = json.dumps({"error": message}).encode() if message else b""
    return Answer(status, {"Content-Type": "application/json", **headers}, body)


def serve(request: Request, content: bytes, etag: str) -> Answer:
    """A file, or the part of it that was asked for."""
    headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if not wanted or not any(wanted.groups()) or request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        return Answer(200, headers, content)
    size, (first, last) = len(content), wanted.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        return Answer(416, headers | {"Content-Range": f"bytes */{size}"})
    return Answer(206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}, content[start:end])
