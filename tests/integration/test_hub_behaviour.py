"""Every way in which a Hub, a network or a disk fails the real clients: its name, one line, and no long wait."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from leaderboard.backbones import load_backbone
from leaderboard.backbones._weights import locate_file
from leaderboard.download import CHUNK
from leaderboard.records import Cell, ModelSpec, Outcome, Preprocessing, RunOptions, Source
from leaderboard.registry import load_registry
from leaderboard.result_files import save_result
from leaderboard.run import Run

pytest.importorskip("huggingface_hub")
pytest.importorskip("timm")
pytest.importorskip("transformers")
from hub_server import CLIENT_VARIABLES

REPOSITORY = "owner/tiny"
OLD, NEW = "1" * 40, "a" * 40
LIMIT = 0.4  # seconds without progress: what these tests wait for where a server hangs
SOON = 8.0  # seconds by which anything is over; a bound on waiting, not a measure of speed
PHASES = {  # what a client asks one after the other
    "listing": "GET /api/models/owner/tiny",
    "head": "HEAD /owner/tiny/resolve",
    "configuration": "GET /owner/tiny/resolve",
    "weights": "GET /cdn/owner/tiny",
}
EVERYWHERE = pytest.mark.parametrize(
    ("family", "phase"),
    [*(("timm", phase) for phase in PHASES), ("transformers", "weights")],
    indirect=["family"],
)
TEXT_TOWER = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "logit_scale")
ARCHITECTURE = "test_efficientnet"
PREPROCESSING = Preprocessing((160, 160), None, "bilinear", (0.0,) * 3, (1.0,) * 3)


@dataclass(frozen=True)
class Family:
    """An entry whose one source is the repository, what that holds, and the digest over the tensors in it."""

    spec: ModelSpec
    files: dict[str, bytes]
    digest: str
    weights: str  # the file

    def at(self, **changes: object) -> ModelSpec:
        """The entry with another source."""
        return replace(self.spec, sources=(replace(self.spec.sources[0], **changes),))


def entry(library: str, pooling: str, dimension: int, architecture: str | None = None, **source: object) -> ModelSpec:
    sources = (Source("hub", REPOSITORY, **source),)
    return ModelSpec("small", "Small", library, sources, architecture, pooling, "model", dimension, None)


def make_family(name: str, zoo, folder: Path) -> Family:
    weights = "model.safetensors"
    if name == "timm":
        spec = entry("timm", "head", 256, ARCHITECTURE, drop=("classifier.",))
        files = zoo.timm_repository(ARCHITECTURE)
    elif name == "transformers":
        spec, files = entry("transformers", "cls", 32), zoo.vit_without_pooler()
    else:
        pytest.importorskip("open_clip")
        spec = entry("open_clip", "head", 32, drop=TEXT_TOWER, strip=("visual.",))
        files, weights = zoo.open_clip_repository(), "open_clip_model.safetensors"
    for file, content in files.items():
        (folder / file).write_bytes(content)
    family = Family(spec, files, "", weights)
    return replace(family, digest=digest_of(family.at(kind="path", name=str(folder))))


def digest_of(spec: ModelSpec, **options: object) -> str:
    """The digest over the tensors of a model that loads."""
    return load_backbone(spec, RunOptions(device="cpu", **options)).inputs["weights"]["digest"]


@pytest.fixture(scope="module")
def families(zoo, tmp_path_factory) -> Callable[[str], Family]:
    """Makes each family once."""
    made: dict[str, Family] = {}

    def make(name: str) -> Family:
        if name not in made:
            made[name] = make_family(name, zoo, tmp_path_factory.mktemp("repository"))
        return made[name]

    return make


@pytest.fixture(params=["timm", "transformers"])
def family(request, families, hub) -> Family:
    """One whose repository is on the Hub, and not in the cache."""
    made = families(request.param)
    hub.push(REPOSITORY, made.files)
    return made


@pytest.fixture
def one(families, hub) -> Family:
    """The same for what does not differ between the libraries."""
    made = families("timm")
    hub.push(REPOSITORY, made.files)
    return made


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def measure(clone, monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> Callable[..., Outcome]:
    """Gives what a run of its own makes of an entry on the grains."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    registry = load_registry(clone.root)

    def measure(spec: ModelSpec, **options: object) -> Outcome:
        models = replace(registry, models={spec.id: spec})
        chosen = RunOptions(**{"device": "cpu", "hub_timeout": LIMIT} | options)
        run = Run(models, chosen, tmp_path_factory.mktemp("run"), clone.root / "leaderboard" / "results")
        return run.outcome(Cell(spec.id, "grains"))

    return measure


