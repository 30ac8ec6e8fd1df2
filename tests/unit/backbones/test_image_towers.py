"""Image towers of open_clip: the one that both towers' file holds, its configuration and its preprocessing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from leaderboard.backbones import load_backbone
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, Preprocessing, RunOptions, Source

open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
TEXT_TOWER = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.", "text_projection", "logit_scale")
DECLARED = {"drop": TEXT_TOWER, "strip": ("visual.",)}


@pytest.fixture
def folder(zoo, tmp_path: Path) -> Path:
    """A repository's files."""
    for name, content in zoo.open_clip_repository().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def spec_of(make_spec) -> Callable[..., ModelSpec]:
    """The entry of a folder."""

    def spec_of(folder: Path, *, pooling: str = "head", preprocessing: object = "model", **source: object) -> ModelSpec:
        return make_spec(
            library="open_clip",
            architecture=None,
            pooling=pooling,
            preprocessing=preprocessing,
            dimension=32,
            sources=(Source("path", str(folder), **DECLARED | source),),
        )

    return spec_of


def reconfigure(folder: Path, part: str, **values: object) -> dict:
    """Change one part of the configuration; the whole of it."""
    config = json.loads((folder / CONFIG).read_text())
    config.setdefault(part, {}).update(values)
    (folder / CONFIG).write_text(json.dumps(config))
    return config


def both_towers(folder: Path, **options: object):
    """The whole model, as open_clip builds and loads it."""
    model = open_clip.CLIP(**json.loads((folder / CONFIG).read_text())["model_cfg"], **options)
    model.load_state_dict(safetensors_torch.load_file(folder / WEIGHTS))
    return model.eval()


def transform(**changes: object) -> Callable:
    """The preprocessing that open_clip itself makes for evaluation."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    return image_transform_v2(PreprocessCfg(**{"size": 224} | changes), is_train=False)


@pytest.mark.parametrize("quick", [False, True], ids=["gelu", "quick-gelu"])
def test_vectors_are_those_that_are_compared_with_text(folder, spec_of, draw, quick):
    """Embeddings equal those of the whole model before their normalisation; the activation is the configuration's."""
    reconfigure(folder, "model_cfg", quick_gelu=quick)
    images, model = draw(3, (90, 70)), both_towers(folder)
    with torch.inference_mode():
        expected = model.encode_image(torch.stack([transform()(image) for image in images])).numpy()
    backbone = load_backbone(spec_of(folder), RunOptions(device="cpu"))
    found = backbone.embed([backbone.prepare(image) for image in images])
    assert (found.shape, found.dtype) == ((3, 32), np.float32)
    assert np.abs(found - expected).max() < 1e-5
    assert np.ptp(expected, axis=0).max() > 1e-2
    assert np.abs(np.linalg.norm(found, axis=1) - 1).min() > 1e-2


def test_the_network_is_the_image_tower_alone(folder, spec_of):
    """Its parameters are the tower's; the provenance names weights and configuration by their digests."""
    backbone = load_backbone(spec_of(folder))
    assert backbone.parameters == sum(parameter.numel() for parameter in both_towers(folder).visual.parameters())
    weights = backbone.inputs["weights"]
    assert weights["file"] == WEIGHTS
    reconfigure(folder, "model_cfg", quick_gelu=True)
    other = load_backbone(spec_of(folder)).inputs["weights"]
    assert {name for name in weights if weights[name] != other[name]} == {CONFIG}


def test_a_pickle_holds_the_same_tensors(folder, spec_of, zoo):
    """Without safetensors the ``.bin`` is read, tensors only; with both, safetensors."""
    digest = load_backbone(spec_of(folder)).inputs["weights"]["digest"]
    pickled = zoo.pickled(zoo.open_clip_repository())
    (folder / "open_clip_pytorch_model.bin").write_bytes(pickled["open_clip_pytorch_model.bin"])
    assert load_backbone(spec_of(folder)).inputs["weights"]["file"] == WEIGHTS
    (folder / WEIGHTS).unlink()
    weights = load_backbone(spec_of(folder)).inputs["weights"]
    assert (weights["file"], weights["digest"]) == ("open_clip_pytorch_model.bin", digest)


@pytest.mark.parametrize(
    ("drop", "message"),
    [
        pytest.param((), r"without visual\. two tensors have one name", id="nothing"),
        pytest.param(
            ("transformer.", "positional_embedding"),
            r"fit the architecture: (unexpected \w+(\.\w+)?; ){5}declare in drop what no feature is read from$",
            id="namesakes",
        ),
        pytest.param(
            TEXT_TOWER[:-1], "fit the architecture: unexpected logit_scale; declare in drop", id="all-but-one"
        ),
    ],
)
def test_a_text_tower_that_is_not_declared_is_refused(folder, spec_of, drop, message):
    """Nothing is left away silently: without its ``drop`` the other tower's tensors are in the way, and listed."""
    with pytest.raises(LeaderboardError, match=message) as caught:
        load_backbone(spec_of(folder, drop=drop))
    assert not isinstance(caught.value, Unavailable)


