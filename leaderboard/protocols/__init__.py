"""Protocols, one file each: pure functions of embeddings. docs/protocols.md says what every number means.

A module here that defines ``PROTOCOL`` is picked up by the registry, the runs and the table. Importing one
must stay cheap (no scikit-learn at the top), because thresholds are checked when pytest collects.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from importlib import import_module

from leaderboard.errors import LeaderboardError
from leaderboard.records import Metric, Protocol


def _discover() -> dict[str, Protocol]:
    names = (name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_"))
    found = [import_module(f"{__name__}.{name}").PROTOCOL for name in names]
    return {protocol.name: protocol for protocol in found}


def _headlines() -> dict[str, Metric]:
    chosen = [(metric.column, name) for name, metric in METRICS.items() if metric.column is not None]
    return {name: METRICS[name] for _, name in sorted(chosen)}


def check_protocols(names: Iterable[str]) -> None:
    """Refuse a name that no protocol has.

    Raises:
        LeaderboardError: names it, and those that there are.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown:
        raise LeaderboardError(f"protocol {unknown[0]!r} is unknown; choose from {', '.join(PROTOCOLS)}")


def versions_of(names: Iterable[str] = ()) -> dict[str, int]:
    """Protocol -> its version, for a data set's entry: those that it names, or all."""
    return {name: PROTOCOLS[name].version for name in tuple(names) or PROTOCOLS}


PROTOCOLS: Mapping[str, Protocol] = _discover()
METRICS: Mapping[str, Metric] = {metric.name: metric for p in PROTOCOLS.values() for metric in p.metrics}
PROTOCOL_OF: Mapping[str, str] = {metric.name: name for name, p in PROTOCOLS.items() for metric in p.metrics}
HEADLINES: Mapping[str, Metric] = _headlines()  # in the order of the table's columns; the first one ranks
