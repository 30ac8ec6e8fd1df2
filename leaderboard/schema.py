"""The strict form of models.yaml and datasets.yaml (pydantic). Validation only; registry.py makes the records."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from leaderboard.records import COMMIT, Naming, Pooling, Taxon
from leaderboard.yaml_lines import Location

IDENTIFIER = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Triple = Annotated[list[Finite], Field(min_length=3, max_length=3)]
Size = Annotated[int, Field(gt=0, le=4096)]
Pair = Annotated[list[Size], Field(min_length=2, max_length=2)]
Share = Annotated[float, Field(ge=0, le=1)]  # every metric that can be a floor lies in [0, 1]
Figures = dict[str, Share]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
Doi = Annotated[str, StringConstraints(pattern=r"^10\.\d+/\S+$")]
Architecture = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]  # no hf-hub: detours
PLACES = ("hub", "url", "package", "path")


class Entry(BaseModel):
    """Unknown keys and wrong types are errors, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SourceEntry(Entry):
    """Exactly one of hub, url, package and path says where the weights are."""

    hub: Name | None = None
    url: Url | None = None
    package: Name | None = None
    path: Name | None = None
    file: str | None = None
    revision: str | None = None
    sha256: Sha256 | None = None
    key: Name | None = None
    drop: list[Name] = []
    strip: list[Name] = []
    tensors: Naming = "by-name"
    library: str | None = None
    architecture: Architecture | None = None
    gated: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> SourceEntry:
        given = [kind for kind in PLACES if getattr(self, kind)]
        if len(given) != 1:
            raise ValueError(f"a source is exactly one of {', '.join(PLACES)}; here: {', '.join(given) or 'none'}")
        if self.architecture and not self.library:
            raise ValueError("architecture of a source goes with its own library; the entry has one already")
        return self


class PreprocessingEntry(Entry):
    """Resize (shorter side, or exact [height, width]), centre crop, normalise."""

    resize: Annotated[
        Annotated[Size, Tag("side")] | Annotated[Pair, Tag("exact")],
        Discriminator(lambda value: "exact" if isinstance(value, list) else "side"),
    ]
    crop: Size | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    mean: Triple
    std: Annotated[list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _crop_fits(self) -> PreprocessingEntry:
        smallest = min(self.resize) if isinstance(self.resize, list) else self.resize
        if self.crop is not None and self.crop > smallest:
            raise ValueError(f"crop {self.crop} is larger than resize {self.resize}; a crop lies inside the image")
        return self


def _preprocessing_kind(value: Any) -> str:
    return "explicit" if isinstance(value, dict) else "model"


def join_names(figures: Any, prefix: str = "") -> Any:
    """Nested mappings of figures as one, the names on the way joined by dots; anything else as it is.

    Raises:
        ValueError: a figure is given twice, nested and by its whole name.
    """
    if not isinstance(figures, dict):
        return figures
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        name = f"{prefix}{key}"
        found = join_names(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
        for twice in flat.keys() & found.keys():
            raise ValueError(f"{twice} is given twice; remove one")
        flat |= found
    return flat


class ReportedEntry(Entry):
    """Published figures with the place where they were read."""

    metrics: Annotated[dict[str, Finite], BeforeValidator(join_names)]
    source: str
    parameters: int | None = None


class ModelEntry(Entry):
    """A model of models.yaml."""

    title: str
    library: str
    architecture: Architecture | None = None
    sources: list[SourceEntry] = []
    digest: Sha256 | None = None
    seed: int | None = None
    pooling: Pooling | None = None
    preprocessing: Annotated[
        Annotated[Literal["model"], Tag("model")] | Annotated[PreprocessingEntry, Tag("explicit")],
        Discriminator(_preprocessing_kind),
    ]
    dimension: Annotated[int, Field(gt=0)]
    licence: str | None
    family: Name | None = None
    tags: list[str] = []
    group: Literal["default", "extra"] = "extra"
    notice: Name | None = None
    trust_remote_code: Annotated[str, StringConstraints(pattern=f"^{COMMIT.pattern}$")] | None = None
    links: dict[Name, Url] = {}
    thresholds: dict[str, Figures] = {}
    reported: dict[str, ReportedEntry] = {}


class LiteratureEntry(Entry):
    """A published figure of another method, with what it is and who says so."""

    metric: Name
    value: Finite
    label: Name


def check_specimen(pattern: str) -> str:
    """A regular expression with one group.

    Raises:
        ValueError: it is none, or has no group or several.
    """
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(
            f"{pattern!r} is no regular expression ({error}); docs/adding-a-dataset.md shows one"
        ) from None
    if groups != 1:
        raise ValueError(f"{pattern!r} has {groups} groups; the one group is what names the specimen, like ^(.*)_\\d+")
    return pattern


class DatasetEntry(Entry):
    """A data set of datasets.yaml."""

    title: str
    kind: Literal["archive", "folder", "hub", "synthetic"]
    classes: Annotated[int, Field(gt=0)]
    images: Annotated[int, Field(gt=0)]
    digest: Sha256 | None = None
    licence: str | None
    attribution: str
    ranked: bool = True
    taxon: Taxon = "class"
    thumbnails: bool = False
    tolerance: Annotated[float, Field(ge=0, lt=0.1)] = 0.002
    protocols: list[Name] = []
    columns: list[Name] = []
    literature: list[LiteratureEntry] = []
    origin: Name | None = None
    paper: Doi | None = None
    unverified: list[Literal["licence", "archive layout"]] = []
    url: Url | None = None
    sha256: Sha256 | None = None
    hub: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    revision: Name | None = None
    file: Name | None = None
    subfolder: str | None = None
    download: str | None = None
    specimen: Annotated[str, AfterValidator(check_specimen)] | None = None
    manifest: str | None = None
    seed: int | None = None
    images_per_class: int | None = None


def explain(schema: type[BaseModel], item: Any, field: str) -> str:
    """Value, expectation and remedy of one pydantic error."""
    value, name = item["input"], str(item["loc"][-1]) if item["loc"] else ""
    match item["type"]:
        case "extra_forbidden":
            near = get_close_matches(name, _allowed(schema, item["loc"]), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_allowed(schema, item['loc']))}"
            return f"unknown key {field!r}; {hint}"
        case "missing":
            return f"key {name!r} is missing{f' in {field}' if field else ''}; add it"
        case "literal_error":
            choices = item["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
            return f"{field} {value!r} is not one of {choices}"
        case "string_type":
            return f"{field} {value!r} is {type(value).__name__}, not text; put it in quotes"
        case "value_error":
            return f"{field}: {item['ctx']['error']}"
        case _:
            problem = f"{item['msg'][0].lower()}{item['msg'][1:]}"
            return f"{field or 'entry'} {value!r}: {problem}; {_guide(schema)} shows an entry"


def _guide(schema: type[BaseModel]) -> str:
    return "docs/adding-a-dataset.md" if schema is DatasetEntry else "docs/adding-a-model.md"


def _allowed(schema: type[BaseModel], location: Location) -> list[str]:
    nested: dict[str, type[BaseModel]] = {
        "sources": SourceEntry,
        "preprocessing": PreprocessingEntry,
        "reported": ReportedEntry,
        "literature": LiteratureEntry,
    }
    owner: type[BaseModel] = nested.get(str(location[0]), schema) if len(location) > 1 else schema
    return list(owner.model_fields)
