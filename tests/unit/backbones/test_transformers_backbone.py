"""Vision models of transformers: tiny ones with drawn weights, saved the way that they are published."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.backbones import load_backbone
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import Preprocessing, RunOptions, Source

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
PLAIN = Preprocessing((32, 32), None, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def plain(**options):
    """A transformer without a pooler, as self-supervised checkpoints ship."""
    config = transformers.ViTConfig(**SIZES, intermediate_size=32)
    return transformers.ViTModel(config, **{"add_pooling_layer": False, **options})


def with_registers():
    """A class token, three register tokens, then the patches."""
    return transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(**SIZES, num_register_tokens=3, layerscale_value=0.7)
    )


def classifier():
    return transformers.ViTForImageClassification(transformers.ViTConfig(**SIZES, intermediate_size=32, num_labels=5))


@pytest.fixture
def publish(tmp_path):
    """``publish(create)``: a model with drawn weights, in evaluation mode, and the folder that it is saved in."""

    def publish(create):
        torch.manual_seed(7)
        model = create().eval()
        with torch.no_grad():
            for parameter in model.parameters():  # initial biases are 0, tokens nearly so: nothing would depend on them
                parameter.add_(torch.randn_like(parameter) * 0.2)
        model.save_pretrained(tmp_path / "model")
        return model, tmp_path / "model"

    return publish


@pytest.fixture
def spec_of(make_spec):
    """The toy entry for a folder."""

    def spec_of(folder: Path, pooling: str = "cls", preprocessing=PLAIN, *, architecture=None, **declared):
        source = Source("path", str(folder), **declared)
        changes = {"library": "transformers", "architecture": architecture, "dimension": 16}
        return make_spec(**changes, sources=(source,), pooling=pooling, preprocessing=preprocessing)

    return spec_of


def rewrite(folder: Path, change) -> None:
    """Change the tensors of a saved checkpoint."""
    state = safetensors_torch.load_file(folder / "model.safetensors")
    change(state)
    safetensors_torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def put(folder: Path, files: dict[str, bytes]) -> Path:
    """Write a repository's files."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def unweighted(vectors: np.ndarray) -> np.ndarray:
    """A layer norm without weights, written out."""
    values = vectors.astype(np.float64)
    return (values - values.mean(1, keepdims=True)) / np.sqrt(values.var(1, keepdims=True) + 1e-6)


def by_hand(images: list[Image.Image]) -> np.ndarray:
    """The plain preprocessing written out: (b, 3, 32, 32) in [-1, 1]."""
    arrays = [np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32) for image in images]
    return np.stack(arrays).transpose(0, 3, 1, 2) / 255 * 2 - 1


WAYS = {
    "class-token": (plain, "cls", lambda out: out.last_hidden_state[:, 0]),
    "patch-mean": (plain, "mean", lambda out: out.last_hidden_state[:, 1:].mean(dim=1)),
    "trained-pooler": (lambda: plain(add_pooling_layer=True), "pooler", lambda out: out.pooler_output),
    "class-token-beside-a-pooler": (lambda: plain(add_pooling_layer=True), "cls", lambda o: o.last_hidden_state[:, 0]),
    "class-token-before-registers": (with_registers, "cls", lambda out: out.last_hidden_state[:, 0]),
    "patch-mean-after-registers": (with_registers, "mean", lambda out: out.last_hidden_state[:, 4:].mean(dim=1)),
}


@pytest.mark.parametrize("way", WAYS)
def test_embeddings_agree_with_a_forward_pass_written_out(publish, spec_of, draw, way):
    """Every pooling equals the model's own output, pooled by hand, to 1e-5; registers are no patches."""
    create, pooling, literal = WAYS[way]
    model, folder = publish(create)
    images = draw(4, (50, 40))
    with torch.inference_mode():
        expected = literal(model(pixel_values=torch.from_numpy(by_hand(images)))).numpy()
    backbone = load_backbone(spec_of(folder, pooling))
    found = backbone.embed([backbone.prepare(image) for image in images])
    assert (found.shape, found.dtype) == ((4, 16), np.float32)
    assert np.abs(found - expected).max() < 1e-5
    assert np.ptp(expected, axis=0).max() > 1e-2  # the images are told apart


