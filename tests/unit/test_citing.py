"""How the leaderboard, data sets and models are cited, and CITATION.cff."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from leaderboard import __version__
from leaderboard.citing import (
    AUTHORS,
    TITLE,
    cite_dataset,
    cite_leaderboard,
    cite_model,
    digest_results,
    format_bibtex,
    head_dataset,
)
from leaderboard.records import Source
from leaderboard.registry import load_registry
from leaderboard.result_files import load_results

ROOT = Path(__file__).parents[2]
CITATION = ROOT / "CITATION.cff"
ENTRY = re.compile(r"@(\w+)\{([^,]+),\n((?:  \w+ = \{.*\},\n)+)\}\n")


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The plain words in front of an entry, and the entry's fields."""
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
    """Version, title and authors; the works of the README are named, and no address that nobody knows."""
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert (citation["version"], citation["title"]) == (__version__, TITLE)
    assert citation["authors"] == [{"name": AUTHORS}]
    assert citation["license"] == "Apache-2.0"
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    paper, scampi, rodgers = citation["references"]
    assert paper["doi"] in readme
    for work in (paper, rodgers):
        assert work["title"] in readme
        for author in work["authors"]:
            assert f"{author['given-names'][0]}. {author['family-names']}" in readme
    for repository in (scampi, rodgers):
        assert repository["repository-code"].removeprefix("https://github.com/") in readme


def test_no_address_of_the_leaderboard_is_known_to_its_citation_file() -> None:
    """With one, ``cite_leaderboard`` has to give it, too."""
    citation = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    assert not {"url", "repository", "repository-code", "doi", "identifiers"} & citation.keys()


def test_people_wrote_the_paper_and_their_article_is_no_benchmark() -> None:
    """An entity is an author only of a repository; a doi stands with the article that it is of."""
    references = yaml.safe_load(CITATION.read_text(encoding="utf-8"))["references"]
    for work in references:
        if work["type"] == "article":
            assert all({"family-names", "given-names"} <= author.keys() for author in work["authors"])
            assert {"journal", "year", "doi"} <= work.keys()
            assert "repository-code" not in work
        else:
            assert "doi" not in work
    assert [work["type"] for work in references].count("article") == 1


def test_the_benchmark_is_cited_at_the_commit_that_its_images_are_of() -> None:
    """As datasets.yaml fetches them."""
    scampi = yaml.safe_load(CITATION.read_text(encoding="utf-8"))["references"][1]
    url = load_registry(ROOT).dataset("palynomorphs-20").url
    assert url == f"{scampi['repository-code']}/archive/{scampi['commit']}.tar.gz"


def test_the_leaderboard_is_cited_in_its_version_and_with_the_state_of_its_results(make_result) -> None:
    """Plain words first, then BibTeX; no year and no address, because none is known."""
    results = [make_result()]
    plain, entry = parse(cite_leaderboard(results))
    state = f"results {digest_results(results)}"
    assert re.fullmatch("results [0-9a-f]{12}", state)
    assert plain == f"{AUTHORS}. {TITLE}, version {__version__}, {state}. Apache-2.0."
    assert (entry["kind"], entry["version"], entry["author"]) == ("software", __version__, f"{{{AUTHORS}}}")
    assert entry["note"] == f"{state}; Apache-2.0"
    assert not {"year", "url"} & entry.keys()


def test_without_results_the_software_alone_is_cited() -> None:
    """No digest of nothing."""
    assert "results" not in cite_leaderboard([])


def test_the_state_of_the_results_is_another_when_a_figure_is(make_result) -> None:
    """Or what it was measured from, or whose it is; each makes a state of its own."""
    result = make_result(metrics={"a": 0.5, "b": math.nan})
    others = [
        replace(result, metrics={"a": 0.5 + 1e-16 * 2, "b": math.nan}),
        replace(result, metrics={"a": 0.5, "c": math.nan}),
        replace(result, metrics={"a": math.nan, "b": 0.5}),
        replace(result, metrics={"a": 0.5}),
        replace(result, model="another"),
        replace(result, dataset="another"),
        make_result(metrics=result.metrics, inputs={"dataset": "e" * 64}),
    ]
    states = [digest_results(own) for own in ([], [result], [result, others[4]], *([other] for other in others))]
    assert len(set(states)) == len(states)


