"""Whether addresses still lead somewhere: asked gently, and gone only when that is sure."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Any, Literal
from urllib.parse import urlsplit

from leaderboard import __version__
from leaderboard.errors import Unavailable, first_line
from leaderboard.records import DatasetSpec, ModelSpec

Answer = Literal["there", "gone", "refused", "unreachable", "no such host"]
AT_ONCE = 4  # hosts; of each, one address after the other
PAUSE = 1.0  # seconds between two questions to one host
GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}
ANSWERED = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE  # of an empty file: it is there
DOUBTFUL = {"gone", "no such host"}  # asked again before it is believed
ATTEMPTS = 2
ONE_BYTE = {"Range": "bytes=0-0"}
AGENT = f"fossil-leaderboard/{__version__} (link check, once a week)"


@dataclass(frozen=True)
class Link:
    """An address, where it is named, and what its server says of it."""

    address: str
    named: tuple[str, ...]  # "model dino-vits16", "data set nz-pollen"
    answer: Answer
    said: str  # "404 Not Found"


def collect_addresses(models: Sequence[ModelSpec], datasets: Sequence[DatasetSpec]) -> dict[str, tuple[str, ...]]:
    """Address -> the entries that name it, in their order: links, files, archives, papers. Pure."""
    found: dict[str, dict[str, None]] = {}
    for name, address in _name_addresses(models, datasets):
        found.setdefault(address.partition("#")[0], {})[name] = None
    return {address: tuple(names) for address, names in found.items()}


def _name_addresses(models: Sequence[ModelSpec], datasets: Sequence[DatasetSpec]) -> Iterator[tuple[str, str]]:
    for spec in models:
        files = [source.name for source in spec.sources if source.kind == "url"]
        yield from ((f"model {spec.id}", address) for address in (*spec.links.values(), *files))
    for dataset in datasets:
        paper = f"https://doi.org/{dataset.paper}" if dataset.paper else None
        yield from ((f"data set {dataset.id}", address) for address in (dataset.url, paper) if address)


def check_links(named: Mapping[str, tuple[str, ...]], *, timeout: float, pause: float = PAUSE) -> list[Link]:
    """Ask for every address, by host; what seems gone is asked again.

    A host without an address counts as gone only when others have answered: else it is this machine that is cut off.

    Args:
        named: address -> who names it.
        timeout: seconds without an answer after which a server is given up.
        pause: seconds between two questions to one host.

    Raises:
        Unavailable: the library that asks is not installed.
    """
    with closing(_make_client(timeout)) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        hosts = [list(own) for _, own in groupby(sorted(named, key=_host), key=_host)]
        answered = pool.map(lambda own: _ask_host(client, own, pause), hosts)
        found = {address: answer for answers in answered for address, answer in answers.items()}
    is_connected = any(answer == "there" for answer, _ in found.values())
    return [Link(address, names, *_settle(*found[address], is_connected)) for address, names in named.items()]


def _settle(answer: Answer, said: str, is_connected: bool) -> tuple[Answer, str]:
    if answer != "no such host":
        return answer, said
    return "gone" if is_connected else "unreachable", said


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:  # no address at all, as its own question will tell
        return ""


def _make_client(timeout: float) -> Any:
    try:
        from leaderboard.backbones._patience import http_library

        library = http_library()
    except ModuleNotFoundError as error:
        reason = f"it needs {error.name}, which is not installed; `pip install 'fossil-leaderboard[networks]'`"
        raise Unavailable(reason, "not found") from None
    return library.Client(timeout=timeout, follow_redirects=True, headers={"User-Agent": AGENT})


def _ask_host(client: Any, addresses: Sequence[str], pause: float) -> dict[str, tuple[Answer, str]]:
    """One address after the other, with pauses; what seems gone once more."""
    answers: dict[str, tuple[Answer, str]] = {}
    wait = 0.0
    for address in addresses:
        for _ in range(ATTEMPTS):
            time.sleep(wait)
            wait = pause
            answers[address] = _ask(client, address)
            if answers[address][0] not in DOUBTFUL:
                break
    return answers


def _ask(client: Any, address: str) -> tuple[Answer, str]:
    """By HEAD; servers that refuse it are asked for one byte, of which none is read."""
    try:
        with client.stream("HEAD", address) as response:
            code = response.status_code
        if code >= HTTPStatus.BAD_REQUEST:
            with client.stream("GET", address, headers=ONE_BYTE) as response:
                code = response.status_code
    except Exception as error:  # whatever a server makes of the client: it concerns this address alone
        answer: Answer = "no such host" if _is_unknown_host(error) else "unreachable"
        return answer, f"{type(error).__name__}: {first_line(error)}"
    return _judge(code), _describe(code)


def _judge(code: int) -> Answer:
    if code < HTTPStatus.BAD_REQUEST or code == ANSWERED:
        return "there"
    return "gone" if code in GONE else "refused" if code in REFUSED else "unreachable"


def _describe(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)


def _is_unknown_host(error: BaseException | None) -> bool:
    """Whether the name server says so for good, somewhere in what led to the error."""
    while error is not None:
        if isinstance(error, socket.gaierror):
            return error.errno == socket.EAI_NONAME
        error = error.__cause__ or error.__context__
    return False
