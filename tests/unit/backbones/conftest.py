"""Drawn images, toy entries, and no Hub but the one that a test starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.records import ModelSpec, Preprocessing

TOY = ModelSpec(
    id="toy",
    title="Toy",
    library="timm",
    sources=(),
    architecture="test_efficientnet",
    pooling="head",
    preprocessing=Preprocessing((160, 160), None, "bilinear", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
    dimension=256,
    licence=None,
)


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    """The toy entry with some of its fields changed."""
    return lambda **changes: replace(TOY, **changes)


@pytest.fixture
def draw() -> Callable[..., list[Image.Image]]:
    """``draw(3, (80, 60))``: RGB images of that (width, height), each another ellipse in noise."""

    def draw(count: int, size: tuple[int, int] = (90, 70)) -> list[Image.Image]:
        generator = np.random.default_rng(5)
        width, height = size
        y, x = np.mgrid[0:height, 0:width]
        images = []
        for number in range(count):
            inside = ((x / width - 0.5) / (0.2 + 0.03 * number)) ** 2 + ((y / height - 0.5) / 0.35) ** 2 < 1
            noise = generator.integers(0, 60, (height, width, 3))
            tint = generator.integers(40, 190, 3)
            images.append(Image.fromarray((np.where(inside[..., None], tint, 195) + noise).astype(np.uint8)))
        return images

    return draw


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty Hub cache and no endpoint: no test here reads the user's cache or leaves this machine."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import close_session, constants

    cache = tmp_path / "hub-cache"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    point_to(monkeypatch, "http://127.0.0.1:9")
    close_session()
    return cache


def point_to(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """What HF_ENDPOINT does; huggingface_hub reads it once, when it is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
