"""What is known of a model on the Hub -> a draft of its entry: each value with its reason, and what is open. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leaderboard.adding.hub_facts import HubFacts
from leaderboard.adding.libraries import DEFAULTS, GUIDE
from leaderboard.adding.licences import find_licence
from leaderboard.adding.networks import Network
from leaderboard.adding.preprocessing import choose_preprocessing
from leaderboard.adding.strangers import find_strangers
from leaderboard.backbones.open_clip import CONFIG as OPEN_CLIP_CONFIG
from leaderboard.errors import LeaderboardError, printable

UNREAD = (  # beginnings of names that no feature is read from, where the network itself cannot be asked
    *("classifier.", "head.", "fc.", "lm_head.", "decoder.", "text_model.", "text_projection", "visual_projection"),
    *("logit_scale", "logit_bias", "text."),
)
WIDTHS = ("hidden_size", "embed_dim", "num_features")  # of a configuration, which name the length of the vectors
WIDEST = 100_000  # dimensions
NAMED = 3  # tensors that a message names


@dataclass(frozen=True)
class Fact:
    """A value of an entry, and why it is that."""

    value: Any
    reason: str = ""


@dataclass(frozen=True)
class Draft:
    """An entry to be written."""

    id: str
    summary: str  # what it is, for people
    fields: Mapping[str, Fact] = field(default_factory=dict)  # in the order in which they are written
    source: Mapping[str, Fact] = field(default_factory=dict)  # of the one source
    unknown: Sequence[str] = ()  # what nobody could tell, each with what to do


def guess(facts: HubFacts, network: Network, id_: str, families: Iterable[str] = ()) -> Draft:
    """The draft of an entry.

    Args:
        facts: of the repository.
        network: what its network tells.
        id_: of the new entry.
        families: names of families that other entries have: the same one is spelt the same.

    Raises:
        LeaderboardError: no entry of these facts could be loaded.
    """
    _check_loadable(facts, network)
    pooling, of_pooling = _choose_pooling(facts, network)
    dimension = _find_dimension(facts, network, pooling)
    licence = find_licence(facts.licence, facts.licence_name)
    family = _find_family(facts, families)
    preprocessing, of_preprocessing = choose_preprocessing(facts)
    fields: dict[str, Fact | None] = {
        "title": Fact(_title_of(facts.repository)),
        "family": family,
        "library": Fact(facts.library, facts.library_reason),
        "architecture": _find_architecture(facts, network),
        "sources": Fact(None),  # their place: there is one, below
        "pooling": Fact(pooling, of_pooling),
        "preprocessing": Fact(preprocessing, of_preprocessing),
        "dimension": dimension,
        "licence": Fact(*licence),
        "tags": Fact([network.kind]) if network.kind else None,
        "links": Fact({"backbone": facts.page}),
    }
    return Draft(
        id=id_,
        summary=_summarise(facts),
        fields={name: fact for name, fact in fields.items() if fact},
        source=_find_source(facts, network),
        unknown=tuple(_find_unknown(facts, network, fields)),
    )


def make_id(repository: str) -> str:
    """The id that a repository's name gives: lower-case letters, digits, single dots and hyphens; it may be empty."""
    spelt = re.sub(r"[^a-z0-9.]+", "-", repository.rpartition("/")[2].lower())
    return re.sub(r"([.-])[.-]+", r"\1", spelt).strip(".-")


# ---- single values


def _title_of(repository: str) -> str:
    owner, _, name = repository.rpartition("/")
    words = re.sub(r"[_-]+", " ", name).strip() or name
    return f"{words[0].upper()}{words[1:]}" + (f", {owner}" if owner else "")


def _summarise(facts: HubFacts) -> str:
    count = f"{facts.parameters:,} values in its file" if facts.parameters else ""
    return ", ".join(filter(None, [f"{facts.page} as the Hub describes it", facts.pipeline_tag, count]))


def _find_family(facts: HubFacts, families: Iterable[str]) -> Fact | None:
    """The model type of transformers, as other entries spell it; other libraries name none."""
    known = facts.config("config.json").get("model_type")
    if facts.library != "transformers" or not isinstance(known, str):
        return None
    spelling = {re.sub(r"[\W_]", "", family.lower()): family for family in families}
    return Fact(spelling.get(re.sub(r"[\W_]", "", known.lower()), known), "model_type of its config.json")


def _find_architecture(facts: HubFacts, network: Network) -> Fact | None:
    if facts.library == "timm":
        return Fact(facts.config("config.json").get("architecture"))
    return Fact(network.architecture, "the tower for images") if network.architecture else None


def _find_source(facts: HubFacts, network: Network) -> dict[str, Fact]:
    drop = _find_drop(facts, network)
    source = {"hub": Fact(facts.repository), "revision": Fact(facts.commit)}
    if facts.file not in DEFAULTS[facts.library]:
        source["file"] = Fact(facts.file)
    if drop:
        source["drop"] = Fact(drop, "no feature is read from these" if not network.problem else "by their usual names")
    if facts.library == "open_clip":
        source["strip"] = Fact(["visual."])
    return source | ({"gated": Fact(True)} if facts.is_gated else {})


def _find_drop(facts: HubFacts, network: Network) -> list[str]:
    if facts.tensors is None:
        return []
    if not network.problem:
        return shorten_names(network.unread, network.taken)
    return [name for name in UNREAD if any(tensor.startswith(name) for tensor in facts.tensors)]


