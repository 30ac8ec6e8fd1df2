"""What spoils a model without a word, and what notices: load checks, digests, or the canary.

Every test measures a tiny model, spoils something, and measures again: the second run ends in one line that says
what is wrong, and the stored result stays.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from leaderboard.__main__ import main
from leaderboard.canary import TOLERANCES
from leaderboard.records import Cell, Outcome, RunOptions
from leaderboard.registry import load_registry
from leaderboard.result_files import load_result
from leaderboard.run import Run

COMMIT = "c" * 40
PINNED = f"{{hub: toy/tiny, revision: {COMMIT}}}"
TIMM = """
tiny:
  title: Tiny
  library: timm
  architecture: test_vit
  sources: [{source}]
  pooling: cls
  preprocessing:
    resize: [176, 176]
    crop: 160
    interpolation: bicubic
    mean: [0.485, 0.456, 0.406]
    std: [0.229, 0.224, 0.225]
  dimension: 64
  licence: null
"""
TRANSFORMERS = """
tiny:
  title: Tiny
  library: transformers
  sources: [{source}]
  pooling: cls
  preprocessing: model
  dimension: 32
  licence: null
"""
SIZE = re.compile(r"([\d.e-]+|inf) in cosines, ([\d.e-]+|inf) in norms")
Tensors = dict[str, Any]


@dataclass
class Bench:
    """The miniature clone with one more model."""

    root: Path
    tmp: Path

    @property
    def stored(self) -> Path:
        """The model's result file."""
        return self.root / "leaderboard" / "results" / "grains" / "tiny.json"

    def enter(self, entry: str, source: str) -> None:
        """Add the model."""
        models = self.root / "models.yaml"
        models.write_text(models.read_text() + entry.format(source=source))

    def edit(self, old: str, new: str) -> None:
        """Change its entry."""
        models = self.root / "models.yaml"
        before, entry = models.read_text().split("tiny:")
        assert old in entry
        models.write_text(f"{before}tiny:{entry.replace(old, new)}")

    def measure(self, **options: Any) -> Outcome:
        """One run of the suite on it, as another process would make it."""
        registry = load_registry(self.root)
        shared = self.tmp / f"run-{time.monotonic_ns()}"
        chosen = RunOptions(**{"device": "cpu"} | options)
        return Run(registry, chosen, shared, registry.results_dir).outcome(Cell("tiny", "grains"))

    def measure_first(self) -> bytes:
        """The sound model: what is stored of it."""
        outcome = self.measure()
        assert outcome.status == "ok", outcome.reason
        assert load_result(self.stored).canary is not None
        return self.stored.read_bytes()

    def measure_spoilt(self, before: bytes) -> str:
        """The reason why it is not measured again; what was stored is still there."""
        outcome = self.measure()
        assert outcome.status == "error", outcome.reason
        assert outcome.result is None
        assert "\n" not in outcome.reason
        assert self.stored.read_bytes() == before
        return outcome.reason

    def verify(self, *arguments: str) -> int:
        """The exit code of the command."""
        return main(["verify", "--root", str(self.root), "--device", "cpu", *arguments])


@pytest.fixture
def bench(clone, monkeypatch, tmp_path: Path) -> Bench:
    """The clone's data and cache are also this process's."""
    for library in ("torch", "timm", "transformers"):
        pytest.importorskip(library)
    monkeypatch.setenv("LEADERBOARD_DATA", str(clone.data))
    monkeypatch.setenv("LEADERBOARD_CACHE", clone.environment["LEADERBOARD_CACHE"])
    return Bench(clone.root, tmp_path)


@pytest.fixture
def files(zoo) -> dict[str, bytes]:
    """A repository in timm's format, whose classifier is left out as it is of no use here."""
    files = zoo.timm_repository("test_vit")
    return files | {"model.safetensors": changed(files, drop("head."))}


@pytest.fixture
def folder(bench: Bench, files, tmp_path: Path) -> Path:
    """The model in a folder, entered and measured never."""
    return save(bench, TIMM, files, tmp_path / "weights")


@pytest.fixture
def on_hub(bench: Bench, hub, files) -> Any:
    """The same repository on the Hub, entered with its commit."""
    hub.push("toy/tiny", files, COMMIT)
    bench.enter(TIMM, PINNED)
    return hub


