"""What the Hub knows of a model before its weights are fetched: metadata, small JSON files, the tensors' names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from leaderboard.adding.libraries import choose_file, choose_library
from leaderboard.backbones._hub_errors import as_unavailable
from leaderboard.backbones._patience import patient
from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.records import COMMIT, RunOptions, Source

CONFIGS = ("config.json", "preprocessor_config.json", "open_clip_config.json")
LARGEST = 10_000_000  # bytes of a configuration; a large one of many labels has two million
PAGE = "https://huggingface.co"  # the public one, whatever HF_ENDPOINT is

Config = Mapping[str, Any]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class HubFacts:
    """A model repository at one commit, as far as it can be known without its weights."""

    repository: str
    commit: str
    library_name: str | None = None  # what the Hub says; ``library`` is what follows from it and from the files
    pipeline_tag: str | None = None
    licence: str | None = None  # of the card, in the Hub's spelling
    licence_name: str | None = None  # of the card, where the licence is "other"
    is_gated: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)  # file -> bytes
    configs: Mapping[str, Config] = field(default_factory=dict)  # file -> content
    library: str = ""
    library_reason: str = ""
    file: str = ""  # that holds the weights
    parameters: int | None = None
    tensors: Shapes | None = None  # name -> shape, from a safetensors header; None: a pickle, which does not tell

    @property
    def page(self) -> str:
        """The address of the repository for people."""
        return f"{PAGE}/{self.repository}"

    def config(self, name: str) -> Config:
        """The content of one of the small files; empty where there is none."""
        return self.configs.get(name, {})


def load_facts(repository: str, options: RunOptions) -> HubFacts:
    """Ask the Hub about a model, through the real client.

    Args:
        repository: ``owner/name``, or its address on the Hub.
        options: how long to wait.

    Raises:
        Unavailable: gated, private, not found or unreachable.
        LeaderboardError: no name of a repository, offline, damaged, or of no library that is known here.
    """
    source = Source("hub", check_repository(repository))
    _check_online(options)
    with patient(options.hub_timeout):
        facts = _load_metadata(source)
        source = replace(source, revision=facts.commit)
        facts = replace(facts, configs=_load_configs(source, facts.sizes))
        library, reason = choose_library(facts.library_name, facts.sizes, facts.configs, source.name)
        facts = replace(facts, library=library, library_reason=reason)
        facts = replace(facts, file=choose_file(library, facts.sizes, source.name))
        return _with_tensors(source, facts)


def check_repository(repository: str) -> str:
    """The name of a repository, also from its address.

    Raises:
        LeaderboardError: it is none.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    name = repository.removeprefix(f"{PAGE}/").removesuffix("/")
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise LeaderboardError(f"{printable(name)!r}: {first_line(error)} Give owner/name, as on its page") from None
    return name


def _check_online(options: RunOptions) -> None:
    from huggingface_hub import constants

    if options.offline or constants.HF_HUB_OFFLINE:
        raise LeaderboardError("what a model is can only be asked of the Hub; leave --offline and HF_HUB_OFFLINE away")


def _load_metadata(source: Source) -> HubFacts:
    from huggingface_hub import HfApi

    with as_unavailable(source):
        info = HfApi().model_info(source.name, files_metadata=True)
    if not COMMIT.fullmatch(str(info.sha)):
        raise LeaderboardError(f"{source}: the Hub names no commit ({printable(str(info.sha))[:40]}); try later")
    card = info.card_data.to_dict() if hasattr(info.card_data, "to_dict") else {}
    counted = getattr(info.safetensors, "total", None)
    return HubFacts(
        repository=source.name,
        commit=str(info.sha),
        library_name=_text(info.library_name),
        pipeline_tag=_text(info.pipeline_tag),
        licence=_text(card.get("license")),
        licence_name=_text(card.get("license_name")),
        is_gated=bool(info.gated),
        sizes={file.rfilename: file.size or 0 for file in info.siblings or []},
        parameters=counted if isinstance(counted, int) else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _load_configs(source: Source, sizes: Mapping[str, int]) -> dict[str, Config]:
    return {name: _load_config(source, name, sizes[name]) for name in CONFIGS if name in sizes}


def _load_config(source: Source, name: str, size: int) -> Config:
    from huggingface_hub import hf_hub_download

    if size > LARGEST:
        raise LeaderboardError(f"{source}: {name} has {size:,} bytes, no configuration; write the entry by hand")
    with as_unavailable(source, name):
        path = Path(hf_hub_download(source.name, name, revision=source.revision))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise LeaderboardError(f"{source}: {name} is no JSON mapping; ask its owners, or write the entry by hand")
    return content


def _with_tensors(source: Source, facts: HubFacts) -> HubFacts:
    """With what the header of the safetensors file says, of which only the header is fetched."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import SafetensorsParsingError

    if not facts.file.endswith(".safetensors"):
        return facts
    try:
        with as_unavailable(source, facts.file):
            header = HfApi().parse_safetensors_file_metadata(source.name, facts.file, revision=source.revision)
    except SafetensorsParsingError:
        raise LeaderboardError(f"{source}: {facts.file} has no header of safetensors; ask its owners") from None
    tensors = {name: tuple(tensor.shape) for name, tensor in header.tensors.items()}
    return replace(facts, tensors=tensors, parameters=sum(header.parameter_count.values()))