@pytest.fixture
def skips(measure) -> Callable[..., str]:
    """Holds an entry's outcome against a status and parts of its line, and gives the line."""

    def check(spec: ModelSpec, status: str, *parts: str, source: bool = True, **options: object) -> str:
        with ends_soon():
            outcome = measure(spec, **options)
        assert (outcome.status, outcome.is_skipped, outcome.result) == (status, True, None), outcome.reason
        assert "\n" not in outcome.reason
        for part in (f"model {spec.id}: ", str(spec.sources[0]) if source else "", *parts):
            assert part in outcome.reason
        return outcome.reason

    return check


@contextmanager
def ends_soon(limit: float = SOON) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < limit


def incomplete(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith((".incomplete", ".part", ".tmp"))]


# ---- a Hub that is well


@pytest.mark.parametrize("name", ["timm", "transformers", "towers"])
def test_every_family_loads_with_the_right_tensors(hub, families, skips, name) -> None:
    """Commit, file and digest are those of what the Hub serves; and when it serves nothing, each is skipped alike."""
    made = families(name)
    commit = hub.push(REPOSITORY, made.files)
    hub.fault(PHASES["weights"], "status", times=1, code=503)
    skips(made.spec, "unreachable", f"{made.weights}: localhost answers 503 Service Unavailable; try later")
    weights = load_backbone(made.spec).inputs["weights"]
    assert (weights["digest"], weights["revision"], weights["file"]) == (made.digest, commit, made.weights)


def test_the_token_stays_with_the_hub(hub, family, monkeypatch) -> None:
    """The host that the Hub redirects to for large files never sees it."""
    monkeypatch.setenv("HF_TOKEN", "mine")
    assert digest_of(family.spec) == family.digest
    assert {(request.server, request.token) for request in hub.seen} == {("hub", "mine"), ("cdn", None)}


# ---- gated, private, not there


@pytest.mark.parametrize(
    ("token", "parts"),
    [
        (None, ("gated, and no token is set", "accept the licence on {page}, then `hf auth login`")),
        ("another", ("gated, and this token's account has not accepted it", "accept the licence on {page}, then")),
        ("stale", ("the Hub refuses the token; make another one, then `hf auth login`",)),
    ],
    ids=["no-token", "without-access", "refused"],
)
def test_a_gate_opens_for_the_right_token_only(hub, family, skips, monkeypatch, token, parts) -> None:
    """Until then the line names the page with the licence, or the token that is no good."""
    hub.gated[REPOSITORY], hub.refused_token = "good", "stale"
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    skips(family.spec, "gated", *(part.format(page=f"{hub.url}/{REPOSITORY}") for part in parts))
    monkeypatch.setenv("HF_TOKEN", "good")
    assert digest_of(family.spec) == family.digest


def test_a_private_repository_is_not_found(hub, family, skips, monkeypatch) -> None:
    """The Hub does not tell one from none; with its token it loads."""
    hub.private[REPOSITORY] = "good"
    remedy = "no such repository, or private; check the name, or `hf auth login`"
    skips(family.spec, "not found", remedy)
    monkeypatch.setenv("HF_TOKEN", "another")
    skips(family.spec, "not found", remedy)
    monkeypatch.setenv("HF_TOKEN", "good")
    assert digest_of(family.spec) == family.digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "owner/none"}, "no such repository, or private; check the name"),
        ({"revision": "gone"}, "no such revision; check the entry's revision"),
        ({"revision": NEW}, "no such revision; check the entry's revision"),
        ({"file": "pytorch_model.bin"}, "holds no pytorch_model.bin; check the entry's file"),
    ],
    ids=["repository", "branch", "commit", "file"],
)
def test_what_is_not_there_is_not_found(family, skips, changes, message) -> None:
    """Repository, branch, commit or file: the line says which, and what to check."""
    skips(family.at(**changes), "not found", message)


def test_a_repository_without_weights_is_not_found(hub, family, skips) -> None:
    """The line names every file that would have done."""
    hub.push(REPOSITORY, {"config.json": family.files["config.json"]})
    skips(family.spec, "not found", "holds no model.safetensors nor pytorch_model.bin; check the entry's file")


# ---- overloaded, silent, broken off


def test_a_server_that_is_down_is_unreachable_at_once(hub, family, skips) -> None:
    """Nothing listens: no second attempt, and the line says who cannot be reached."""
    hub.server.stop()
    skips(family.spec, "unreachable", "127.0.0.1 cannot be reached (", "try later, or --offline", hub_timeout=60.0)


