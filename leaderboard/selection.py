"""Which cells a run is about: the default group on the data that is here, and what the user asked for by name."""

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
    """The models and data sets of a run, and those that it leaves out."""

    models: tuple[str, ...]
    left_out: tuple[str, ...]
    datasets: tuple[str, ...]
    absent: tuple[str, ...] = ()


def list_cases(
    registry: Registry,
    model: ModelSpec,
    *,
    functions: Sequence[str] = (),
    datasets: Collection[str] | None = None,
) -> list[Case]:
    """Every case of a model on these data sets (default: all), in the order in which they run."""
    cells = [Cell(model.id, dataset) for dataset in registry.datasets if datasets is None or dataset in datasets]
    cases = []
    for cell in cells:
        cases += [Case("test_embeddings", cell), Case("test_speed", cell)]
        cases += [Case("test_metric", cell, metric) for metric in model.thresholds.get(cell.dataset, {})]
    return [case for case in cases if not functions or case.function in functions]


def select_cells(
    registry: Registry,
    *,
    matches: Matcher | None,
    node_ids: Sequence[str] = (),
    only: Collection[str] = (),
    all_models: bool = False,
    absent: Collection[str] = (),
) -> Selection:
    """The default group on the data sets that can be had, and every model and data set that is asked for by name.

    ``-k dino`` depends on a model's name: without it the test would not match. ``-k palynomorphs`` and
    ``-k "not slow"`` do not.

    Args:
        registry: all models and data sets.
        matches: the ``-k`` expression, if there is one.
        node_ids: the arguments of the command line; ``...::test_metric[...]`` names a model.
        only: exactly these models, whatever their group; none: as above.
        all_models: take every model.
        absent: data sets that are not here, and that only the user can place here.
    """
    named = {argument.rpartition("::")[2] for argument in node_ids if "[" in argument}
    specs = registry.models.values()
    unwanted = {id_ for id_ in absent if not _is_data_asked_for(registry, id_, matches, named)}
    datasets = tuple(id_ for id_ in registry.datasets if id_ not in unwanted)
    group = [s for s in specs if all_models or s.group == "default" or _is_asked_for(registry, s, matches, named)]
    group = [spec for spec in specs if spec.id in only] if only else group
    chosen = [spec.id for spec in group if matches is None or _has_match(registry, spec, matches, datasets)]
    left_out = [] if only else [spec.id for spec in specs if spec not in group]
    return Selection(tuple(chosen), tuple(left_out), datasets, tuple(unwanted))


def _is_asked_for(registry: Registry, spec: ModelSpec, matches: Matcher | None, named: Collection[str]) -> bool:
    cases = list_cases(registry, spec)
    if any(case.name in named for case in cases):
        return True
    return matches is not None and any(_depends_on(case.cell.model, case, matches) for case in cases)


def _is_data_asked_for(registry: Registry, dataset: str, matches: Matcher | None, named: Collection[str]) -> bool:
    cases = [case for spec in registry.models.values() for case in list_cases(registry, spec, datasets=[dataset])]
    if any(case.name in named for case in cases):
        return True
    return matches is not None and any(_depends_on(dataset, case, matches) for case in cases)


def _has_match(registry: Registry, spec: ModelSpec, matches: Matcher, datasets: Collection[str]) -> bool:
    return any(matches({*_everywhere(case), case.name}) for case in list_cases(registry, spec, datasets=datasets))


def _everywhere(case: Case) -> set[str]:
    """What every case of the function is called as well."""
    return {"tests", "bench", "test_cells.py", case.function}


def _depends_on(name: str, case: Case, matches: Matcher) -> bool:
    nameless = case.name.replace(name, "", 1)
    always = _everywhere(case)
    return matches({*always, case.name}) and not matches({*always, nameless})