def save(bench: Bench, entry: str, files: dict[str, bytes], folder: Path) -> Path:
    """A repository as a folder of its own, and the entry for it."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    bench.enter(entry, f"{{path: {folder}}}")
    return folder


# ---- what may happen to a file of weights


def changed(files: dict[str, bytes], change: Callable[[Tensors], Tensors]) -> bytes:
    from safetensors.torch import load
    from safetensors.torch import save as write

    return write(change(load(files["model.safetensors"])), {"format": "pt"})


def spoil(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(changed({path.name: path.read_bytes()}, change))


def drop(beginning: str) -> Callable[[Tensors], Tensors]:
    return lambda state: {name: tensor for name, tensor in state.items() if not name.startswith(beginning)}


def swap_blocks(state: Tensors) -> Tensors:
    other = {"0": "1", "1": "0"}
    return {
        re.sub(r"(blocks|layer)\.([01])\.", lambda m: f"{m[1]}.{other[m[2]]}.", name): state[name] for name in state
    }


def add_noise(name: str) -> Callable[[Tensors], Tensors]:
    """One per cent of the tensor's own deviation."""
    import torch

    noise = torch.Generator().manual_seed(3)

    def add(state: Tensors) -> Tensors:
        tensor = state[name]
        return state | {name: tensor + 0.01 * tensor.std() * torch.randn(tensor.shape, generator=noise)}

    return add


def size_in(text: str) -> float:
    """How far a message says that the canaries are apart."""
    found = SIZE.search(text)
    assert found, text
    return max(map(float, found.groups()))


# ---- files: seen by load checks and digests


@pytest.mark.parametrize("name", ["blocks.1.mlp.fc2.bias", "cls_token", "norm.weight"])
def test_a_dropped_tensor_is_refused_by_name(bench: Bench, folder: Path, name: str) -> None:
    """Already at a first measurement, when there is nothing to compare with."""
    whole = (folder / "model.safetensors").read_bytes()
    spoil(folder, drop(name))
    outcome = bench.measure()
    assert outcome.status == "error"
    assert f"does not fit the architecture: missing {name}" in outcome.reason
    assert not bench.stored.exists()
    (folder / "model.safetensors").write_bytes(whole)
    before = bench.measure_first()
    spoil(folder, drop(name))
    assert f"missing {name}" in bench.measure_spoilt(before)


def test_a_tensor_dropped_from_a_repository_of_the_other_library_is_refused(bench: Bench, zoo, tmp_path) -> None:
    """The library itself would fill it with noise and go on."""
    files = zoo.dinov2()
    folder = save(bench, TRANSFORMERS, files, tmp_path / "weights")
    before = bench.measure_first()
    name = next(name for name in _names(files) if name.endswith("mlp.fc2.bias"))
    spoil(folder, drop(name))
    assert f"does not fit the architecture: missing {name}" in bench.measure_spoilt(before)


def _names(files: dict[str, bytes]) -> list[str]:
    from safetensors.torch import load

    return list(load(files["model.safetensors"]))


@pytest.mark.parametrize(
    "change",
    [
        swap_blocks,
        lambda state: add_noise("patch_embed.proj.weight")(state),
        lambda state: add_noise("blocks.1.attn.qkv.weight")(state),
        lambda state: add_noise("norm.bias")(state),
    ],
    ids=["two swapped blocks", "noise in the first weight", "noise in a middle weight", "noise in the last bias"],
)
def test_a_file_of_other_tensors_is_refused(bench: Bench, folder: Path, change) -> None:
    """They fit by name and shape; the digest differs, however little they do."""
    before = bench.measure_first()
    old = load_result(bench.stored).provenance.inputs["model"]["weights"]
    spoil(folder, change)
    reason = bench.measure_spoilt(before)
    assert f"path:{folder} (sha256" in reason
    assert "has other tensors than" in reason
    assert old["sha256"] in reason
    assert old["digest"][:12] in reason


@pytest.mark.parametrize("change", [swap_blocks, lambda state: add_noise("norm.bias")(state)])
def test_a_damaged_copy_in_the_cache_is_fetched_anew(bench: Bench, on_hub, change) -> None:
    """The Hub's digest of the file tells; the measurement is the same again."""
    before = bench.measure_first()
    copies = [path for path in on_hub.home.rglob("model.safetensors") if COMMIT in path.parts]
    assert copies
    spoil(copies[0].parent, change)
    assert bench.measure(refresh=True).status == "ok"
    assert bench.stored.read_bytes() == before


def test_other_bytes_under_the_same_commit_are_refused(bench: Bench, on_hub, files) -> None:
    """A Hub that serves another file with its right digest is held against what is stored."""
    before = bench.measure_first()
    on_hub.push("toy/tiny", files | {"model.safetensors": changed(files, swap_blocks)}, COMMIT)
    shutil.rmtree(on_hub.home / "hub")
    assert "has other tensors than" in bench.measure_spoilt(before)