@EVERYWHERE
def test_a_hub_that_is_down_for_good_is_unreachable(hub, family, skips, phase) -> None:
    """503 at any step: given up when the next pause would be longer than the limit; well again, it loads."""
    hub.fault(PHASES[phase], "status", code=503)
    skips(family.spec, "unreachable", "answers 503 Service Unavailable; try later")
    hub.faults.clear()
    assert digest_of(family.spec) == family.digest


def test_a_hub_is_asked_again_until_the_limit(hub, one, skips) -> None:
    """With time for one pause, and not for the second: two requests."""
    fault = hub.fault(PHASES["listing"], "status", code=503)
    skips(one.spec, "unreachable", "answers 503", hub_timeout=2.0)
    assert fault.hits == 2


@pytest.mark.parametrize(("phase", "code"), [("listing", 500), ("head", 503), ("weights", 429)])
def test_one_refusal_is_no_reason_to_give_up(hub, one, phase, code) -> None:
    """Asked again after a pause, the Hub answers."""
    fault = hub.fault(PHASES[phase], "status", times=1, code=code)
    with ends_soon():
        assert digest_of(one.spec) == one.digest
    assert fault.hits == 1


@pytest.mark.parametrize(("family", "phase"), [("timm", "listing"), ("transformers", "weights")], indirect=["family"])
def test_a_short_wish_to_wait_is_granted(hub, family, phase) -> None:
    """429 with Retry-After: so long, once, and then it loads."""
    hub.fault(PHASES[phase], "status", times=1, code=429, headers={"Retry-After": "1"})
    start = time.monotonic()
    with ends_soon():
        assert digest_of(family.spec) == family.digest
    assert time.monotonic() - start >= 1


@EVERYWHERE
def test_a_long_wish_to_wait_is_told(hub, family, skips, phase) -> None:
    """Beyond the limit there is no waiting; the line says how long the Hub asks for."""
    fault = hub.fault(PHASES[phase], "status", code=429, headers={"Retry-After": "3600"})
    skips(family.spec, "unreachable", "answers 429 Too Many Requests and asks to wait 3600 s; try later")
    assert fault.hits == 1


@EVERYWHERE
def test_a_server_that_says_nothing_is_given_up(hub, family, skips, phase) -> None:
    """After the limit, once; the line says what would make it longer; well again, it loads."""
    hub.fault(PHASES[phase], "hang")
    skips(family.spec, "unreachable", f"sent nothing for {LIMIT:g} s; try later, or raise --hub-timeout")
    hub.faults.clear()
    assert digest_of(family.spec) == family.digest


@pytest.mark.parametrize(
    ("family", "phase"),
    [("timm", "listing"), ("timm", "configuration"), ("transformers", "weights")],
    indirect=["family"],
)
def test_a_server_that_falls_silent_is_given_up(hub, family, skips, phase) -> None:
    """The same in the middle of what it sends."""
    hub.fault(PHASES[phase], "hang-body")
    skips(family.spec, "unreachable", f"sent nothing for {LIMIT:g} s")
    hub.faults.clear()
    assert digest_of(family.spec) == family.digest


def test_a_slow_server_is_waited_for(hub, one) -> None:
    """The limit is of silence, not of the whole: several pauses below it are no reason to give up."""
    for phase in ("listing", "configuration", "weights"):
        hub.fault(PHASES[phase], "slow", seconds=0.8 * LIMIT)
    assert digest_of(one.spec, hub_timeout=LIMIT) == one.digest


@pytest.mark.parametrize(
    ("family", "reset"), [("timm", False), ("transformers", True)], indirect=["family"], ids=["closed", "reset"]
)
def test_a_connection_that_breaks_is_taken_up_again(hub, family, monkeypatch, reset) -> None:
    """The rest is asked for, and the bytes are right."""
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)  # else it keeps whole pieces of 10 MB
    hub.fault(PHASES["weights"], "cut", times=1, after=50_000, reset=reset)
    assert digest_of(family.spec) == family.digest
    assert [request.headers["Range"] for request in hub.seen if request.server == "cdn"] == [None, "bytes=50000-"]


@pytest.mark.parametrize("phase", ["listing", "weights"])
def test_a_connection_that_always_breaks_is_unreachable(hub, one, skips, monkeypatch, phase) -> None:
    """The client's attempts come to an end; what arrived in pieces is not taken for the file."""
    monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda _: None))  # 1 s, five times
    hub.fault(PHASES[phase], "cut", after=10)
    named = "127.0.0.1 cannot be reached (" if phase == "listing" else "model.safetensors: fetching it failed ("
    skips(one.spec, "unreachable", named, "try later")
    assert incomplete(hub.home) == []
    hub.faults.clear()
    assert digest_of(one.spec) == one.digest


