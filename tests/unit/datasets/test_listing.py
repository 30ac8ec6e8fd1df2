"""What counts as a data set on disk, in which order, and how it is held against datasets.yaml."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import leaderboard.datasets as datasets
from leaderboard.datasets import find_dataset, list_dataset, load_dataset
from leaderboard.datasets.listing import digest_of, format_manifest, hash_files, parse_manifest, verify_dataset
from leaderboard.errors import CheckFailed, LeaderboardError, Unavailable
from leaderboard.records import DatasetSpec, RunOptions
from leaderboard.registry import load_registry

REPOSITORY = Path(__file__).parents[3]


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def spec_of(root: Path, **changes: object) -> DatasetSpec:
    """The entry of datasets.yaml that fits a folder."""
    listed = list_dataset("toy-data", root)
    fitting = DatasetSpec(
        id="toy-data",
        title="Toy",
        kind="folder",
        classes=len(listed.classes),
        images=len(listed.files),
        digest=listed.digest,
        licence=None,
        attribution="nobody",
    )
    return replace(fitting, **changes)


def test_order_is_by_class_and_then_by_file(tmp_path: Path) -> None:
    """Class folders are sorted by name first: 'a' stands before 'a-b', though 'a-b/x' sorts before 'a/x'."""
    root = touch(tmp_path, "a-b/x.png", "a/y.png", "a/x.png", "a b/x.png", "B/x.png")
    listed = list_dataset("toy-data", root)
    assert listed.files == ("B/x.png", "a/x.png", "a/y.png", "a b/x.png", "a-b/x.png")
    assert listed.classes == ("B", "a", "a b", "a-b")
    assert listed.labels == (0, 1, 1, 2, 3)
    assert listed.root == root


def test_file_names_are_in_byte_order(tmp_path: Path) -> None:
    """Within a class: digits as text, upper before lower case, spaces first, non-ASCII last by its UTF-8 bytes."""
    names = ["10.png", "9.png", "Z.png", "a 1.png", "a.png", "a1.png", "a_1.png", "é.png", "ﬀ.png", "😀.png"]
    root = touch(tmp_path, *(f"c/{name}" for name in reversed(names)))
    found = [name.removeprefix("c/") for name in list_dataset("toy-data", root).files]
    assert found == names
    assert found == sorted(names, key=str.encode)


def test_names_that_are_not_utf8_are_listed(tmp_path: Path) -> None:
    """A file name of arbitrary bytes keeps its place and its digest."""
    folder = touch(tmp_path, "c/a.png") / "c"
    try:
        (Path(os.fsdecode(bytes(folder) + b"/\xff.png"))).write_text("latin")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    listed = list_dataset("toy-data", tmp_path)
    assert [os.fsencode(name) for name in listed.files] == [b"c/a.png", b"c/\xff.png"]
    assert listed.digest == sha256sum_digest(tmp_path, listed.files)


def test_strays_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    """Notes, system files, hidden files and folders, and folders with an image's name are no images."""
    root = touch(tmp_path, "a/1.png", "a/2.JPG", "b/1.tiff")
    strays = ["a/.DS_Store", "a/Thumbs.db", "a/._1.png", ".hidden/1.png", "a/.h/2.png", "a/notes.txt", "README.md"]
    alone = list_dataset("toy-data", root)
    touch(root, *strays)
    (root / "empty").mkdir()
    (root / "b" / "folder.png").mkdir()
    (root / "b" / "broken.png").symlink_to("nowhere")
    assert list_dataset("toy-data", root) == alone
    assert alone.files == ("a/1.png", "a/2.JPG", "b/1.tiff")


def test_root_below_a_hidden_folder_is_listed(tmp_path: Path) -> None:
    """Only names inside the data set hide a file, not those above it (caches live below ~/.cache)."""
    assert list_dataset("toy-data", touch(tmp_path / ".cache" / "d", "a/1.png")).files == ("a/1.png",)


