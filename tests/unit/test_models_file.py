"""models.yaml is replaced by what has been checked, or stays as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.adding.writing import choose_id
from leaderboard.errors import LeaderboardError
from leaderboard.models_file import check_writable, edit_models
from leaderboard.registry import SHIPPED, Registry

ENTRY = (
    "toy:\r\n  title: Toy  # said\r\n  library: baseline\r\n  architecture: pixels\r\n  dimension: 192\r\n"
    "  preprocessing: {resize: [8, 8], mean: [0.0, 0.0, 0.0], std: [1.0, 1.0, 1.0]}\r\n  licence: null\r\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one entry, written on Windows."""
    (tmp_path / "models.yaml").write_bytes(ENTRY.encode())
    (tmp_path / "datasets.yaml").write_text("{}")
    return tmp_path


def test_a_change_keeps_line_breaks(root: Path) -> None:
    """Every byte but the changed ones; the new registry comes back."""
    registry = edit_models(root, lambda text: text.replace("Toy ", "Tin "))
    assert (root / "models.yaml").read_bytes() == ENTRY.replace("Toy ", "Tin ").encode()
    assert registry.model("toy").title == "Tin"


def test_a_mistake_of_ours_is_not_written(root: Path) -> None:
    """The line is named, and the file is as it was."""
    with pytest.raises(LeaderboardError, match=r"nothing was written.*models.yaml:5: .*dimension") as error:
        edit_models(root, lambda text: text.replace("192", "-1"))
    assert "\n" not in str(error.value)
    assert (root / "models.yaml").read_bytes() == ENTRY.encode()
    assert sorted(path.name for path in root.iterdir() if path.name != "cache") == ["datasets.yaml", "models.yaml"]


def test_a_change_that_fails_writes_nothing(root: Path) -> None:
    """And gives the lock back."""

    def fail(text: str) -> str:
        raise KeyError(text[:3])

    with pytest.raises(KeyError):
        edit_models(root, fail)
    assert edit_models(root, lambda text: text).model("toy")


def test_an_installed_package_is_not_written(registry: Registry) -> None:
    """It has no file of its own."""
    check_writable(registry)
    with pytest.raises(LeaderboardError, match="run in a clone"):
        check_writable(Registry(SHIPPED, {}, {}))


@pytest.mark.parametrize(
    ("repository", "id_", "match"),
    [
        ("owner/toy", None, "an entry 'toy' already; pass --id"),
        ("owner/x", "Not An Id", "'Not An Id' is no id"),
        ("owner/---", None, "'' is no id.*pass --id"),
        ("owner/grains-b", None, "would select data; pass --id"),
    ],
)
def test_an_id_that_will_not_do_is_refused(repository, id_, match, registry: Registry) -> None:
    """With what to do."""
    with pytest.raises(LeaderboardError, match=match):
        choose_id(registry, repository, id_)
    assert choose_id(registry, repository, "mine") == "mine"