def test_a_pooler_without_trained_weights_is_refused(publish, spec_of):
    """A checkpoint without a pooler has no pooling 'pooler': its weights would be drawn anew at every load."""
    _, folder = publish(plain)
    with pytest.raises(LeaderboardError, match=r"missing pooler\.dense\.bias; missing pooler\.dense\.weight$"):
        load_backbone(spec_of(folder, "pooler"))


def test_an_untrained_pooler_is_no_part_of_the_model(publish, spec_of):
    """Where nothing reads the pooler its drawn weights enter neither the digest nor the count of parameters."""
    model, folder = publish(plain)
    one, two = (load_backbone(spec_of(folder)) for _ in range(2))
    assert one.inputs == two.inputs
    assert one.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_an_unknown_pooling_names_the_fitting_ones(publish, spec_of):
    """The pooling 'head' of timm is none of this library's."""
    _, folder = publish(plain)
    with pytest.raises(
        LeaderboardError, match=r"ViTModel has no pooling 'head'; choose from cls, mean, mean-layernorm, pooler$"
    ):
        load_backbone(spec_of(folder, "head"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.pop("layernorm.weight"), r"missing layernorm\.weight$", id="missing"),
        pytest.param(lambda s: s.pop("embeddings.cls_token"), r"missing embeddings\.cls_token$", id="missing-token"),
        pytest.param(lambda s: s.update(extra=torch.ones(1)), "unexpected extra; declare in drop", id="unexpected"),
        pytest.param(
            lambda s: s.update({"layernorm.bias": torch.ones(5)}),
            r"layernorm\.bias is \(5,\), expected \(16,\)$",
            id="shape",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(publish, spec_of, change, message):
    """A missing, unexpected or misshapen tensor is an error in one line that names it."""
    _, folder = publish(plain)
    rewrite(folder, change)
    with pytest.raises(
        LeaderboardError, match=rf"^model 'toy': path:\S+ does not fit the architecture: {message}"
    ) as caught:
        load_backbone(spec_of(folder))
    assert not isinstance(caught.value, Unavailable)


def test_a_classifier_is_left_over_where_the_entry_drops_it(publish, spec_of):
    """A fine-tuned classifier loads as its feature path, once its head is declared as not on it."""
    model, folder = publish(classifier)
    batch = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32))
    with torch.inference_mode():
        expected = model.base_model(pixel_values=batch).last_hidden_state[:, 0].numpy()
    with pytest.raises(
        LeaderboardError, match=r"unexpected classifier\.bias; unexpected classifier\.weight; declare in"
    ):
        load_backbone(spec_of(folder))
    found = load_backbone(spec_of(folder, drop=("classifier.",))).embed(list(batch.permute(0, 2, 3, 1).numpy()))
    assert np.abs(found - expected).max() < 1e-5
    with torch.inference_mode():
        assert np.abs(found @ model.classifier.weight.numpy().T + model.classifier.bias.numpy()) == pytest.approx(
            np.abs(model(pixel_values=batch).logits.numpy()), abs=1e-5
        )


# ---- architectures


def test_a_configuration_without_a_width_gives_the_pooler(publish, spec_of, draw):
    """A convolutional network has a final norm but several widths; its pooled vector is the model's own."""
    config = transformers.ConvNextConfig(hidden_sizes=[4, 8, 12, 16], depths=[1, 1, 1, 1], image_size=32)
    model, folder = publish(lambda: transformers.ConvNextModel(config))
    assert not hasattr(config, "hidden_size")
    images = draw(3, (50, 40))
    with torch.inference_mode():
        expected = model(pixel_values=torch.from_numpy(by_hand(images))).pooler_output.numpy()
    backbone = load_backbone(spec_of(folder, "pooler"))
    found = backbone.embed([backbone.prepare(image) for image in images])
    assert found.shape == (3, 16)
    assert np.abs(found - expected).max() < 1e-5


