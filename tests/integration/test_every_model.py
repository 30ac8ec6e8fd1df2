"""Every entry of models.yaml, on tiny models of its family: from the Hub through pytest cases to rows."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from safetensors.torch import save

from leaderboard.backbones import load_backbone
from leaderboard.canary import compute_canary
from leaderboard.registry import load_registry

ROOT = Path(__file__).parents[2]
MODELS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "models.yaml").read_text(encoding="utf-8"))
WEIGHTS = "model.safetensors"
WIDTH = 32  # of every tiny model of transformers, and of open_clip's output
TINY = {  # timm's names: the smallest of each family
    "resnet50": ("test_resnet", 96),
    "convnext_tiny": ("test_convnext", 64),
    **dict.fromkeys(["vit_small_patch16_224", "vit_base_patch16_224"], ("vit_tiny_patch16_224", 192)),
    **dict.fromkeys(["xcit_small_12_p16_224", "xcit_medium_24_p16_224"], ("xcit_nano_12_p16_224", 128)),
    **dict.fromkeys(["xcit_small_12_p8_224", "xcit_medium_24_p8_224"], ("xcit_nano_12_p8_224", 128)),
}
TINY |= {f"vit_{size}_patch16_dinov3": ("vit_tiny_patch16_dinov3_qkvb", 192) for size in ("small", "base", "large")}
TINY |= {name: (name, dimension) for name, dimension in TINY.values()}
REPOSITORIES = {  # part of a repository's name -> its library, who makes a tiny one; the first that fits
    "with-registers": ("transformers", "dinov2_with_registers"),
    "dinov2": ("transformers", "dinov2"),
    "dinov3": ("transformers", "dinov3"),
    "mae": ("transformers", "mae"),
    "bioclip": ("open_clip", "open_clip_repository"),
    "clip-": ("transformers", "clip"),
    "siglip": ("transformers", "siglip"),
    "dino-": ("transformers", "vit_without_pooler"),
}
CHECKPOINTS = {None: "backbone_pth", "teacher": "training_checkpoint", "model": "mae_pth"}  # by the source's key


def find_maker(entry: dict[str, Any], source: dict[str, Any]) -> str | None:
    """Who makes a tiny repository of transformers or open_clip like this one; None for a family that is not here."""
    library = source.get("library", entry["library"])
    known = (made for name, made in REPOSITORIES.items() if name in source.get("hub", ""))
    of, maker = next(known, (None, None))
    return maker if of == library else None


def is_known(entry: dict[str, Any], source: dict[str, Any]) -> bool:
    """Whether there is a tiny model of its family; a new family is measured by whoever adds it."""
    if not {"hub", "url"} & source.keys():
        return False
    if source.get("library", entry["library"]) != "timm":
        return find_maker(entry, source) is not None
    return source.get("architecture", entry.get("architecture")) in TINY and source.get("key") in CHECKPOINTS


REMOTE = [
    id_
    for id_, entry in MODELS.items()
    if "lite" not in id_ and entry.get("sources") and is_known(entry, entry["sources"][0])
]


class Stage:
    """Serves tiny models in the places that models.yaml names."""

    def __init__(self, hub: Any, zoo: ModuleType) -> None:
        self.hub, self.zoo = hub, zoo
        self.repositories: dict[str, dict[str, bytes]] = defaultdict(dict)

    def serve(self, entry: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
        """Put a tiny model of its family where a source says; the source as the miniature clone declares it."""
        library = source.get("library", entry["library"])
        files = self.checkpoint(entry, source) if library == "timm" else self.repository(entry, source)
        if "url" in source:
            address = re.sub("https://[^/]+", "", source["url"])
            self.hub.files[address] = next(iter(files.values()))
            return shrink_source(source) | {"url": self.hub.url + address}
        held = self.repositories[source["hub"]]  # two entries share a repository
        held |= files
        self.hub.push(source["hub"], held, commit_of(source))
        return shrink_source(source)

    def repository(self, entry: dict[str, Any], source: dict[str, Any]) -> dict[str, bytes]:
        """A repository of transformers or open_clip."""
        maker = find_maker(entry, source)
        assert maker, source
        return getattr(self.zoo, maker)()

    def checkpoint(self, entry: dict[str, Any], source: dict[str, Any]) -> dict[str, bytes]:
        """A repository of timm, or a raw checkpoint of the form that the source declares."""
        architecture = TINY[source.get("architecture", entry.get("architecture"))][0]
        if "url" not in source and not source.get("file"):
            with_head = self.zoo.timm_repository(architecture)
            return with_head if source.get("drop") else {WEIGHTS: save(self.zoo.timm_state(architecture))}
        make = "xcit_original" if source.get("tensors") == "timm-filter" else CHECKPOINTS[source.get("key")]
        return {source.get("file", "weights.pth"): getattr(self.zoo, make)(architecture)}


def commit_of(source: dict[str, Any]) -> str | None:
    """The commit that a source pins, if it does."""
    return source["revision"] if source.get("revision", "main") != "main" else None


def shrink(entry: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """The entry with the tiny member of its family; everything else as it is."""
    entry = entry | {"thresholds": {}, "reported": {}, "dimension": WIDTH}
    entry.pop("digest", None)  # of the large one's tensors
    if entry.get("architecture") in TINY:
        entry["architecture"] = TINY[entry["architecture"]][0]
    if source.get("library", entry["library"]) == "timm":
        entry["dimension"] = TINY[source.get("architecture", entry.get("architecture"))][1]
    return entry


def shrink_source(source: dict[str, Any]) -> dict[str, Any]:
    """The source with the tiny architecture where it has one of its own."""
    return source | ({"architecture": TINY[source["architecture"]][0]} if "architecture" in source else {})


@pytest.fixture
def tiny_clone(clone, hub, zoo) -> Any:
    """The miniature clone with every remote model of this repository, served by the Hub on this machine."""
    stage, models = Stage(hub, zoo), {}
    for id_ in REMOTE:
        source = MODELS[id_]["sources"][0]
        models[id_] = shrink(MODELS[id_], source) | {"sources": [stage.serve(MODELS[id_], source)]}
    (clone.root / "models.yaml").write_text(yaml.safe_dump(models, sort_keys=False))
    clone.environment |= hub.environment()
    return clone


def test_no_known_family_is_left_out() -> None:
    """What the other tests here go through is at least what it was when they were written."""
    assert len(REMOTE) >= 27
    assert len(FURTHER) >= 7


def test_every_entry_runs_from_the_hub_to_its_row(tiny_clone) -> None:
    """Pytest cases, embeddings, metrics, canary, commit, licence notice and row of each."""
    done = tiny_clone.pytest("--all-models", "--require-measured", "-q", "--run-report", "report.json")
    assert done.returncode == 0, done.stdout
    assert f"{len(REMOTE)} of {len(REMOTE)} cells measured" in done.stdout
    cells = json.loads((tiny_clone.root / "report.json").read_text())["cells"]
    assert [(cell["model"], cell["status"], cell["shown"]) for cell in cells] == [(id_, "ok", "ok") for id_ in REMOTE]
    table = (tiny_clone.root / "leaderboard" / "README.md").read_text()
    for id_ in REMOTE:
        check_row(table, id_, json.loads(tiny_clone.result(id_).read_text()))


def check_row(table: str, id_: str, result: dict[str, Any]) -> None:
    """What the result file and the table say of one model."""
    weights, source = result["provenance"]["inputs"]["model"]["weights"], MODELS[id_]["sources"][0]
    assert re.fullmatch("[0-9a-f]{64}", weights["sha256"])
    assert re.fullmatch("[0-9a-f]{40}", weights["revision"]) if "hub" in source else weights["revision"] is None
    assert weights["revision"] == commit_of(source) or commit_of(source) is None
    assert len(result["canary"]["norms"]) == 16
    measured, _, models = table.partition("## Models")
    assert f"[{id_}](results/grains/{id_}.json)" in measured
    row = next(line for line in models.splitlines() if line.startswith(f"| {id_} "))
    assert ("(unpinned)" in row) is ("hub" in source and commit_of(source) is None)
    if notice := MODELS[id_].get("notice"):
        assert notice in row
        assert f"\n{id_}: {notice}.\n" in measured


def test_a_family_is_chosen_by_its_name(clone) -> None:
    """`-k` with a family's name runs its models, all of them and no others."""
    models = {id_: entry | {"thresholds": {}, "reported": {}} for id_, entry in MODELS.items()}
    (clone.root / "models.yaml").write_text(yaml.safe_dump(models, sort_keys=False))
    listed = clone.pytest("--collect-only", "-q", "-k", "dino")
    chosen = re.findall(r"test_embeddings\[(\S+)-grains\]", listed.stdout)
    assert chosen == [id_ for id_ in MODELS if "dino" in id_.lower()]
    assert len(chosen) >= 19  # SCAMPI's two, nine of DINO, five of DINOv2, three of DINOv3


FURTHER = [
    (id_, index)
    for id_ in REMOTE
    for index, source in enumerate(MODELS[id_]["sources"])
    if index and is_known(MODELS[id_], source)
]


@pytest.mark.parametrize(("id_", "index"), FURTHER, ids=[f"{id_}-{index}" for id_, index in FURTHER])
def test_a_further_source_serves_where_the_first_is_not(id_: str, index: int, hub, zoo, tmp_path, monkeypatch) -> None:
    """Another repository, the checkpoint of the whole training, another library's copy."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    source = MODELS[id_]["sources"][index]
    served = Stage(hub, zoo).serve(MODELS[id_], source)
    missing = {"hub": "nobody/nothing"}
    entry = shrink(MODELS[id_], source) | {"sources": [missing, served]}
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({id_: entry}))
    (tmp_path / "datasets.yaml").write_text("{}")
    backbone = load_backbone(load_registry(tmp_path).model(id_))
    kind = "url" if "url" in source else "hub"
    assert backbone.inputs["weights"]["source"] == f"{kind}:{served[kind]}"
    assert len(compute_canary(backbone)["norms"]) == 16
