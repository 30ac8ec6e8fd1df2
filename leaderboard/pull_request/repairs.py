"""What can be mended without anybody's judgement: the order of entries, and tables that are not a pull request's."""

from __future__ import annotations

from pathlib import Path

from leaderboard.models_file import MODELS, edit_models
from leaderboard.pull_request.sides import Sides
from leaderboard.pull_request.tables import restore_rendered
from leaderboard.yaml_edit import sort_entries


def repair(sides: Sides) -> list[Path]:
    """Sort models.yaml, give generated files the base's text, and return what was written."""
    registry = sides.after.registry
    in_order = edit_models(registry.root, sort_entries)
    moved = [registry.root / MODELS] if list(in_order.models) != list(registry.models) else []
    return [*moved, *restore_rendered(registry.root, sides.base)]
