"""models.yaml and datasets.yaml -> records; the only reader of either.

Every mistake in both files is found in one go and reported as
``models.yaml:41: model 'my-model': pooling 'clss' is not one of cls, mean, pooler, head``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from leaderboard.entry_checks import find_dataset_problems, find_model_problems, find_name_problems
from leaderboard.errors import LeaderboardError
from leaderboard.records import DatasetSpec, Literature, ModelSpec, Preprocessing, Reported, Source
from leaderboard.schema import IDENTIFIER, PLACES, DatasetEntry, ModelEntry, PreprocessingEntry, SourceEntry, explain
from leaderboard.yaml_lines import Document, Location, load_yaml

PACKAGE = Path(__file__).resolve().parent
SHIPPED = PACKAGE / "shipped"  # where a wheel keeps the two files


@dataclass(frozen=True)
class Registry:
    """Every model and data set, by id, in the order of the files."""

    root: Path
    models: Mapping[str, ModelSpec]
    datasets: Mapping[str, DatasetSpec]

    @property
    def is_clone(self) -> bool:
        """Whether results and tables have a home here; an installed wheel has none."""
        return self.root != SHIPPED

    @property
    def leaderboard_dir(self) -> Path:
        """The folder of results/ and the generated README.md."""
        return self.root / "leaderboard" if self.is_clone else PACKAGE

    @property
    def results_dir(self) -> Path:
        """The folder of the stored results, in a clone or in an installed package."""
        return self.leaderboard_dir / "results"

    def model(self, model_id: str) -> ModelSpec:
        """The entry of that id, or an error that suggests the nearest ones."""
        return _look_up(self.models, model_id, kind="model", file="models.yaml")

    def dataset(self, dataset_id: str) -> DatasetSpec:
        """The entry of that id, or an error that suggests the nearest ones."""
        return _look_up(self.datasets, dataset_id, kind="data set", file="datasets.yaml")


def find_root(root: Path | None = None) -> Path:
    """Where models.yaml is read: the folder given, else the clone around us or the package, else the wheel's own."""
    if root is not None:
        return root.resolve()
    here = Path.cwd().resolve()
    candidates = [here, *here.parents, PACKAGE.parent]
    is_root = (folder for folder in candidates if _has_registry(folder))
    return next(is_root, SHIPPED)


def load_registry(root: Path | None = None) -> Registry:
    """Read and check both files.

    Raises:
        LeaderboardError: one line per mistake, all of them at once.
    """
    folder = find_root(root)
    models, datasets = load_yaml(folder / "models.yaml"), load_yaml(folder / "datasets.yaml")
    model_entries, problems = _validate(models, ModelEntry, "model")
    dataset_entries, more = _validate(datasets, DatasetEntry, "data set")
    problems += more
    specs = {id_: _model_record(id_, entry) for id_, entry in model_entries.items()}
    sets = {id_: _dataset_record(id_, entry) for id_, entry in dataset_entries.items()}
    dataset_ids = _keys(datasets)  # names of broken entries are known names all the same
    for id_, spec in specs.items():
        problems += _at(models, "model", id_, find_model_problems(spec, set(dataset_ids)))
        problems += _at(models, "model", id_, find_name_problems(id_, dataset_ids))
    for id_, spec_ in sets.items():
        problems += _at(datasets, "data set", id_, find_dataset_problems(spec_))
    if problems:
        raise LeaderboardError("\n".join(line for _, line in sorted(problems, key=itemgetter(0))))
    return Registry(root=folder, models=specs, datasets=sets)


E = TypeVar("E", bound=BaseModel)
Spec = TypeVar("Spec", ModelSpec, DatasetSpec)
Problem = tuple[tuple[str, int], str]  # (file, line), message


def _has_registry(folder: Path) -> bool:
    return (folder / "models.yaml").is_file() and (folder / "datasets.yaml").is_file()


def _keys(document: Document) -> list[str]:
    return [key for key in document.data if isinstance(key, str)] if isinstance(document.data, dict) else []


