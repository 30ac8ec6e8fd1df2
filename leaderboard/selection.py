"""Which cells a run is about: the default group, and models that the user asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from leaderboard.records import Cell, ModelSpec
from leaderboard.registry import Registry

Matcher = Callable[[Collection[str]], bool]  # does a test with these names match the -k expression?


@dataclass(frozen=True)
class Case:
    """One pytest case of a cell."""

    function: str
    cell: Cell
    metric: str | None = None

    @property
    def id(self) -> str:
        """What stands between the brackets of the test's name."""
        return f"{self.cell}-{self.metric}" if self.metric else str(self.cell)

    @property
    def name(self) -> str:
        """The test's name, as pytest prints it."""
        return f"{self.function}[{self.id}]"


@dataclass(frozen=True)
class Selection:
    """The models of a run, and those that it leaves out."""

    models: tuple[str, ...]
    left_out: tuple[str, ...]


def list_cases(registry: Registry, model: ModelSpec, functions: Sequence[str] = ()) -> list[Case]:
    """Every case of a model, in the order in which they run."""
    cells = [Cell(model.id, dataset) for dataset in registry.datasets]
    cases = []
    for cell in cells:
        cases += [Case("test_embeddings", cell), Case("test_speed", cell)]
        cases += [Case("test_metric", cell, metric) for metric in model.thresholds.get(cell.dataset, {})]
    return [case for case in cases if not functions or case.function in functions]


def select_models(
    registry: Registry, *, matches: Matcher | None, node_ids: Sequence[str] = (), all_models: bool = False
) -> Selection:
    """The default group, and every model on whose name the selection depends.

    ``-k dino`` depends on a name: without it the test would not match. ``-k palynomorphs`` and ``-k "not slow"``
    do not.

    Args:
        registry: all models and data sets.
        matches: the ``-k`` expression, if there is one.
        node_ids: the arguments of the command line; ``...::test_metric[...]`` names a model.
        all_models: take every model.
    """
    named = {argument.rpartition("::")[2] for argument in node_ids if "[" in argument}
    specs = registry.models.values()
    group = [s for s in specs if all_models or s.group == "default" or _is_asked_for(registry, s, matches, named)]
    chosen = [spec.id for spec in group if matches is None or _has_match(registry, spec, matches)]
    return Selection(tuple(chosen), tuple(spec.id for spec in specs if spec not in group))


def _is_asked_for(registry: Registry, spec: ModelSpec, matches: Matcher | None, named: Collection[str]) -> bool:
    cases = list_cases(registry, spec)
    if any(case.name in named for case in cases):
        return True
    return matches is not None and any(_depends_on_name(case, matches) for case in cases)


def _has_match(registry: Registry, spec: ModelSpec, matches: Matcher) -> bool:
    return any(matches({*_everywhere(case), case.name}) for case in list_cases(registry, spec))


def _everywhere(case: Case) -> set[str]:
    """What every case of the function is called as well."""
    return {"tests", "bench", "test_cells.py", case.function}


def _depends_on_name(case: Case, matches: Matcher) -> bool:
    nameless = case.name.replace(case.cell.model, "", 1)
    always = _everywhere(case)
    return matches({*always, case.name}) and not matches({*always, nameless})
