"""Vision models of transformers: tiny ones with drawn weights, saved the way that they are published."""

from __future__ import annotations

import json
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

    def spec_of(folder: Path, pooling: str = "cls", preprocessing=PLAIN):
        source = Source("path", str(folder))
        changes = {"library": "transformers", "architecture": None, "dimension": 16}
        return make_spec(**changes, sources=(source,), pooling=pooling, preprocessing=preprocessing)

    return spec_of


def rewrite(folder: Path, change) -> None:
    """Change the tensors of a saved checkpoint."""
    state = safetensors_torch.load_file(folder / "model.safetensors")
    change(state)
    safetensors_torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


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
    with pytest.raises(LeaderboardError, match="pooling 'head' is not one of cls, mean, pooler"):
        load_backbone(spec_of(folder, "head"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.pop("layernorm.weight"), r"missing layernorm\.weight", id="missing"),
        pytest.param(lambda s: s.pop("embeddings.cls_token"), r"missing embeddings\.cls_token", id="missing-token"),
        pytest.param(lambda s: s.update(extra=torch.ones(1)), "unexpected extra", id="unexpected"),
        pytest.param(
            lambda s: s.update({"layernorm.bias": torch.ones(5)}),
            r"layernorm\.bias is \(5,\), expected \(16,\)",
            id="shape",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(publish, spec_of, change, message):
    """A missing, unexpected or misshapen tensor is an error in one line that names it."""
    _, folder = publish(plain)
    rewrite(folder, change)
    with pytest.raises(LeaderboardError, match=f"^model 'toy': its weights do not fit: {message}$") as caught:
        load_backbone(spec_of(folder))
    assert not isinstance(caught.value, Unavailable)


def test_a_classifier_may_be_left_over(publish, spec_of):
    """A fine-tuned classifier loads as its feature path: the class token before the classifier."""
    model, folder = publish(classifier)
    batch = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32))
    with torch.inference_mode():
        expected = model.base_model(pixel_values=batch).last_hidden_state[:, 0].numpy()
    found = load_backbone(spec_of(folder)).embed(list(batch.permute(0, 2, 3, 1).numpy()))
    assert np.abs(found - expected).max() < 1e-5
    with torch.inference_mode():
        assert np.abs(found @ model.classifier.weight.numpy().T + model.classifier.bias.numpy()) == pytest.approx(
            np.abs(model(pixel_values=batch).logits.numpy()), abs=1e-5
        )


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


def test_a_model_without_a_processor_is_refused(publish, spec_of):
    """``preprocessing: model`` on a checkpoint without a processor is an error in one line."""
    _, folder = publish(plain)
    with pytest.raises(LeaderboardError, match=r"transformers cannot load it: .*image processor") as caught:
        load_backbone(spec_of(folder, preprocessing="model"))
    assert "\n" not in str(caught.value)


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


def test_a_folder_of_pickles_is_refused(publish, spec_of):
    """A folder that holds its weights only as a pickle is unavailable; the remedy is safetensors."""
    _, folder = publish(plain)
    torch.save(safetensors_torch.load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(Unavailable, match=r"has no \*\.safetensors, and pickles are not read; write it with save_pre"):
        load_backbone(spec_of(folder))


def test_a_folder_without_configuration_is_unavailable(publish, spec_of):
    """A folder without config.json is unavailable, and the message names the folder."""
    _, folder = publish(plain)
    (folder / "config.json").unlink()
    with pytest.raises(Unavailable, match=f"^model toy: {folder} has no config.json; point the entry"):
        load_backbone(spec_of(folder))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("model.safetensors", b"\x10\x00", id="truncated-weights"),
        pytest.param("config.json", b"{ not json", id="broken-configuration"),
        pytest.param("config.json", b'{"model_type": "nonesuch"}', id="unknown-architecture"),
    ],
)
def test_a_broken_file_is_an_error_in_one_line(publish, spec_of, name, content):
    """What transformers cannot read is an error of the model, without the library's paragraphs."""
    _, folder = publish(plain)
    (folder / name).write_bytes(content)
    with pytest.raises(LeaderboardError, match=r"^model 'toy': transformers cannot load it: .") as caught:
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
    with pytest.raises(LeaderboardError, match="transformers cannot load it"):
        load_backbone(spec_of(folder))
    assert not (tmp_path / "ran").exists()


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
    hub.push("owner/toy", {path.name: path.read_bytes() for path in folder.iterdir()}, "c" * 40)
    local = spec_of(folder, preprocessing="model")
    spec = make_spec(**{**vars(local), "sources": (Source("hub", "owner/toy", revision="main"),)})
    backbone = load_backbone(spec)
    weights = backbone.inputs["weights"]
    assert (weights["source"], weights["revision"]) == ("hub:owner/toy", "c" * 40)
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
        with pytest.raises(LeaderboardError, match="pooling 'cls' is not one of mean, pooler"):
            load_backbone(spec)
        return
    backbone = load_backbone(spec)
    batch = [backbone.prepare(image) for image in draw(2)]
    with torch.inference_mode():
        tokens = network(torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2)).last_hidden_state
    assert backbone.embed(batch) == pytest.approx(tokens.mean(dim=1).numpy(), abs=1e-5)
