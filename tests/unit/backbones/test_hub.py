"""Snapshots from a Hub: the real client against a server on this machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from leaderboard.backbones import load_backbone
from leaderboard.backbones._hub import fetch_snapshot, resolve_commit
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import RunOptions, Source

OLD, NEW = "1" * 40, "a" * 40
REPOSITORY = Source("hub", "owner/toy")
PINNED = Source("hub", "owner/toy", revision=OLD)
FILES = {"model.safetensors": b"weights", "config.json": b"{}", "README.md": b"not wanted"}
CONFIG, WEIGHTS = ("config.json",), ("model.safetensors", "pytorch_model.bin")
CLOSED_PORT = "http://127.0.0.1:9"  # the discard service, which nothing listens to
ONLINE, OFFLINE = RunOptions(hub_timeout=5), RunOptions(offline=True)


def damage(path: Path) -> None:
    """Change one bit of a cached file, and not its size."""
    content = path.read_bytes()
    path.resolve().write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_branch_becomes_its_commit(hub):
    """The commit that is recorded is the one that the branch stands for, and only the wanted files are fetched."""
    hub.push("owner/toy", FILES, OLD)
    snapshot = fetch_snapshot(REPOSITORY, [CONFIG, WEIGHTS], ONLINE)
    assert (snapshot.commit, snapshot.files) == (OLD, ("config.json", "model.safetensors"))
    assert {path.name: path.read_bytes() for path in snapshot.folder.iterdir()} == {
        "model.safetensors": b"weights",
        "config.json": b"{}",
    }
    assert resolve_commit(REPOSITORY, ONLINE) == OLD


def test_a_branch_that_moved_is_followed(hub):
    """A second load by branch gives the new head, and the old commit stays what it was."""
    hub.push("owner/toy", FILES, OLD)
    fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    hub.push("owner/toy", {"config.json": b"newer"}, NEW)
    snapshot = fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    assert (snapshot.commit, (snapshot.folder / "config.json").read_bytes()) == (NEW, b"newer")
    assert fetch_snapshot(REPOSITORY, [CONFIG], OFFLINE) == snapshot
    assert (fetch_snapshot(PINNED, [CONFIG], ONLINE).folder / "config.json").read_bytes() == b"{}"


def test_a_pinned_commit_is_fetched_once(hub):
    """A commit that is in the cache is taken from there without asking the Hub anything."""
    hub.push("owner/toy", FILES, OLD)
    first = fetch_snapshot(PINNED, [CONFIG, WEIGHTS], ONLINE)
    assert hub.requests
    hub.requests.clear()
    assert fetch_snapshot(PINNED, [CONFIG, WEIGHTS], ONLINE) == first
    assert hub.requests == []


def test_a_pinned_commit_lacking_a_file_is_completed(hub):
    """A cached snapshot that holds other files than the wanted ones is not taken for complete."""
    hub.push("owner/toy", FILES, OLD)
    fetch_snapshot(PINNED, [CONFIG], ONLINE)
    with pytest.raises(Unavailable, match="not in the Hub cache"):
        fetch_snapshot(PINNED, [CONFIG, WEIGHTS], OFFLINE)
    snapshot = fetch_snapshot(PINNED, [CONFIG, WEIGHTS], ONLINE)
    assert (snapshot.folder / "model.safetensors").read_bytes() == b"weights"


def test_the_first_file_of_a_choice_is_preferred(hub):
    """Of a repository that holds both only the better file is fetched; of one that holds one, that one."""
    hub.push("owner/toy", FILES | {"pytorch_model.bin": b"pickle"}, NEW)
    hub.push("owner/old", {"pytorch_model.bin": b"pickle"}, OLD)
    both, one = (fetch_snapshot(Source("hub", name), [WEIGHTS], ONLINE) for name in ("owner/toy", "owner/old"))
    assert (both.files, [path.name for path in both.folder.iterdir()]) == (WEIGHTS[:1], ["model.safetensors"])
    assert one.files == WEIGHTS[1:]
    assert fetch_snapshot(Source("hub", "owner/old"), [WEIGHTS], OFFLINE) == one


@pytest.mark.parametrize("source", [REPOSITORY, PINNED], ids=["branch", "commit"])
def test_a_file_in_a_folder_is_found_from_the_snapshots_root(hub, source):
    """A nested name is a path below the snapshot's folder: fetched, cached and offline."""
    hub.push("owner/toy", {"weights/small/net.pth": b"weights", "config.json": b"{}"}, OLD)
    wanted = [("weights/small/net.pth",), CONFIG]
    found = [fetch_snapshot(source, wanted, options) for options in (ONLINE, ONLINE, OFFLINE)]
    assert found[0] == found[1] == found[2]
    assert (found[0].folder.name, found[0].commit) == (OLD, OLD)
    assert [(found[0].folder / name).read_bytes() for name in found[0].files] == [b"weights", b"{}"]