def test_the_entrys_own_digest_refuses_at_a_first_measurement(bench: Bench, folder: Path) -> None:
    """Where the entry declares the tensors, nothing has to be stored before."""
    bench.measure_first()
    digest = load_result(bench.stored).provenance.inputs["model"]["weights"]["digest"]
    bench.edit("  pooling: cls\n", f"  pooling: cls\n  digest: {digest}\n")
    bench.stored.unlink()
    spoil(folder, swap_blocks)
    outcome = bench.measure()
    assert outcome.status == "error"
    assert f"the entry declares {digest}" in outcome.reason


def test_a_first_measurement_of_other_tensors_passes(bench: Bench, folder: Path) -> None:
    """What docs/canary.md warns of: nothing is stored, every tensor fits, and nobody has said which ones are right."""
    spoil(folder, swap_blocks)
    assert bench.measure().status == "ok"


# ---- libraries: same file, same entry, other vectors; seen by the canary


def mix_blocks_up(monkeypatch) -> None:
    """The network's own loading puts two blocks' tensors in each other's place."""
    from timm.models.vision_transformer import VisionTransformer

    load = VisionTransformer.load_state_dict
    monkeypatch.setattr(
        VisionTransformer, "load_state_dict", lambda self, state, **options: load(self, swap_blocks(state), **options)
    )


def disturb_weight(monkeypatch) -> None:
    """And here it rounds, or adds, where it should copy."""
    from timm.models.vision_transformer import VisionTransformer

    load = VisionTransformer.load_state_dict
    monkeypatch.setattr(
        VisionTransformer,
        "load_state_dict",
        lambda self, state, **options: load(self, add_noise("patch_embed.proj.weight")(state), **options),
    )


def pool_otherwise(monkeypatch) -> None:
    """A loader that takes the mean where the entry says the class token."""
    from leaderboard.backbones import timm, transformers

    for module in (timm, transformers):
        features = module._features
        monkeypatch.setattr(
            module,
            "_features",
            lambda spec, network, features=features: features(replace(spec, pooling="mean"), network),
        )


def resize_otherwise(monkeypatch) -> None:
    """Pillow's bicubic filter is another one."""
    from PIL import Image

    from leaderboard.images import FILTERS

    monkeypatch.setitem(FILTERS, "bicubic", Image.Resampling.BILINEAR)


def normalise_otherwise(monkeypatch) -> None:
    """The usual slip: the last channel's deviation for the first."""
    from leaderboard.backbones import _torch

    prepare = _torch.prepare_image
    wrong = (0.225, 0.224, 0.225)
    monkeypatch.setattr(_torch, "prepare_image", lambda image, steps: prepare(image, replace(steps, std=wrong)))


FAULTS = [mix_blocks_up, disturb_weight, pool_otherwise, resize_otherwise, normalise_otherwise]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_library_that_does_something_else_is_caught(bench: Bench, on_hub, monkeypatch, fault) -> None:
    """Another version of it, say: with the size of the difference, above the tolerance; gone with the fault."""
    before = bench.measure_first()
    with monkeypatch.context() as patch:
        fault(patch)
        patch.setattr("leaderboard.backbones._torch.version", lambda name: "99.0")
        reason = bench.measure_spoilt(before)
        assert "model 'tiny': the canary differs from the one stored with grains by" in reason
        assert size_in(reason) > 2 * TOLERANCES["float32"]
        assert f"(tolerance {TOLERANCES['float32']:g})" in reason
    assert bench.measure(refresh=True).status == "ok"
    assert bench.stored.read_bytes() == before


@pytest.mark.parametrize("fault", [mix_blocks_up, disturb_weight], ids=lambda fault: fault.__name__)
def test_other_tensors_from_the_same_file_are_caught(bench: Bench, on_hub, monkeypatch, fault) -> None:
    """By the same version of the library: their digest tells, whatever the size of the difference."""
    before = bench.measure_first()
    with monkeypatch.context() as patch:
        fault(patch)
        assert "has other tensors than" in bench.measure_spoilt(before)


def filter_otherwise(processor: Any) -> None:
    from PIL import Image

    processor.resample = Image.Resampling.BILINEAR


def deviate(processor: Any) -> None:
    processor.image_std = [0.225, 0.224, 0.225]


@pytest.mark.parametrize("fault", [filter_otherwise, deviate])
def test_a_processor_of_another_version_is_caught(bench: Bench, hub, zoo, monkeypatch, fault) -> None:
    """Its file is the same; what the library makes of it is not."""
    import transformers

    hub.push("toy/tiny", zoo.dinov2(), COMMIT)
    bench.enter(TRANSFORMERS, PINNED)
    before = bench.measure_first()
    load = transformers.AutoImageProcessor.from_pretrained

    def load_otherwise(*arguments: Any, **options: Any) -> Any:
        processor = load(*arguments, **options)
        fault(processor)
        return processor

    monkeypatch.setattr(transformers.AutoImageProcessor, "from_pretrained", load_otherwise)
    reason = bench.measure_spoilt(before)
    assert "the canary differs" in reason
    assert size_in(reason) > 2 * TOLERANCES["float32"]


