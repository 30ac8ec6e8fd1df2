"""Code that a repository brings: run only when the entry names its commit and the user has said so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leaderboard.backbones._hub import Snapshot
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, RunOptions, Source

CONFIG = "config.json"
CONFIGS = (CONFIG, "preprocessor_config.json")


def is_code_trusted(spec: ModelSpec, source: Source, snapshot: Snapshot, options: RunOptions) -> bool:
    """Code of a repository runs only when the entry names its commit and the user has said so.

    Raises:
        LeaderboardError: the entry trusts another commit.
        Unavailable: the user has not said so.
    """
    from transformers import CONFIG_MAPPING

    if spec.trust_remote_code is None:
        if _auto_map(snapshot.folder) and _read_config(snapshot.folder, CONFIG).get("model_type") not in CONFIG_MAPPING:
            raise Unavailable(
                f"{source} brings its own code; read it, then declare trust_remote_code: {snapshot.commit or 'COMMIT'} "
                "and pass --allow-remote-code",
                "gated",
            )
        return False
    if snapshot.commit != spec.trust_remote_code:
        raise LeaderboardError(
            f"{source} is at {snapshot.commit or 'no commit'}, trust_remote_code names {spec.trust_remote_code}; read "
            "the code of that commit, then correct the entry"
        )
    elsewhere = [name for name in _auto_map(snapshot.folder) if "--" in name]
    if elsewhere:
        raise LeaderboardError(f"{source} would run code of another repository ({elsewhere[0]}), of no known commit")
    if not options.allow_remote_code:
        raise Unavailable(f"{source} brings its own code; read it, then pass --allow-remote-code", "gated")
    return True


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    if not isinstance(config, dict) or not isinstance(config.get("auto_map", {}), dict):
        raise ValueError(f"{name} is no configuration")
    return config


def _auto_map(folder: Path) -> list[str]:
    """Where a repository says that its classes are, the processor's too: ``[repository--]module.Class``."""
    maps = [_read_config(folder, name).get("auto_map", {}) for name in CONFIGS if (folder / name).exists()]
    return [str(name) for classes in maps for name in classes.values()]
