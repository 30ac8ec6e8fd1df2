"""How to cite the leaderboard and a data set, where a model is from: plain words, then BibTeX.

Only what the entries and the stored results say: no author, year or address is made up. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Mapping, Sequence

from leaderboard import __version__
from leaderboard.latex_text import escape_prose
from leaderboard.records import DatasetSpec, ModelSpec, Result, Source
from leaderboard.rows import describe_data_licence, describe_licence

NAME = "fossil-leaderboard"
TITLE = f"{NAME}: image encoders measured on microfossils"
AUTHORS = "The fossil-leaderboard contributors"
ADDRESSES: Mapping[str, str] = {
    "hub": "https://huggingface.co/{}",
    "package": "https://pypi.org/project/{}/",
    "url": "{}",
}
DOI = "doi:"  # begins the origin of images that have one
DIGITS = 12  # of a digest that a reader compares by eye
VERBATIM = ("url", "doi")  # fields that BibTeX styles print without reading them as LaTeX
WHOLE = ("author", "title")  # in braces of their own: one author and not a first and a last name, capitals as they are


def cite_leaderboard(results: Sequence[Result]) -> str:
    """This software, in the version that is installed, and the state of its figures, which change without a new one.

    Args:
        results: the stored cells that the cited figures are of; without any, the software alone is cited.
    """
    state = f"results {digest_results(results)}" if results else ""
    version = ", ".join(filter(None, [f"version {__version__}", state]))
    note = "; ".join(filter(None, [state, "Apache-2.0"]))
    fields = {"author": AUTHORS, "title": TITLE, "version": __version__, "note": note}
    return f"{AUTHORS}. {TITLE}, {version}. Apache-2.0.\n\n{format_bibtex('software', NAME, fields)}"


def digest_results(results: Sequence[Result]) -> str:
    """Twelve hexadecimal digits that are others when a figure, or what it was measured from, is another.

    Of the SHA-256 of all cells, sorted: data set, model, inputs, names and values of the metrics. The environment, the
    speed and the order of the results change nothing.
    """
    digest = hashlib.sha256()
    for result in sorted(results, key=lambda one: (one.dataset, one.model)):
        names = sorted(result.metrics)
        told = json.dumps([result.dataset, result.model, result.provenance.inputs, names], sort_keys=True)
        values = [result.metrics[name] for name in names]
        digest.update(told.encode() + struct.pack(f"<{len(values)}d", *values))
    return digest.hexdigest()[:DIGITS]


def head_dataset(dataset: DatasetSpec) -> str:
    """What ``cite_dataset`` gives of it: without a doi of the paper or of the images nobody can look the work up."""
    return "How to cite" if dataset.paper or _find_dataset_doi(dataset) else "Where it is from"


def cite_dataset(dataset: DatasetSpec) -> str:
    """A data set: the paper by which it was published, its images, whose they are, their licence."""
    doi, address = _find_dataset_doi(dataset), _find_dataset_address(dataset)
    images = address if doi else dataset.origin or address
    licence = describe_data_licence(dataset)
    about = [dataset.attribution, licence[0].upper() + licence[1:]]
    paper = f"Paper: https://doi.org/{dataset.paper}" if dataset.paper else ""
    fields = {
        "title": dataset.title,
        "howpublished": "" if doi else dataset.origin or "",
        "doi": doi,
        "url": "" if doi else address,
        "note": _join([f"Paper: doi {dataset.paper}" if dataset.paper else "", *about]).removesuffix("."),
    }
    lines = [dataset.title, paper, f"Images: {images}" if images else "", *about]
    return f"{_list(lines)}\n\n{format_bibtex('misc', dataset.id, fields)}"


def cite_model(model: ModelSpec) -> str | None:
    """Where a model is from: its title, where its weights are, its licence and what that asks to be shown.

    Entries do not say by which paper a model was published: that is on the page that this leads to. None for one
    without weights: it is part of this software, and cited with it.
    """
    addresses = [*filter(None, map(_find_address, model.sources)), *model.links.values()]
    if not addresses:
        return None
    licence = f"Licence: {describe_licence(model)}"
    fields = {"title": model.title, "url": addresses[0], "note": licence}
    return f"{_list([model.title, f'Weights: {addresses[0]}', licence])}\n\n{format_bibtex('misc', model.id, fields)}"


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


def _list(facts: list[str]) -> str:
    """A line each, so that an address ends where its line does."""
    return "\n".join(filter(None, facts))


def _join(sentences: list[str]) -> str:
    """With a full stop after each, but none behind an address, where it would be taken for a part of it."""
    ended = [text if re.search(r"(\.|https?://\S+)$", text) else f"{text}." for text in sentences if text]
    return " ".join(ended)


def _find_address(source: Source) -> str:
    """Of a place that weights come from; a path on disk has none."""
    prefix = "datasets/" if source.repository == "dataset" else ""
    return ADDRESSES.get(source.kind, "").format(prefix + source.name)


def _find_dataset_doi(dataset: DatasetSpec) -> str:
    """Of the images themselves, not of a paper about them; empty where there is none."""
    origin = dataset.origin or ""
    return origin.removeprefix(DOI) if origin.startswith(DOI) else ""


def _find_dataset_address(dataset: DatasetSpec) -> str:
    if doi := _find_dataset_doi(dataset):
        return f"https://doi.org/{doi}"
    return f"https://huggingface.co/datasets/{dataset.hub}" if dataset.hub else dataset.url or ""
