"""The form of a result: the parts that its readers count on, of the types that they expect. Pure.

Whoever reads a stored result indexes these without asking, so a file that lacks one is no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leaderboard.records import Result

DEEPEST = 12  # a preprocessing's mean, seen from the file, is at 6
LARGEST = 10**15  # of whole numbers: parameters of a model have 12 digits
Text = str | None
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
Number = Annotated[float, Field(ge=0, le=LARGEST)]


class Form(BaseModel):
    """Wrong types are errors; what is not named here nobody reads."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Weights(Form):
    source: str
    revision: Text = None
    file: Text = None
    sha256: Text = None
    digest: Text = None


class _Preprocessing(Form):
    resize: Count | list[Count] | tuple[Count, ...]
    crop: int | None
    interpolation: str


class _Model(Form):
    library: str
    loader: Any
    architecture: Text
    pooling: Text
    seed: int | None
    preprocessing: _Preprocessing | str
    preprocessing_of: str
    dtype: Literal["float32", "bfloat16", "float16"]
    weights: _Weights


class _Inputs(Form):
    model: _Model
    dataset: str
    extraction: int
    protocols: dict[str, int]
    specimen: Text = None


class _Provenance(Form):
    inputs: _Inputs
    environment: dict[str, Any]


class _Speed(Form):
    images_per_second: Number
    peak_memory_mb: Number | None = None
    peak_accelerator_memory_mb: Number | None = None
    processor: str = ""
    hardware: str = ""
    device: str = ""


class _Canary(Form):
    norms: list[float]
    cosines: list[float]


class _Result(Form):
    parameters: Count
    dimension: Positive
    metrics: dict[str, Any]
    per_class: dict[str, list[Any]]
    outcomes: dict[str, dict[str, Any]]
    classes: list[str]
    labels: list[Any]  # looked at one by one where their range is known
    left_out: list[str]
    specimens: list[Any] | None
    provenance: _Provenance
    speed: _Speed | None
    canary: _Canary | None


def check_form(result: Result) -> None:
    """Make sure that a result has every part that its readers count on.

    Raises:
        ValueError: in one line the first that is missing or of another type.
    """
    validate(_Result, vars(result) | {"provenance": vars(result.provenance)})


def validate(form: type[Form], fields: Mapping[str, Any]) -> None:
    """Hold fields against a form; raises as ``check_form`` does."""
    try:
        form.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))[:100]}: {first['msg']}") from None


def check_values(value: Any, depth: int = 0) -> None:
    """Make sure that values of JSON can be walked through, computed with and printed.

    Raises:
        ValueError: they are nested deeper than anything here, a whole number is too large, or a text is no Unicode.
    """
    if depth > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST}")
    if isinstance(value, dict):
        for name, item in value.items():
            check_values(name, depth)
            check_values(item, depth + 1)
    elif isinstance(value, list):
        for item in _extremes(value):
            check_values(item, depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"it has a number beyond {LARGEST:g}")
    elif isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ValueError("it has a text that is no Unicode")


def _extremes(values: list[Any]) -> list[Any]:
    """Of whole numbers, as most lists hold, the two that matter; else all."""
    return [min(values), max(values)] if values and set(map(type, values)) == {int} else values
