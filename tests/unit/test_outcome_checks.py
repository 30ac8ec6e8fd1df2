"""Tests of what is checked of stored outcomes before anything reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.outcome_checks import check_outcomes
from leaderboard.records import Result
from leaderboard.result_files import format_result, load_result

NEAR = [[1], [2], [3], [0]]
GOOD: dict[str, Any] = {
    "retrieval": {"hits_at_n": [1, 0, 1, 0], "neighbours": NEAR},
    "knn": {"test": [[0, 3], [1]], "predicted_k1": [[0, 1], [1]]},
    "linear": {"test": [[0, 3], [1]], "predicted": [[0, 1], [1]], "confusion": [[9, 9], [9, 9]]},
}


def test_outcomes_of_their_own_images_and_classes_pass() -> None:
    """What is no list of images or classes is nobody's business here."""
    check_outcomes(GOOD | {"clustering": {"pca.hdbscan": [-1, 7, 7, 7]}}, images=4, classes=2)


@pytest.mark.parametrize(
    ("protocol", "change", "reason"),
    [
        ("retrieval", {"neighbours": [[1], [2], [4], [0]]}, "neighbours has '4', no whole number from 0 to 3"),
        ("retrieval", {"neighbours": [[1], [2], [-1], [0]]}, "neighbours has '-1', no whole number from 0 to 3"),
        ("retrieval", {"neighbours": [[1], [2], [True], [0]]}, "neighbours has 'True', no whole number from 0 to 3"),
        ("retrieval", {"neighbours": NEAR[:3]}, "neighbours are of 3 images, not of 4"),
        ("retrieval", {"neighbours": [1, 2, 3, 0]}, "neighbours is no list of lists"),
        ("retrieval", {"hits_at_n": [1, 0, 1]}, "hits_at_n does not have one for each image"),
        ("knn", {"test": [[0, 9], [1]]}, "test has '9', no whole number from 0 to 3"),
        ("knn", {"predicted_k1": [[0, 2], [1]]}, "predicted_k1 has '2', no whole number from 0 to 1"),
        ("linear", {"predicted": [[0], [1]]}, "predicted does not have one for each image"),
    ],
)
def test_a_file_whose_outcomes_point_to_nothing_is_refused(
    tmp_path: Path, make_result: Callable[..., Result], protocol: str, change: dict[str, Any], reason: str
) -> None:
    """In one line when it is read, so that no page and no audit ends in a traceback."""
    path = tmp_path / "grains" / "toy.json"
    path.parent.mkdir()
    broken = {name: part | (change if name == protocol else {}) for name, part in GOOD.items()}
    path.write_text(json.dumps(json.loads(format_result(make_result(outcomes=broken)))))

    with pytest.raises(LeaderboardError) as raised:
        load_result(path)

    assert f"outcomes of {protocol}: {reason}" in str(raised.value)
    assert str(raised.value).endswith("remove it and measure the cell again")
    assert len(str(raised.value).splitlines()) == 1
