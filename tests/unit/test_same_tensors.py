"""One id means one set of tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.records import Source
from leaderboard.same_tensors import check_tensors, with_recorded_digests

STORED = {"source": "hub:a/small", "revision": "1" * 40, "sha256": "a" * 64, "digest": "e" * 64}


@pytest.fixture
def check(make_result, registry) -> Callable[..., None]:
    """Holds weights that differ in some fields from the stored ones against them."""

    def check(library: str = "baseline", version: str = "1.0", **changes: str | None) -> None:
        result = make_result(model={"weights": STORED}, environment={"baseline": "1.0"})
        inputs = result.provenance.inputs["model"] | {"library": library, "weights": STORED | changes}
        check_tensors(
            [result], SimpleNamespace(spec=registry.model("toy"), inputs=inputs, environment={library: version})
        )

    return check


def test_other_tensors_from_another_source_are_refused(check) -> None:
    """One id means one set of tensors, also before the entry declares a digest; a new revision is another matter."""
    check(source="hub:a/base")
    check(revision="2" * 40, sha256="b" * 64, digest="f" * 64)
    check(source="hub:a/copy", digest="f" * 64, library="timm")  # other names for the same: the canary compares them
    with pytest.raises(LeaderboardError, match=r"hub:a/base .* has other tensors .* one id means one set of tensors"):
        check(source="hub:a/base", digest="f" * 64)


def test_another_file_of_the_same_revision_is_refused(check) -> None:
    """A checkpoint on disk that was replaced, or a Hub that changed a commit."""
    check()
    with pytest.raises(LeaderboardError, match=r"hub:a/small \(sha256 b+, tensors e+\) has other tensors than"):
        check(sha256="b" * 64)


def test_a_library_that_loads_other_tensors_from_the_same_file_is_refused(check) -> None:
    """By one version of it; another version may rename them, and then the canary tells."""
    check(digest="f" * 64, version="2.0")
    with pytest.raises(LeaderboardError, match=r"hub:a/small \(sha256 a+, tensors f+\) has other tensors than"):
        check(digest="f" * 64)


def test_a_url_is_held_to_the_digest_that_a_run_recorded(make_result, registry) -> None:
    """The first run records it; an entry that declares one, and sources of other kinds, stay as they are."""
    address, declared = "https://example.org/a.pth", "d" * 64
    sources = (Source("url", address), Source("url", address, sha256=declared), Source("hub", "a/b"))
    spec = replace(registry.model("toy"), sources=sources)
    assert with_recorded_digests(spec, []).sources == sources
    result = make_result(model={"weights": {"source": f"url:{address}", "sha256": "a" * 64}})
    assert [source.sha256 for source in with_recorded_digests(spec, [result]).sources] == ["a" * 64, declared, None]
