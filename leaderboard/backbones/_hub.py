"""Files of a Hub repository: resolved to a commit, fetched, and held against the Hub's own digests before use.

Always by commit: asked for a branch, the client falls back to old files when the Hub refuses, and says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from leaderboard.backbones._hub_errors import WrongSize, as_unavailable
from leaderboard.backbones._patience import patient
from leaderboard.datasets.listing import hash_file
from leaderboard.download import announce
from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.paths import waiting
from leaderboard.records import COMMIT, RunOptions, Source

Choice = tuple[str, ...]  # file names, the best one first: one of them is wanted


@dataclass(frozen=True)
class Snapshot:
    """Files of a repository at one commit, on this machine."""

    folder: Path
    commit: str
    files: tuple[str, ...]  # one per choice


@dataclass(frozen=True)
class Listing:
    """What the Hub says that a repository holds: the digest is SHA-256 (LFS) or git's SHA-1 of the file."""

    commit: str
    digests: Mapping[str, str]
    sizes: Mapping[str, int]


def fetch_snapshot(
    source: Source, wanted: Sequence[Choice], options: RunOptions, *, suffix: str | None = None
) -> Snapshot:
    """The wanted files of a repository, whole and sound, and the commit they are from.

    A commit that is in the cache is taken from there without asking the Hub.

    Args:
        source: the repository, and its revision.
        wanted: one file of each choice.
        options: how long to wait, and whether to fetch at all.
        suffix: every file that ends so comes along.

    Raises:
        Unavailable: gated, private, not found, unreachable, corrupt, or not in the cache when offline.
        LeaderboardError: not the name of a repository.
    """
    from huggingface_hub import constants

    _check_name(source)
    offline = options.offline or constants.HF_HUB_OFFLINE
    revision = source.revision or "main"
    if offline or (COMMIT.fullmatch(revision) and suffix is None):  # a branch may have moved, a commit has not
        cached = _find_cached(source, revision, wanted, offline=offline)
        if cached is not None and all(_is_sound(cached.folder / name, offline=offline) for name in cached.files):
            return cached
        if offline:
            raise _not_cached(source, cached)
    with patient(options.hub_timeout):
        listing = resolve(source)
        names = _choose(source, wanted, listing.digests)
        along = [name for name in listing.digests if suffix and name.endswith(suffix)]
        snapshot = _fetch(source, revision, listing, [*names, *along], patience=options.hub_timeout)
    _remember_absent(snapshot, [name for choice in wanted for name in choice if name not in listing.digests])
    return snapshot


def resolve_commit(source: Source, options: RunOptions) -> str:
    """The commit that a repository's branch stands for now.

    Raises:
        Unavailable: gated, private, not found or unreachable.
    """
    with patient(options.hub_timeout):
        return resolve(source).commit


def resolve(source: Source) -> Listing:
    """Ask the Hub what the revision is and holds."""
    from huggingface_hub import HfApi

    with as_unavailable(source):
        revision, kind = source.revision or "main", source.repository
        info = HfApi().repo_info(source.name, revision=revision, repo_type=kind, files_metadata=True)
    files = info.siblings or []
    return Listing(
        commit=str(info.sha),
        digests={file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id or "" for file in files},
        sizes={file.rfilename: file.size or 0 for file in files},
    )


def _check_name(source: Source) -> None:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(source.name)
    except HFValidationError as error:
        raise LeaderboardError(f"{source}: {first_line(error)} Correct the entry's hub") from None


# ---- from the cache


def _find_cached(source: Source, revision: str, wanted: Sequence[Choice], *, offline: bool) -> Snapshot | None:
    """The cached file for every choice, if there is one for each; without the Hub, a second best one will do."""
    found = [_find_choice(source, revision, choice, offline=offline) for choice in wanted]
    paths = [path for path in found if path is not None]
    if len(paths) < len(wanted):
        return None
    names = tuple(name for name, _ in paths)
    folder = _folder_of(paths[0][1], names[0])
    return Snapshot(folder, folder.name, names)


def _find_choice(source: Source, revision: str, choice: Choice, *, offline: bool) -> tuple[str, Path] | None:
    """The best name that is cached; behind one of which nothing is known only when nobody can be asked."""
    from huggingface_hub import try_to_load_from_cache

    for name in choice:
        path = try_to_load_from_cache(source.name, name, revision=revision, repo_type=source.repository)
        if isinstance(path, str):
            return name, Path(path)
        if path is None and not offline:  # neither there nor known to be absent
            return None
    return None


