"""The extraction loop, run with a toy in place of a network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import leaderboard.extract
from leaderboard.cache import load_embeddings
from leaderboard.datasets import list_dataset
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.extract import (
    BATCHES_AHEAD,
    BadImages,
    embed_images,
    extract,
    extraction_entry,
    extraction_inputs,
)
from leaderboard.images import load_image
from leaderboard.records import Dataset, RunOptions

SKIP = RunOptions(skip_bad_images=True)
Toy = Callable[..., Any]
MakeDataset = Callable[..., Dataset]


def direct(dataset: Dataset, toy: Any) -> np.ndarray:
    """The vectors by the plainest loop."""
    images = [load_image(dataset.root / name) for name in dataset.files]
    return np.stack([toy.describe(np.asarray(image.resize((8, 8)), dtype=np.float32) / 255) for image in images])


def spoil(dataset: Dataset, *names: str) -> Dataset:
    """The same folder with some files made unreadable."""
    for name in names:
        (dataset.root / name).write_bytes(b"no image")
    return list_dataset(dataset.id, dataset.root)


def leftovers(cache: Path) -> list[Path]:
    """What a finished extraction must not leave behind."""
    return [path for path in (cache / "embeddings").rglob("*") if path.is_dir() or path.suffix != ".safetensors"]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(leaderboard.extract, "PART", 8)
    return 8


@pytest.mark.parametrize("batch_size", [1, 4, 5, 64])
def test_vectors_are_those_of_a_direct_loop(
    toy: Toy, toy_dataset: MakeDataset, small_parts: int, batch_size: int, cache: Path
) -> None:
    """Whatever the batch size, row i is the vector of file i, with its label and name."""
    dataset, backbone = toy_dataset((13, 8)), toy(batch_size=batch_size)
    embeddings = extract(dataset, backbone)
    np.testing.assert_array_equal(embeddings.vectors, direct(dataset, toy))
    assert embeddings.vectors.dtype == np.float32
    assert embeddings.labels.tolist() == [0] * 13 + [1] * 8
    assert (embeddings.files, embeddings.classes) == (dataset.files, dataset.classes)
    assert embeddings.left_out == ()
    assert not leftovers(cache)


def test_batches_are_full(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """Every batch has the asked size but for the last one of a part."""
    backbone = toy(batch_size=3)
    extract(toy_dataset((11, 7)), backbone)
    assert [len(batch) for batch in backbone.batches] == [3, 3, 2, 3, 3, 2, 2]


def test_unlabelled_folder_has_no_labels(toy: Toy, toy_dataset: MakeDataset) -> None:
    """A flat folder is embedded without labels."""
    root = toy_dataset((4,)).root / "class-0"
    embeddings = extract(list_dataset("flat", root), toy())
    assert embeddings.vectors.shape == (4, 8)
    assert (len(embeddings.labels), embeddings.classes) == (0, ())


@pytest.mark.parametrize("batch_size", [1, 4])
def test_reading_ahead_is_bounded(toy: Toy, toy_dataset: MakeDataset, batch_size: int) -> None:
    """However many images there are and however slow the network, only a few batches wait for it."""

    class Slow(toy):  # type: ignore[misc]
        def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
            time.sleep(0.004)
            return super().embed(batch)

    backbone = Slow(batch_size=batch_size)
    extract(toy_dataset((120,), size=2), backbone)
    workers = os.cpu_count() or 1
    assert backbone.prepared == backbone.embedded == 120
    assert backbone.most_waiting <= (BATCHES_AHEAD + 2) * batch_size + workers


def test_images_are_read_while_the_network_computes(toy: Toy, toy_dataset: MakeDataset) -> None:
    """During the first batch the images of later ones are being prepared."""

    class Waiting(toy):  # type: ignore[misc]
        def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
            deadline = time.monotonic() + 5
            while not self.batches and self.prepared <= 2 * len(batch) and time.monotonic() < deadline:
                time.sleep(0.001)
            self.seen = getattr(self, "seen", self.prepared)
            return super().embed(batch)

    backbone = Waiting(batch_size=4)
    extract(toy_dataset((30,)), backbone)
    assert backbone.seen > 8


def test_second_run_reads_the_cache(toy: Toy, toy_dataset: MakeDataset) -> None:
    """The same inputs are extracted once; the cached embeddings are the same."""
    dataset = toy_dataset()
    first, second = extract(dataset, toy()), toy()
    again = extract(dataset, second)
    assert second.prepared == 0
    np.testing.assert_array_equal(again.vectors, first.vectors)
    assert (again.files, again.provenance) == (first.files, first.provenance)


def test_refresh_extracts_again(toy: Toy, toy_dataset: MakeDataset, cache: Path) -> None:
    """With ``refresh`` what is cached does not count."""
    dataset, backbone = toy_dataset(), toy()
    extract(dataset, toy())
    extract(dataset, backbone, RunOptions(refresh=True))
    assert backbone.prepared == len(dataset.files)
    assert not leftovers(cache)


def test_provenance_is_what_decides_the_vectors(toy: Toy, toy_dataset: MakeDataset) -> None:
    """The embeddings say which model, data and extraction code made them, and on what machine."""
    dataset, backbone = toy_dataset(), toy()
    provenance = extract(dataset, backbone).provenance
    assert provenance.inputs == extraction_inputs(dataset, backbone)
    assert provenance.inputs["model"] == {"weights": "toy"}
    assert provenance.inputs["dataset"] == dataset.digest
    assert provenance.environment == {"device": "cpu"}


@pytest.mark.parametrize(
    "changed",
    [{"inputs": {"weights": "other"}}, {"environment": {"device": "cuda"}}, {"batch_size": 5}],
    ids=["inputs", "environment", "batch size"],
)
def test_key_changes_with_the_backbone(toy: Toy, toy_dataset: MakeDataset, changed: dict[str, Any]) -> None:
    """Other weights, another device or another batch size never read each other's cache."""
    dataset = toy_dataset()
    extract(dataset, toy())
    backbone = toy(**changed)
    assert extraction_entry(dataset, backbone) != extraction_entry(dataset, toy())
    extract(dataset, backbone)
    assert backbone.prepared == len(dataset.files)


