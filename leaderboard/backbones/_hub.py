"""Files of a Hub repository: resolved to a commit first, taken from the local cache when they are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leaderboard.datasets.fetch import announce
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import Source

SHA = re.compile(r"[0-9a-f]{40}")
TIMEOUT = 15.0  # seconds for the Hub's first answer


def fetch_snapshot(source: Source, patterns: Sequence[str], *, offline: bool) -> tuple[Path, str]:
    """The folder of a repository's files that match, and the commit they are from.

    Raises:
        Unavailable: gated, private, not found, unreachable, or not in the cache when offline.
        LeaderboardError: not the name of a repository.
    """
    from huggingface_hub import constants

    revision = source.revision or "main"
    _check_name(source)
    offline = offline or constants.HF_HUB_OFFLINE
    if offline or SHA.fullmatch(revision):  # a branch may have moved, a commit has not
        folder = _find_cached(source, revision, patterns)
        if folder is not None:
            return folder, folder.name
        if offline:
            raise Unavailable(f"{source} is not in the Hub cache, and this run is offline")
    return _download(source, revision, patterns)


def _check_name(source: Source) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(source.name)
    except HFValidationError as error:
        raise LeaderboardError(f"{source}: {_first_line(error)} Correct the entry's hub") from None


def _find_cached(source: Source, revision: str, patterns: Sequence[str]) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = {"revision": revision, "allow_patterns": list(patterns)}
    try:
        folder = Path(snapshot_download(source.name, **wanted, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if _holds(folder, patterns) else None


def _holds(folder: Path, patterns: Sequence[str]) -> bool:
    return all(any(folder.glob(pattern)) for pattern in patterns)


def _download(source: Source, revision: str, patterns: Sequence[str]) -> tuple[Path, str]:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi().model_info(source.name, revision=revision, timeout=TIMEOUT, files_metadata=True)
        if _find_cached(source, str(info.sha), patterns) is None:
            announce(f"{source.name}: fetching {_size(info, patterns)} from the Hub")
        # by the branch's name, so that the cache knows what the branch stood for when a later run is offline
        folder = Path(snapshot_download(source.name, revision=revision, allow_patterns=list(patterns)))
    except HfHubHTTPError as error:
        raise Unavailable(f"{source}: {_reason(error)}") from None
    except Exception as error:
        if not _is_network_error(error):
            raise
        reason = f"the Hub is unreachable ({_first_line(error)})"
        raise Unavailable(f"{source}: {reason}; try later, or --offline if it was fetched before") from None
    if not _holds(folder, patterns):
        raise Unavailable(f"{source}: the repository lacks one of {', '.join(patterns)}; check the entry's file")
    return folder, folder.name


def _size(info: Any, patterns: Sequence[str]) -> str:
    from huggingface_hub.utils import filter_repo_objects

    files = filter_repo_objects(info.siblings, allow_patterns=list(patterns), key=lambda file: file.rfilename)
    return f"{sum(file.size or 0 for file in files) / 1e6:.0f} MB"


def _reason(error: Exception) -> str:
    from huggingface_hub import errors

    remedies = {
        errors.GatedRepoError: "gated; accept the licence on the model's page, then `hf auth login`",
        errors.RepositoryNotFoundError: "no such repository, or private; check the name, or `hf auth login`",
        errors.RevisionNotFoundError: "no such revision; check the entry's revision",
        errors.EntryNotFoundError: "no such file in the repository; check the entry's file",
    }
    known = (text for kind, text in remedies.items() if isinstance(error, kind))
    return next(known, f"the Hub refuses ({_first_line(error)}); try later, or `hf auth login`")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _is_network_error(error: Exception) -> bool:
    """Errors of httpx itself, whatever the name under which huggingface_hub ships it, and the system's."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"TransportError", "LocalEntryNotFoundError", "ConnectionError", "TimeoutError"})
