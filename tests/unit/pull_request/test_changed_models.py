"""Which models a pull request concerns: what a figure may have changed of, and nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from leaderboard.pull_request.changed import DATASET_WORDS, MODEL_WORDS, Changed, compute_changed
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Reported, Source

PROTOCOL = "leaderboard/protocols/knn.py"
RESULT = "leaderboard/results/grains/{}.json"
NO_FIGURE = [
    "README.md",
    "docs/statistics.md",
    "leaderboard/README.md",
    "leaderboard/history.jsonl",
    "leaderboard/render/markdown.py",
    "leaderboard/site/templates/model.html",
    "leaderboard/report/pages.py",
    "leaderboard/commands/changed.py",
    "tests/unit/test_scores.py",
    "LICENSE",
    "leaderboard/results/notes.txt",
    "leaderboard/results/grains/nobody.json",
]
WORDS = {
    "title": "Another title",
    "family": "Toys",
    "tags": ("self-supervised",),
    "links": {"paper": "https://example.org"},
    "notice": "To be shown.",
    "licence": "Apache-2.0",
    "reported": {"grains": Reported({"knn1.f1_macro": 0.5}, "A paper.")},
    "group": "extra",
}
MEASURED = {
    "library": "timm",
    "sources": (Source("hub", "acme/toy", revision="2" * 40),),
    "architecture": "other",
    "pooling": "mean",
    "preprocessing": Preprocessing((9, 9), None, "bilinear", (0.0,) * 3, (1.0,) * 3),
    "dimension": 12,
    "digest": "e" * 64,
    "seed": 3,
    "trust_remote_code": "3" * 40,
    "thresholds": {"grains": {"knn1.f1_macro": 0.4}},
}


def changed_in(registry, model: str, field: str, value: object):
    """The registry with one field of an entry changed."""
    return replace(registry, models={**registry.models, model: replace(registry.models[model], **{field: value})})


@pytest.mark.parametrize("file", NO_FIGURE)
def test_a_file_that_no_figure_rests_on_concerns_no_model(project, propose, file: str) -> None:
    """Neither texts, nor what renders them, nor tests."""
    changed = compute_changed(propose(project, file))
    assert (dict(changed.reasons), list(changed.removed), changed.open) == ({}, [], [])


@pytest.mark.parametrize("field", WORDS)
def test_words_about_a_model_concern_nobody(project, propose, field: str) -> None:
    """Title, licence, tags: it need not be measured again for them."""
    after = changed_in(project, "toy", field, WORDS[field])
    assert compute_changed(propose(after, "models.yaml", before=project)).reasons == {}


@pytest.mark.parametrize("field", MEASURED)
def test_what_a_model_is_concerns_that_model_alone(project, propose, field: str) -> None:
    """With the reason: which part of the entry."""
    after = changed_in(project, "toy", field, MEASURED[field])
    reasons = compute_changed(propose(after, "models.yaml", before=project)).reasons
    assert reasons == {"toy": (f"entry ({field})",)}


def test_every_field_of_an_entry_is_a_word_or_is_measured() -> None:
    """Who adds one decides which."""
    assert {*WORDS, *MEASURED, "id"} == {field.name for field in fields(ModelSpec)}
    assert set(WORDS) == MODEL_WORDS
    assert {field.name for field in fields(DatasetSpec)} > DATASET_WORDS


def test_a_new_model_and_its_result_are_two_reasons(project, propose) -> None:
    """In the order of models.yaml, whatever the order of files."""
    older = replace(project, models={"toy": project.models["toy"]})
    files = ["models.yaml", RESULT.format("toy"), RESULT.format("tin")]
    changed = compute_changed(propose(project, *files, before=older))
    assert changed.reasons == {"tin": ("new", "result on grains"), "top": ("new",), "toy": ("result on grains",)}
    assert list(changed.reasons) == ["tin", "top", "toy"]


def test_gated_models_are_told_apart(project, propose) -> None:
    """Not everybody can measure them; a model with one open copy is open."""
    older = replace(project, models={})
    changed = compute_changed(propose(project, before=older))
    assert (changed.open, list(changed.gated)) == (["tin", "toy"], ["top"])
    copies = (*project.models["top"].sources, Source("url", "https://example.org/top", sha256="4" * 64))
    open_copy = changed_in(project, "top", "sources", copies)
    assert compute_changed(propose(open_copy, before=older)).open == ["tin", "top", "toy"]


@pytest.mark.parametrize("file", [RESULT.format("toy")])
def test_a_result_that_was_edited_or_removed_is_measured_again(project, propose, measure, file: str) -> None:
    """Whether or not its model has changed."""
    assert compute_changed(propose(project, file, results=[measure("toy", 3)])).open == ["toy"]
    assert compute_changed(propose(project, file, older=[measure("toy", 3)])).open == ["toy"]


def test_a_removed_and_a_renamed_model(project, propose) -> None:
    """A removed one is named, and not measured; its old result neither. A new name is a new model."""
    toy = project.models["toy"]
    without = replace(project, models={id_: spec for id_, spec in project.models.items() if id_ != "toy"})
    gone = compute_changed(propose(without, RESULT.format("toy"), before=project))
    assert (gone.reasons, gone.removed) == ({}, ("toy",))
    renamed = replace(without, models={**without.models, "troy": replace(toy, id="troy")})
    changed = compute_changed(propose(renamed, RESULT.format("toy"), RESULT.format("troy"), before=project))
    assert (changed.reasons, changed.removed) == ({"troy": ("new", "result on grains")}, ("toy",))


@pytest.mark.parametrize("field", ["digest", "images", "specimen", "protocols", "sha256", "tolerance"])
def test_other_data_concern_the_default_group(project, propose, with_dataset, field: str) -> None:
    """Enough to see a mistake; the others' cells become stale."""
    values = {"images": 81, "protocols": ("knn",), "tolerance": 0.5}
    after = with_dataset(project, **{field: values.get(field, "5" * 64)})
    assert compute_changed(propose(after, before=project)).reasons == {"toy": ("data (grains)",)}


