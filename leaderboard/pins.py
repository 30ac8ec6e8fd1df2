"""Which commit or file an unpinned source stands for now, written into models.yaml."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leaderboard.backbones import load_backbone
from leaderboard.backbones._hub import resolve_commit
from leaderboard.errors import LeaderboardError
from leaderboard.models_file import edit_models
from leaderboard.records import ModelSpec, RunOptions, Source
from leaderboard.yaml_edit import set_value


@dataclass(frozen=True)
class Pin:
    """What became of one source."""

    model: str
    source: Source
    value: str | None  # the commit or the SHA-256
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.model}: {self.source}: {self.value or f'not pinned: {self.reason}'}"


def pin_sources(path: Path, models: Sequence[ModelSpec], options: RunOptions) -> list[Pin]:
    """Pin what is unpinned, each as soon as it is known; comments, order and everything else stay as they are."""
    pins = []
    for spec in models:
        for index, source in enumerate(spec.sources):
            if not source.is_pinned:
                pins.append(pin := _find_pin(spec, source, options))
                if pin.value is not None:
                    _write(path, spec, index, key="revision" if source.kind == "hub" else "sha256", value=pin.value)
    return pins


def _find_pin(spec: ModelSpec, source: Source, options: RunOptions) -> Pin:
    try:
        return Pin(spec.id, source, _FINDERS[source.kind](spec, source, options))
    except LeaderboardError as error:
        return Pin(spec.id, source, None, str(error))


def _find_commit(spec: ModelSpec, source: Source, options: RunOptions) -> str:
    return resolve_commit(source, options)


def _find_digest(spec: ModelSpec, source: Source, options: RunOptions) -> str:
    """Of a file that has been loaded as the model: nobody else says that it is the right one."""
    backbone = load_backbone(replace(spec, sources=(source,)), options)
    return str(backbone.inputs["weights"]["sha256"])


_FINDERS: dict[str, Callable[[ModelSpec, Source, RunOptions], str]] = {
    "hub": _find_commit,
    "url": _find_digest,
    "package": _find_digest,
}


def _write(path: Path, spec: ModelSpec, index: int, *, key: str, value: str) -> None:
    edit_models(path.parent, lambda text: set_value(text, (spec.id, "sources", index, key), value))
