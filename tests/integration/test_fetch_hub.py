"""Fetching a data set from a Hub repository: the real client, a Hub on this machine."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

from leaderboard.datasets import load_dataset
from leaderboard.datasets.listing import digest_of
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable
from leaderboard.records import DatasetSpec, RunOptions

COMMIT = "c" * 40
IMAGES = {f"{folder}/{number}.PNG": f"{folder} {number}".encode() for folder in ("cyst", "pollen") for number in "123"}
README = {"README.md": b"# Grains", ".gitattributes": b"*.PNG filter=lfs"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the test's own, and no data from outside."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEADERBOARD_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def spec_of() -> Callable[..., DatasetSpec]:
    """An entry of the images above."""

    def make(**changes: Any) -> DatasetSpec:
        digest = digest_of({name: hashlib.sha256(content).hexdigest() for name, content in IMAGES.items()})
        fields: dict[str, Any] = {"digest": digest, "licence": None, "attribution": "nobody", "revision": COMMIT}
        return DatasetSpec("grains", "Grains", "hub", 2, len(IMAGES), hub="owner/grains", **(fields | changes))

    return make


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


def failure(spec: DatasetSpec, cache: Path, **options: Any) -> LeaderboardError:
    """What a failed fetch raises: one line; no data set is left behind."""
    with pytest.raises(LeaderboardError) as caught:
        load_dataset(spec, RunOptions(**options))
    assert "\n" not in str(caught.value)
    assert not list((cache / "datasets").iterdir())
    return caught.value


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("subfolder", [None, "data", "a/b c"])
def test_images_of_a_repository(hub, spec_of, cache: Path, subfolder: str | None) -> None:
    """In their class folders, without what else the repository has; then it is asked no more."""
    beginning = f"{subfolder}/" if subfolder else ""
    files = {beginning + name: content for name, content in IMAGES.items()}
    elsewhere = {"elsewhere/1.PNG": b"other"} if subfolder else {}
    hub.push("datasets/owner/grains", files | README | elsewhere, COMMIT)
    spec = spec_of(subfolder=subfolder)
    dataset = load_dataset(spec)
    assert dataset.root == cache / "datasets" / "grains"
    assert contents(dataset.root) == IMAGES
    asked = len(hub.requests)
    assert load_dataset(spec) == dataset
    assert len(hub.requests) == asked


def test_an_archive_in_a_repository(hub, spec_of, capsys) -> None:
    """Nothing but the archive is fetched; what comes is said first."""
    packed = zip_of({f"grains/{name}": content for name, content in IMAGES.items()})
    hub.push("datasets/owner/grains", {"all.zip": packed} | README, COMMIT)
    dataset = load_dataset(spec_of(file="all.zip", subfolder="grains", download="1 kB"))
    assert contents(dataset.root) == IMAGES
    assert not any("README" in line for line in hub.requests)
    assert "grains: fetching 1 kB from owner/grains on the Hub" in capsys.readouterr().err


def test_a_model_of_that_name_is_not_the_data_set(hub, spec_of, cache: Path) -> None:
    """The Hub keeps models and data sets apart."""
    hub.push("owner/grains", IMAGES, COMMIT)
    error = failure(spec_of(), cache)
    assert isinstance(error, Unavailable)
    assert error.status == "not found"
    assert "no such repository, or private" in str(error)


def test_a_gated_repository_names_its_page(hub, spec_of, cache: Path) -> None:
    """Where its licence is to be accepted."""
    hub.push("datasets/owner/grains", IMAGES, COMMIT)
    hub.gated["datasets/owner/grains"] = "mine"
    error = failure(spec_of(), cache)
    assert isinstance(error, Unavailable)
    assert error.status == "gated"
    assert f"accept the licence on {hub.url}/datasets/owner/grains" in str(error)


@pytest.mark.parametrize("changes", [{}, {"file": "all.zip"}, {"subfolder": "data"}])
def test_a_repository_without_what_the_entry_says(hub, spec_of, cache: Path, changes: dict[str, str]) -> None:
    """No images there, or no such archive: not found, with the remedy."""
    files = IMAGES if "subfolder" in changes else {}
    hub.push("datasets/owner/grains", README | files, COMMIT)
    error = failure(spec_of(**changes), cache)
    assert isinstance(error, Unavailable)
    assert error.status == "not found"
    assert "check the entry" in str(error)


def test_other_images_than_declared(hub, spec_of, cache: Path) -> None:
    """A repository that has changed under a branch's name is refused."""
    hub.push("datasets/owner/grains", dict(list(IMAGES.items())[:-1]))
    error = failure(spec_of(revision="main"), cache)
    assert isinstance(error, CheckFailed)
    assert "5 images in 2 classes, expected 6 in 2" in str(error)


def test_a_damaged_image_is_fetched_again(hub, spec_of) -> None:
    """Every file is held against the digest that the Hub lists."""
    hub.push("datasets/owner/grains", IMAGES, COMMIT)
    fault = hub.fault("GET /datasets/owner/grains/resolve", "flip", times=1)
    assert contents(load_dataset(spec_of()).root) == IMAGES
    assert fault.hits == 1


def test_offline_nothing_is_asked(hub, spec_of, cache: Path) -> None:
    """The error says where to put the images."""
    hub.push("datasets/owner/grains", IMAGES, COMMIT)
    error = failure(spec_of(), cache, offline=True)
    assert "data set grains is not here (offline); place it in $LEADERBOARD_DATA/grains/" in str(error)
    assert not hub.requests


def test_a_client_that_is_offline_says_so(hub, spec_of, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own switch counts as well."""
    from huggingface_hub import constants

    hub.push("datasets/owner/grains", IMAGES, COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set; unset it" in str(failure(spec_of(), cache))
    assert not hub.requests