def test_words_about_data_concern_nobody_and_a_new_data_set_the_default_group(project, propose, two_sets) -> None:
    """A title, a column of the table, a licence: no figure changes."""
    grains = replace(project.datasets["grains"], title="Other", columns=("knn1.accuracy",), licence="MIT")
    assert compute_changed(propose(replace(project, datasets={"grains": grains}), before=project)).reasons == {}
    more = replace(project, datasets=two_sets.datasets)
    assert compute_changed(propose(more, before=project)).reasons == {"toy": ("data (spores)",)}
    assert compute_changed(propose(project, before=more)).reasons == {}


@pytest.mark.parametrize(
    "file",
    [
        PROTOCOL,
        "leaderboard/protocols/gone_or_new.py",
        "leaderboard/protocols/new/__init__.py",
        "leaderboard/extract.py",
        "leaderboard/backbones/_hub.py",
        "leaderboard/datasets/palynomorphs-20.sha256",
        "leaderboard/canary_images/1.png",
        "conftest.py",
        "tests/bench/test_cells.py",
        "pyproject.toml",
    ],
)
def test_code_that_all_models_share_concerns_the_default_group(project, propose, file: str) -> None:
    """New, changed or deleted: the path alone tells."""
    assert compute_changed(propose(project, file)).reasons == {"toy": (f"code ({file})",)}


def test_a_loader_concerns_models_of_its_library_that_can_be_seen_to_change(project, propose, measure) -> None:
    """The default group, and those with a result; no model of another library."""
    assert compute_changed(propose(project, "leaderboard/backbones/timm.py")).reasons == {}
    with_result = propose(project, "leaderboard/backbones/timm.py", results=[measure("top", 3), measure("tin", 3)])
    assert compute_changed(with_result).reasons == {"top": ("code (leaderboard/backbones/timm.py)",)}
    assert list(compute_changed(propose(project, "leaderboard/backbones/baseline.py")).reasons) == ["toy"]


def test_a_loader_of_one_source_concerns_its_model(project, propose) -> None:
    """A copy of the weights may be of another library than the entry."""
    other = (Source("hub", "acme/toy", revision="1" * 40, library="open_clip", architecture="x"),)
    sides = propose(changed_in(project, "toy", "sources", other), "leaderboard/backbones/open_clip.py")
    assert list(compute_changed(sides).reasons) == ["toy"]


def test_each_reason_is_there_once(project, propose) -> None:
    """In the order in which they were found."""
    sides = propose(project, PROTOCOL, "leaderboard/backbones/baseline.py", RESULT.format("toy"))
    assert compute_changed(sides).reasons["toy"] == (
        "result on grains",
        f"code ({PROTOCOL})",
        "code (leaderboard/backbones/baseline.py)",
    )


def test_without_a_readable_base_the_default_group_is_measured(project, propose) -> None:
    """And whatever else its files show; that of other models nobody can know."""
    sides = replace(propose(project, "models.yaml", RESULT.format("tin")), before=None)
    changed = compute_changed(sides)
    assert changed.reasons["toy"] == ("the older models.yaml or results cannot be read",)
    assert changed.reasons["tin"] == ("result on grains",)
    assert (list(changed.reasons), list(changed.removed)) == (["tin", "toy"], [])


def test_what_runs_on_a_push_is_named(project, propose) -> None:
    """A person reads it; no model is measured for it."""
    files = [".ci/run", ".github/workflows/publish.yml", "docs/github.md", "x.github/y"]
    changed = compute_changed(propose(project, *files))
    assert (changed.automation, changed.reasons) == ((".ci/run", ".github/workflows/publish.yml"), {})


def test_a_list_of_models_stays_on_its_line_as_json() -> None:
    """Whatever an id may be."""
    from leaderboard.commands.changed import format_outputs

    hostile = ['a"]\nopen=["b', "c\r\nsecret=1", "d\u2028e", "${{ github.token }}", "'; rm -rf x #"]
    changed = Changed(reasons=dict.fromkeys([*hostile, "g\nh"], ("new",)), gated=["g\nh"], removed=(), automation=())
    lines = format_outputs(changed).splitlines()
    assert [line.partition("=")[0] for line in lines] == ["open", "gated"]
    assert [json.loads(line.partition("=")[2]) for line in lines] == [hostile, ["g\nh"]]
    assert format_outputs(Changed({}, (), (), ())) == "open=[]\ngated=[]\n"


def test_models_that_are_touched_are_told_from_those_whose_code_changed(project, propose) -> None:
    """A protocol concerns the default group, but asks nobody to mend an entry that the pull request leaves alone."""
    changed = compute_changed(propose(project, "leaderboard/protocols/knn.py"))
    assert (list(changed.reasons), changed.touched, changed.new) == (["toy"], (), ())
    changed = compute_changed(propose(project, "leaderboard/results/grains/toy.json"))
    assert (changed.touched, changed.new) == (("toy",), ())