def test_the_mean_of_unnormed_patches_is_normed_without_weights(publish, spec_of, draw):
    """``mean-layernorm``: the last block's patch tokens, averaged, then centred and scaled; no final norm is read."""
    model, folder = publish(plain)
    model.layernorm = torch.nn.Identity()
    images = draw(3, (50, 40))
    with torch.inference_mode():
        tokens = model(pixel_values=torch.from_numpy(by_hand(images))).last_hidden_state.numpy()
    backbone = load_backbone(spec_of(folder, "mean-layernorm"))
    found = backbone.embed([backbone.prepare(image) for image in images])
    assert np.abs(found - unweighted(tokens[:, 1:].mean(1))).max() < 1e-4


def test_a_masked_autoencoder_sees_every_patch(zoo, tmp_path, spec_of):
    """Nothing is masked and nothing is shuffled: the vector is that of all patches in their order, every time."""
    folder = put(tmp_path / "masked", zoo.mae())
    spec = spec_of(folder, "mean-layernorm", architecture="ViTMAEModel", drop=("decoder.",))
    batch = np.random.default_rng(2).normal(size=(2, 3, 224, 224)).astype(np.float32)
    model = transformers.ViTMAEForPreTraining.from_pretrained(folder).vit.eval()
    model.layernorm = torch.nn.Identity()
    model.config.mask_ratio = 0.0
    with torch.inference_mode():
        hidden = model(pixel_values=torch.from_numpy(batch), noise=torch.arange(196.0).expand(2, -1)).last_hidden_state
    backbone = load_backbone(spec)
    found, again = (backbone.embed(list(batch.transpose(0, 2, 3, 1))) for _ in range(2))
    assert np.abs(found - unweighted(hidden[:, 1:].mean(dim=1).numpy())).max() < 1e-4
    assert np.array_equal(found, again)
    with pytest.raises(LeaderboardError, match=r"unexpected decoder\..* and \d+ more; declare in drop"):
        load_backbone(replace(spec, sources=(replace(spec.sources[0], drop=()),)))


TOWERS = {
    "projected": ("clip", "CLIPModel", "CLIPVisionModel", ("text_model.", "text_projection.", "visual_projection.")),
    "attention": ("siglip", "SiglipModel", "SiglipVisionModel", ("text_model.", "logit_bias")),
}


@pytest.mark.parametrize("kind", TOWERS)
def test_of_two_towers_the_named_one_is_loaded(zoo, tmp_path, spec_of, kind):
    """``architecture`` names the class: the image tower's own pooled vector, when the rest is declared away."""
    make, whole, tower, drop = TOWERS[kind]
    folder = put(tmp_path / "towers", getattr(zoo, make)())
    spec = spec_of(folder, "pooler", architecture=tower, drop=(*drop, "logit_scale"))
    batch = np.random.default_rng(2).normal(size=(2, 3, 224, 224)).astype(np.float32)
    model = getattr(transformers, whole).from_pretrained(folder).vision_model.eval()
    with torch.inference_mode():
        expected = model(pixel_values=torch.from_numpy(batch)).pooler_output.numpy()
    backbone = load_backbone(spec)
    assert np.abs(backbone.embed(list(batch.transpose(0, 2, 3, 1))) - expected).max() < 1e-4
    assert backbone.parameters == sum(parameter.numel() for parameter in model.parameters())
    with pytest.raises(LeaderboardError, match="unexpected logit_scale; declare in drop"):
        load_backbone(replace(spec, sources=(replace(spec.sources[0], drop=drop),)))


def test_a_tower_whose_tokens_are_unnormed_has_its_pooler_only(zoo, tmp_path, spec_of):
    """The last tokens of CLIP's tower have not been through its final norm: cls and mean are not offered."""
    _, _, tower, drop = TOWERS["projected"]
    folder = put(tmp_path / "towers", zoo.clip())
    for pooling in ("cls", "mean"):
        with pytest.raises(LeaderboardError, match=f"has no pooling '{pooling}'; choose from pooler$"):
            load_backbone(spec_of(folder, pooling, architecture=tower, drop=(*drop, "logit_scale")))