def test_files_of_a_suffix_come_along(hub):
    """Every file that ends so is beside the wanted ones, also where a part of them was in the cache."""
    hub.push("owner/toy", FILES | {"net.py": b"", "parts/block.py": b""}, OLD)
    fetch_snapshot(PINNED, [CONFIG], ONLINE)
    folder = fetch_snapshot(PINNED, [CONFIG], ONLINE, suffix=".py").folder
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"config.json", "net.py", "parts/block.py"}


@pytest.mark.parametrize(
    "revision", [None, "main", "refs/pr/1", OLD], ids=["default", "branch", "pull-request", "commit"]
)
def test_offline_takes_what_an_earlier_run_fetched(hub, revision):
    """Offline, a branch or commit that was fetched before is found in the cache, and the Hub is not asked."""
    hub.push("owner/toy", FILES, OLD)
    hub.push("owner/toy", FILES, OLD, branch="refs/pr/1")
    source = Source("hub", "owner/toy", revision=revision)
    fetched = fetch_snapshot(source, [CONFIG, WEIGHTS], ONLINE)
    hub.requests.clear()
    assert fetch_snapshot(source, [CONFIG, WEIGHTS], OFFLINE) == fetched
    assert hub.requests == []


def test_offline_without_cache_is_unavailable(hub):
    """Offline, what was never fetched is unavailable, although a Hub that has it would answer."""
    hub.push("owner/toy", FILES, OLD)
    with pytest.raises(
        Unavailable, match=r"^hub:owner/toy is not in the Hub cache, and this run is offline$"
    ) as caught:
        fetch_snapshot(REPOSITORY, [CONFIG], OFFLINE)
    assert caught.value.status == "unreachable"
    assert hub.requests == []


def test_the_hubs_own_offline_switch_counts(hub, monkeypatch):
    """HF_HUB_OFFLINE=1 means offline: what is cached loads, what is not is said to be absent."""
    hub.push("owner/toy", FILES, OLD)
    fetched = fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert fetch_snapshot(REPOSITORY, [CONFIG], ONLINE) == fetched
    with pytest.raises(Unavailable, match="this run is offline"):
        fetch_snapshot(Source("hub", "owner/other"), [CONFIG], ONLINE)


def test_the_size_is_said_before_fetching_only(hub, capsys):
    """The size of the wanted files is announced when they are fetched, and not when they are there already."""
    hub.push("owner/toy", {"config.json": b"x" * 3_000_000, "other.bin": b"y" * 9_000_000}, OLD)
    fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    assert "owner/toy: fetching 3 MB" in capsys.readouterr().err
    fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    assert "fetching" not in capsys.readouterr().err


# ---- digests


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("source", [REPOSITORY, PINNED], ids=["branch", "commit"])
def test_a_damaged_cache_is_repaired(hub, source, name):
    """A cached file, large or small, that lost a bit is fetched again; a sound one beside it is not."""
    hub.push("owner/toy", FILES, OLD)
    snapshot = fetch_snapshot(source, [CONFIG, WEIGHTS], ONLINE)
    damage(snapshot.folder / name)
    hub.requests.clear()
    assert fetch_snapshot(source, [CONFIG, WEIGHTS], ONLINE) == snapshot
    assert {name: (snapshot.folder / name).read_bytes() for name in snapshot.files} == {
        "model.safetensors": b"weights",
        "config.json": b"{}",
    }
    bodies = [line for line in hub.requests if line.startswith("GET") and not line.startswith("GET /api/")]
    assert bodies
    assert all(line.endswith(name) for line in bodies)


