"""From a file of weights to the network's tensors: nothing is left away that the entry does not name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import Source

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

from leaderboard.backbones import _checkpoint  # noqa: E402 - only where torch is
from leaderboard.backbones._weights import WeightFile  # noqa: E402


def tensors(*names: str) -> dict:
    """Tensors of these names; the first holds a zero, the second a one, and so on."""
    return {name: torch.tensor([float(number)]) for number, name in enumerate(names)}


def values(state: dict) -> dict[str, float]:
    return {name: tensor.item() for name, tensor in state.items()}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., dict]:
    """Writes a checkpoint and reads it back as a source with these fields."""

    def read(content: object, *, name: str = "net.pth", **source: object) -> dict:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif name.endswith(".safetensors"):
            safetensors_torch.save_file(content, path)
        else:
            torch.save(content, path)
        where = Source(**{"kind": "path", "name": "toy"} | source)
        return _checkpoint.read_checkpoint(WeightFile(path, where, None, ""))

    return read


# ---- key, drop, strip


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_a_flat_file_is_taken_as_it_is(read, name):
    """Without key, drop and strip the state is the file's: nothing is renamed or left away."""
    names = ("module.stem.weight", "classifier.weight", "head.bias", "fc.weight")
    assert values(read(tensors(*names), name=name)) == dict(zip(names, (0.0, 1.0, 2.0, 3.0), strict=True))


def test_names_are_dropped_as_the_file_has_them(read):
    """What is dropped is dropped before the prefixes go: of two heads only the one that is named."""
    state = tensors("module.backbone.stem", "module.head.weight", "head.weight")
    found = read(state, drop=("head.",), strip=("module.", "backbone."))
    assert values(found) == {"stem": 0.0, "head.weight": 1.0}
    assert values(read(state, drop=("head.", "module.head."), strip=("module.", "backbone."))) == {"stem": 0.0}


def test_prefixes_go_one_after_the_other(read):
    """Each prefix goes once, in the order of the entry, and only from the beginning of a name."""
    state = tensors("module.backbone.stem", "backbone.module.a", "backbone.backbone.b", "c.module.")
    expected = {"stem": 0.0, "module.a": 1.0, "backbone.b": 2.0, "c.module.": 3.0}
    assert values(read(state, strip=("module.", "backbone."))) == expected


def test_prefixes_that_make_two_names_one_are_refused(read):
    """A student and a teacher in one file would become one network: which one, nobody knows."""
    state = tensors("student.stem", "teacher.stem")
    with pytest.raises(LeaderboardError, match=r"^path:toy: without student\., teacher\. two tensors have one name"):
        read(state, strip=("student.", "teacher."))
    assert values(read(state, strip=("student.", "teacher."), drop=("student.",))) == {"stem": 1.0}


def test_the_key_names_the_part_that_is_meant(read):
    """A training checkpoint's state is the one under the key; the arguments kept beside it do no harm."""
    arguments = argparse.Namespace(arch="small", epochs=3)
    content = {"student": tensors("stem"), "teacher": tensors("head.x", "stem"), "epoch": 3, "args": arguments}
    assert values(read(content, key="teacher", drop=("head.",))) == {"stem": 1.0}


@pytest.mark.parametrize("key", ["ema", "epoch"], ids=["absent", "no-tensors"])
def test_a_wrong_key_lists_what_is_there(read, key):
    """A key that the checkpoint has not, or under which are no tensors, is refused with the keys to choose from."""
    message = f"^path:toy: net.pth has no state dict under key '{key}'; it holds student, teacher, epoch: name one of"
    with pytest.raises(LeaderboardError, match=message) as caught:
        read({"student": tensors("a"), "teacher": tensors("a"), "epoch": 3}, key=key)
    assert not isinstance(caught.value, Unavailable)


def test_a_training_checkpoint_is_not_searched_for_tensors(read):
    """Without key a file that wraps its tensors is refused, with what it holds."""
    with pytest.raises(LeaderboardError, match=r"net\.pth is no flat state dict; it holds model, epoch: name one of"):
        read({"model": tensors("a"), "epoch": 3})


@pytest.mark.parametrize("content", [[torch.ones(1)], tensors(*map(str, range(30)))], ids=["list", "many"])
def test_what_a_message_cannot_list_is_other_things(read, content):
    """A list has no keys, and a hundred names are no choice."""
    with pytest.raises(LeaderboardError, match="it holds other things: name one of them"):
        read(content, key="model")


# ---- damaged files