def test_what_is_no_figure_does_not_change_the_state(make_result) -> None:
    """Order of cells and of metrics, environment, speed."""
    one, other = make_result(metrics={"a": 0.5, "b": 1.0}), replace(make_result(), model="another")
    turned = replace(
        one,
        metrics={"b": 1, "a": 0.5},
        speed={"images_per_second": 3.0},
        provenance=replace(one.provenance, environment={"python": "4"}),
    )
    assert digest_results([one, other]) == digest_results([other, turned])


def test_the_state_is_the_same_wherever_it_is_computed() -> None:
    """In another process, of the committed files."""
    program = (
        "from pathlib import Path; from leaderboard.citing import digest_results as digest; "
        "from leaderboard.result_files import load_results; print(digest(load_results(Path('leaderboard/results'))))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == digest_results(load_results(ROOT / "leaderboard" / "results"))


def test_every_data_set_and_model_has_a_whole_entry() -> None:
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


def test_a_data_set_is_cited_by_its_paper_first(registry) -> None:
    """Then its images, whose they are and their licence; the doi is that of the paper, and said to be."""
    grains = replace(
        registry.dataset("grains"), paper="10.1000/a_b", origin='Box "7"', licence="CC-BY-4.0", title="Grains & spores"
    )
    plain, entry = parse(cite_dataset(grains))
    assert plain.splitlines() == [
        "Grains & spores",
        "Paper: https://doi.org/10.1000/a_b",
        'Images: Box "7"',
        "Nobody's.",
        "CC-BY-4.0",
    ]
    assert entry["title"] == r"{Grains \& spores}"
    assert entry["howpublished"] == "Box ``7''"
    assert entry["note"] == r"Paper: doi 10.1000/a\_b. Nobody's. CC-BY-4.0"
    assert "doi" not in entry
    assert head_dataset(grains) == "How to cite"


def test_images_with_a_doi_are_cited_by_it(registry) -> None:
    """It is theirs, and stands in the field."""
    grains = replace(registry.dataset("grains"), origin="doi:10.1000/a_b")
    plain, entry = parse(cite_dataset(grains))
    assert "Images: https://doi.org/10.1000/a_b" in plain.splitlines()
    assert entry["doi"] == "10.1000/a_b"
    assert not {"url", "howpublished"} & entry.keys()
    assert head_dataset(grains) == "How to cite"


def test_who_used_a_data_set_is_named_after_who_published_it() -> None:
    """Of all sets that another work used: the paper of the set comes first."""
    used = [spec for spec in load_registry(ROOT).datasets.values() if spec.attribution.startswith("Used by ")]
    assert len(used) == 5
    published = [spec for spec in used if spec.paper]
    assert len(published) == 3
    for spec in published:
        plain, entry = parse(cite_dataset(spec))
        for text in (plain, entry["note"]):
            assert text.index(spec.paper) < text.index("Used by ")


def test_a_data_set_without_a_paper_has_no_empty_field(registry) -> None:
    """What is unknown is left out, but for the licence: that it is unknown has to be said. It is no citation."""
    plain, entry = parse(cite_dataset(registry.dataset("grains")))
    assert plain.splitlines() == ["Grains", "Nobody's.", "Licence not stated"]
    assert set(entry) == {"kind", "key", "title", "note"}
    assert head_dataset(registry.dataset("grains")) == "Where it is from"


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (Source("hub", "me/mine"), "https://huggingface.co/me/mine"),
        (Source("hub", "me/mine", repository="dataset"), "https://huggingface.co/datasets/me/mine"),
        (Source("package", "my-weights"), "https://pypi.org/project/my-weights/"),
        (Source("url", "https://example.org/a_b.pth"), "https://example.org/a_b.pth"),
    ],
)
def test_a_model_is_from_where_its_weights_are(registry, source, address) -> None:
    """With its licence and what that asks for; the address is verbatim."""
    model = replace(registry.model("toy"), sources=(source,), notice="Built with toys")
    plain, entry = parse(cite_model(model))
    assert plain.splitlines() == ["Toy", f"Weights: {address}", "Licence: MIT; Built with toys"]
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