def shorten_names(unwanted: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """The shortest beginnings, up to a dot, that all unwanted names have and no wanted one has."""
    kept, found = list(wanted), dict[str, None]()
    for name in unwanted:
        if not name.startswith(tuple(found)):
            ends = [match.end() for match in re.finditer(r"\.", name)]
            beginnings = (name[:end] for end in ends)
            free = (start for start in beginnings if not any(other.startswith(start) for other in kept))
            found[next(free, name)] = None
    return list(found)


def _choose_pooling(facts: HubFacts, network: Network) -> tuple[str, str]:
    """How the vector is read, and why; of a network that could not be built, by its configuration."""
    config, has = facts.config("config.json"), network.dimensions or {}
    if facts.library == "open_clip":
        return "head", "the vector that is compared with text"
    if facts.library == "timm":
        with_token = config.get("global_pool") == "token" and ("cls" in has or bool(network.problem))
        return ("cls", "global_pool: token") if with_token else ("head", "what the network gives to its classifier")
    if config.get("model_type") == "vit_mae":
        return "mean-layernorm", "SCAMPI's for masked autoencoders, docs/protocols.md"
    if "cls" in has:
        return "cls", "it has a class token, and its tokens come out of a norm"
    if "pooler" in has:
        return "pooler", "the trained one" if network.has_class_token else "trained; it has no class token"
    if "mean" in has:
        return "mean", "it has no class token and no trained pooler"
    return "cls", "a guess: what most transformers are read by"


def _find_dimension(facts: HubFacts, network: Network, pooling: str) -> Fact:
    if network.dimensions and pooling in network.dimensions:
        return Fact(network.dimensions[pooling])
    for place, width in _widths(facts):
        if isinstance(width, int) and not isinstance(width, bool) and 0 < width <= WIDEST:
            return Fact(width, place)
    raise LeaderboardError(
        f"{facts.repository}: the length of its vectors is not known ({_problem_of(network)}); {GUIDE}"
    )


def _widths(facts: HubFacts) -> Iterable[tuple[str, object]]:
    """Where a configuration may name the length of the vectors, and what stands there."""
    if facts.library == "open_clip":
        model = facts.config(OPEN_CLIP_CONFIG).get("model_cfg")
        return [("embed_dim of its configuration", model.get("embed_dim") if isinstance(model, dict) else None)]
    config = facts.config("config.json")
    vision = config.get("vision_config")
    config = vision if isinstance(vision, dict) else config
    sizes = config.get("hidden_sizes")
    last = sizes[-1] if isinstance(sizes, list) and sizes else None
    return [*((f"{name} of its config.json", config.get(name)) for name in WIDTHS), ("the last of hidden_sizes", last)]


# ---- what cannot be written, and what is open


def _check_loadable(facts: HubFacts, network: Network) -> None:
    """Refuse what the loader would refuse: tensors that the file lacks, a model of something else than images."""
    if network.missing:
        names = ", ".join(printable(name)[:80] for name in network.missing[:NAMED])
        more = f" and {len(network.missing) - NAMED} more" if len(network.missing) > NAMED else ""
        raise LeaderboardError(
            f"{facts.repository}: {facts.file} does not hold what the network of its configuration needs "
            f"({names}{more}); {GUIDE}"
        )
    strangers = find_strangers(network.unread, network.taken, facts.tensors or ())
    if strangers and not network.problem:
        names = ", ".join(printable(name)[:80] for name in strangers[:NAMED])
        raise LeaderboardError(
            f"{facts.repository}: the network of its configuration has no place for {len(strangers)} tensors inside "
            f"of what is read ({names}, ...), so it is another network; {GUIDE}"
        )
    if network.refusal:
        raise LeaderboardError(f"{facts.repository}: {printable(network.refusal)[:200]}; {GUIDE}")
    if facts.library == "timm" and not isinstance(facts.config("config.json").get("architecture"), str):
        raise LeaderboardError(f"{facts.repository}: no config.json names timm's architecture; {GUIDE}")
    if network.dimensions == {}:
        raise LeaderboardError(f"{facts.repository}: its network has none of the poolings that are known; {GUIDE}")


def _problem_of(network: Network) -> str:
    return printable(network.problem)[:200] or "its configuration does not name it"


def _find_unknown(facts: HubFacts, network: Network, fields: Mapping[str, Fact | None]) -> Iterable[str]:
    """What nobody could tell, each with what to do."""
    licence, preprocessing = fields["licence"], fields["preprocessing"]
    if licence and licence.value is None:
        yield f"licence: null, {licence.reason}; write it where a source states one"
    if facts.tensors is None:
        yield (
            f"drop: {facts.file} is a pickle, which does not tell its tensors' names; declare what the load complains "
            "of and no feature is read from"
        )
    if network.problem:
        yield f"pooling and drop: not held against the network ({_problem_of(network)}); the load will tell"
    if preprocessing and "a guess" in preprocessing.reason:
        yield "preprocessing: SCAMPI's, a guess; write the model's own where a source tells it"
    if not fields["family"]:
        yield "family: not known, left out; add it if others of the family are here"
    if not fields["tags"]:
        yield "tags: not known, left out; [transformer] or [convnet] at least"
