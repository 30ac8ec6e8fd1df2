"""Snapshots from a Hub: the real client against a server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leaderboard.backbones import load_backbone
from leaderboard.backbones._hub import fetch_snapshot
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import RunOptions, Source

OLD, NEW = "1" * 40, "a" * 40
REPOSITORY = Source("hub", "owner/toy")
FILES = {"model.safetensors": b"weights", "config.json": b"{}", "README.md": b"not wanted"}
CLOSED_PORT = "http://127.0.0.1:9"  # the discard service, which nothing listens to


def test_a_branch_becomes_its_commit(hub):
    """The commit that is recorded is the one that the branch stands for, and only the wanted files are fetched."""
    hub.push("owner/toy", FILES, OLD)
    folder, commit = fetch_snapshot(REPOSITORY, ["model.safetensors", "config.json"], offline=False)
    assert commit == OLD
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "model.safetensors": b"weights",
        "config.json": b"{}",
    }


def test_a_branch_that_moved_is_followed(hub):
    """A second load by branch gives the new head, and the old commit stays what it was."""
    hub.push("owner/toy", FILES, OLD)
    fetch_snapshot(REPOSITORY, ["config.json"], offline=False)
    hub.push("owner/toy", {"config.json": b"newer"}, NEW)
    folder, commit = fetch_snapshot(REPOSITORY, ["config.json"], offline=False)
    assert (commit, (folder / "config.json").read_bytes()) == (NEW, b"newer")
    pinned = Source("hub", "owner/toy", revision=OLD)
    assert (fetch_snapshot(pinned, ["config.json"], offline=False)[0] / "config.json").read_bytes() == b"{}"


def test_a_pinned_commit_is_fetched_once(hub):
    """A commit that is in the cache is taken from there without asking the Hub anything."""
    hub.push("owner/toy", FILES, OLD)
    pinned = Source("hub", "owner/toy", revision=OLD)
    first = fetch_snapshot(pinned, ["config.json"], offline=False)
    assert hub.requests
    hub.requests.clear()
    assert fetch_snapshot(pinned, ["config.json"], offline=False) == first
    assert hub.requests == []


def test_a_pinned_commit_lacking_a_file_is_completed(hub):
    """A cached snapshot that holds other files than the wanted ones is not taken for complete."""
    hub.push("owner/toy", FILES, OLD)
    pinned = Source("hub", "owner/toy", revision=OLD)
    fetch_snapshot(pinned, ["config.json"], offline=False)
    folder, _ = fetch_snapshot(pinned, ["model.safetensors"], offline=False)
    assert (folder / "model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize("revision", [None, "main", OLD], ids=["default", "branch", "commit"])
def test_offline_takes_what_an_earlier_run_fetched(hub, revision):
    """Offline, a branch or commit that was fetched before is found in the cache, and the Hub is not asked."""
    hub.push("owner/toy", FILES, OLD)
    source = Source("hub", "owner/toy", revision=revision)
    fetched = fetch_snapshot(source, ["config.json"], offline=False)
    hub.requests.clear()
    assert fetch_snapshot(source, ["config.json"], offline=True) == fetched
    assert hub.requests == []


def test_offline_without_cache_is_unavailable(hub):
    """Offline, what was never fetched is unavailable, although a Hub that has it would answer."""
    hub.push("owner/toy", FILES, OLD)
    with pytest.raises(Unavailable, match="not in the Hub cache, and this run is offline"):
        fetch_snapshot(REPOSITORY, ["config.json"], offline=True)
    assert hub.requests == []


def test_the_hubs_own_offline_switch_counts(hub, monkeypatch):
    """HF_HUB_OFFLINE=1 means offline: what is cached loads, what is not is said to be absent."""
    hub.push("owner/toy", FILES, OLD)
    fetched = fetch_snapshot(REPOSITORY, ["config.json"], offline=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert fetch_snapshot(REPOSITORY, ["config.json"], offline=False) == fetched
    with pytest.raises(Unavailable, match="this run is offline"):
        fetch_snapshot(Source("hub", "owner/other"), ["config.json"], offline=False)


def test_the_size_is_said_before_fetching_only(hub, capsys):
    """The size of the wanted files is announced when they are fetched, and not when they are there already."""
    hub.push("owner/toy", {"config.json": b"x" * 3_000_000, "other.bin": b"y" * 9_000_000}, OLD)
    fetch_snapshot(REPOSITORY, ["config.json"], offline=False)
    assert "owner/toy: fetching 3 MB" in capsys.readouterr().err
    fetch_snapshot(REPOSITORY, ["config.json"], offline=False)
    assert "fetching" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "refusals", "message"),
    [
        pytest.param("toy", {"/api/models/owner/toy": (401, "GatedRepo")}, "accept the licence", id="gated"),
        pytest.param("toy", {"/owner/toy/resolve": (403, "GatedRepo")}, "accept the licence", id="gated-file"),
        pytest.param(
            "toy", {"/api/models/owner/toy": (401, "RepoNotFound")}, "check the name, or `hf auth login`", id="private"
        ),
        pytest.param("nonesuch", {}, "no such repository, or private; check the name", id="no-repository"),
        pytest.param("toy@gone", {}, "no such revision; check the entry's revision", id="no-branch"),
        pytest.param(f"toy@{NEW}", {}, "no such revision; check the entry's revision", id="no-commit"),
        pytest.param("toy", {"/owner/toy/resolve": (404, "EntryNotFound")}, "check the entry's file", id="no-entry"),
        pytest.param(
            "toy", {"/api/models/owner/toy": (403, "")}, r"the Hub refuses \(403.*; try later", id="forbidden"
        ),
        pytest.param(
            "toy", {"/api/models/owner/toy": (500, "")}, r"the Hub refuses \(.*500.*; try later", id="server-error"
        ),
    ],
)
def test_a_refusal_is_one_line_with_its_remedy(hub, source, refusals, message):
    """Whatever the Hub refuses ends as Unavailable, in one line that names the source and what to do."""
    hub.push("owner/toy", FILES, OLD)
    hub.refusals = refusals
    name, _, revision = source.partition("@")
    with pytest.raises(Unavailable, match=message) as caught:
        fetch_snapshot(Source("hub", f"owner/{name}", revision=revision or None), ["config.json"], offline=False)
    assert str(caught.value).startswith(f"hub:owner/{source}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("revision", ["main", OLD], ids=["branch", "commit"])
def test_a_file_that_the_repository_lacks_is_named(hub, revision):
    """A repository without the wanted file is unavailable, cached or not; the message names the file."""
    hub.push("owner/toy", {"pytorch_model.bin": b"pickle"}, OLD)
    source = Source("hub", "owner/toy", revision=revision)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"lacks one of model\.safetensors; check the entry's file"):
            fetch_snapshot(source, ["model.safetensors"], offline=False)
        fetch_snapshot(source, ["pytorch_model.bin"], offline=False)
    with pytest.raises(Unavailable, match="not in the Hub cache"):
        fetch_snapshot(source, ["model.safetensors"], offline=True)


@pytest.mark.parametrize("offline", [False, True], ids=["online", "offline"])
def test_a_name_that_no_repository_can_have_is_a_mistake(offline):
    """A malformed repository name is an error in the entry, never a skipped cell."""
    with pytest.raises(LeaderboardError, match=r"hub:too/many/parts: .*Correct the entry's hub") as caught:
        fetch_snapshot(Source("hub", "too/many/parts"), ["config.json"], offline=offline)
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize("revision", ["main", OLD], ids=["branch", "commit"])
def test_an_unreachable_hub_is_unavailable_at_once(revision):
    """A Hub that does not answer costs less than five seconds and gives one line."""
    start = time.perf_counter()
    with pytest.raises(Unavailable, match=r"the Hub is unreachable .*; try later") as caught:
        fetch_snapshot(Source("hub", "owner/toy", revision=revision), ["config.json"], offline=False)
    assert time.perf_counter() - start < 5
    assert "\n" not in str(caught.value)


def test_the_endpoint_of_the_environment_is_used(tmp_path):
    """HF_ENDPOINT in the environment of a fresh process is the Hub that is asked."""
    program = (
        "from leaderboard.backbones._hub import fetch_snapshot\n"
        "from leaderboard.records import Source\n"
        "try:\n    fetch_snapshot(Source('hub', 'owner/toy'), ['config.json'], offline=False)\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    env |= {"HF_ENDPOINT": CLOSED_PORT, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
        check=True,
    )
    assert run.stdout.startswith("Unavailable hub:owner/toy: the Hub is unreachable (")
    assert run.stdout.count("\n") == 1


def test_a_timm_entry_loads_through_the_hub(hub, make_spec, draw, tmp_path):
    """From an entry with a Hub source to embeddings: the commit, file and tensors are those that the Hub serves."""
    timm = pytest.importorskip("timm")
    import torch
    from safetensors.torch import save

    model = timm.create_model("test_efficientnet", num_classes=0).eval()
    hub.push("owner/toy", {"model.safetensors": save(model.state_dict())}, OLD)
    spec = make_spec(sources=(Source("hub", "owner/toy", revision="main"),))
    backbone = load_backbone(spec)
    weights = backbone.inputs["weights"]
    assert (weights["source"], weights["revision"]) == ("hub:owner/toy", OLD)
    batch = [backbone.prepare(image) for image in draw(2)]
    with torch.inference_mode():
        expected = model(torch.from_numpy(batch[0]).permute(2, 0, 1)[None]).numpy()[0]
    assert backbone.embed(batch)[0] == pytest.approx(expected, abs=1e-5)
    assert load_backbone(spec, RunOptions(offline=True)).inputs == backbone.inputs