class Payload:
    """Unpickled the plain way, it touches a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_with_code_is_refused_and_does_not_run(read, tmp_path):
    """A checkpoint that would run code is corrupt, in one line without torch's advice to run it."""
    marker = tmp_path / "ran"
    with pytest.raises(Unavailable, match=r"^path:toy: net\.pth cannot be read \(it holds more than tensors") as caught:
        read({"stem": Payload(marker)})
    assert caught.value.status == "corrupt"
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert not marker.exists()
    torch.load(tmp_path / "net.pth", weights_only=False)
    assert marker.exists()  # the payload is a real one


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("part", [0, 40, -1], ids=["empty", "header", "all-but-one"])
def test_a_damaged_file_is_refused_in_one_line(read, tmp_path, name, part):
    """A part of a file is corrupt, and the message names the file; it is the user's own, and stays."""
    read(tensors("stem", "head"), name=name)
    with pytest.raises(Unavailable, match=rf"^path:toy: {name} cannot be read \(.+\); get a sound copy$") as caught:
        read((tmp_path / name).read_bytes()[:part], name=name)
    assert caught.value.status == "corrupt"
    assert "\n" not in str(caught.value)
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("sha256", [None, "0" * 64], ids=["undeclared", "declared"])
def test_a_damaged_download_is_forgotten_unless_its_digest_is_declared(read, tmp_path, sha256):
    """Bytes that nobody vouches for are fetched anew next time; those with the declared digest are what is there."""
    with pytest.raises(Unavailable, match="cannot be read"):
        read(b"<!DOCTYPE html>", kind="url", sha256=sha256)
    assert (tmp_path / "net.pth").exists() == (sha256 is not None)


# ---- into the network


@pytest.fixture
def network():
    """Two tensors, one of them a buffer."""
    module = torch.nn.Module()
    module.register_parameter("weight", torch.nn.Parameter(torch.zeros(2, 3)))
    module.register_buffer("mean", torch.zeros(2))
    return module


def test_a_state_that_fits_is_loaded(network):
    """Exactly the network's names and shapes: parameters and buffers have the state's values."""
    state = {"mean": torch.ones(2), "weight": torch.full((2, 3), 5.0)}
    _checkpoint.load_state(network, state, "net.pth of toy")
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({"mean": None}, "missing mean"),
        ({"mean": torch.ones(3)}, "mean is (3,), expected (2,)"),
        ({"extra": torch.ones(1)}, "unexpected extra; declare in drop what no feature is read from"),
        (
            {"mean": None, "weight": torch.ones(3, 2), "extra": torch.ones(1)},
            "missing mean; weight is (3, 2), expected (2, 3); unexpected extra; "
            "declare in drop what no feature is read from",
        ),
    ],
    ids=["missing", "shape", "unexpected", "all"],
)
def test_a_state_that_does_not_fit_is_refused_whole(network, change, problems):
    """Each tensor that does not fit is named, and none of the others is loaded."""
    state = {"weight": torch.ones(2, 3), "mean": torch.ones(2), **change}
    state = {name: tensor for name, tensor in state.items() if tensor is not None}
    message = f"^net.pth of toy does not fit the architecture: {re.escape(problems)}$"
    with pytest.raises(LeaderboardError, match=message):
        _checkpoint.load_state(network, state, "net.pth of toy")
    assert not any(tensor.any() for tensor in network.state_dict().values())


def test_only_an_unexpected_tensor_may_be_declared_away():
    """The hint at ``drop`` is given where it helps: what is missing or misshapen cannot be dropped."""
    nothing: dict = {"missing": [], "unexpected": [], "mismatched": []}
    hint = "declare in drop what no feature is read from"
    assert _checkpoint.describe_misfit(**nothing) == ""
    assert hint not in _checkpoint.describe_misfit(**nothing | {"missing": ["a"], "mismatched": [("b", (1,), (2,))]})
    assert _checkpoint.describe_misfit(**nothing | {"unexpected": ["c"]}) == f"unexpected c; {hint}"


def test_many_misfits_are_counted():
    """Five tensors are named and the rest are counted; the hint is there although no unexpected one is shown."""
    found = _checkpoint.describe_misfit(missing=list("abcdef"), unexpected=["g"], mismatched=[])
    assert found == (
        "missing a; missing b; missing c; missing d; missing e and 2 more; declare in drop what no feature is read from"
    )


# ---- by order


def test_foreign_names_become_the_networks_in_order(network):
    """The first tensor is the network's first, whatever both are called."""
    foreign = {"one": torch.ones(2, 3), "two": torch.full((2,), 2.0)}
    found = _checkpoint.rename_by_order(foreign, network.state_dict(), "toy")
    assert list(found) == ["weight", "mean"]
    assert found["weight"] is foreign["one"]
    assert found["mean"] is foreign["two"]


@pytest.mark.parametrize(
    ("shapes", "problems"),
    [
        ([(2, 3)], "1 tensors for 2"),
        ([(2, 3), (2,), (1,)], "3 tensors for 2"),
        ([(2,), (2, 3)], "2 tensors for 2; t0 (2,) for weight (2, 3); t1 (2, 3) for mean (2,)"),
        ([(3, 2), (2,)], "2 tensors for 2; t0 (3, 2) for weight (2, 3)"),
    ],
    ids=["too-few", "too-many", "swapped", "transposed"],
)
def test_an_order_that_does_not_fit_is_refused(network, shapes, problems):
    """Another number of tensors, or other shapes: both counts, and which tensor would be which."""
    state = {f"t{number}": torch.ones(shape) for number, shape in enumerate(shapes)}
    with pytest.raises(LeaderboardError, match=f"^toy: by-order mapping refused: {re.escape(problems)}$"):
        _checkpoint.rename_by_order(state, network.state_dict(), "toy")
