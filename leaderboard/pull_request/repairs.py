"""What can be mended without anybody's judgement: the order of entries, and tables that are not a pull request's."""

from __future__ import annotations

from pathlib import Path

from leaderboard.paths import lock, save_text
from leaderboard.pull_request.sides import Sides
from leaderboard.pull_request.tables import restore_rendered
from leaderboard.yaml_edit import sort_entries


def repair(sides: Sides) -> list[Path]:
    """Sort models.yaml, give generated files the base's text, and return what was written."""
    root = sides.after.registry.root
    models = root / "models.yaml"
    with lock(models):
        text = models.read_bytes().decode("utf-8")  # with its line ends
        in_order = sort_entries(text)
        if in_order != text:
            save_text(models, in_order)
    return [*([models] if in_order != text else []), *restore_rendered(root, sides.base)]