def test_redirects_in_a_circle_are_unreachable(hub, one, skips) -> None:
    """Given up at once."""
    hub.fault(PHASES["listing"], "status", code=302, headers={"Location": f"{hub.url}/api/models/{REPOSITORY}"})
    skips(one.spec, "unreachable", "fetching it failed (", "check the network, try later")


# ---- other bytes


@pytest.mark.parametrize("phase", ["listing", "head"])
def test_a_login_page_is_no_answer_of_a_hub(hub, family, skips, phase) -> None:
    """A network that answers in the Hub's place."""
    hub.fault(PHASES[phase], "html")
    skips(family.spec, "unreachable", "no answer of a Hub (", "check proxies and the network")
    hub.faults.clear()
    assert digest_of(family.spec) == family.digest


@pytest.mark.parametrize(("phase", "file"), [("configuration", "config.json"), ("weights", "model.safetensors")])
@pytest.mark.parametrize(
    ("family", "kind", "details"),
    [("timm", "html", {}), ("timm", "html", {"pad": True}), ("timm", "flip", {}), ("transformers", "flip", {})],
    indirect=["family"],
    ids=["page", "page-of-the-size", "flip", "flip-of-another-library"],
)
def test_other_bytes_are_corrupt(hub, family, skips, phase, file, kind, details) -> None:
    """Fetched again once, then refused, and not taken from the cache either; the line names the file."""
    fault = hub.fault(PHASES[phase], kind, **details)
    skips(family.spec, "corrupt", f"{file} came twice with other bytes than the Hub lists", "check proxies and")
    assert fault.hits == 2
    skips(family.spec, "unreachable", "is not in the Hub cache", offline=True)
    hub.faults.clear()
    assert digest_of(family.spec) == family.digest


@pytest.mark.parametrize("phase", ["configuration", "weights"])
def test_a_damage_that_happens_once_is_repaired(hub, family, phase) -> None:
    """The second copy is sound."""
    fault = hub.fault(PHASES[phase], "flip", times=1)
    assert digest_of(family.spec) == family.digest
    assert fault.hits == 1


@pytest.mark.parametrize("revision", [None, OLD], ids=["branch", "commit"])
def test_a_damaged_cache_is_repaired_or_refused(hub, family, skips, revision) -> None:
    """A bit that flips on the disk: fetched again, or offline refused in one line."""
    commit = hub.push(REPOSITORY, family.files, OLD)
    spec = family.at(revision=revision)
    digest_of(spec)
    blob = next(hub.home.rglob(f"snapshots/{commit}/model.safetensors")).resolve()
    content = blob.read_bytes()
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    skips(spec, "corrupt", "model.safetensors is damaged in the Hub cache; run once without --offline", offline=True)
    assert digest_of(spec) == family.digest
    assert blob.read_bytes() == content


# ---- offline, and older files


@pytest.mark.parametrize(
    ("family", "revision"), [("timm", None), ("transformers", "main"), ("timm", OLD)], indirect=["family"]
)
def test_offline_takes_the_cache_and_nothing_else(hub, family, skips, revision) -> None:
    """Without cache it is skipped, although the Hub would answer; with it the tensors load, and nobody is asked."""
    hub.push(REPOSITORY, family.files, OLD)
    spec = family.at(revision=revision)
    skips(spec, "unreachable", "is not in the Hub cache, and this run is offline", offline=True)
    assert hub.requests == []
    assert digest_of(spec) == family.digest
    hub.requests.clear()
    assert digest_of(spec, offline=True) == family.digest
    assert hub.requests == []


def test_the_clients_own_switch_counts(hub, family, skips, monkeypatch) -> None:
    """HF_HUB_OFFLINE=1 is --offline."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    skips(family.spec, "unreachable", "is not in the Hub cache, and this run is offline")
    assert hub.requests == []


@EVERYWHERE
def test_a_failing_hub_never_means_older_files(hub, family, skips, phase) -> None:
    """The branch has moved: what is cached is of another commit, and is not taken in its place."""
    hub.push(REPOSITORY, family.files, OLD)
    assert digest_of(family.spec) == family.digest
    weights = family.files["model.safetensors"]
    hub.push(
        REPOSITORY,
        {name: content + b"\n" for name, content in family.files.items() if name.endswith(".json")}
        | {"model.safetensors": weights[:-1] + bytes([weights[-1] ^ 1])},
        NEW,
    )
    hub.fault(PHASES[phase], "status", code=503)
    skips(family.spec, "unreachable", "answers 503")
    hub.faults.clear()
    assert digest_of(family.spec) != family.digest


def test_a_commit_in_the_cache_needs_no_hub(hub, family) -> None:
    """Pinned and cached: the Hub may be down."""
    hub.push(REPOSITORY, family.files, OLD)
    spec = family.at(revision=OLD)
    assert digest_of(spec) == family.digest
    hub.fault("/", "status", code=503)
    assert digest_of(spec) == family.digest


# ---- the disk


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The system writes no more than so many bytes into a file."""
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, allowed[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)