def test_nested_folders_belong_to_the_class_at_the_top(tmp_path: Path) -> None:
    """The first folder is the class, whatever lies deeper."""
    listed = list_dataset("toy-data", touch(tmp_path, "a/slide-1/x.png", "a/y.png", "b/x.png"))
    assert listed.files == ("a/slide-1/x.png", "a/y.png", "b/x.png")
    assert listed.labels == (0, 0, 1)


def test_flat_folder_has_no_labels(tmp_path: Path) -> None:
    """Images directly in the folder are listed without classes."""
    listed = list_dataset("toy-data", touch(tmp_path, "b.png", "a.png"))
    assert (listed.files, listed.labels, listed.classes) == (("a.png", "b.png"), (), ())


def test_loose_images_beside_class_folders_are_an_error(tmp_path: Path) -> None:
    """An image whose class is unknown is named, and not dropped."""
    with pytest.raises(LeaderboardError, match=r"both in class folders and beside them \(loose\.png\)"):
        list_dataset("toy-data", touch(tmp_path, "a/1.png", "loose.png"))


def test_folder_without_images_is_an_error(tmp_path: Path) -> None:
    """The message names the folder and the suffixes that count."""
    with pytest.raises(LeaderboardError, match=r"has no images \(.*\.png.*\)") as caught:
        list_dataset("toy-data", touch(tmp_path, "a/notes.txt"))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "file.png"])
def test_root_that_is_no_folder_is_an_error(tmp_path: Path, name: str) -> None:
    """A missing folder and a file are refused with the remedy."""
    touch(tmp_path, "file.png")
    with pytest.raises(LeaderboardError, match=f"{name} is not a folder; give a folder of images"):
        list_dataset("toy-data", tmp_path / name)


def sha256sum_digest(root: Path, files: tuple[str, ...]) -> str:
    command = ["sha256sum", "--", *sorted(files, key=os.fsencode)]
    printed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    return hashlib.sha256(printed).hexdigest()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_digest_is_that_of_the_command_line(tmp_path: Path) -> None:
    """The digest is the SHA-256 of what ``sha256sum`` prints for the files in byte order of their paths."""
    root = touch(tmp_path, "a-b/x y.png", "a/é.png", "a/x.png", "B/x.png")
    listed = list_dataset("toy-data", root)
    assert listed.digest == sha256sum_digest(root, listed.files)


def test_digest_changes_with_content_and_with_names(tmp_path: Path) -> None:
    """Another byte or another name is another data set; another folder above is not."""
    first = list_dataset("toy-data", touch(tmp_path / "1", "a/x.png")).digest
    assert list_dataset("toy-data", touch(tmp_path / "2", "a/x.png")).digest == first
    (tmp_path / "2" / "a" / "x.png").write_text("other")
    assert list_dataset("toy-data", tmp_path / "2").digest != first
    (tmp_path / "1" / "a").rename(tmp_path / "1" / "b")
    assert list_dataset("toy-data", tmp_path / "1").digest != first


def test_manifest_round_trips() -> None:
    """Parsing gives back what was formatted, also with spaces and odd separators in names."""
    hashes = {"a/x  y.png": "1" * 64, "a/\x85.png": "2" * 64, "a/\u2028 z.png": "3" * 64}
    assert parse_manifest(format_manifest(hashes)) == hashes


def test_shipped_manifest_fits_its_entry() -> None:
    """The manifest of palynomorphs-20 lists 697 images in 20 classes, and its own SHA-256 is the entry's digest."""
    spec = load_registry(REPOSITORY).dataset("palynomorphs-20")
    content = (Path(datasets.__file__).parent / str(spec.manifest)).read_bytes()
    hashes = parse_manifest(content.decode())
    assert content.count(b"\n") == len(hashes) == spec.images == 697
    assert len({name.partition("/")[0] for name in hashes}) == spec.classes == 20
    assert hashlib.sha256(content).hexdigest() == spec.digest == digest_of(hashes)