@pytest.mark.parametrize("source", [REPOSITORY, PINNED], ids=["branch", "commit"])
def test_a_damaged_cache_is_refused_offline(hub, source):
    """Offline there is nothing to repair it from: corrupt, with the files that are."""
    hub.push("owner/toy", FILES, OLD)
    snapshot = fetch_snapshot(source, [CONFIG, WEIGHTS], ONLINE)
    damage(snapshot.folder / "model.safetensors")
    message = f"^{source}: model.safetensors is damaged in the Hub cache; run once without --offline$"
    with pytest.raises(Unavailable, match=message) as caught:
        fetch_snapshot(source, [CONFIG, WEIGHTS], OFFLINE)
    assert caught.value.status == "corrupt"


# ---- refusals


@pytest.mark.parametrize(
    ("refusals", "status", "message"),
    [
        pytest.param({"/api/models/owner/toy": (401, "GatedRepo")}, "gated", "accept the licence on http", id="gated"),
        pytest.param({"/api/models/owner/toy": (403, "")}, "gated", "forbids it to this account", id="forbidden"),
        pytest.param(
            {"/owner/toy/resolve": (404, "EntryNotFound")},
            "not found",
            "config.json: no such file in the repository; check the entry's file",
            id="listed-and-gone",
        ),
        pytest.param(
            {"/api/models/owner/toy": (418, "")}, "unreachable", r"the Hub refuses \(.*418.*\); try later", id="other"
        ),
    ],
)
def test_a_refusal_is_one_line_with_its_remedy(hub, refusals, status, message):
    """Whatever the Hub refuses ends as Unavailable, in one line that names the source and what to do."""
    hub.push("owner/toy", FILES, OLD)
    hub.refusals = refusals
    with pytest.raises(Unavailable, match=f"^hub:owner/toy: .*{message}") as caught:
        fetch_snapshot(REPOSITORY, [CONFIG], ONLINE)
    assert caught.value.status == status
    assert "\n" not in str(caught.value)


def test_a_blob_that_links_to_a_shared_store_is_known_by_its_own_name(hub, tmp_path):
    """Newer clients keep one copy for all repositories, under a name that is no digest of the content."""
    hub.push("owner/toy", FILES, OLD)
    snapshot = fetch_snapshot(PINNED, [WEIGHTS], ONLINE)
    blob = (snapshot.folder / snapshot.files[0]).resolve()
    store = tmp_path / ("f" * 64)
    blob.rename(store)
    blob.symlink_to(store)
    assert fetch_snapshot(PINNED, [WEIGHTS], OFFLINE) == snapshot


def test_a_cache_without_links_is_held_against_the_hub(hub, monkeypatch):
    """Where the system has no links the blob's name is lost: the Hub is asked, and damage is repaired."""
    monkeypatch.setattr("huggingface_hub.file_download.are_symlinks_supported", lambda folder=None: False)
    hub.push("owner/toy", FILES, OLD)
    snapshot = fetch_snapshot(PINNED, [WEIGHTS], ONLINE)
    path = snapshot.folder / snapshot.files[0]
    assert not path.is_symlink()
    damage(path)
    fetch_snapshot(PINNED, [WEIGHTS], ONLINE)
    assert path.read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize("source", [REPOSITORY, PINNED], ids=["branch", "commit"])
def test_a_file_that_the_repository_lacks_is_named(hub, source):
    """A repository without the wanted file is unavailable, cached or not; the message names the file."""
    hub.push("owner/toy", {"pytorch_model.bin": b"pickle"}, OLD)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"holds no net\.pth nor model\.safetensors; check the entry") as caught:
            fetch_snapshot(source, [("net.pth", "model.safetensors")], ONLINE)
        assert caught.value.status == "not found"
        fetch_snapshot(source, [WEIGHTS], ONLINE)
    with pytest.raises(Unavailable, match="not in the Hub cache"):
        fetch_snapshot(source, [("model.safetensors",)], OFFLINE)