def test_tokens_that_are_no_patches_are_not_averaged(publish, spec_of):
    """A second token in front (of distillation) leaves a number that is no grid: refused, not averaged in."""
    config = transformers.DeiTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48)
    _, folder = publish(lambda: transformers.DeiTModel(config, add_pooling_layer=False))
    image = np.zeros((224, 224, 3), np.float32)
    assert load_backbone(spec_of(folder, "cls")).embed([image]).shape == (1, 32)
    with pytest.raises(LeaderboardError, match="DeiTModel gives 197 tokens, no grid of patches; use another pooling"):
        load_backbone(spec_of(folder, "mean")).embed([image])


@pytest.mark.parametrize("architecture", ["ViTModell", "logging"], ids=["unknown", "no-model"])
def test_an_architecture_is_a_model_class(publish, spec_of, architecture):
    """A name that is no model class of transformers is a mistake in the entry."""
    _, folder = publish(plain)
    with pytest.raises(LeaderboardError, match=f"has no model class '{architecture}'; correct the architecture$"):
        load_backbone(spec_of(folder, architecture=architecture))


# ---- preprocessing


def test_the_checkpoints_own_processor_is_used(publish, spec_of, draw):
    """``preprocessing: model`` resizes and normalises by the checkpoint's processor, on Pillow's filters."""
    _, folder = publish(plain)
    transformers.ViTImageProcessor(
        size={"height": 32, "width": 32}, resample=2, image_mean=[0.1, 0.2, 0.3], image_std=[0.4, 0.5, 0.6]
    ).save_pretrained(folder)
    backbone = load_backbone(spec_of(folder, preprocessing="model"))
    for image in [*draw(1, (90, 70)), *draw(1, (20, 45))]:
        values = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float64) / 255
        expected = (values - [0.1, 0.2, 0.3]) / [0.4, 0.5, 0.6]
        found = backbone.prepare(image)
        assert (found.shape, found.dtype) == ((32, 32, 3), np.float32)
        assert np.abs(found - expected).max() < 1e-6


def test_a_processor_that_crops_crops(publish, spec_of, draw):
    """A processor that resizes the shorter side and crops the centre does so: bicubic 40, then 32."""
    _, folder = publish(plain)
    transformers.BitImageProcessor(
        size={"shortest_edge": 40},
        crop_size={"height": 32, "width": 32},
        resample=3,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    ).save_pretrained(folder)
    image = draw(1, (100, 80))[0]
    cropped = image.resize((50, 40), Image.Resampling.BICUBIC).crop((9, 4, 41, 36))
    expected = np.asarray(cropped, dtype=np.float64) / 255 * 2 - 1
    assert np.abs(load_backbone(spec_of(folder, preprocessing="model")).prepare(image) - expected).max() < 1e-6


def test_a_model_without_a_processor_is_unavailable(publish, spec_of):
    """``preprocessing: model`` on a folder without a processor's configuration names the file that is wanted."""
    _, folder = publish(plain)
    with pytest.raises(Unavailable, match=f"^model toy: {folder} has no preprocessor_config.json; point the") as caught:
        load_backbone(spec_of(folder, preprocessing="model"))
    assert caught.value.status == "not found"


def test_what_changes_the_numbers_besides_the_tensors_is_recorded(publish, spec_of):
    """Another count of heads, or another processor, in a folder without a commit changes the cell's inputs."""
    _, folder = publish(plain)
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    found = [load_backbone(spec_of(folder, preprocessing="model")).inputs]
    processor.image_mean = [0.1, 0.2, 0.3]
    processor.save_pretrained(folder)
    found.append(load_backbone(spec_of(folder, preprocessing="model")).inputs)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 4}))
    found.append(load_backbone(spec_of(folder, preprocessing="model")).inputs)
    assert len({inputs["weights"]["digest"] for inputs in found}) == 1
    assert found[0] != found[1] != found[2]


# ---- files