def test_key_changes_with_data_and_code(toy: Toy, toy_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another digest of the data, or another version of the extraction, is another entry."""
    dataset = toy_dataset()
    entry = extraction_entry(dataset, toy())
    assert extraction_entry(replace(dataset, digest="0" * 64), toy()) != entry
    assert extraction_entry(replace(dataset, root=Path("elsewhere")), toy()) == entry
    monkeypatch.setattr(leaderboard.extract, "EXTRACTION_VERSION", 999)
    assert extraction_entry(dataset, toy()) != entry


def interrupting(toy: Toy, *, after: int, error: BaseException) -> Any:
    """A toy that raises once ``after`` images were embedded."""

    class Interrupted(toy):  # type: ignore[misc]
        def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
            if self.embedded >= after:
                raise error
            return super().embed(batch)

    return Interrupted()


def test_interrupted_run_goes_on(toy: Toy, toy_dataset: MakeDataset, small_parts: int, cache: Path) -> None:
    """Finished parts are not read again after an interrupt, and the result is that of an undisturbed run."""
    dataset = toy_dataset((20, 10))
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, interrupting(toy, after=20, error=KeyboardInterrupt()))
    assert not extraction_entry(dataset, toy()).path.exists()
    backbone = toy()
    embeddings = extract(dataset, backbone)
    assert backbone.prepared == 30 - 2 * small_parts
    np.testing.assert_array_equal(embeddings.vectors, direct(dataset, toy))
    assert not leftovers(cache)


def test_refresh_forgets_finished_parts(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """With ``refresh`` an interrupted run starts from the beginning."""
    dataset, backbone = toy_dataset((20,)), toy()
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, interrupting(toy, after=12, error=KeyboardInterrupt()))
    extract(dataset, backbone, RunOptions(refresh=True))
    assert backbone.prepared == 20


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_batch_too_large_for_memory_is_halved(toy: Toy, toy_dataset: MakeDataset, capsys, room: int) -> None:
    """The vectors are those of a run with memory enough, in order; smaller batches are kept to from then on."""
    dataset = toy_dataset((9, 4))
    expected = embed_images(toy(), [dataset.root / name for name in dataset.files])
    asked = []

    class Small(toy):
        def embed(self, batch):
            asked.append(len(batch))
            if len(batch) > room:
                raise MemoryError("this device is small")
            return super().embed(batch)

    np.testing.assert_array_equal(extract(dataset, Small()).vectors, expected)
    tries = {1: [4, 2, 1], 2: [4, 2], 3: [4, 2]}[room]
    assert asked[: len(tries)] == tries
    assert max(asked[len(tries) :]) == tries[-1]
    assert "toy: out of memory with 4 images at once, trying 2" in capsys.readouterr().err


def test_out_of_memory_with_one_image_is_unavailable(toy: Toy, toy_dataset: MakeDataset) -> None:
    """Only then is it given up: the cell is skipped with its own status."""
    with pytest.raises(Unavailable, match="toy: out of memory with a single image") as caught:
        extract(toy_dataset(), interrupting(toy, after=0, error=MemoryError()))
    assert caught.value.status == "out of memory"


RUN_ALONE = """
    import os, sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import doubles
    import leaderboard.extract
    from leaderboard.datasets import list_dataset

    leaderboard.extract.PART = 8
    hang_after = int(sys.argv[3])

    class Slow(doubles.ToyBackbone):
        def embed(self, batch):
            if hang_after and self.embedded >= hang_after:
                print("hanging", flush=True)
                time.sleep(60)
            return super().embed(batch)

    dataset, backbone = list_dataset("toy-data", Path(sys.argv[2])), Slow()
    leaderboard.extract.extract(dataset, backbone)
    print(backbone.prepared, leaderboard.extract.extraction_entry(dataset, backbone).path, flush=True)
"""


def start_alone(root: Path, cache: Path, *, hang_after: int = 0) -> subprocess.Popen[str]:
    """An extraction in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(RUN_ALONE), str(Path(__file__).parent), str(root), str(hang_after)]
    environment = os.environ | {"LEADERBOARD_CACHE": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, Path]:
    """Number of images prepared, and the finished file."""
    output, _ = process.communicate(timeout=50)
    assert process.returncode == 0
    prepared, path = output.split(maxsplit=1)
    return int(prepared), Path(path.strip())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_process_loses_nothing_finished(toy_dataset: MakeDataset, tmp_path: Path) -> None:
    """After SIGKILL the next run goes on from the finished parts; the result is that of an undisturbed one."""
    root = toy_dataset((20, 10)).root
    undisturbed = start_alone(root, tmp_path / "undisturbed")
    killed = start_alone(root, tmp_path / "killed", hang_after=20)
    try:
        assert killed.stdout
        assert killed.stdout.readline() == "hanging\n"
    finally:
        killed.kill()
        killed.communicate(timeout=10)
    prepared, resumed = finish(start_alone(root, tmp_path / "killed"))
    assert prepared == 30 - 16
    found, wanted = load_embeddings(resumed), load_embeddings(finish(undisturbed)[1])
    assert found.vectors.tobytes() == wanted.vectors.tobytes()
    assert replace(found, vectors=None, labels=None) == replace(wanted, vectors=None, labels=None)
    assert found.labels.tolist() == wanted.labels.tolist()
    assert not leftovers(tmp_path / "killed")


