"""A collection on S3, over a real client and real HTTP, with throttling and dropped connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from s3_server import S3
from shard_trouble_s3 import SERVICE, unanswered

pytest.importorskip("moto")
pytest.importorskip("s3fs")
SEED = 1


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """A running service."""
    with S3() as running:
        yield running


@pytest.mark.parametrize("trouble", SERVICE.values(), ids=lambda trouble: trouble.__name__)
def test_a_run_on_a_service_in_trouble_ends_as_described(
    s3: S3, trouble: Callable[[S3, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each function brings its trouble about and says what has to come of it; whole again, the bytes are the same."""
    if trouble is unanswered:  # its half a minute is measured by benchmarks/trouble.py
        monkeypatch.setattr("leaderboard.shards.places.ATTEMPTS", 2)
    assert trouble(s3, SEED) >= 1
