"""Which library loads a repository, and from which of its files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leaderboard.backbones import CHECKPOINTS
from leaderboard.backbones.open_clip import CHECKPOINTS as OPEN_CLIP_CHECKPOINTS
from leaderboard.backbones.open_clip import CONFIG as OPEN_CLIP_CONFIG
from leaderboard.errors import LeaderboardError, printable

GUIDE = "docs/adding-a-model.md tells how to write the entry by hand"
DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "timm": CHECKPOINTS,
    "transformers": CHECKPOINTS,
    "open_clip": OPEN_CLIP_CHECKPOINTS,
}
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt")
SHOWN = 4  # files that a message names


def choose_library(
    named: str | None, files: Mapping[str, int], configs: Mapping[str, Mapping[str, Any]], repository: str
) -> tuple[str, str]:
    """The library and why: what the Hub says where it is one of ours, else what the files are of.

    Raises:
        LeaderboardError: none of ours; with what was found.
    """
    if named in DEFAULTS:
        return str(named), "as the Hub says"
    config = configs.get("config.json", {})
    if OPEN_CLIP_CONFIG in files:
        return "open_clip", f"by its {OPEN_CLIP_CONFIG}"
    if "architecture" in config and "pretrained_cfg" in config:
        return "timm", "by its config.json"
    if isinstance(config.get("model_type"), str):
        return "transformers", "by its config.json"
    says = f"library {printable(named)[:40]!r}" if named else "no library"
    raise LeaderboardError(
        f"{repository}: the Hub names {says}, and its files ({_enumerate(files)}) are not those of "
        f"{', '.join(DEFAULTS)}; {GUIDE}"
    )


def choose_file(library: str, files: Mapping[str, int], repository: str) -> str:
    """The file of weights: the library's default name, else the only one that there is.

    Raises:
        LeaderboardError: none, several, or weights in several parts.
    """
    for name in DEFAULTS[library]:
        if name in files:
            return name
        if f"{name}.index.json" in files:
            raise LeaderboardError(f"{repository}: its weights are in several files, which is not supported yet")
    own = [name for name in files if name.endswith(WEIGHTS)]
    safe = [name for name in own if name.endswith(".safetensors")] or own
    if len(safe) == 1 and library != "transformers":  # that one reads files of these names only
        return safe[0]
    found = f"{len(own)} others ({_enumerate(own)})" if own else "no other weights"
    raise LeaderboardError(f"{repository} has no {' nor '.join(DEFAULTS[library])} but {found}; {GUIDE}")


def _enumerate(files: Mapping[str, int] | list[str]) -> str:
    names = [printable(name)[:60] for name in files]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "none") + more