def test_a_full_disk_is_told_with_its_folder(hub, family, skips) -> None:
    """Nothing half-written is taken for the file, and with room it loads."""
    with files_of_at_most(100_000):
        skips(
            family.spec, "unreachable", f"no room for hub:{REPOSITORY}: model.safetensors in {hub.home}", "; free some"
        )
    assert incomplete(hub.home) == []
    assert digest_of(family.spec) == family.digest


def test_a_full_disk_is_told_for_an_address_too(web, skips, cache) -> None:
    """The same for a file from anywhere."""
    with files_of_at_most(100_000):
        skips(web.spec, "unreachable", f"/x/net.pth in {cache}", "; free some", source=False)
    assert digest_of(web.spec) == web.digest


# ---- code in the place of tensors


def test_a_pickle_runs_nothing(hub, family, zoo, skips, tmp_path) -> None:
    """Weights that would run code are refused by either library."""
    marker = tmp_path / "ran"
    hub.push(REPOSITORY, zoo.pickled(family.files) | {"pytorch_model.bin": zoo.malicious_pickle(marker)})
    reason = "would run code when loaded"
    skips(family.at(file="pytorch_model.bin"), "corrupt", reason, "get a sound copy")
    assert not marker.exists()


def test_a_pickle_of_tensors_loads(hub, family, zoo) -> None:
    """The older format holds the same."""
    hub.push(REPOSITORY, zoo.pickled(family.files))
    assert digest_of(family.spec) == family.digest


CODE = """
from pathlib import Path
import torch
from transformers import PreTrainedModel, PretrainedConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling

Path({marker!r}).touch()

class TinyConfig(PretrainedConfig):
    model_type = "of-its-own"

class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.proj = torch.nn.Linear(3, 8)
        self.post_init()

    def forward(self, pixel_values):
        return BaseModelOutputWithPooling(pooler_output=self.proj(pixel_values.mean((2, 3))))
"""


@pytest.fixture
def with_code(hub, tmp_path, monkeypatch) -> Iterator[tuple[ModelSpec, Path]]:
    """An entry whose repository brings its own code, at OLD and at NEW, and the file that the code makes."""
    import torch
    from safetensors.torch import save

    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    marker = tmp_path / "ran"
    classes = {"AutoConfig": "modeling.TinyConfig", "AutoModel": "modeling.TinyModel"}
    files = {
        "config.json": json.dumps({"architectures": ["TinyModel"], "auto_map": classes}).encode(),
        "modeling.py": CODE.format(marker=str(marker)).encode(),
        "model.safetensors": save({"proj.weight": torch.ones(8, 3), "proj.bias": torch.ones(8)}, {"format": "pt"}),
    }
    for commit in (OLD, NEW):
        hub.push(REPOSITORY, files, commit)
    spec = replace(entry("transformers", "pooler", 8, revision=OLD), preprocessing=PREPROCESSING)
    yield spec, marker
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers_modules"]:
        del sys.modules[name]


def test_code_of_a_repository_runs_only_when_read_and_allowed(with_code, skips) -> None:
    """It takes both the commit in the entry and the user's word."""
    spec, marker = with_code
    trusted = replace(spec, trust_remote_code=OLD)
    skips(spec, "gated", f"brings its own code; read it, then declare trust_remote_code: {OLD}", "--allow-remote-code")
    skips(spec, "gated", "brings its own code", allow_remote_code=True)
    skips(trusted, "gated", "brings its own code; read it, then pass --allow-remote-code")
    assert not marker.exists()
    assert digest_of(trusted, allow_remote_code=True)
    assert marker.exists()