def to_pickle(folder: Path) -> Path:
    """Write the weights as a pickle, in the place of safetensors."""
    torch.save(safetensors_torch.load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder / "pytorch_model.bin"


def test_a_pickle_holds_the_same_tensors(publish, spec_of):
    """A folder without safetensors gives the same tensors from its ``.bin``; its misfits are named as well."""
    _, folder = publish(plain)
    digest = load_backbone(spec_of(folder)).inputs["weights"]["digest"]
    path = to_pickle(folder)
    weights = load_backbone(spec_of(folder)).inputs["weights"]
    assert (weights["file"], weights["digest"]) == ("pytorch_model.bin", digest)
    state = torch.load(path)
    del state["layernorm.bias"]
    torch.save(state, path)
    with pytest.raises(LeaderboardError, match=r"does not fit the architecture: missing layernorm\.bias$"):
        load_backbone(spec_of(folder))


def test_safetensors_come_first(publish, spec_of):
    """Beside safetensors a pickle is not opened."""
    _, folder = publish(plain)
    (folder / "pytorch_model.bin").write_bytes(b"no pickle")
    assert load_backbone(spec_of(folder)).inputs["weights"]["file"] == "model.safetensors"


def test_a_pickle_with_code_is_refused_and_does_not_run(publish, spec_of, zoo, tmp_path):
    """A ``.bin`` that would run code is corrupt, in one line; its code does not run."""
    _, folder = publish(plain)
    to_pickle(folder).write_bytes(zoo.malicious_pickle(tmp_path / "ran"))
    with pytest.raises(Unavailable, match=r"cannot be read \(it holds more than tensors, and would run") as caught:
        load_backbone(spec_of(folder))
    assert caught.value.status == "corrupt"
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_weights_is_unavailable(publish, spec_of):
    """The message names every file that would have done."""
    _, folder = publish(plain)
    (folder / "model.safetensors").unlink()
    message = f"^model toy: {folder} has no model.safetensors nor pytorch_model.bin; point the entry"
    with pytest.raises(Unavailable, match=message) as caught:
        load_backbone(spec_of(folder))
    assert caught.value.status == "not found"


def test_a_folder_without_configuration_is_unavailable(publish, spec_of):
    """A folder without config.json is unavailable, and the message names the folder."""
    _, folder = publish(plain)
    (folder / "config.json").unlink()
    with pytest.raises(Unavailable, match=f"^model toy: {folder} has no config.json; point the entry"):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("part", [0, 5000], ids=["empty", "half"])
def test_damaged_weights_are_corrupt(publish, spec_of, name, part):
    """A part of the weights makes the source unavailable, in one line."""
    _, folder = publish(plain)
    path = folder / name if name == "model.safetensors" else to_pickle(folder)
    path.write_bytes(path.read_bytes()[:part])
    message = rf"^model toy: path:\S+: {name} cannot be read \(.+\); get a sound copy$"
    with pytest.raises(Unavailable, match=message) as caught:
        load_backbone(spec_of(folder))
    assert caught.value.status == "corrupt"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["{ not json", '{"model_type": "nonesuch"}'], ids=["no-json", "unknown"])
def test_a_configuration_that_cannot_be_used_is_an_error_in_one_line(publish, spec_of, content):
    """What transformers cannot make a model of is an error of the entry, without the library's paragraphs."""
    _, folder = publish(plain)
    (folder / "config.json").write_text(content)
    with pytest.raises(LeaderboardError, match=r"^model 'toy': path:\S+: transformers cannot load it: .") as caught:
        load_backbone(spec_of(folder))
    assert "\n" not in str(caught.value)


def test_code_in_a_repository_is_not_run(publish, spec_of, tmp_path):
    """A configuration that names its own code is loaded without it, or not at all; the code does not run."""
    _, folder = publish(plain)
    config = json.loads((folder / "config.json").read_text())
    (folder / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\nclass Net: pass\n"
    )
    auto = {"AutoConfig": "evil.Net", "AutoModel": "evil.Net"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "evil", "auto_map": auto}))
    with pytest.raises(LeaderboardError, match="brings its own code; read it, then declare trust_remote_code"):
        load_backbone(spec_of(folder))
    assert not (tmp_path / "ran").exists()


