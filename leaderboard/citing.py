"""How to cite the leaderboard, a data set, a model: a plain sentence, then BibTeX. Only what the entries say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from leaderboard import __version__
from leaderboard.records import DatasetSpec, ModelSpec, Source
from leaderboard.render.latex_text import escape_prose
from leaderboard.rows import describe_data_licence, describe_licence

NAME = "fossil-leaderboard"
TITLE = f"{NAME}: image encoders measured on microfossils"
AUTHORS = "The fossil-leaderboard contributors"
ADDRESSES: Mapping[str, str] = {
    "hub": "https://huggingface.co/{}",
    "package": "https://pypi.org/project/{}/",
    "url": "{}",
}
VERBATIM = ("url", "doi")  # fields that BibTeX styles print without reading them as LaTeX
WHOLE = ("author", "title")  # in braces of their own: one author and not a first and a last name, capitals as they are


def cite_leaderboard() -> str:
    """This software, in the version that is installed."""
    plain = f"{AUTHORS}. {TITLE}, version {__version__}. Apache-2.0."
    fields = {"author": AUTHORS, "title": TITLE, "version": __version__, "note": "Apache-2.0"}
    return f"{plain}\n\n{format_bibtex('software', NAME, fields)}"


def cite_dataset(dataset: DatasetSpec) -> str:
    """A data set: whose images it has, their licence, where they are, and the doi of its paper where there is one."""
    address = _find_dataset_address(dataset)
    licence = describe_data_licence(dataset)
    about = [dataset.attribution, licence[0].upper() + licence[1:]]
    images = f"Images: {dataset.origin or address}" if dataset.origin or address else ""
    paper = f"Paper: https://doi.org/{dataset.paper}" if dataset.paper else ""
    fields = {
        "title": dataset.title,
        "howpublished": dataset.origin or "",
        "url": address,
        "note": _join([*about, f"Paper: doi {dataset.paper}" if dataset.paper else ""]).removesuffix("."),
    }
    return f"{_join([dataset.title, *about, images, paper])}\n\n{format_bibtex('misc', dataset.id, fields)}"


def cite_model(model: ModelSpec) -> str | None:
    """A model: its title, where its weights are, its licence and what that asks to be shown.

    None for one without weights: it is part of this software, and cited with it.
    """
    addresses = [*filter(None, map(_find_address, model.sources)), *model.links.values()]
    if not addresses:
        return None
    licence = f"Licence: {describe_licence(model)}"
    fields = {"title": model.title, "url": addresses[0], "note": licence}
    return f"{_join([model.title, f'Weights: {addresses[0]}', licence])}\n\n{format_bibtex('misc', model.id, fields)}"


def format_bibtex(kind: str, key: str, fields: Mapping[str, str]) -> str:
    """An entry with the fields that are not empty; its title keeps its capitals."""
    shown = {name: _format_field(name, value) for name, value in fields.items() if value}
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in shown.items())
    return f"@{kind}{{{key},\n{lines}}}\n"


def _format_field(name: str, value: str) -> str:
    if name in VERBATIM:
        return value
    text = escape_prose(value)
    return f"{{{text}}}" if name in WHOLE else text


def _join(sentences: list[str]) -> str:
    """With a full stop after each, but none behind an address, where it would be taken for a part of it."""
    ended = [text if re.search(r"(\.|https?://\S+)$", text) else f"{text}." for text in sentences if text]
    return " ".join(ended)


def _find_address(source: Source) -> str:
    """Of a place that weights come from; a path on disk has none."""
    prefix = "datasets/" if source.repository == "dataset" else ""
    return ADDRESSES.get(source.kind, "").format(prefix + source.name)


def _find_dataset_address(dataset: DatasetSpec) -> str:
    return f"https://huggingface.co/datasets/{dataset.hub}" if dataset.hub else dataset.url or ""