def test_a_tensor_of_the_tower_that_is_missing_is_named(folder, spec_of):
    """A projection that the file lacks is never drawn."""
    state = safetensors_torch.load_file(folder / WEIGHTS)
    del state["visual.proj"]
    safetensors_torch.save_file(state, folder / WEIGHTS)
    with pytest.raises(LeaderboardError, match=r"does not fit the architecture: missing proj$"):
        load_backbone(spec_of(folder))


# ---- configuration


@pytest.mark.parametrize(
    "content",
    [None, "{ not json", "[]", '{"model_cfg": []}', "{}", '{"model_cfg": {"embed_dim": 32, "text_cfg": {}}}'],
    ids=["absent", "no-json", "list", "list-inside", "empty", "text-only"],
)
def test_a_configuration_without_image_tower_is_refused(folder, spec_of, content):
    """What does not describe a tower is an error in one line that names the file."""
    (folder / CONFIG).unlink()
    if content is not None:
        (folder / CONFIG).write_text(content)
    message = f"^model 'toy': {folder / CONFIG} does not describe an image tower of open_clip "
    with pytest.raises(LeaderboardError, match=message) as caught:
        load_backbone(spec_of(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pooling", ["cls", "mean", "pooler"])
def test_a_tower_has_one_pooling(folder, spec_of, pooling):
    """What is trained is the projection of the pooled token: ``head``, and nothing else is offered."""
    with pytest.raises(LeaderboardError, match=f"has no pooling '{pooling}'; choose head$"):
        load_backbone(spec_of(folder, pooling=pooling))


# ---- preprocessing


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="mean-and-std"),
        pytest.param({"mean": None, "std": None}, id="defaults"),
        pytest.param({"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear"}, id="own"),
    ],
)
@pytest.mark.parametrize("size", [(300, 240), (90, 160)], ids=["wide", "tall"])
def test_the_models_own_preprocessing_is_the_librarys(folder, spec_of, draw, given, size):
    """Shorter side, centre crop, mean and deviation are what open_clip makes of the same configuration."""
    given = reconfigure(folder, "preprocess_cfg", **given)["preprocess_cfg"]
    image = draw(1, size)[0]
    expected = transform(**{name: value for name, value in given.items() if value})(image).permute(1, 2, 0).numpy()
    backbone = load_backbone(spec_of(folder))
    assert backbone.prepare(image).shape == expected.shape == (224, 224, 3)
    assert np.abs(backbone.prepare(image) - expected).max() < 1e-5
    assert backbone.inputs["preprocessing_of"] == "model"
    assert backbone.inputs["preprocessing"]["mean"] == tuple(given["mean"] or open_clip.OPENAI_DATASET_MEAN)


def test_a_preprocessing_that_is_not_known_must_be_written_out(folder, spec_of):
    """A resize mode other than the shorter side's is refused, unless the entry has a preprocessing of its own."""
    reconfigure(folder, "preprocess_cfg", resize_mode="shortest")
    load_backbone(spec_of(folder))
    reconfigure(folder, "preprocess_cfg", resize_mode="squash")
    with pytest.raises(LeaderboardError, match="resize mode 'squash'; write the model's preprocessing out"):
        load_backbone(spec_of(folder))
    own = Preprocessing((224, 224), None, "bicubic", (0.5,) * 3, (0.5,) * 3)
    inputs = load_backbone(spec_of(folder, preprocessing=own)).inputs
    assert (inputs["preprocessing"]["resize"], inputs["preprocessing_of"]) == ((224, 224), "entry")


# ---- files


def test_a_damaged_file_is_corrupt(folder, spec_of):
    """Half a file of weights makes the source unavailable, not the model wrong."""
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:20_000])
    with pytest.raises(Unavailable, match=rf"{WEIGHTS} cannot be read \(.+\); get a sound copy") as caught:
        load_backbone(spec_of(folder))
    assert caught.value.status == "corrupt"


def test_a_repository_loads_through_the_hub(folder, spec_of, make_spec, hub, zoo):
    """From the Hub come weights and configuration, of one commit; then offline too."""
    hub.push("owner/toy", zoo.open_clip_repository() | {"README.md": b"not wanted"}, "c" * 40)
    local = spec_of(folder)
    spec = make_spec(**{**vars(local), "sources": (Source("hub", "owner/toy", **DECLARED),)})
    backbone = load_backbone(spec)
    weights = backbone.inputs["weights"]
    assert (weights["source"], weights["revision"]) == ("hub:owner/toy", "c" * 40)
    assert weights["digest"] == load_backbone(local).inputs["weights"]["digest"]
    assert not any("README" in line for line in hub.requests)
    hub.requests.clear()
    assert load_backbone(spec, RunOptions(offline=True)).inputs == backbone.inputs
    assert hub.requests == []
