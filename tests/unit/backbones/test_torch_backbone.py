"""What every torch backbone shares: devices, dtypes, digests, memory, a library that is missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from leaderboard.backbones import LIBRARIES, load_backbone
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import RunOptions, Source

torch = pytest.importorskip("torch")

from leaderboard.backbones import _torch  # noqa: E402 - only where torch is

OPTIONS = RunOptions(device="cpu")


def build(spec, features, *, options: RunOptions = OPTIONS, network=None):
    """A backbone around a callable."""
    network = network or torch.nn.Linear(2, 2)
    return _torch.build(spec, network, features, spec.preprocessing, weights={"source": "toy"}, options=options)


def test_libraries_are_the_public_files():
    """Every public module of the folder is a library that an entry may name, and nothing else is."""
    assert set(LIBRARIES) == {"baseline", "open_clip", "timm", "transformers"}
    assert not [name for name in LIBRARIES if name.startswith("_")]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has cuda")
def test_a_device_that_is_absent_is_an_error_in_one_line():
    """``--device cuda`` without cuda says so in one line, with the devices to try."""
    with pytest.raises(LeaderboardError, match=r"^--device cuda: .+; try cpu, cuda, cuda:0 or mps$") as caught:
        _torch.choose_device("cuda")
    assert "\n" not in str(caught.value)


def test_an_unknown_device_is_an_error_in_one_line(make_spec):
    """A device that torch does not know is refused in one line, before any image is read."""
    with pytest.raises(LeaderboardError, match=r"^model 'toy': --device gpu: .+; try cpu, cuda") as caught:
        load_backbone(make_spec(seed=0), RunOptions(device="gpu"))
    assert "\n" not in str(caught.value)


def test_an_unknown_dtype_lists_the_known_ones(make_spec):
    """A dtype that is not offered is refused with those that are."""
    with pytest.raises(
        LeaderboardError, match=r"^model 'toy': --dtype float8 is not one of float32, bfloat16, float16$"
    ):
        load_backbone(make_spec(seed=0), RunOptions(dtype="float8"))


def test_the_first_device_that_is_there_is_chosen(monkeypatch):
    """Without a choice of the user, cuda comes before mps, and mps before the CPU."""
    there = {"cuda": True, "mps": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there["cuda"])
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there["mps"])
    chosen = [_torch.choose_device(None).type]
    for name in ("cuda", "mps"):
        there[name] = False
        chosen.append(_torch.choose_device(None).type)
    assert chosen == ["cuda", "mps", "cpu"]


def test_bfloat16_gives_float32_vectors_near_those_of_float32(make_spec, draw):
    """Computing in bfloat16 changes the vectors a little, their dtype not at all, and is recorded."""
    pytest.importorskip("timm")
    spec = make_spec(seed=0)
    full, half = (load_backbone(spec, RunOptions(device="cpu", dtype=dtype)) for dtype in ("float32", "bfloat16"))
    batch = [full.prepare(image) for image in draw(3)]
    exact, rough = full.embed(batch), half.embed(batch)
    assert exact.dtype == rough.dtype == np.float32
    cosine = (exact * rough).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert cosine.min() > 0.999
    assert not np.array_equal(exact, rough)
    assert (full.inputs["dtype"], half.inputs["dtype"]) == ("float32", "bfloat16")
    assert full.inputs["weights"] == half.inputs["weights"]  # the digest is taken before the dtype changes


def test_images_reach_the_network_in_channels_last(make_spec):
    """Prepared (h, w, 3) arrays become a (b, 3, h, w) batch in the memory order that convolutions like."""
    seen = []

    def features(images):
        seen.append(images)
        return images.mean(dim=(2, 3))

    batch = [np.random.default_rng(seed).random((4, 5, 3), dtype=np.float32) for seed in range(3)]
    vectors = build(make_spec(), features).embed(batch)
    assert seen[0].shape == (3, 3, 4, 5)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert vectors == pytest.approx(np.stack([image.mean(axis=(0, 1)) for image in batch]), abs=1e-6)


def test_the_batch_size_may_be_chosen(make_spec):
    """The CPU's own batch size is 8; the user's choice comes first."""
    assert build(make_spec(), None).batch_size == 8
    assert build(make_spec(), None, options=RunOptions(device="cpu", batch_size=3)).batch_size == 3


def exhaust(images):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nSee the documentation")


def exhaust_mps(images):
    raise RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")


def exhaust_cpu(images):
    return torch.empty(1 << 52)


@pytest.mark.parametrize("features", [exhaust, exhaust_mps, exhaust_cpu], ids=["cuda", "mps", "cpu"])
def test_a_full_memory_is_a_memory_error(make_spec, features):
    """Whatever a device raises when its memory is full becomes MemoryError, in one line."""
    with pytest.raises(MemoryError, match="memory") as caught:
        build(make_spec(), features).embed([np.zeros((2, 2, 3), np.float32)])
    assert "\n" not in str(caught.value)


def test_other_failures_of_a_network_stay_what_they_are(make_spec):
    """A wrong shape is no lack of memory."""
    with pytest.raises(RuntimeError, match="Expected size"):
        build(make_spec(), lambda images: images @ torch.ones(7, 7)).embed([np.zeros((2, 2, 3), np.float32)])


# ---- the digest


def network(one, two, dtype=torch.float32):
    """A network of two named tensors."""
    module = torch.nn.Module()
    module.register_buffer("one", torch.tensor(one, dtype=dtype))
    module.register_buffer("two", torch.tensor(two, dtype=dtype))
    return module


def test_the_digest_is_a_function_of_the_tensors():
    """Equal tensors in another memory layout and another order of names give the same digest."""
    module = torch.nn.Module()
    module.register_buffer("two", torch.tensor([[5.0, 7.0], [6.0, 8.0]]).T)
    module.register_buffer("one", torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    expected = network([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]])
    assert _torch.digest_tensors(module) == _torch.digest_tensors(expected)


def test_the_digest_sees_every_change():
    """One element, swapped names, a new name, another shape, another dtype: each gives another digest."""
    renamed = torch.nn.Module()
    renamed.register_buffer("one", torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    renamed.register_buffer("two2", torch.tensor([[5.0, 6.0], [7.0, 8.0]]))
    variants = [
        renamed,
        network([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]),
        network([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.000001]]),
        network([[5.0, 6.0], [7.0, 8.0]], [[1.0, 2.0], [3.0, 4.0]]),
        network([1.0, 2.0, 3.0, 4.0], [[5.0, 6.0], [7.0, 8.0]]),
        network([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]], torch.float64),
    ]
    assert len({_torch.digest_tensors(variant) for variant in variants}) == len(variants)


def test_a_digest_other_than_the_entrys_is_refused(make_spec):
    """Tensors that are not the declared ones are refused with the source and both digests."""
    toy = network([1.0], [2.0])
    found = _torch.digest_tensors(toy)
    assert build(make_spec(digest=found), None, network=toy).inputs["weights"]["digest"] == found
    with pytest.raises(LeaderboardError, match=f"toy have digest {found}, the entry declares abc; this source holds"):
        build(make_spec(digest="abc"), None, network=toy)


# ---- a library that is missing


@pytest.mark.parametrize(
    ("library", "extra"),
    [("timm", "networks"), ("transformers", "networks"), ("open_clip", "open-clip")],
    ids=["timm", "transformers", "towers"],
)
@pytest.mark.parametrize("missing", ["torch", "library"])
def test_a_missing_library_names_its_command(make_spec, monkeypatch, tmp_path, library, extra, missing):
    """Without torch or the entry's library the model is unavailable, and the message holds the pip command."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    name = library if missing == "library" else "torch"
    monkeypatch.setitem(sys.modules, name, None)
    if missing == "torch":  # as in a fresh process: what imports it is not there yet
        monkeypatch.delitem(sys.modules, "leaderboard.backbones._checkpoint", raising=False)
    spec = make_spec(library=library, sources=(Source("path", str(tmp_path)),))
    command = rf"`pip install 'fossil-leaderboard\[{extra}\]'`$"
    with pytest.raises(Unavailable, match=f"^model toy: it needs {name}, which is not installed; {command}") as caught:
        load_backbone(spec)
    assert caught.value.status == "not found"
