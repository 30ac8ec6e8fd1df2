"""How the leaderboard, data sets and models are cited, and CITATION.cff."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from leaderboard import __version__
from leaderboard.citing import AUTHORS, TITLE, cite_dataset, cite_leaderboard, cite_model, format_bibtex
from leaderboard.records import Source
from leaderboard.registry import load_registry

ROOT = Path(__file__).parents[2]
CITATION = ROOT / "CITATION.cff"
ENTRY = re.compile(r"@(\w+)\{([^,]+),\n((?:  \w+ = \{.*\},\n)+)\}\n")


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The sentence in front of an entry, and the entry's fields."""
    plain, _, entry = text.partition("\n\n")
    found = ENTRY.fullmatch(entry)
    assert found, entry
    assert entry.count("{") == entry.count("}")
    fields = dict(re.findall(r"  (\w+) = \{(.*)\},\n", found[3]))
    return plain, {"kind": found[1], "key": found[2], **fields}


def test_the_citation_file_has_the_official_form() -> None:
    """By the schema of cff-version 1.2.0."""
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    checked = subprocess.run([*checker, str(CITATION)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_citation_file_of_another_form_is_refused(tmp_path) -> None:
    """Or the check above could not fail."""
    broken = tmp_path / "CITATION.cff"
    broken.write_text(CITATION.read_text(encoding="utf-8").replace("license: Apache-2.0", "license: Apache"))
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.citation-file-format"]
    assert subprocess.run([*checker, str(broken)], capture_output=True, check=False).returncode == 1


def test_the_citation_file_agrees_with_the_package() -> None:
    """Version, title and authors; both works of the README are named, and no address that nobody knows."""
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert (citation["version"], citation["title"]) == (__version__, TITLE)
    assert citation["authors"] == [{"name": AUTHORS}]
    assert citation["license"] == "Apache-2.0"
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    scampi, rodgers = citation["references"]
    for fact in (scampi["title"], scampi["doi"], rodgers["title"]):
        assert fact in readme
    for reference in (scampi, rodgers):
        assert reference["repository-code"].removeprefix("https://github.com/") in readme


def test_the_leaderboard_is_cited_in_its_version() -> None:
    """Plain words first, then BibTeX; no year, because none is known."""
    plain, entry = parse(cite_leaderboard())
    assert plain.startswith("The fossil-leaderboard contributors. fossil-leaderboard: ")
    assert __version__ in plain
    assert (entry["kind"], entry["version"], entry["author"]) == ("software", __version__, f"{{{AUTHORS}}}")
    assert "year" not in entry


def test_every_data_set_and_model_can_be_cited() -> None:
    """What all entries say gives BibTeX that is whole."""
    registry = load_registry(ROOT)
    for dataset in registry.datasets.values():
        assert parse(cite_dataset(dataset))[1]["key"] == dataset.id
    cited = {id_: cite_model(model) for id_, model in registry.models.items()}
    assert {id_ for id_, text in cited.items() if text is None} == {
        id_ for id_, model in registry.models.items() if not model.sources and not model.links
    }
    for id_, text in cited.items():
        if text is not None:
            assert parse(text)[1]["key"] == id_


def test_a_data_set_is_cited_with_attribution_licence_and_paper(registry) -> None:
    """The doi is that of its paper, and said to be."""
    grains = replace(
        registry.dataset("grains"), paper="10.1000/a_b", origin='Box "7"', licence="CC-BY-4.0", title="Grains & spores"
    )
    plain, entry = parse(cite_dataset(grains))
    assert plain == ('Grains & spores. Nobody\'s. CC-BY-4.0. Images: Box "7". Paper: https://doi.org/10.1000/a_b')
    assert entry["title"] == r"{Grains \& spores}"
    assert entry["howpublished"] == "Box ``7''"
    assert entry["note"] == r"Nobody's. CC-BY-4.0. Paper: doi 10.1000/a\_b"
    assert "doi" not in entry


def test_a_data_set_without_a_paper_has_no_empty_field(registry) -> None:
    """What is unknown is left out, but for the licence: that it is unknown has to be said."""
    plain, entry = parse(cite_dataset(registry.dataset("grains")))
    assert plain == "Grains. Nobody's. Licence not stated."
    assert set(entry) == {"kind", "key", "title", "note"}


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source("hub", "me/mine"), "https://huggingface.co/me/mine"),
        (Source("hub", "me/mine", repository="dataset"), "https://huggingface.co/datasets/me/mine"),
        (Source("package", "my-weights"), "https://pypi.org/project/my-weights/"),
        (Source("url", "https://example.org/a_b.pth"), "https://example.org/a_b.pth"),
    ],
)
def test_a_model_is_cited_by_where_its_weights_are(registry, source, address) -> None:
    """With its licence and what that asks for; the address is verbatim."""
    model = replace(registry.model("toy"), sources=(source,), notice="Built with toys")
    plain, entry = parse(cite_model(model))
    assert plain == f"Toy. Weights: {address} Licence: MIT; Built with toys."
    assert (entry["url"], entry["note"]) == (address, "Licence: MIT; Built with toys")


def test_a_path_is_no_address_and_a_link_is_one(registry) -> None:
    """A folder of somebody's machine says nothing to a reader."""
    model = replace(registry.model("toy"), sources=(Source("path", "nowhere/weights.pth"),))
    assert cite_model(model) is None
    linked = cite_model(replace(model, links={"paper": "https://example.org/paper"}))
    assert linked is not None
    assert "https://example.org/paper" in linked
    assert "nowhere" not in linked


def test_a_bibtex_entry_leaves_out_what_is_empty() -> None:
    """And escapes what LaTeX would read."""
    assert format_bibtex("misc", "it", {"title": "50 % A_B", "year": "", "url": "https://x.org/a_b"}) == (
        "@misc{it,\n  title = {{50 \\% A\\_B}},\n  url = {https://x.org/a_b},\n}\n"
    )
