"""A file of weights -> tensors under the network's names, every one of them accounted for."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import load_file

from leaderboard.backbones._weights import WeightFile
from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.records import Source

State = dict[str, torch.Tensor]
SHOWN = 5  # tensors that a message names


def read_checkpoint(weights: WeightFile) -> State:
    """The tensors of the feature path: the source's ``key``, without what it drops, stripped of its prefixes.

    Raises:
        Unavailable: the file is damaged, or a pickle that would run code.
        LeaderboardError: it holds something else than the source declares.
    """
    source = weights.source
    content = _read(weights)
    state = _select(content, source, weights.path.name)
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(source.drop)}
    renamed = [(_strip(name, source.strip), tensor) for name, tensor in kept.items()]
    if len(dict(renamed)) != len(kept):
        raise LeaderboardError(
            f"{source}: without {', '.join(source.strip)} two tensors have one name; correct strip or drop"
        )
    return dict(renamed)


def _read(weights: WeightFile) -> Any:
    """Safetensors, or a pickle of tensors, plain values and the command line's arguments, and nothing that runs."""
    try:
        if weights.path.suffix == ".safetensors":
            return load_file(weights.path)
        with torch.serialization.safe_globals([argparse.Namespace]):  # training scripts keep their arguments beside
            return torch.load(weights.path, map_location="cpu", weights_only=True)
    except Exception as error:  # both raise many kinds for a file that is not a plain checkpoint
        if weights.source.kind == "url" and weights.source.sha256 is None:
            weights.path.unlink()  # nobody has said that these are the right bytes: fetched anew next time
        raise Unavailable(
            f"{weights.source}: {weights.path.name} cannot be read ({describe_damage(error)}); get a sound copy",
            "corrupt",
        ) from None


def describe_damage(error: Exception) -> str:
    """One line on why a file of weights cannot be read; torch's own advice is to run its code."""
    if isinstance(error, UnpicklingError):
        if re.search("unsupported (global|class)|unrecognized function", str(error), re.IGNORECASE):
            return "it holds more than tensors, and would run code when loaded"
        return "it is no file of tensors"
    return first_line(error)


def _select(content: Any, source: Source, file: str) -> Mapping[str, torch.Tensor]:
    state = content.get(source.key) if source.key and isinstance(content, Mapping) else content
    if isinstance(state, Mapping) and state and all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        return state
    named = isinstance(content, Mapping) and 0 < len(content) < 20
    parts = ", ".join(map(str, content)) if named else "other things"
    wanted = f"has no state dict under key {source.key!r}" if source.key else "is no flat state dict"
    raise LeaderboardError(f"{source}: {file} {wanted}; it holds {parts}: name one of them as the source's key")


def _strip(name: str, prefixes: Iterable[str]) -> str:
    for prefix in prefixes:
        name = name.removeprefix(prefix)
    return name


def load_state(network: torch.nn.Module, state: Mapping[str, torch.Tensor], where: str) -> None:
    """Load tensors by name; the network and the state have exactly the same ones.

    Args:
        network: the feature path, without classifier.
        state: what ``read_checkpoint`` gave.
        where: for the message.

    Raises:
        LeaderboardError: missing, unexpected or mismatched tensors, listed.
    """
    own = network.state_dict()
    problems = describe_misfit(
        missing=[name for name in own if name not in state],
        unexpected=[name for name in state if name not in own],
        mismatched=[
            (name, state[name].shape, tensor.shape)
            for name, tensor in own.items()
            if name in state and state[name].shape != tensor.shape
        ],
    )
    if problems:
        raise LeaderboardError(f"{where} does not fit the architecture: {problems}")
    network.load_state_dict(dict(state))


def describe_misfit(
    *, missing: Iterable[str], unexpected: Iterable[str], mismatched: Iterable[tuple[str, Any, Any]]
) -> str:
    """The tensors that do not fit, the first few by name; empty when all do."""
    strangers = [f"unexpected {name}" for name in unexpected]
    problems = [f"missing {name}" for name in missing]
    problems += [f"{name} is {tuple(found)}, expected {tuple(expected)}" for name, found, expected in mismatched]
    problems += strangers
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more + ("; declare in drop what no feature is read from" if strangers else "")


def rename_by_order(state: State, own: State, where: str) -> State:
    """Give a foreign state dict the network's names: same number of tensors, same order, same shapes.

    Raises:
        LeaderboardError: another number of tensors, or other shapes.
    """
    pairs = list(zip(own.items(), state.items(), strict=False))
    wrong = [
        f"{theirs} {tuple(tensor.shape)} for {name} {tuple(expected.shape)}"
        for (name, expected), (theirs, tensor) in pairs
        if tensor.shape != expected.shape
    ]
    if len(own) != len(state) or wrong:
        counts = f"{len(state)} tensors for {len(own)}"
        raise LeaderboardError(f"{where}: by-order mapping refused: {'; '.join([counts, *wrong[:3]])}")
    return {name: tensor for (name, _), (_, tensor) in pairs}
