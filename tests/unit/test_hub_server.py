"""The Hub on this machine is to the real client what the Hub is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import IncompleteRead
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

from leaderboard.backbones._patience import patient

OLD, NEW = "1" * 40, "a" * 40
WEIGHTS = bytes(range(256)) * 16
FILES = {"config.json": b"{}", "model.safetensors": WEIGHTS, "nested/a b.pth": b"pickle"}


def fetch(name="model.safetensors", **options):
    return Path(hf_hub_download("owner/toy", name, **options)).read_bytes()


def get(url, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=0.5)


def test_a_repository_is_described_and_fetched(hub):
    """Names, sizes and hashes are those of the content; a snapshot holds every file."""
    hub.push("owner/toy", FILES, OLD)
    info = HfApi().model_info("owner/toy", revision="main", files_metadata=True)
    large = {file.rfilename: file.lfs.sha256 for file in info.siblings if file.lfs}
    assert info.sha == OLD
    assert {file.rfilename: file.size for file in info.siblings} == {name: len(FILES[name]) for name in FILES}
    assert large == {name: hashlib.sha256(FILES[name]).hexdigest() for name in ("model.safetensors", "nested/a b.pth")}
    folder = Path(snapshot_download("owner/toy"))
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES


def test_data_sets_are_kept_apart_from_models(hub):
    """A repository of one kind is not found as the other, and both may have one name."""
    hub.push("datasets/owner/toy", {"cyst/1.png": b"image", "all.zip": WEIGHTS}, OLD)
    with pytest.raises(RepositoryNotFoundError):
        HfApi().model_info("owner/toy")
    hub.push("owner/toy", FILES, NEW)
    found = HfApi().dataset_info("owner/toy", files_metadata=True)
    assert (found.sha, HfApi().model_info("owner/toy").sha) == (OLD, NEW)
    assert {file.rfilename: bool(file.lfs) for file in found.siblings} == {"cyst/1.png": False, "all.zip": True}
    assert [fetch(name, repo_type="dataset") for name in ("cyst/1.png", "all.zip")] == [b"image", WEIGHTS]


def test_branches_move_and_commits_stay(hub):
    """What was pushed before is still there, by its commit."""
    hub.push("owner/toy", FILES, OLD)
    hub.push("owner/toy", {"config.json": b"new"}, NEW)
    other = hub.push("owner/toy", {"config.json": b"other"}, branch="refs/pr/1")
    found = [fetch("config.json", revision=revision) for revision in ("main", OLD, "refs/pr/1", other)]
    assert found == [b"new", b"{}", b"other", b"other"]


def test_large_files_are_elsewhere_and_the_token_stays(hub, monkeypatch):
    """The client takes them from the other host, and does not send it the token."""
    monkeypatch.setenv("HF_TOKEN", "mine")
    hub.push("owner/toy", FILES)
    assert fetch() == WEIGHTS
    assert {(request.server, request.token) for request in hub.seen} == {("hub", "mine"), ("cdn", None)}
    assert [line.split("/")[0] for line in hub.requests] == ["HEAD ", "GET "]


@pytest.mark.parametrize(
    ("reset", "error"), [(False, IncompleteRead), (True, ConnectionResetError)], ids=["closed", "reset"]
)
def test_a_cut_leaves_a_part(hub, reset, error):
    """So many bytes arrive and no more; a request for the rest gets the rest."""
    hub.files["/raw/weights.pth"] = WEIGHTS
    hub.fault("/raw/", "cut", times=1, after=1000, reset=reset)
    with get(hub.url + "/raw/weights.pth") as answer:
        assert answer.read(1000) == WEIGHTS[:1000]
        with pytest.raises(error):
            answer.read()
    with get(hub.url + "/raw/weights.pth", Range="bytes=1000-") as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes 1000-4095/{len(WEIGHTS)}")
        assert answer.read() == WEIGHTS[1000:]


def test_the_client_resumes_after_a_cut(hub, monkeypatch):
    """The second request asks for what the first did not bring."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)  # it keeps whole pieces of 10 MB only
    hub.push("owner/toy", FILES)
    hub.fault("GET /cdn/", "cut", times=1, after=1000)
    with patient(10):  # without it, older clients give up
        assert fetch() == WEIGHTS
    assert [request.headers["Range"] for request in hub.seen if request.server == "cdn"] == [None, "bytes=1000-"]