def test_a_processor_brings_no_code_either(publish, spec_of, tmp_path, monkeypatch):
    """Nobody is asked whether it may run, and whoever sits at the keyboard cannot let it."""
    _, folder = publish(plain)
    (folder / "evil.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\nclass Processor: pass\n"
    )
    processor = {"image_processor_type": "Evil", "auto_map": {"AutoImageProcessor": "evil.Processor"}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    monkeypatch.setattr("builtins.input", lambda *prompt: pytest.fail(f"asked {prompt}"))
    with pytest.raises(LeaderboardError) as caught:
        load_backbone(spec_of(folder, preprocessing="model"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("trusted", "allowed", "message"),
    [
        pytest.param(None, True, f"read it, then declare trust_remote_code: {COMMIT} and pass", id="not-trusted"),
        pytest.param("d" * 40, True, f"is at {COMMIT}, trust_remote_code names {'d' * 40}; read", id="another-commit"),
        pytest.param(COMMIT, False, "brings its own code; read it, then pass --allow-remote-code", id="not-allowed"),
    ],
)
def test_code_of_a_repository_needs_its_commit_and_a_word(hub, spec_of, zoo, trusted, allowed, message):
    """An entry that names the commit whose code was read, and the user's option: without both nothing is loaded."""
    files = zoo.vit_without_pooler()
    config = {name: value for name, value in json.loads(files["config.json"]).items() if name != "model_type"}
    files["config.json"] = json.dumps(config | {"auto_map": {"AutoModel": "net.Net"}}).encode()
    hub.push("owner/toy", files | {"net.py": b"raise SystemExit"}, COMMIT)
    spec = spec_of(Path("nowhere"))
    spec = replace(spec, sources=(Source("hub", "owner/toy"),), trust_remote_code=trusted)
    with pytest.raises(LeaderboardError, match=message) as caught:
        load_backbone(spec, RunOptions(allow_remote_code=allowed))
    assert getattr(caught.value, "status", "error") == ("error" if trusted == "d" * 40 else "gated")


def test_loading_leaves_torchs_generator_alone(publish, spec_of):
    """A pooler that the checkpoint lacks is drawn, and torch's global generator stays where it was."""
    _, folder = publish(plain)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    load_backbone(spec_of(folder))
    assert torch.equal(torch.rand(3), expected)


def test_a_repository_loads_through_the_hub(publish, spec_of, make_spec, hub):
    """From the Hub a model gives the tensors of the folder that was published, and its commit; then offline too."""
    _, folder = publish(plain)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    hub.push("owner/toy", {path.name: path.read_bytes() for path in folder.iterdir()}, COMMIT)
    local = spec_of(folder, preprocessing="model")
    spec = make_spec(**{**vars(local), "sources": (Source("hub", "owner/toy", revision="main"),)})
    backbone = load_backbone(spec)
    weights = backbone.inputs["weights"]
    assert (weights["source"], weights["revision"]) == ("hub:owner/toy", COMMIT)
    assert weights["digest"] == load_backbone(local).inputs["weights"]["digest"]
    hub.requests.clear()
    assert load_backbone(spec, RunOptions(offline=True)).inputs == backbone.inputs
    assert hub.requests == []


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_an_architecture_without_class_token_has_no_first_token_to_trust(tmp_path, make_spec, draw, pooling):
    """Swin's first token is a patch: cls is refused, and mean is over all of them."""
    from transformers import SwinConfig, SwinModel

    config = SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4)
    network = SwinModel(config).eval()
    network.save_pretrained(tmp_path)
    preprocessing = Preprocessing((32, 32), None, "bilinear", (0.5,) * 3, (0.5,) * 3)
    spec = make_spec(
        library="transformers",
        architecture=None,
        pooling=pooling,
        dimension=16,
        preprocessing=preprocessing,
        sources=(Source("path", str(tmp_path)),),
    )
    if pooling == "cls":
        with pytest.raises(LeaderboardError, match=r"SwinModel has no pooling 'cls'; choose from mean, .*pooler$"):
            load_backbone(spec)
        return
    backbone = load_backbone(spec)
    batch = [backbone.prepare(image) for image in draw(2)]
    with torch.inference_mode():
        tokens = network(torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2)).last_hidden_state
    assert backbone.embed(batch) == pytest.approx(tokens.mean(dim=1).numpy(), abs=1e-5)
