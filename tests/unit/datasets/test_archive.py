"""Unpacking: which mistakes are the user's, and which are the archive's."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from leaderboard.datasets.archive import unpack
from leaderboard.errors import CheckFailed

Pack = Callable[[Path, list[str]], None]


def pack_tar(archive: Path, names: list[str]) -> None:
    """Each file holds its own name."""
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, BytesIO(name.encode()))


def pack_zip(archive: Path, names: list[str]) -> None:
    """The same as a zip file."""
    with zipfile.ZipFile(archive, "w") as opened:
        for name in names:
            opened.writestr(name, name)


@pytest.mark.parametrize("pack", [pack_tar, pack_zip], ids=["tar", "zip"])
def test_a_wrong_subfolder_keeps_the_archive(tmp_path: Path, pack: Pack) -> None:
    """The entry is wrong, not the download: it is named, and the next run unpacks the same file."""
    archive = tmp_path / "grains"
    pack(archive, ["top/images/cyst/1.png"])
    with pytest.raises(CheckFailed, match="grains has no images below top/pictures; correct the subfolder"):
        unpack(archive, tmp_path / "out", subfolder="top/pictures")
    unpack(archive, tmp_path / "out", subfolder="top/images")
    assert (tmp_path / "out" / "cyst" / "1.png").read_text() == "top/images/cyst/1.png"


@pytest.mark.parametrize("pack", [pack_tar, pack_zip], ids=["tar", "zip"])
def test_two_files_for_one_place_are_refused(tmp_path: Path, pack: Pack) -> None:
    """Below a folder of any name both would be the same image; the second never replaces the first."""
    archive = tmp_path / "grains"
    pack(archive, ["a/images/cyst/1.png", "b/images/cyst/1.png"])
    with pytest.raises(CheckFailed, match=r"grains is no sound archive of images \(.*1\.png.*\); removed, run again"):
        unpack(archive, tmp_path / "out", subfolder="*/images")
    assert (tmp_path / "out" / "cyst" / "1.png").read_text() == "a/images/cyst/1.png"
    assert not archive.exists()