def test_a_gate_shows_and_does_not_give(hub):
    """Anyone may see what a gated repository holds; its files need the right token."""
    hub.push("owner/toy", FILES)
    hub.gated["owner/toy"] = "good"
    assert HfApi().model_info("owner/toy").gated == "auto"
    for token, status in ((False, 401), ("another", 403)):
        with pytest.raises(GatedRepoError) as caught:
            fetch(token=token)
        assert caught.value.response.status_code == status
    assert fetch(token="good") == WEIGHTS


def test_a_private_repository_is_not_there(hub):
    """Neither its description nor its files, without its token."""
    hub.push("owner/toy", FILES)
    hub.private["owner/toy"] = "good"
    with pytest.raises(RepositoryNotFoundError):
        HfApi().model_info("owner/toy")
    with pytest.raises(RepositoryNotFoundError):
        fetch(token="another")
    assert HfApi(token="good").model_info("owner/toy").private


def test_an_invalid_token_is_refused_for_itself(hub, monkeypatch):
    """A public repository is refused too, and not as one that does not exist."""
    hub.push("owner/toy", FILES)
    hub.refused_token = "stale"
    monkeypatch.setenv("HF_TOKEN", "stale")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header") as caught:
        HfApi().model_info("owner/toy")
    assert not isinstance(caught.value, RepositoryNotFoundError)


def test_faults_happen_in_order_and_run_out(hub):
    """The first that is due counts; then the Hub is well again."""
    hub.push("owner/toy", FILES)
    hub.fault("/config.json", "status", times=1, code=503, headers={"Retry-After": "7"})
    page = hub.fault("HEAD /owner/toy/resolve", "html", times=1)
    url = hub.url + "/owner/toy/resolve/main/config.json"
    with pytest.raises(urllib.error.HTTPError, match="503") as caught:
        get(url)
    assert caught.value.headers["Retry-After"] == "7"
    with pytest.raises(LocalEntryNotFoundError):  # a page is no answer of a Hub
        fetch("config.json")
    assert page.hits == 1
    assert fetch("config.json") == b"{}"


@pytest.mark.parametrize(("kind", "differing"), [("flip", {1}), ("html", set(range(4000, 4097)))])
def test_spoilt_content_has_the_right_size(hub, kind, differing):
    """One byte is wrong, or nearly all of them are, and only the hash tells."""
    hub.push("owner/toy", FILES)
    hub.fault("GET /cdn/", kind, **({"pad": True} if kind == "html" else {}))
    spoilt = fetch()
    assert len(spoilt) == len(WEIGHTS)
    assert sum(a != b for a, b in zip(spoilt, WEIGHTS, strict=True)) in differing


def test_a_hang_ends_with_the_hub(tmp_path):
    """A request that hangs keeps its client waiting, and not the end of the test."""
    from hub_server import Hub

    with Hub(tmp_path) as hub:
        hub.files["/raw/a.pth"] = WEIGHTS
        hub.fault("/raw/", "hang-body", times=1)
        hub.fault("/raw/", "hang")
        answer = get(hub.url + "/raw/a.pth")
        assert answer.read(len(WEIGHTS) // 2) == WEIGHTS[: len(WEIGHTS) // 2]
        with pytest.raises(TimeoutError):
            get(hub.url + "/raw/a.pth")
        start = time.perf_counter()
    assert time.perf_counter() - start < 1
    with pytest.raises(IncompleteRead):
        answer.read()


def test_another_process_reaches_it(hub):
    """The environment is all that it needs."""
    hub.push("owner/toy", FILES)
    program = "from huggingface_hub import hf_hub_download; print(hf_hub_download('owner/toy', 'model.safetensors'))"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **hub.environment()},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert run.stdout.startswith(str(hub.home))
    assert Path(run.stdout.strip()).read_bytes() == WEIGHTS
