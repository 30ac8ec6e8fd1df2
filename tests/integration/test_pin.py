"""`leaderboard pin`: what the unpinned sources stand for is asked once and written down."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from leaderboard.__main__ import main
from leaderboard.registry import load_registry

COMMIT = "a" * 40
MODELS = """\
# every model

small:  # on a branch
  title: Small
  library: timm
  architecture: test_efficientnet
  sources:
    - {{hub: owner/small, revision: main, drop: [classifier.]}}  # a branch
    - url: {url}/weights/small.pth
  pooling: head
  preprocessing: {{resize: [8, 8], mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}}
  dimension: 256
  licence: MIT

gone:
  title: Gone
  library: timm
  architecture: test_efficientnet
  sources: [{{hub: owner/gone}}]
  pooling: head
  preprocessing: model
  dimension: 256
  licence: MIT
"""


@pytest.fixture
def root(hub, zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models: one that the Hub has, one that it has not."""
    monkeypatch.setenv("LEADERBOARD_CACHE", str(tmp_path / "cache"))
    hub.push("owner/small", zoo.timm_repository("test_efficientnet"), COMMIT)
    hub.files["/weights/small.pth"] = zoo.backbone_pth("test_efficientnet")
    (tmp_path / "models.yaml").write_text(MODELS.format(url=hub.url))
    (tmp_path / "datasets.yaml").write_text("{}")
    return tmp_path


def test_commits_and_digests_are_written_into_place(root: Path, hub, capsys: pytest.CaptureFixture[str]) -> None:
    """The commit of a branch, the sha256 of a URL's file; the rest stays, and a second call has nothing to do."""
    before = (root / "models.yaml").read_text()
    sha256 = hashlib.sha256(hub.files["/weights/small.pth"]).hexdigest()
    assert main(["pin", "small", "--root", str(root)]) == 0
    after = (root / "models.yaml").read_text()
    url = f"{hub.url}/weights/small.pth\n"
    pinned = before.replace("revision: main", f"revision: {COMMIT}")
    assert after == pinned.replace(url, f"{url}      sha256: {sha256}\n")
    assert f"small: hub:owner/small@main: {COMMIT}" in capsys.readouterr().out
    assert all(source.is_pinned for source in load_registry(root).model("small").sources)
    assert main(["pin", "small", "--root", str(root)]) == 0
    assert "nothing to pin" in capsys.readouterr().out
    assert (root / "models.yaml").read_text() == after


def test_what_cannot_be_pinned_is_said_and_the_rest_is_done(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One model is not on the Hub: the others are pinned all the same, and the exit code tells."""
    assert main(["pin", "--root", str(root)]) == 1
    captured = capsys.readouterr()
    assert "gone: hub:owner/gone: not pinned: " in captured.out
    assert "no such repository, or private; check the name" in captured.out
    assert captured.err.strip().endswith("leaderboard: not pinned: gone")
    assert f"revision: {COMMIT}" in (root / "models.yaml").read_text()
    assert "Traceback" not in captured.out + captured.err


def test_an_unknown_model_is_wrong_use(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with the nearest names; nothing is asked of anybody."""
    assert main(["pin", "smal", "--root", str(root)]) == 2
    assert "model 'smal' is not in models.yaml; nearest: small" in capsys.readouterr().err


def test_a_file_that_is_not_the_model_is_not_pinned(root: Path, hub, capsys: pytest.CaptureFixture[str]) -> None:
    """A login page sent as a file: its digest would be enforced for ever."""
    hub.files["/weights/small.pth"] = b"<html>please log in</html>"
    assert main(["pin", "small", "--root", str(root)]) == 1
    assert "small.pth cannot be read (it is no file of tensors)" in capsys.readouterr().out
    assert [source.is_pinned for source in load_registry(root).model("small").sources] == [True, False]