@pytest.mark.parametrize("options", [ONLINE, OFFLINE], ids=["online", "offline"])
def test_a_name_that_no_repository_can_have_is_a_mistake(options):
    """A malformed repository name is an error in the entry, never a skipped cell."""
    with pytest.raises(LeaderboardError, match=r"hub:too/many/parts: .*Correct the entry's hub") as caught:
        fetch_snapshot(Source("hub", "too/many/parts"), [CONFIG], options)
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize("source", [REPOSITORY, PINNED], ids=["branch", "commit"])
def test_an_unreachable_hub_is_unavailable_at_once(source):
    """A port that nothing listens to costs no waiting, whatever the limit, and gives one line."""
    start = time.perf_counter()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached \(.*; try later, or --offline$") as caught:
        fetch_snapshot(source, [CONFIG], RunOptions(hub_timeout=60))
    assert time.perf_counter() - start < 1
    assert caught.value.status == "unreachable"
    assert "\n" not in str(caught.value)


def test_the_endpoint_of_the_environment_is_used(tmp_path):
    """HF_ENDPOINT in the environment of a fresh process is the Hub that is asked."""
    program = (
        "from leaderboard.backbones._hub import fetch_snapshot\n"
        "from leaderboard.records import RunOptions, Source\n"
        "try:\n    fetch_snapshot(Source('hub', 'owner/toy'), [('config.json',)], RunOptions())\n"
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
    assert run.stdout.startswith("Unavailable hub:owner/toy: 127.0.0.1 cannot be reached (")
    assert run.stdout.count("\n") == 1


def test_an_entry_loads_through_the_hub(hub, zoo, make_spec, draw):
    """From an entry with a Hub source to embeddings: the commit, file and tensors are those that the Hub serves."""
    timm = pytest.importorskip("timm")
    import torch

    model = timm.create_model("test_efficientnet", num_classes=0).eval()
    model.load_state_dict(zoo.timm_state("test_efficientnet"))
    hub.push("owner/toy", zoo.timm_repository("test_efficientnet"), OLD)
    spec = make_spec(sources=(Source("hub", "owner/toy", revision="main", drop=("classifier.",)),))
    backbone = load_backbone(spec)
    weights = backbone.inputs["weights"]
    assert (weights["source"], weights["revision"], weights["file"]) == ("hub:owner/toy", OLD, "model.safetensors")
    batch = [backbone.prepare(image) for image in draw(2)]
    with torch.inference_mode():
        expected = model(torch.from_numpy(batch[0]).permute(2, 0, 1)[None]).numpy()[0]
    assert backbone.embed(batch)[0] == pytest.approx(expected, abs=1e-5)
    assert load_backbone(spec, RunOptions(offline=True)).inputs == backbone.inputs


HOLD = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_process(hub):
    """Another process that holds the lock of the client's on the weights, as one that fetches them would."""
    digest = hashlib.sha256(FILES["model.safetensors"]).hexdigest()
    lock = hub.home / "hub" / ".locks" / "models--owner--toy" / f"{digest}.lock"
    lock.parent.mkdir(parents=True)
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_that_gets_nowhere_is_not_waited_for(hub, other_process):
    """A stopped one would hold the client for ever; it ends within the limit, and says who holds what."""
    hub.push("owner/toy", FILES, OLD)
    start = time.monotonic()
    with pytest.raises(Unavailable, match=r"model\.safetensors: another process holds \S+\.lock and gets nowhere"):
        fetch_snapshot(PINNED, [WEIGHTS], RunOptions(hub_timeout=0.3))
    assert time.monotonic() - start < 10


def test_another_process_that_gets_on_is_waited_for(hub, other_process):
    """As long as what it fetches grows; then the file is there for both."""
    hub.push("owner/toy", FILES, OLD)
    growing = hub.home / "hub" / "models--owner--toy" / "blobs" / "other.incomplete"
    growing.parent.mkdir(parents=True)

    def grow() -> None:
        for size in range(1, 8):
            growing.write_bytes(b"x" * size)
            time.sleep(0.2)
        other_process.kill()

    writer = threading.Thread(target=grow)
    writer.start()
    assert fetch_snapshot(PINNED, [WEIGHTS], RunOptions(hub_timeout=0.5)).commit == OLD
    writer.join()


def test_weights_in_several_files_are_said_to_be_unsupported(hub):
    """An index of shards instead of one file is not a missing file."""
    hub.push("owner/toy", {"model.safetensors.index.json": b"{}", "model-00001-of-00002.safetensors": b"part"}, OLD)
    with pytest.raises(LeaderboardError, match="its weights are in several files, which is not supported yet"):
        fetch_snapshot(PINNED, [WEIGHTS], ONLINE)