def test_fitting_folder_is_verified(tmp_path: Path) -> None:
    """The right digest passes, without a manifest."""
    root = touch(tmp_path, "a/1.png", "b/1.png")
    verify_dataset(list_dataset("toy-data", root), spec_of(root))


def test_differences_are_named(tmp_path: Path) -> None:
    """With a manifest the error names what is missing, added and changed, and both counts."""
    root = touch(tmp_path, "a/1.png", "a/2.png", "b/1.png")
    spec, manifest = spec_of(root), hash_files(root, list(list_dataset("toy-data", root).files))
    (root / "a/1.png").unlink()
    (root / "a/2.png").write_text("changed")
    touch(root, "c/new.png", "c/newer.png")
    with pytest.raises(CheckFailed) as caught:
        verify_dataset(list_dataset("toy-data", root), spec, manifest)
    message = str(caught.value)
    assert f"{root} is not toy-data: 4 images in 3 classes, expected 3 in 2" in message
    assert "missing: a/1.png; not part of it: c/new.png, c/newer.png; changed: a/2.png" in message


def test_many_differences_are_shortened(tmp_path: Path) -> None:
    """Five names are given, the rest is counted."""
    root = touch(tmp_path, *(f"a/{number}.png" for number in range(8)))
    with pytest.raises(CheckFailed, match=r"not part of it: a/1\.png, .*a/5\.png and 2 more"):
        verify_dataset(list_dataset("toy-data", root), spec_of(root, digest="0" * 64), hash_files(root, ["a/0.png"]))