def _folder_of(path: Path, name: str) -> Path:
    """The snapshot's folder, from the path of one of its files."""
    return path.parents[name.count("/")]


def _not_cached(source: Source, cached: Snapshot | None) -> Unavailable:
    if cached is None:
        return Unavailable(f"{source} is not in the Hub cache, and this run is offline")
    broken = ", ".join(name for name in cached.files if not _is_sound(cached.folder / name, offline=True))
    return Unavailable(f"{source}: {broken} is damaged in the Hub cache; run once without --offline", "corrupt")


def _is_sound(path: Path, *, offline: bool) -> bool:
    """Whether a cached file is what its blob is named after: the digest that the Hub gave when it was fetched.

    A cache without links does not keep it: then the Hub is to be asked, if it can be.
    """
    digest = _blob_name(path)
    return _matches(path, digest) if digest else offline


def _blob_name(path: Path) -> str:
    """The blob that a file of a snapshot links to; it may itself be a link to a store with other names."""
    return path.readlink().name if path.is_symlink() else ""


def _matches(path: Path, digest: str) -> bool:
    """Hold a file against a SHA-256 or against git's SHA-1; a name that is neither says nothing."""
    if len(digest) == hashlib.sha256().digest_size * 2:
        return hash_file(path) == digest
    if COMMIT.fullmatch(digest):
        content = path.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == digest
    return True


# ---- from the Hub


def _choose(source: Source, wanted: Sequence[Choice], there: Collection[str]) -> tuple[str, ...]:
    """The best file of each choice that the repository holds."""
    for choice in wanted:
        if not any(name in there for name in choice):
            if f"{choice[0]}.index.json" in there:
                raise LeaderboardError(f"{source}: its weights are in several files, which is not supported yet")
            raise Unavailable(f"{source} holds no {' nor '.join(choice)}; check the entry's file", "not found")
    return tuple(next(name for name in choice if name in there) for choice in wanted)


def _fetch(source: Source, revision: str, listing: Listing, names: Sequence[str], *, patience: float) -> Snapshot:
    cached = _find_cached(source, listing.commit, [(name,) for name in names], offline=False)
    if cached is None:
        size = sum(listing.sizes[name] for name in names) / 1e6
        announce(f"{source.name}: fetching {size:.0f} MB from the Hub")
    paths = [_fetch_sound(source, listing, name, patience) for name in names]
    folder = _folder_of(paths[0], names[0])
    with as_unavailable(source):
        _remember(folder, revision, listing.commit)
    return Snapshot(folder, listing.commit, tuple(names))


def _fetch_sound(source: Source, listing: Listing, name: str, patience: float) -> Path:
    """The file with the digest that the Hub's listing gives; fetched again once when it differs."""
    from huggingface_hub import hf_hub_download

    for again in (False, True):
        try:
            with as_unavailable(source, name):
                _wait_for_others(source, listing.digests[name], patience)
                options = {"revision": listing.commit, "repo_type": source.repository, "force_download": again}
                path = Path(hf_hub_download(source.name, name, **options))
        except WrongSize:
            continue
        if _matches(path, listing.digests[name] or _blob_name(path)):
            return path
        if not path.is_symlink():  # the client would fetch it again, and leave this one in its place
            path.unlink()
    raise Unavailable(
        f"{source}: {name} came twice with other bytes than the Hub lists ({listing.digests[name][:12]}, "
        f"{listing.sizes[name]:,} bytes); check proxies and the network, then try again",
        "corrupt",
    )


def _wait_for_others(source: Source, digest: str, patience: float) -> None:
    """The client waits for ever for another process that fetches the same file; here, as long as that gets on."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    repository = repo_folder_name(repo_id=source.name, repo_type=source.repository)
    held = Path(constants.HF_HUB_CACHE) / ".locks" / repository / f"{digest}.lock"
    if digest and held.exists():
        with waiting(FileLock(held), Path(constants.HF_HUB_CACHE) / repository / "blobs", patience):
            pass


def _remember(folder: Path, revision: str, commit: str) -> None:
    """Note in the cache what the branch stood for, where the client looks when it is offline."""
    reference = folder.parents[1] / "refs" / revision
    if revision != commit and (not reference.exists() or reference.read_text() != commit):
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(commit)


def _remember_absent(snapshot: Snapshot, names: Sequence[str]) -> None:
    """Note what a commit does not hold, where the client keeps such notes: its second best file may then be cached."""
    for name in names:
        note = snapshot.folder.parents[1] / ".no_exist" / snapshot.commit / name
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()