def test_wrong_pooling_of_the_other_library_is_caught(bench: Bench, hub, zoo, monkeypatch) -> None:
    hub.push("toy/tiny", zoo.dinov2(), COMMIT)
    bench.enter(TRANSFORMERS, PINNED)
    before = bench.measure_first()
    pool_otherwise(monkeypatch)
    assert size_in(bench.measure_spoilt(before)) > 2 * TOLERANCES["float32"]


def test_batch_size_and_precision_make_no_other_model(bench: Bench, folder: Path, capsys) -> None:
    """Each is within the tolerance of its dtype."""
    bench.measure_first()
    for options in (["--batch-size", "1"], ["--batch-size", "3"], ["--dtype", "bfloat16"], ["--dtype", "float16"]):
        assert bench.verify("tiny", *options) == 0
        dtype = options[1] if options[0] == "--dtype" else "float32"
        assert f"tolerance {TOLERANCES[dtype]:g}" in capsys.readouterr().out


# ---- the entry: a run takes it as meant, verify says what differs

EDITS = [
    ("pooling: cls", "pooling: mean", "pooling"),
    ("interpolation: bicubic", "interpolation: bilinear", "preprocessing"),
    ("std: [0.229,", "std: [0.225,", "preprocessing"),
]


@pytest.mark.parametrize(("old", "new", "name"), EDITS, ids=[new for _, new, _ in EDITS])
def test_an_edited_entry_differs_until_it_is_measured_again(
    bench: Bench, on_hub, capsys, old: str, new: str, name: str
) -> None:
    """The size and what changed in the entry, exit code 1; after a run the new canary is the stored one."""
    before = bench.measure_first()
    bench.edit(old, new)
    assert bench.verify("tiny") == 1
    out = capsys.readouterr().out
    assert out.startswith("tiny: differs: canary: ")
    assert size_in(out) > 2 * TOLERANCES["float32"]
    assert f"since grains was measured: the entry's {name} changed" in out
    assert bench.stored.read_bytes() == before
    assert bench.measure().status == "ok"
    assert bench.stored.read_bytes() != before
    assert bench.verify("tiny") == 0


# ---- the command


def test_verify_needs_no_data_set(bench: Bench, on_hub, clone, capsys) -> None:
    """The weights are cached: sixteen images, one line; nothing is written."""
    before = bench.measure_first()
    shutil.rmtree(clone.data)
    seen = clone.snapshot()
    start = time.perf_counter()
    assert bench.verify("tiny", "--offline") == 0
    assert time.perf_counter() - start < 10
    out = capsys.readouterr().out
    assert out == f"tiny: ok: canary: 0 in cosines, 0 in norms; tolerance {TOLERANCES['float32']:g}\n"
    assert bench.stored.read_bytes() == before
    assert clone.snapshot() == seen


def test_verify_as_it_is_typed(bench: Bench, folder: Path, clone) -> None:
    """A process of its own, without an id: the models that have results."""
    bench.measure_first()
    spoil(folder, swap_blocks)
    command = [sys.executable, "-m", "leaderboard", "verify"]
    done = subprocess.run(
        command, cwd=clone.root, env=clone.environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(r"tiny: error: model 'tiny': path:.* has other tensors than .*\n", done.stdout)
    assert done.stderr == "leaderboard: 1 of 1 models could not be verified: tiny\n"


def test_verify_says_when_nothing_is_stored(bench: Bench, folder: Path, capsys) -> None:
    """Then the load checks are all there is."""
    assert bench.verify("tiny") == 0
    assert capsys.readouterr().out == "tiny: ok: every tensor accounted for; no canary is stored yet\n"


def test_verify_of_an_unknown_id_suggests_the_nearest(bench: Bench, folder: Path, capsys) -> None:
    assert bench.verify("tinny") == 2
    captured = capsys.readouterr()
    assert "model 'tinny' is not in models.yaml; nearest: tiny" in captured.err
    assert "Traceback" not in captured.err


def test_verify_reports_a_gated_model_and_goes_on(bench: Bench, on_hub, capsys) -> None:
    """What cannot be had is not verified, and said in its line."""
    on_hub.gated["toy/tiny"] = "secret"
    assert bench.verify("tiny", "small") == 1
    captured = capsys.readouterr()
    gated, small = captured.out.splitlines()
    assert gated.startswith("tiny: gated: model tiny: hub:toy/tiny")
    assert small.startswith("small: ok: ")
    assert captured.err.endswith("leaderboard: 1 of 2 models could not be verified: tiny\n")
    assert "Traceback" not in captured.err
