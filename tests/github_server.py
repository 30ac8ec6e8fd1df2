"""As much of GitHub's REST interface as is used here, on this machine: for the real client, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hub_server import Answer, send_json

BOT = {"login": "github-actions[bot]", "type": "Bot"}  # as whom a workflow's token writes
NAME, TOKEN = "owner/leaderboard", "the-token-of-a-workflow"
Body = dict[str, Any]


def user(login: str) -> Body:
    """Anybody who is no bot."""
    return {"login": login, "type": "User"}


@dataclass(frozen=True)
class Asked:
    """What a client asked, and of which of the two hosts: "api" or "storage"."""

    server: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: Body

    @property
    def line(self) -> str:
        """In short, as ``GitHubServer.requests`` has it: "PATCH /issues/3", without the repository."""
        return f"{self.method} {self.path.removeprefix(f'/repos/{NAME}')}"


@dataclass
class GitHubServer:
    """A repository, set up by its attributes; what is written through the interface is found in them.

    ``faults`` maps the beginning of a request's line to the answer it gets instead. ``listed`` is what the list of
    artifacts says otherwise than is true: ``{"measured-toy": {"expired": True}}``.
    """

    pulls: dict[int, Body] = field(default_factory=dict)  # number -> state, head (sha), branch, owner, base
    comments: dict[int, list[Body]] = field(default_factory=dict)  # of a pull request or an issue
    issues: dict[int, Body] = field(default_factory=dict)
    runs: dict[int, Body] = field(default_factory=dict)  # run -> head (sha), branch, owner
    artifacts: dict[int, dict[str, bytes]] = field(default_factory=dict)  # run -> name -> zip file
    listed: dict[str, Body] = field(default_factory=dict)
    faults: dict[str, Answer] = field(default_factory=dict)
    seen: list[Asked] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: count(1))  # of comments
    page: int = 100  # most entries of a list in one answer

    def __enter__(self) -> GitHubServer:
        self._servers = [_Server(self, "api", "127.0.0.1"), _Server(self, "storage", "localhost")]
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def requests(self) -> list[str]:
        """Every request's line, in order."""
        return [asked.line for asked in self.seen]

    @property
    def writes(self) -> list[str]:
        """Those that change something."""
        return [asked.line for asked in self.seen if asked.method != "GET"]

    def environment(self) -> dict[str, str]:
        """The variables that a workflow would have."""
        hosts = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        return {"GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": self._servers[0].url} | hosts

    def propose(
        self, number: int, head: str, *, run: int | None = None, branch: str = "mine", owner: str = "fork"
    ) -> None:
        """Open a pull request from a fork; a ``run`` has measured its head."""
        place = {"head": head, "branch": branch, "owner": owner}
        self.pulls[number] = {"state": "open", "base": "main", **place}
        if run is not None:
            self.runs[run] = place

    def comment(self, number: int, body: str, author: Body) -> Body:
        """Somebody comments."""
        made = {"id": next(self.ids), "body": body, "user": author}
        self.comments.setdefault(number, []).append(made)
        return made

    def open_issue(self, title: str, body: str, author: Body) -> int:
        """Somebody opens one."""
        number = 1 + max([*self.issues, *self.pulls], default=0)
        self.issues[number] = {"title": title, "body": body, "user": author, "state": "open"}
        return number

    def answer(self, asked: Asked) -> Answer:
        """What a GitHub says that is well, unless a fault is due."""
        fault = next((answer for line, answer in self.faults.items() if asked.line.startswith(line)), None)
        if fault is not None:
            return fault
        if asked.server == "storage":
            return self._store(asked)
        if asked.headers.get("Authorization", "").partition(" ")[2] != TOKEN:
            return _refuse(401, "Bad credentials")
        if not asked.path.startswith(f"/repos/{NAME}"):
            return _refuse(404, "Not Found")
        for pattern, reply in ROUTES.items():
            if found := re.fullmatch(pattern, asked.line):
                try:
                    return reply(self, asked, *map(int, found.groups()))
                except KeyError:
                    break
        return _refuse(404, "Not Found")

    def _store(self, asked: Asked) -> Answer:
        """As a store does whose addresses are signed: another authorisation is an error."""
        if asked.headers.get("Authorization"):
            return Answer(400, {}, b"AuthenticationFailed")
        return Answer(200, {"Content-Type": "application/zip"}, self._contents()[int(asked.path.rpartition("/")[2])][1])

    def _contents(self) -> dict[int, tuple[str, bytes]]:
        every = [item for run in self.artifacts.values() for item in run.items()]
        return dict(enumerate(every, 1))

    def list(self, asked: Asked, entries: list[Body], item: str | None = None) -> Answer:
        """One page of a list; a header tells where the next one is."""
        page = int(asked.query.get("page", ["1"])[0])
        shown = entries[(page - 1) * self.page : page * self.page]
        answer = send_json({"total_count": len(entries), item: shown} if item else shown)
        if page * self.page < len(entries):
            answer.headers["Link"] = f'<{self._servers[0].url}{asked.path}?page={page + 1}>; rel="next"'
        return answer

    def url(self, path: str) -> str:
        """Of something of the repository."""
        return f"{self._servers[0].url}/repos/{NAME}{path}"

    def show_pull(self, number: int) -> Body:
        pull = self.pulls[number]
        head = {"sha": pull["head"], "ref": pull["branch"], "user": user(pull["owner"])}
        urls = {"url": self.url(f"/pulls/{number}"), "issue_url": self.url(f"/issues/{number}")}
        return {"number": number, "state": pull["state"], "head": head, "base": {"ref": pull["base"]}, **urls}

    def show_issue(self, number: int) -> Body:
        return {"id": 1000 + number, "number": number, "url": self.url(f"/issues/{number}"), **self.issues[number]}

    def show_run(self, number: int) -> Body:
        run = self.runs.get(number, {"head": "", "branch": "", "owner": "fork"})
        owner = {"owner": user(run["owner"]), "full_name": f"{run['owner']}/leaderboard"}
        urls = {
            "url": self.url(f"/actions/runs/{number}"),
            "artifacts_url": self.url(f"/actions/runs/{number}/artifacts"),
        }
        return {"id": number, "head_sha": run["head"], "head_branch": run["branch"], "head_repository": owner, **urls}

    def show_artifact(self, id_: int) -> Body:
        name, content = self._contents()[id_]
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        shown = {"id": id_, "name": name, "size_in_bytes": len(content), "expired": False, "digest": digest}
        return shown | self.listed.get(name, {})

    def show_comment(self, comment: Body) -> Body:
        return {**comment, "url": self.url(f"/issues/comments/{comment['id']}")}

    def find_comment(self, id_: int) -> tuple[list[Body], Body]:
        found = [(own, one) for own in self.comments.values() for one in own if one["id"] == id_]
        return dict(enumerate(found))[0]  # KeyError: 404

    def list_issues(self, asked: Asked) -> Answer:
        """Pull requests among them, as GitHub does."""
        issues = [self.show_issue(number) for number, one in self.issues.items() if one["state"] == "open"]
        pulls = [{"id": n, "number": n, "body": "", "user": user("fork"), "pull_request": {}} for n in self.pulls]
        return self.list(asked, issues + pulls)

    def list_pulls(self, asked: Asked) -> Answer:
        head = asked.query["head"][0]
        own = [
            n for n, one in self.pulls.items() if f"{one['owner']}:{one['branch']}" == head and one["state"] == "open"
        ]
        return self.list(asked, [self.show_pull(number) for number in own])

    def list_artifacts(self, asked: Asked, run: int) -> Answer:
        names = self.artifacts.get(run, {})
        own = [id_ for id_, item in self._contents().items() if item in names.items()]
        return self.list(asked, [self.show_artifact(id_) for id_ in own], "artifacts")

    def redirect(self, asked: Asked, id_: int) -> Answer:
        """To the storage, by an address that is its own permission."""
        return Answer(302, {"Location": f"{self._servers[1].url}/signed/{id_}"})

    def edit_issue(self, asked: Asked, number: int) -> Answer:
        self.issues[number] |= asked.body
        return send_json(self.show_issue(number))

    def edit_comment(self, asked: Asked, id_: int) -> Answer:
        _, comment = self.find_comment(id_)
        comment |= asked.body
        return send_json(self.show_comment(comment))

    def delete_comment(self, asked: Asked, id_: int) -> Answer:
        own, comment = self.find_comment(id_)
        own.remove(comment)
        return Answer(204)