def test_code_of_another_commit_does_not_run(with_code, measure) -> None:
    """What was read is one commit: another one is an error of the entry, whatever the user allows."""
    spec, marker = with_code
    moved = replace(spec, sources=(replace(spec.sources[0], revision=NEW),), trust_remote_code=OLD)
    outcome = measure(moved, allow_remote_code=True)
    assert (outcome.status, outcome.is_skipped) == ("error", False)
    assert f"is at {NEW}, trust_remote_code names {OLD}; read the code of that commit" in outcome.reason
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["of-its-own", "vit"], ids=["unknown", "known"])
def test_code_beside_a_named_architecture_does_not_run(hub, with_code, measure, kind) -> None:
    """Nor when the configuration also says which of the library's models it is."""
    spec, marker = with_code
    config = json.dumps({"model_type": kind, "auto_map": {"AutoModel": "modeling.TinyModel"}}).encode()
    hub.push(REPOSITORY, hub.commits[REPOSITORY, OLD] | {"config.json": config}, OLD)
    outcome = measure(spec, allow_remote_code=True)
    assert outcome.status != "ok"
    assert "\n" not in outcome.reason
    assert not marker.exists()


# ---- files from anywhere


@pytest.fixture
def web(hub, families, zoo) -> Family:
    """An entry whose source is an address."""
    made = families("timm")
    content = zoo.backbone_pth(ARCHITECTURE)
    hub.files["/x/net.pth"] = content
    spec = entry("timm", "head", 256, ARCHITECTURE)
    spec = replace(spec, sources=(Source("url", hub.url + "/x/net.pth"),), preprocessing=PREPROCESSING)
    return Family(spec, {"net.pth": content}, made.digest, "net.pth")


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_fetched_once(hub, web, monkeypatch) -> None:
    """With the declared digest, without token, and from then on from the cache."""
    monkeypatch.setenv("HF_TOKEN", "mine")
    spec = web.at(sha256=sha256_of(web.files["net.pth"]))
    assert digest_of(spec) == web.digest
    assert digest_of(spec, offline=True) == web.digest
    assert [(request.line, request.token) for request in hub.seen] == [("GET /x/net.pth", None)]


def test_another_file_than_declared_is_fetched_again_once(hub, web, skips) -> None:
    """Then it is corrupt, with both digests; nothing of it is kept."""
    declared, found = "0" * 64, sha256_of(web.files["net.pth"])
    skips(web.at(sha256=declared), "corrupt", f"came with sha256 {found}, expected {declared}", "compare, then correct")
    assert len(hub.requests) == 2
    skips(web.at(sha256=declared), "unreachable", "was not fetched before, and this run is offline", offline=True)


def test_a_flipped_bit_is_found_and_repaired(hub, web, skips) -> None:
    """On the way: fetched again. In the cache: fetched again, or offline refused."""
    hub.fault("/x/", "flip", times=1)
    spec = web.at(sha256=sha256_of(web.files["net.pth"]))
    assert digest_of(spec) == web.digest
    assert len(hub.requests) == 2
    kept = load_path(spec)
    kept.write_bytes(b"other")
    skips(spec, "corrupt", "net.pth is damaged in the cache; run once without --offline", offline=True)
    assert digest_of(spec) == web.digest


def load_path(spec: ModelSpec) -> Path:
    return locate_file(spec.sources[0], RunOptions(offline=True)).path


@pytest.mark.parametrize(
    ("kind", "details", "status", "message"),
    [
        ("status", {"code": 404}, "not found", "answers 404 Not Found; check the address"),
        ("status", {"code": 403}, "gated", "answers 403 Forbidden; ask its owners"),
        ("status", {"code": 503}, "unreachable", "cannot be reached (it answers 503 Service Unavailable)"),
        ("status", {"code": 429}, "unreachable", "cannot be reached (it answers 429 Too Many Requests)"),
        (
            "status",
            {"code": 429, "headers": {"Retry-After": "3600"}},
            "unreachable",
            "answers 429 Too Many Requests and asks to wait 3600 s; try later",
        ),
        ("html", {}, "corrupt", "sends a web page, not a file; check the address and the network"),
        ("html", {"pad": True}, "corrupt", "sends a web page, not a file; check the address and the network"),
        ("hang", {}, "unreachable", "cannot be reached (timed out)"),
        ("hang-body", {}, "unreachable", "cannot be reached (timed out)"),
        ("cut", {"after": 0}, "unreachable", "cannot be reached (the connection broke)"),
    ],
    ids=["404", "403", "503", "429", "429-told", "page", "page-of-the-size", "silent", "falls-silent", "always-cut"],
)
def test_an_address_that_fails_is_told(hub, web, skips, kind, details, status, message) -> None:
    """One line with the address; well again, it loads."""
    hub.fault("/x/", kind, **details)
    address = web.spec.sources[0].name
    skips(web.spec, status, f"{address} {message}", source=False)
    hub.faults.clear()
    assert digest_of(web.spec) == web.digest


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_download_that_breaks_goes_on(hub, web, reset) -> None:
    """The rest is asked for, and the bytes are right."""
    hub.fault("/x/", "cut", times=1, after=100_000, reset=reset)
    assert digest_of(web.at(sha256=sha256_of(web.files["net.pth"]))) == web.digest
    first, second = (request.headers["Range"] for request in hub.seen)
    assert (first, second) == (None, "bytes=100000-")  # nothing that arrived is lost