def _look_up(entries: Mapping[str, Spec], wanted: str, *, kind: str, file: str) -> Spec:
    if wanted in entries:
        return entries[wanted]
    near = get_close_matches(wanted, entries, n=3, cutoff=0.4) or list(entries)
    raise LeaderboardError(f"{kind} {wanted!r} is not in {file}; nearest: {', '.join(near)}")


# ---- strict form


def _validate(document: Document, schema: type[E], kind: str) -> tuple[dict[str, E], list[Problem]]:
    if not isinstance(document.data, dict):
        message = f"the file must map {kind} ids to entries, not hold {type(document.data).__name__}"
        return {}, [_problem(document, (), message)]
    entries: dict[str, E] = {}
    problems = [_problem(document, at, _repeated(kind, at)) for at in document.repeated]
    for id_, data in document.data.items():
        if not isinstance(id_, str) or not IDENTIFIER.fullmatch(id_):
            message = f"{kind} id {id_!r} must be lower-case letters, digits, '-' and '.', quoted if all digits"
            problems.append(_problem(document, (str(id_),), message))
        try:
            entries[str(id_)] = schema.model_validate(data)
        except ValidationError as error:
            problems += _translate(document, schema, kind, str(id_), error)
    return entries, problems


def _translate(
    document: Document, schema: type[BaseModel], kind: str, id_: str, error: ValidationError
) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        at = document.known(_as_written(document, (id_, *item["loc"])))
        field = ".".join(str(part) for part in at[1:])
        message = explain(schema, item, field)
        yield _problem(document, at, f"{kind} {id_!r}: {message}")


def _repeated(kind: str, at: Location) -> str:
    if len(at) == 1:
        return f"duplicate {kind} id {at[0]!r}; rename or remove one"
    return f"{kind} {at[0]!r}: key {at[-1]!r} is given twice; remove one"


def _as_written(document: Document, at: Location) -> Location:
    """Where a joined name stands: ``knn1: {f1_macro: …}`` is the figure ``knn1.f1_macro``."""
    nested = (*at[:-1], *str(at[-1]).split(".")) if at else at
    return nested if nested in document.lines else at


def _problem(document: Document, at: Location, message: str) -> Problem:
    line = document.line(_as_written(document, at))
    return (document.path.name, line), f"{document.path.name}:{line}: {message}"


# ---- what the form alone cannot say


def _at(document: Document, kind: str, id_: str, found: Iterator[tuple[Location, str]]) -> Iterator[Problem]:
    for at, message in found:
        yield _problem(document, (id_, *at), f"{kind} {id_!r}: {message}")


# ---- entries to records


def _model_record(id_: str, entry: ModelEntry) -> ModelSpec:
    fields = dict(entry)
    fields["sources"] = tuple(_source_record(source) for source in entry.sources)
    fields["preprocessing"] = _preprocessing_record(entry.preprocessing)
    fields["tags"] = tuple(entry.tags)
    fields["reported"] = {name: Reported(**dict(value)) for name, value in entry.reported.items()}
    return ModelSpec(id=id_, **fields)


def _source_record(entry: SourceEntry) -> Source:
    fields = dict(entry)
    places = {kind: fields.pop(kind) for kind in PLACES}
    kind, name = next((kind, name) for kind, name in places.items() if name is not None)
    fields |= {key: tuple(fields[key]) for key in ("drop", "strip")}
    return Source(kind=kind, name=name, **fields)  # type: ignore[arg-type]  # kinds are the literals


def _preprocessing_record(entry: PreprocessingEntry | str) -> Any:
    if isinstance(entry, str):
        return entry
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in dict(entry).items()}
    return Preprocessing(**fields)


def _dataset_record(id_: str, entry: DatasetEntry) -> DatasetSpec:
    fields = dict(entry)
    fields["literature"] = tuple(Literature(**dict(value)) for value in entry.literature)
    fields |= {key: tuple(fields[key]) for key in ("protocols", "columns", "unverified")}
    return DatasetSpec(id=id_, **fields)