@pytest.mark.parametrize("with_manifest", [False, True])
def test_without_differences_to_name_both_digests_are_given(tmp_path: Path, with_manifest: bool) -> None:
    """Without a manifest, or when the entry does not fit its own manifest, the digests tell the difference."""
    root = touch(tmp_path, "a/1.png")
    listed = list_dataset("toy-data", root)
    manifest = hash_files(root, ["a/1.png"]) if with_manifest else None
    with pytest.raises(CheckFailed, match=f"digest {listed.digest}, not {'0' * 64}"):
        verify_dataset(listed, spec_of(root, digest="0" * 64), manifest)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that $LEADERBOARD_DATA names."""
    monkeypatch.setenv("LEADERBOARD_DATA", str(tmp_path / "given"))
    return tmp_path / "given"


def test_data_folder_stands_before_the_cache(given: Path, cache: Path) -> None:
    """A data set is looked for in $LEADERBOARD_DATA first, then in the cache."""
    in_cache = touch(cache / "datasets" / "toy-data", "a/1.png")
    spec = spec_of(in_cache)
    given.mkdir()
    assert load_dataset(spec).root == find_dataset(spec) == in_cache
    in_given = touch(given / "toy-data", "a/1.png")
    assert load_dataset(spec).root == find_dataset(spec) == in_given


def test_data_folder_may_be_unset(tmp_path: Path) -> None:
    """Without $LEADERBOARD_DATA and with an empty cache there is nothing to find."""
    assert find_dataset(spec_of(touch(tmp_path / "other", "a/1.png"))) is None


def test_offline_says_where_to_put_the_data(tmp_path: Path, cache: Path) -> None:
    """Offline, a data set that is not here is unavailable, with the remedy; nothing is made for it."""
    spec = spec_of(touch(tmp_path / "x", "a/1.png"), kind="archive", url="http://127.0.0.1:9/x.tar.gz", download="1 B")
    with pytest.raises(Unavailable, match=r"toy-data is not here \(offline\).*\$LEADERBOARD_DATA/toy-data/"):
        load_dataset(spec, RunOptions(offline=True))
    assert not list((cache / "datasets").iterdir())


def test_data_set_without_download_says_so(tmp_path: Path) -> None:
    """A folder-only data set cannot be fetched, and its error says where it belongs."""
    with pytest.raises(Unavailable, match=r"it has no download.*\$LEADERBOARD_DATA/toy-data/"):
        load_dataset(spec_of(touch(tmp_path / "x", "a/1.png")))


def test_what_to_place_by_hand_is_one_line(tmp_path: Path, given: Path) -> None:
    """Where it is from, the exact folder, how it is laid out, how much there is, what nobody has verified."""
    known = {"origin": "a museum", "paper": "10.1234/abc", "unverified": ("licence", "archive layout")}
    spec = spec_of(touch(tmp_path / "x", "a/1.png", "b/1.png", "b/2.png"), digest=None, **known)
    given.mkdir()
    with pytest.raises(Unavailable) as caught:
        load_dataset(spec)
    assert str(caught.value) == (
        "data set toy-data is not here (it has no download); get it from a museum (doi 10.1234/abc) and place it in "
        f"{given / 'toy-data'}/, one subfolder per class, 3 images in 2 classes; its licence and archive layout were "
        "not verified"
    )
    assert caught.value.status == "not found"


def test_without_a_digest_the_counts_are_verified(tmp_path: Path, given: Path) -> None:
    """Other files in the same number pass, with their own digest; another number does not."""
    root = touch(given / "toy-data", "a/1.png", "b/1.png")
    spec = spec_of(root, digest=None)
    first = load_dataset(spec).digest
    (root / "a" / "1.png").write_text("another")
    assert load_dataset(spec).digest != first
    touch(root, "a/2.png")
    with pytest.raises(CheckFailed, match=r"is not toy-data: 3 images in 2 classes, expected 2 in 2; restore"):
        load_dataset(spec)
    (root / "b" / "1.png").rename(root / "a" / "3.png")
    with pytest.raises(CheckFailed, match="3 images in 1 classes, expected 2 in 2"):
        load_dataset(spec)


def test_wrong_data_is_an_error_and_stays(given: Path, cache: Path, image_folder: Callable[..., Path]) -> None:
    """Wrong data in $LEADERBOARD_DATA is reported with what differs, though the cache has the right one."""
    right = image_folder((2, 2))
    spec = spec_of(right, kind="archive", url="http://127.0.0.1:9/x.tar.gz")
    shutil.copytree(right, cache / "datasets" / "toy-data")
    shutil.copytree(right, given / "toy-data")
    (given / "toy-data" / "class-0" / "000.png").unlink()
    with pytest.raises(CheckFailed) as caught:
        load_dataset(spec)
    assert f"{given / 'toy-data'} is not toy-data: 3 images in 2 classes, expected 4 in 2" in str(caught.value)
    assert "restore the files, or remove the folder" in str(caught.value)
    assert len(list_dataset("toy-data", given / "toy-data").files) == 3


def test_data_folder_that_is_not_there_is_an_error(given: Path) -> None:
    """A typing error in $LEADERBOARD_DATA must not end in a download."""
    with pytest.raises(LeaderboardError, match=r"LEADERBOARD_DATA=.*given is not a folder; correct or unset it"):
        find_dataset(spec_of(touch(given.parent / "x", "a/1.png")))


def test_linked_class_folders_are_followed_once(tmp_path: Path) -> None:
    """A class may be a link; a link that leads back ends the walk there."""
    (tmp_path / "elsewhere").mkdir()
    touch(tmp_path / "elsewhere", "1.png")
    root = touch(tmp_path / "set", "a/1.png")
    (root / "b").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    assert list_dataset("set", root).files == ("a/1.png", "b/1.png")


def test_incomplete_drawn_images_are_refused(tmp_path: Path, given: Path) -> None:
    """Their digest may differ with the libraries that draw, their number may not."""
    root = touch(given / "toy-data", "a/1.png")
    spec = replace(spec_of(root), kind="synthetic", digest="0" * 64)
    assert load_dataset(spec).root == root
    with pytest.raises(CheckFailed, match="1 images in 1 classes, expected 2 in 1"):
        load_dataset(replace(spec, images=2))
