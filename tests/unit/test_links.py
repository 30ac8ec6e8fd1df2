"""Addresses, asked of a real server on this machine: what is gone, what refuses, what could not be asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub

from leaderboard.links import Link, check_links, collect_addresses
from leaderboard.records import Source

NAMED = ("model toy",)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Hub]:
    """A server with one page; the names of other hosts are unknown to this machine."""
    with Hub(tmp_path / "home") as server:
        server.files["/page"] = b"x" * 100_000
        yield server


def ask(*addresses: str, timeout: float = 5) -> list[Link]:
    """Without pauses."""
    return check_links(dict.fromkeys(addresses, NAMED), timeout=timeout, pause=0)


def ask_one(address: str, **options: Any) -> tuple[str, str]:
    """What becomes of one address."""
    (link,) = ask(address, **options)
    assert (link.address, link.named) == (address, NAMED)
    return link.answer, link.said


def test_a_page_that_is_there_is_asked_once_and_not_fetched(web: Hub) -> None:
    """By HEAD alone, by a client that says who it is."""
    assert ask_one(f"{web.url}/page") == ("there", "200 OK")
    assert web.requests == ["HEAD /page"]
    assert web.seen[0].headers["User-Agent"].startswith("fossil-leaderboard/")


@pytest.mark.parametrize("code", [400, 403, 404, 405, 429, 501, 503])
def test_a_server_that_refuses_head_is_asked_for_one_byte(web: Hub, code: int) -> None:
    """What it says to that counts."""
    web.fault("HEAD /page", "status", code=code)
    assert ask_one(f"{web.url}/page") == ("there", "206 Partial Content")
    assert web.requests == ["HEAD /page", "GET /page"]
    assert web.seen[1].headers["Range"] == "bytes=0-0"


def test_a_page_that_is_gone_is_asked_for_twice(web: Hub) -> None:
    """A server may err once."""
    assert ask_one(f"{web.url}/gone") == ("gone", "404 Not Found")
    assert web.requests == ["HEAD /gone", "GET /gone"] * 2
    web.fault("/page", "status", times=2, code=410)
    assert ask_one(f"{web.url}/page") == ("there", "200 OK")


@pytest.mark.parametrize(
    ("code", "answer", "said"),
    [
        (410, "gone", "410 Gone"),
        (401, "refused", "401 Unauthorized"),
        (403, "refused", "403 Forbidden"),
        (416, "there", "416 Requested Range Not Satisfiable"),
        (418, "unreachable", "418 I'm a Teapot"),
        (429, "unreachable", "429 Too Many Requests"),
        (500, "unreachable", "500 Internal Server Error"),
        (503, "unreachable", "503 Service Unavailable"),
        (599, "unreachable", "599"),
    ],
)
def test_only_two_answers_mean_gone(web: Hub, code: int, answer: str, said: str) -> None:
    """Whoever refuses a robot, or has too much to do, has not gone."""
    web.fault("/page", "status", code=code)
    assert ask_one(f"{web.url}/page") == (answer, said)


def test_redirects_are_followed(web: Hub) -> None:
    """To another host too; one in a circle says nothing."""
    web.fault("/doi", "status", code=302, headers={"Location": f"{web.cdn.url}/page"})
    web.fault("/moved", "status", code=301, headers={"Location": "/gone"})
    web.fault("/circle", "status", code=302, headers={"Location": "/circle"})
    answers = [link.answer for link in ask(*(f"{web.url}/{name}" for name in ("doi", "moved", "circle")))]
    assert answers == ["there", "gone", "unreachable"]


def test_a_server_that_says_nothing_is_given_up(web: Hub) -> None:
    """After the time allowed; the others are asked all the same."""
    web.fault("/page", "hang")
    web.files["/other"] = b""
    slow, other = ask(f"{web.url}/page", f"{web.cdn.url}/other", timeout=0.3)
    assert slow.answer == "unreachable"
    assert "Timeout" in slow.said
    assert other.answer == "there"


def test_a_server_that_is_down_is_not_gone() -> None:
    """Nobody listens: it may be there tomorrow."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer, said = ask_one(f"http://127.0.0.1:{unused.getsockname()[1]}/page")
    assert answer == "unreachable"
    assert "ConnectError" in said


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts of example.org have no address, as the name server says; each time it is asked is noted."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def find(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name.endswith("example.org"):
            asked.append(name)
            raise socket.gaierror(socket.EAI_AGAIN if name.startswith("slow") else socket.EAI_NONAME, "no")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return asked


def test_a_host_without_an_address_is_gone(web: Hub, unknown: list[str]) -> None:
    """When the name server has said so twice, while others answer."""
    dead, doubtful, _ = ask("http://dead.example.org/", "http://slow.example.org/", f"{web.url}/page")
    assert (dead.answer, doubtful.answer) == ("gone", "unreachable")
    assert sorted(unknown) == ["dead.example.org"] * 2 + ["slow.example.org"]


def test_without_a_network_nothing_is_gone(unknown: list[str]) -> None:
    """No host at all has an address: it is this machine that is cut off."""
    assert {link.answer for link in ask("http://one.example.org/", "http://two.example.org/")} == {"unreachable"}


def test_no_address_is_no_question() -> None:
    """Nothing to ask, nothing said."""
    assert ask() == []


@pytest.mark.parametrize("address", ["https://", "http://[broken", "http://host:port/", "ftp://127.0.0.1/x"])
def test_an_address_that_is_none_stops_no_other(web: Hub, address: str) -> None:
    """It is nowhere, or could not be asked."""
    wrong, page = ask(address, f"{web.url}/page")
    assert wrong.answer in ("gone", "unreachable")
    assert page.answer == "there"


def test_one_host_is_asked_with_pauses(web: Hub) -> None:
    """Between two questions, not after the last one."""
    web.files["/other"] = b""
    named = dict.fromkeys((f"{web.url}/page", f"{web.url}/other"), NAMED)
    from time import monotonic

    began = monotonic()
    check_links(named, timeout=5, pause=0.4)
    assert 0.4 <= monotonic() - began < 0.8 + 5


def test_addresses_are_collected_with_all_who_name_them(registry) -> None:
    """Links, files, archives and papers; each address once, whatever part of its page is meant."""
    toy, grains = registry.model("toy"), registry.dataset("grains")
    one = replace(toy, id="one", links={"paper": "https://a.org/x#part", "code": "https://b.org"})
    sources = (Source("url", "https://b.org/w.pth"), Source("hub", "owner/two"), Source("path", "w.pth"))
    two = replace(toy, id="two", links={"paper": "https://a.org/x"}, sources=sources)
    data = replace(grains, url="https://b.org/data.zip", paper="10.1000/xyz", hub="owner/grains")
    assert collect_addresses([one, two], [data, replace(grains, id="bare")]) == {
        "https://a.org/x": ("model one", "model two"),
        "https://b.org": ("model one",),
        "https://b.org/w.pth": ("model two",),
        "https://b.org/data.zip": ("data set grains",),
        "https://doi.org/10.1000/xyz": ("data set grains",),
    }
