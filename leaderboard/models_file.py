"""models.yaml, changed in place: under its lock, byte for byte but for the change, and never left broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from leaderboard.errors import LeaderboardError, first_line
from leaderboard.paths import lock, save_text
from leaderboard.registry import Registry, load_registry

MODELS, DATASETS = "models.yaml", "datasets.yaml"


def edit_models(root: Path, change: Callable[[str], str]) -> Registry:
    """Replace the text of models.yaml by what ``change`` makes of it, once that has been read and checked.

    Args:
        root: the folder of models.yaml and datasets.yaml.
        change: the whole text -> the new one, line breaks as they are in the file.

    Returns:
        What both files say now.

    Raises:
        LeaderboardError: the new text is not valid; the file stays as it was.
    """
    path = root / MODELS
    with lock(path):
        before = path.read_bytes().decode("utf-8")
        after = change(before)
        if after != before:
            _check(root, after)
            save_text(path, after)
        return load_registry(root)


def _check(root: Path, text: str) -> None:
    with TemporaryDirectory(prefix="leaderboard-") as scratch:
        folder = Path(scratch)
        save_text(folder / MODELS, text)
        shutil.copyfile(root / DATASETS, folder / DATASETS)
        try:
            load_registry(folder)
        except LeaderboardError as error:
            raise LeaderboardError(f"nothing was written, {MODELS} would not be valid: {first_line(error)}") from None


def check_writable(registry: Registry) -> None:
    """Refuse an installed package, which has no models.yaml of its own to write.

    Raises:
        LeaderboardError: it is none of a clone.
    """
    if not registry.is_clone:
        raise LeaderboardError("an installed package has no models.yaml to write; run in a clone, or pass --root")
