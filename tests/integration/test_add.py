"""`leaderboard add`: from a name on the Hub to an entry that loads, and with --measure to its result and floors."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from leaderboard.__main__ import main
from leaderboard.adding.measuring import measure_entry
from leaderboard.backbones import load_backbone
from leaderboard.records import DEFAULT_OPTIONS
from leaderboard.registry import Registry, load_registry

COMMIT = "a" * 40
MODELS = """\
# every model

alpha:  # the first one
  title: Alpha
  family: DINOv2
  library: baseline
  architecture: pixels
  preprocessing: {resize: [8, 8], mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 192
  licence: MIT

# said of zeta
zeta:
  title: Zeta
  library: timm
  architecture: test_vit
  sources: [{hub: owner/taken, revision: main}]
  pooling: cls
  preprocessing: {resize: [8, 8], mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}
  dimension: 64
  licence: MIT
"""
TEXT_TOWER = ["logit_scale", "text_model."]
FAMILIES = {  # a short name: maker in the zoo, then what the entry says: library, pooling, drop, dimension
    "timm": ("timm_repository", "timm", "cls", ["head."], 64),
    "no-pooler": ("vit_without_pooler", "transformers", "cls", [], 32),
    "pooler": ("vit_with_pooler", "transformers", "cls", [], 32),
    "patch-14": ("dinov2", "transformers", "cls", [], 32),
    "registers": ("dinov2_with_registers", "transformers", "cls", [], 32),
    "rotary": ("dinov3", "transformers", "cls", [], 32),
    "decoder": ("mae", "transformers", "mean-layernorm", ["decoder."], 32),
    "two-towers": ("clip", "transformers", "pooler", [*TEXT_TOWER, "text_projection.", "visual_projection."], 32),
    "no-class-token": ("siglip", "transformers", "pooler", ["logit_bias", *TEXT_TOWER], 32),
    "tower": (
        *("open_clip_repository", "open_clip", "head"),
        ["ln_final.", "logit_scale", "positional_embedding", "text_projection", "token_embedding.", "transformer."],
        32,
    ),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models and no data set."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "datasets.yaml").write_text("{}")
    return tmp_path


def make(zoo: Any, maker: str) -> dict[str, bytes]:
    """A repository of the zoo."""
    return zoo.timm_repository("test_vit") if maker == "timm_repository" else getattr(zoo, maker)()


def add(root: Path, *arguments: str) -> Registry:
    """Run the command, which has to succeed, and read what it wrote."""
    assert main(["add", *arguments, "--root", str(root)]) == 0
    return load_registry(root)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_entry_of_every_family_loads(family: str, root: Path, hub, zoo) -> None:
    """Library, pooling, drop and dimension fit the weights: the model gives a vector of that length, pinned."""
    maker, *expected = FAMILIES[family]
    commit = hub.push("owner/new-model", make(zoo, maker))
    hub.describe("owner/new-model", licence="apache-2.0")
    spec = add(root, "owner/new-model").model("new-model")
    assert [spec.library, spec.pooling, list(spec.sources[0].drop), spec.dimension] == expected
    assert (spec.sources[0].revision, spec.licence, spec.preprocessing) == (commit, "Apache-2.0", "model")
    assert spec.tags == ("transformer",)
    backbone = load_backbone(spec)
    vectors = backbone.embed([backbone.prepare(Image.new("RGB", (40, 40), "green"))])
    assert vectors.shape == (1, spec.dimension)


@pytest.mark.parametrize("family", ["pooler", "decoder", "two-towers"])
def test_a_checkpoint_of_a_classifier_drops_its_head(family: str, root: Path, hub, zoo) -> None:
    """A tensor that the tower does not take is declared, whatever else the file holds."""
    import torch
    from safetensors.torch import load, save

    files = make(zoo, FAMILIES[family][0])
    state = load(files["model.safetensors"]) | {"classifier.weight": torch.zeros(3, 32)}
    hub.push("owner/named", files | {"model.safetensors": save(state, {"format": "pt"})})
    spec = add(root, "owner/named").model("named")
    assert "classifier." in spec.sources[0].drop
    assert load_backbone(spec).parameters > 0


def test_an_entry_comes_to_its_place_and_nothing_else_changes(root: Path, hub, zoo, capsys) -> None:
    """Between its neighbours, comments kept; what it says is printed, with the next command."""
    hub.push("owner/Middle_One", zoo.dinov2(), COMMIT)
    hub.describe(
        "owner/Middle_One", licence="mit", library_name="transformers", pipeline_tag="image-feature-extraction"
    )
    before = (root / "models.yaml").read_text()
    spec = add(root, "https://huggingface.co/owner/Middle_One").model("middle-one")
    after, said = (root / "models.yaml").read_text(), capsys.readouterr().out
    head, tail = before.split("# said of zeta")
    assert after.startswith(head)
    assert after.endswith("# said of zeta" + tail)
    block = after[len(head) : -len("# said of zeta" + tail)]
    assert block.strip() in said
    assert said.endswith("next: pytest -k middle-one\n")
    assert "open: " not in said
    assert list(load_registry(root).models) == ["alpha", "middle-one", "zeta"]
    assert (spec.title, spec.family, spec.licence) == ("Middle One, owner", "DINOv2", "MIT")
    assert spec.links == {"backbone": "https://huggingface.co/owner/Middle_One"}
    assert "image-feature-extraction" in block


def test_what_could_not_be_known_is_said(root: Path, hub, zoo, capsys) -> None:
    """No licence, a pickle, no preprocessing: each open point in one line with what to do; nothing is made up."""
    files = zoo.pickled(zoo.vit_without_pooler())
    del files["preprocessor_config.json"]
    hub.push("owner/bare", files)
    spec = add(root, "owner/bare").model("bare")
    said = capsys.readouterr().out
    assert spec.licence is None
    assert spec.sources[0].drop == ()
    assert spec.preprocessing.resize == (256, 256)
    assert [line.split(":")[1].strip() for line in said.splitlines() if line.startswith("open: ")] == [
        "licence",
        "drop",
        "preprocessing",
    ]
    assert load_backbone(spec).parameters > 0


def test_a_gated_model_is_marked(root: Path, hub, zoo, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Without a token one line says what to do and nothing is written; with it the entry says that it is gated."""
    hub.push("owner/closed", zoo.dinov2())
    hub.gated["owner/closed"] = "hf_ours"
    before = (root / "models.yaml").read_bytes()
    assert main(["add", "owner/closed", "--root", str(root)]) != 0
    assert "gated, and no token is set; accept the licence" in one_line(capsys)
    assert (root / "models.yaml").read_bytes() == before
    monkeypatch.setenv("HF_TOKEN", "hf_ours")
    assert add(root, "owner/closed").model("closed").access == "gated"


REFUSED = {
    "owner/nothing": "no such repository, or private",
    "owner/taken": "owner/taken has an entry already, 'zeta'; to add another one of it, pass --id",
    "owner/alpha": "models.yaml has an entry 'alpha' already; pass --id",
    "no name": "Give owner/name",
    "owner/text": "'bert' is of no model of images; docs/adding-a-model.md",
    "owner/foreign": "the Hub names library 'keras'",
    "owner/parts": "its weights are in several files",
    "owner/strange": "does not know model type 'strange' and brings its own code",
    "owner/torn": "does not hold what the network of its configuration needs",
    "owner/broken": "config.json is no JSON mapping",
    "owner/headless": "has no header of safetensors",
}


def describe_net(**config: object) -> dict[str, bytes]:
    """A repository with this configuration, and weights that are none."""
    return {"config.json": json.dumps(config).encode(), "model.safetensors": b"?"}


@pytest.mark.parametrize("repository", REFUSED)
def test_what_cannot_be_added_is_refused_in_one_line(repository: str, root: Path, hub, zoo, capsys) -> None:
    """What was found and what to do; models.yaml stays as it is."""
    torn = json.loads(zoo.dinov2()["config.json"]) | {"hidden_size": 64}
    hub.push("owner/text", describe_net(model_type="bert") | {"model.safetensors": zoo.dinov2()["model.safetensors"]})
    hub.push("owner/foreign", {"saved_model.pb": b"?", "README.md": b"# hello"})
    hub.describe("owner/foreign", library_name="keras")
    hub.push("owner/parts", {"config.json": b'{"model_type": "vit"}', "model.safetensors.index.json": b"{}"})
    strange = {"model_type": "strange", "auto_map": {"AutoModel": "code.Strange"}}
    hub.push("owner/strange", describe_net(**strange) | {"model.safetensors": zoo.dinov2()["model.safetensors"]})
    hub.push("owner/torn", zoo.dinov2() | {"config.json": json.dumps(torn).encode()})
    hub.push("owner/broken", {"config.json": b"[1, 2"})
    hub.push("owner/headless", describe_net(model_type="vit"))
    before = (root / "models.yaml").read_bytes()
    assert main(["add", repository, "--root", str(root)]) != 0
    assert REFUSED[repository] in one_line(capsys)
    assert (root / "models.yaml").read_bytes() == before


def test_an_id_of_ones_own_allows_another_model_of_a_repository(root: Path, hub, zoo) -> None:
    """The repository has an entry: with --id it gets another one."""
    hub.push("owner/taken", zoo.dinov2())
    assert add(root, "owner/taken", "--id", "beta").model("beta").sources[0].name == "owner/taken"


def test_offline_is_refused(root: Path, hub, capsys) -> None:
    """What a model is can only be asked of the Hub, which then is not asked."""
    assert main(["add", "owner/any", "--offline", "--root", str(root)]) != 0
    assert "leave --offline" in one_line(capsys)
    assert hub.requests == []


HOSTILE = {
    "line-break": "x\n  evil: 1",
    "boolean": "no",
    "alias": "*alias",
    "anchor": "&anchor",
    "comment": "a: b #c",
    "odd-breaks": "\u2028x\x85y",
    "tag": "!!python/object:os.system",
    "quotes": "'\"",
    "number": "1e3",
    "half-a-sign": "\ud800",
    "escape": "\x1b[31mred",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_metadata_stay_text(text: str, root: Path, hub, zoo, capsys) -> None:
    """Whatever the Hub says is read back as exactly that; a comment never leaves its line."""
    files = zoo.dinov2()
    config = json.loads(files["config.json"]) | {"padding": "x" * 1_000_000}
    hub.push("owner/hostile", files | {"config.json": json.dumps(config).encode()})
    hub.describe("owner/hostile", licence=text, library_name="transformers", pipeline_tag=f"{text}\nevil: {{}}")
    before = yaml.safe_load((root / "models.yaml").read_text())
    registry = add(root, "owner/hostile")
    after = yaml.safe_load((root / "models.yaml").read_text(encoding="utf-8"))
    assert registry.model("hostile").licence == text
    assert {id_: entry for id_, entry in after.items() if id_ != "hostile"} == before
    assert set(after["hostile"]) == {
        *("title", "family", "library", "sources", "pooling", "preprocessing", "dimension", "licence", "tags", "links")
    }
    assert len((root / "models.yaml").read_text()) < len(MODELS) + 1500
    assert set("\x85\u2028\x1b") & set(capsys.readouterr().out) == set()


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr: one line of ours, and no traceback."""
    said = capsys.readouterr().err
    ours = [line for line in said.splitlines() if "leaderboard: " in line]
    assert len(ours) == 1, said
    assert "Traceback" not in said
    return ours[0]


# ---- --measure


@pytest.fixture
def measured(clone, hub, zoo, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The miniature clone with its data, and a tiny network on the Hub."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    hub.push("owner/tiny", zoo.timm_repository("test_vit"))
    hub.describe("owner/tiny", licence="mit")
    return clone


def test_measuring_gives_result_digest_and_floors(measured, capsys) -> None:
    """The result is stored, tables stay; the entry has the digest of the tensors and floors below its figures."""
    assert main(["add", "owner/tiny", "--measure", "--root", str(measured.root)]) == 0
    said = capsys.readouterr().out
    result = json.loads(measured.result("tiny").read_text())
    spec = load_registry(measured.root).model("tiny")
    assert re.search(r"^grains: ok: NN F1 0\.\d{3}", said, re.MULTILINE)
    assert "next, in a clone: python -m leaderboard check (" in said  # no git here: nobody can tell what is proposed
    assert spec.digest == result["provenance"]["inputs"]["model"]["weights"]["digest"]
    floors = spec.thresholds["grains"]
    assert set(floors) == {"knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"}
    assert all(0 <= floor < result["metrics"][name] for name, floor in floors.items())
    assert not (measured.root / "leaderboard" / "README.md").exists()
    assert load_backbone(spec).spec.id == "tiny"
    entry = (measured.root / "models.yaml").read_bytes()
    assert main(["thresholds", "tiny", "--root", str(measured.root)]) == 0
    assert (measured.root / "models.yaml").read_bytes() == entry
    assert "tiny: grains: floors: " in capsys.readouterr().out


def test_without_data_the_entry_stays_and_the_reason_is_said(measured, monkeypatch, capsys) -> None:
    """No cell can be measured: exit code 1, the entry is there, no result is."""
    damaged = measured.data / "grains" / "blue" / "0.png"
    damaged.write_bytes(b"no image")
    assert main(["add", "owner/tiny", "--measure", "--root", str(measured.root)]) == 1
    captured = capsys.readouterr()
    assert re.search(r"^grains: error: .*not grains", captured.out, re.MULTILINE)
    assert "no cell could be measured; the entry stays" in captured.err
    assert load_registry(measured.root).model("tiny").digest is None
    assert not measured.result("tiny").exists()


def test_an_interruption_keeps_what_is_measured(measured) -> None:
    """After the first of two data sets: its result, the digest and its floors are there, and the rest is as before."""
    shutil.copytree(measured.data / "grains", measured.data / "spores")
    entries = (measured.root / "datasets.yaml").read_text()
    (measured.root / "datasets.yaml").write_text(entries + entries.replace("grains:", "spores:"))
    registry = add(measured.root, "owner/tiny")
    said = []

    def interrupt(line: str) -> None:
        said.append(line)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_entry(registry, "tiny", DEFAULT_OPTIONS, interrupt)
    assert [line.partition(": ")[0] for line in said] == ["grains"]
    assert measured.result("tiny").exists()
    spec = load_registry(measured.root).model("tiny")
    assert spec.digest
    assert set(spec.thresholds) == {"grains"}
    measure_entry(load_registry(measured.root), "tiny", DEFAULT_OPTIONS)
    assert set(load_registry(measured.root).model("tiny").thresholds) == {"grains", "spores"}


def test_the_same_command_again_goes_on_measuring(measured, capsys) -> None:
    """The entry stays and gets digest and floors; without --measure the refusal names the command that measures it."""
    again = ["add", "owner/tiny", "--measure", "--root", str(measured.root)]
    add(measured.root, "owner/tiny")
    entry = load_registry(measured.root).model("tiny")
    capsys.readouterr()
    assert main(["add", "owner/tiny", "--root", str(measured.root)]) != 0
    assert "to measure it: `python -m leaderboard add owner/tiny --measure`" in one_line(capsys)
    assert main(again) == 0
    assert capsys.readouterr().out.startswith("models.yaml has an entry 'tiny' of owner/tiny already: it stays")
    spec = load_registry(measured.root).model("tiny")
    assert spec.digest
    assert set(spec.thresholds) == {"grains"}
    assert replace(spec, digest=None, thresholds={}) == entry
    before = (measured.root / "models.yaml").read_bytes()
    assert main(again) == 0
    assert (measured.root / "models.yaml").read_bytes() == before


def test_measuring_in_another_precision_is_refused_first(measured, capsys) -> None:
    """Such results are not stored, so nothing is written."""
    before = (measured.root / "models.yaml").read_bytes()
    assert main(["add", "owner/tiny", "--measure", "--dtype", "bfloat16", "--root", str(measured.root)]) != 0
    assert "--dtype bfloat16" in one_line(capsys)
    assert (measured.root / "models.yaml").read_bytes() == before


@pytest.mark.parametrize("more", [{"init_values": 1e-5}, {"qk_norm": True}])
def test_a_network_with_more_to_its_blocks_is_refused(measured, hub, zoo, capsys, more) -> None:
    """Without its layer scale it would load, and be another model: that is no classifier to be dropped."""
    hub.push("lab/scaled", zoo.timm_repository("test_vit", **more))
    hub.describe("lab/scaled", library_name="timm", licence="mit")
    before = (measured.root / "models.yaml").read_text()
    assert main(["add", "lab/scaled", "--root", str(measured.root)]) == 2
    assert "has no place for" in capsys.readouterr().err
    assert (measured.root / "models.yaml").read_text() == before