def _refuse(status: int, message: str) -> Answer:
    answer = send_json({"message": message})
    answer.status = status
    return answer


Reply = Callable[..., Answer]
ROUTES: dict[str, Reply] = {  # a request's line -> what answers it, with the numbers in it
    r"GET ": lambda hub, _: send_json({"full_name": NAME, "url": hub.url("")}),
    r"GET /pulls": GitHubServer.list_pulls,
    r"GET /pulls/(\d+)": lambda hub, _, number: send_json(hub.show_pull(number)),
    r"GET /issues": GitHubServer.list_issues,
    r"GET /issues/(\d+)/comments": lambda hub, asked, number: hub.list(
        asked, [hub.show_comment(one) for one in hub.comments.get(number, [])]
    ),
    r"POST /issues": lambda hub, asked: send_json(
        hub.show_issue(hub.open_issue(asked.body["title"], asked.body["body"], BOT))
    ),
    r"PATCH /issues/(\d+)": GitHubServer.edit_issue,
    r"POST /issues/(\d+)/comments": lambda hub, asked, number: send_json(
        hub.show_comment(hub.comment(number, asked.body["body"], BOT))
    ),
    r"PATCH /issues/comments/(\d+)": GitHubServer.edit_comment,
    r"DELETE /issues/comments/(\d+)": GitHubServer.delete_comment,
    r"GET /actions/runs/(\d+)": lambda hub, _, run: send_json(hub.show_run(run)),
    r"GET /actions/runs/(\d+)/artifacts": GitHubServer.list_artifacts,
    r"GET /actions/artifacts/(\d+)/zip": GitHubServer.redirect,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: GitHubServer, role: str, host: str) -> None:
        self.hub, self.role = hub, role
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://{host}:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer every method: the routes tell them apart."""
        url = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(sent) if sent else {}
        asked = Asked(self.server.role, self.command, url.path, parse_qs(url.query), self.headers, body)
        self.server.hub.seen.append(asked)
        answer = self.server.hub.answer(asked)
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers, "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""