def test_the_rest_of_another_file_is_not_appended(hub, web, skips) -> None:
    """Without a digest nothing would tell: a later run starts again. With one it goes on."""
    content = web.files["net.pth"]
    spec = web.at(sha256=sha256_of(content))
    for declared, begins in ((web.spec, None), (spec, f"bytes={2 * CHUNK}-")):
        hub.fault("/x/", "hang-body", times=1, after=2 * CHUNK)
        skips(declared, "unreachable", "run again to go on", source=False)
        hub.seen.clear()
        assert digest_of(declared) == web.digest
        assert [request.headers["Range"] for request in hub.seen] == [begins]
        load_path(declared).unlink()


def test_an_address_offline_is_taken_from_the_cache(hub, web, skips) -> None:
    """Or not at all."""
    skips(web.spec, "unreachable", "was not fetched before, and this run is offline", offline=True)
    assert hub.requests == []
    assert digest_of(web.spec) == web.digest
    hub.requests.clear()
    assert digest_of(web.spec, offline=True) == web.digest
    assert hub.requests == []


def test_a_pickle_from_an_address_runs_nothing(hub, web, zoo, skips, tmp_path) -> None:
    """It is refused, and fetched anew by the next run: nobody has said that these are the right bytes."""
    hub.files["/x/net.pth"] = zoo.malicious_pickle(tmp_path / "ran")
    skips(web.spec, "corrupt", "net.pth cannot be read (", "would run code when loaded", "get a sound copy")
    assert not (tmp_path / "ran").exists()
    hub.files["/x/net.pth"] = web.files["net.pth"]
    assert digest_of(web.spec) == web.digest


def test_what_was_recorded_is_enforced(hub, web, zoo, measure, skips, clone, cache) -> None:
    """A URL that declares no digest has that of its results; other bytes are corrupt, and the results stay."""
    assert measure(web.spec).status == "ok"
    stored = clone.result("small").read_bytes()
    hub.files["/x/net.pth"] = zoo._pickle(zoo.timm_state(ARCHITECTURE, seed=1))
    assert digest_of(web.spec) == web.digest  # from the cache
    shutil.rmtree(cache)
    hub.requests.clear()
    expected = sha256_of(web.files["net.pth"])
    skips(web.spec, "corrupt", f"expected {expected}; what is there has changed")
    assert len(hub.requests) == 2
    assert clone.result("small").read_bytes() == stored


# ---- several processes


LOAD = """
import sys
from pathlib import Path
from leaderboard.backbones import load_backbone
from leaderboard.registry import load_registry

registry = load_registry(Path(sys.argv[1]))
for name in sys.argv[2:]:
    print(load_backbone(registry.model(name)).inputs["weights"]["digest"], flush=True)
"""
FETCH = """
import sys
from leaderboard.backbones._weights import locate_file
from leaderboard.records import DEFAULT_OPTIONS, Source

locate_file(eval(sys.argv[1]), DEFAULT_OPTIONS)
"""
STEPS = "{resize: [160, 160], interpolation: bilinear, mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}"


def describe(name: str, source: str, *, preprocessing: str = STEPS, more: str = "") -> str:
    """An entry of models.yaml."""
    return (
        f"{name}:\n  title: A {name}\n  library: timm\n  architecture: {ARCHITECTURE}\n  sources: [{{{source}}}]\n"
        f"  pooling: head\n  preprocessing: {preprocessing}\n  dimension: 256\n  licence: null\n{more}"
    )


def at_home(clone, hub) -> None:
    """Let what runs in the clone talk to the Hub here."""
    for name in CLIENT_VARIABLES:
        clone.environment.pop(name, None)
    clone.environment |= hub.environment()