def test_two_processes_share_one_extraction(toy_dataset: MakeDataset, cache: Path) -> None:
    """Of two runs of the same at once one extracts and the other waits for it; nothing temporary stays."""
    root = toy_dataset((40, 40)).root
    runs = [start_alone(root, cache), start_alone(root, cache)]
    (first, path), (second, other) = map(finish, runs)
    assert sorted([first, second]) == [0, 80]
    assert path == other
    assert len(load_embeddings(path).vectors) == 80
    assert not leftovers(cache)


BAD = ("class-0/001.jpg", "class-0/006.png", "class-1/000.png")


def test_all_bad_files_are_listed_at_once(toy: Toy, toy_dataset: MakeDataset, small_parts: int, cache: Path) -> None:
    """Every unreadable file is named with its reason, also those after the first; nothing is cached for good."""
    dataset, backbone = spoil(toy_dataset((20, 4)), *BAD), toy()
    with pytest.raises(BadImages) as caught:
        extract(dataset, backbone)
    message = str(caught.value)
    assert message.startswith("toy-data: 3 unreadable images; repair them, or leave them out with --skip-bad-images:")
    assert message.splitlines()[1:] == [f"  {name}: cannot identify image file {name[8:]!r}" for name in BAD]
    assert backbone.embedded < small_parts, "the network goes on though the cell has failed"
    assert not extraction_entry(dataset, toy()).path.exists()