def start(clone, program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, env=clone.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_fetch_the_same_models(hub, one, web, clone, cache) -> None:
    """At once: both load them, and what is in the cache is what its names say."""
    at_home(clone, hub)
    address = web.spec.sources[0].name
    entries = [
        describe("repository", f"hub: {REPOSITORY}, drop: [classifier.]"),
        describe("address", f"url: {address}"),
    ]
    (clone.root / "models.yaml").write_text("".join(entries))
    for place in ("/cdn/", "/x/"):
        hub.fault(place, "slow", seconds=0.5)
    both = [start(clone, LOAD, str(clone.root), "repository", "address") for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [output.split() for output, _ in outputs] == [[one.digest, web.digest]] * 2, outputs
    assert "Traceback" not in outputs[0][1] + outputs[1][1]
    assert [path.name for path in incomplete(hub.home) + incomplete(cache)] == []
    blobs = list(hub.home.rglob("blobs/*"))
    assert {blob.name: sha256_of(blob.read_bytes()) for blob in blobs if len(blob.name) == 64} == {
        sha256_of(one.files["model.safetensors"]): sha256_of(one.files["model.safetensors"])
    }
    explicit = replace(one.spec, preprocessing=PREPROCESSING)
    assert digest_of(explicit, offline=True) == digest_of(web.spec, offline=True) == one.digest


def test_a_killed_process_leaves_nothing_in_the_way(hub, web, clone, cache) -> None:
    """SIGKILL in the middle of a file: no lock stays, and another process goes on from there."""
    at_home(clone, hub)
    spec = web.at(sha256=sha256_of(web.files["net.pth"]))
    hub.fault("/x/", "hang-body", times=1, after=2 * CHUNK)
    process = start(clone, FETCH, repr(spec.sources[0]))
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size == 2 * CHUNK for part in incomplete(cache)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    with ends_soon():
        assert digest_of(spec) == web.digest
    assert hub.seen[-1].headers["Range"] == f"bytes={2 * CHUNK}-"


# ---- a whole run


def test_a_run_measures_what_it_can_and_says_why_not(hub, one, clone, measure) -> None:
    """Gated and missing models are skipped beside good ones; what was measured earlier stays, and is shown."""
    at_home(clone, hub)
    hub.push("owner/locked", one.files)
    reported = "  reported:\n    grains: {metrics: {knn1.f1_macro: 0.4}, source: https://example.org/paper}\n"
    locked = "hub: owner/locked, drop: [classifier.]"
    models = clone.root / "models.yaml"
    models.write_text(
        models.read_text().partition("large:")[0]
        + describe("good", f"hub: {REPOSITORY}, drop: [classifier.]", preprocessing="model")
        + describe("locked", locked)
        + describe("altered", locked)
        + describe("told", "hub: owner/none", more=reported)
        + describe("lost", f"hub: {REPOSITORY}, revision: gone, drop: [classifier.]")
    )
    registry = load_registry(clone.root)
    measured = measure(registry.model("locked"), hub_timeout=30.0).result
    save_result(registry.results_dir, replace(measured, model="altered"), tolerance=0.0)
    before, name, after = models.read_text().partition("altered:")
    models.write_text(before + name + after.replace("[160, 160]", "[160, 161]", 1))
    shutil.rmtree(hub.home / "hub")
    hub.gated["owner/locked"] = "good"
    stored = {name: clone.result(name).read_bytes() for name in ("locked", "altered")}
    with ends_soon(100):
        done = clone.pytest("--all-models", "--hub-timeout", "5", "--run-report", "run.json")
    page = f"accept the licence on {hub.url}/owner/locked, then `hf auth login`"
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "2 of 6 cells measured on cpu" in done.stdout
    for line in (
        "skipped (gated) locked-grains: model locked: hub:owner/locked: model.safetensors: gated, and no token is set; "
        + page,
        "skipped (not found) told-grains: model told: hub:owner/none: no such repository, or private; check the name",
        f"skipped (not found) lost-grains: model lost: hub:{REPOSITORY}@gone: no such revision; check the entry's",
    ):
        assert line in done.stdout
    assert {name: clone.result(name).read_bytes() for name in stored} == stored
    cells = {cell["model"]: cell for cell in json.loads((clone.root / "run.json").read_text())["cells"]}
    assert {name: (cell["status"], cell["shown"]) for name, cell in cells.items()} == {
        "small": ("ok", "ok"),
        "good": ("ok", "ok"),
        "locked": ("gated", "ok"),
        "altered": ("gated", "stale"),
        "told": ("not found", "reported"),
        "lost": ("not found", None),
    }
    assert all(
        cell["dataset"] == "grains" and bool(cell["reason"]) == (cell["status"] != "ok") for cell in cells.values()
    )
    strict = clone.pytest("-k", "small or told", "-n", "2", "--require-measured", "--hub-timeout", "5")
    assert strict.returncode == 1
    assert "Traceback" not in strict.stdout + strict.stderr
    assert "1 of 2 cells measured on cpu" in strict.stdout
    assert "hub:owner/none: no such repository, or private; check the name, or `hf auth login`" in strict.stdout