def test_bad_files_can_be_left_out(toy: Toy, toy_dataset: MakeDataset, small_parts: int, cache: Path) -> None:
    """With ``skip_bad_images`` they are recorded, and vectors, labels and files stay aligned."""
    dataset = spoil(toy_dataset((20, 4)), *BAD)
    embeddings = extract(dataset, toy(), SKIP)
    kept = [index for index, name in enumerate(dataset.files) if name not in BAD]
    good = replace(dataset, files=tuple(dataset.files[index] for index in kept))
    assert embeddings.left_out == BAD
    assert embeddings.files == good.files
    assert embeddings.labels.tolist() == [dataset.labels[index] for index in kept]
    assert embeddings.classes == dataset.classes
    np.testing.assert_array_equal(embeddings.vectors, direct(good, toy))
    assert extract(dataset, toy(), SKIP).left_out == BAD
    assert not leftovers(cache)


def test_batch_of_bad_files_only(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """A whole part of unreadable files gives no vectors and no error when they may be left out."""
    dataset = toy_dataset((20,))
    bad = dataset.files[8:16]
    backbone = toy()
    embeddings = extract(spoil(dataset, *bad), backbone, SKIP)
    assert (embeddings.vectors.shape, embeddings.left_out) == ((12, 8), bad)
    assert all(backbone.batches), "an empty batch reached the network"


def test_failed_run_can_be_repeated_with_skipping(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """After a failure for bad files, skipping them works, from the parts that were good."""
    dataset, backbone = spoil(toy_dataset((20, 4)), "class-0/010.png"), toy()
    with pytest.raises(BadImages):
        extract(dataset, toy())
    assert extract(dataset, backbone, SKIP).left_out == ("class-0/010.png",)
    assert backbone.prepared == 24 - small_parts - 1


def test_cached_skipping_is_no_excuse(toy: Toy, toy_dataset: MakeDataset) -> None:
    """A cache with images left out does not satisfy a run that asked for all of them."""
    dataset = spoil(toy_dataset((5,)), "class-0/002.png")
    extract(dataset, toy(), SKIP)
    with pytest.raises(BadImages, match=r"class-0/002\.png: unreadable in an earlier run"):
        extract(dataset, toy())


def test_parts_of_a_skipping_run_hide_no_bad_file(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """A run for all images that follows an interrupted one with skipping still lists every bad file."""
    dataset = spoil(toy_dataset((20, 4)), *BAD)
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, interrupting(toy, after=8, error=KeyboardInterrupt()), SKIP)
    with pytest.raises(BadImages) as caught:
        extract(dataset, toy())
    assert [name for name in BAD if name in str(caught.value)] == list(BAD)


@pytest.mark.parametrize("options", [RunOptions(), SKIP])
def test_only_bad_files_is_an_error(toy: Toy, toy_dataset: MakeDataset, options: RunOptions) -> None:
    """Without a single readable image there is nothing to measure, skipping or not."""
    dataset = toy_dataset((3,))
    with pytest.raises(LeaderboardError, match=r"3 unreadable images|none of its 3 images can be read"):
        extract(spoil(dataset, *dataset.files), toy(), options)


def vanishing(toy: Toy, *, value: float, row: int) -> Any:
    """A toy whose vectors from ``row`` on hold ``value``."""

    class Vanishing(toy):  # type: ignore[misc]
        def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
            first = self.embedded
            vectors = super().embed(batch)
            vectors[max(0, row - first) :, 2] = value
            return vectors

    return Vanishing()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(toy: Toy, toy_dataset: MakeDataset, value: float, cache: Path) -> None:
    """NaN and infinity are an error that counts them and names the first file, and are not kept."""
    dataset = toy_dataset((6, 2))
    with pytest.raises(LeaderboardError, match=r"3 of 8 vectors are NaN or infinite, first class-0/005\.jpg"):
        extract(dataset, vanishing(toy, value=value, row=5))
    assert not list((cache / "embeddings").rglob("*"))
    assert np.isfinite(extract(dataset, toy()).vectors).all()


def test_wrong_dimension_is_refused(toy: Toy, toy_dataset: MakeDataset, doubles: Any) -> None:
    """A model that does not have its declared dimension says both numbers."""
    with pytest.raises(LeaderboardError, match=r"model 'toy' gives 8 dimensions, models\.yaml declares 9"):
        extract(toy_dataset(), toy(spec=doubles.toy_spec(dimension=9)))


def test_lost_vectors_are_refused(toy: Toy, toy_dataset: MakeDataset) -> None:
    """A model that gives fewer vectors than images never shifts the labels."""

    class Losing(toy):  # type: ignore[misc]
        def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
            return super().embed(batch)[1:]

    with pytest.raises(LeaderboardError, match="3 vectors, 5 labels, 5 file names"):
        extract(toy_dataset((3, 2)), Losing())


def test_damaged_part_is_computed_again(toy: Toy, toy_dataset: MakeDataset, small_parts: int) -> None:
    """A part that cannot be read is as good as none: the vectors come out right, without asking anybody."""
    dataset = toy_dataset((20,))
    with pytest.raises(KeyboardInterrupt):
        extract(dataset, interrupting(toy, after=12, error=KeyboardInterrupt()))
    part = extraction_entry(dataset, toy()).part(0)
    part.write_bytes(part.read_bytes()[:-1])
    np.testing.assert_array_equal(extract(dataset, toy()).vectors, direct(dataset, toy))


def test_damaged_finished_file_is_extracted_again(toy: Toy, toy_dataset: MakeDataset, capsys) -> None:
    """The cache holds nothing that cannot be computed again; the run says so and goes on."""
    dataset = toy_dataset((6,))
    before = extract(dataset, toy()).vectors
    path = extraction_entry(dataset, toy()).path
    path.write_bytes(path.read_bytes()[:-5])
    np.testing.assert_array_equal(extract(dataset, toy()).vectors, before)
    assert "extracting again" in capsys.readouterr().err


def test_loose_files_are_embedded_in_their_order(toy: Toy, toy_dataset: MakeDataset, cache: Path) -> None:
    """``embed_images`` takes files in any order, and caches nothing."""
    dataset = toy_dataset((5, 4))
    paths = [dataset.root / name for name in reversed(dataset.files)]
    np.testing.assert_array_equal(embed_images(toy(), paths), direct(dataset, toy)[::-1])
    assert not cache.exists()


def test_loose_bad_files_are_all_listed(toy: Toy, toy_dataset: MakeDataset) -> None:
    """``embed_images`` names every unreadable file, also a missing one."""
    dataset = spoil(toy_dataset((5,)), "class-0/001.jpg")
    paths = [dataset.root / name for name in dataset.files] + [dataset.root / "missing.png"]
    with pytest.raises(BadImages, match=r"(?s)2 unreadable.*001\.jpg: cannot identify.*missing\.png: .*No such file"):
        embed_images(toy(), paths)
