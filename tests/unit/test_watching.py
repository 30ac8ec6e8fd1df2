"""What watching makes of verdicts, of the Hub's answers and of links; and how it reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.paths import save_text
from leaderboard.records import RunOptions, Source
from leaderboard.render.watch import render_watch, summarise
from leaderboard.result_files import format_result, result_path
from leaderboard.verification import Verdict
from leaderboard.watching import Finding, _describe_verdict, collect_repositories, watch

COMMIT = "c" * 40


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        ("ok", "", "well"),
        ("differs", "canary: 0.3", "changed"),
        ("error", "other tensors", "changed"),
        ("corrupt", "came with sha256 1, expected 2", "changed"),
        ("not found", "no such repository", "vanished"),
        ("not found", "PyPI package x is not installed; `pip install x`", "unreachable"),
        ("gated", "gated, and no token is set", "refused"),
        ("unreachable", "sent nothing for 60 s", "unreachable"),
        ("out of memory", "", "unreachable"),
    ],
)
def test_only_a_model_that_is_gone_or_another_is_an_alarm(status, text: str, kind: str) -> None:
    """What this machine lacks says nothing about the model."""
    found = _describe_verdict("model toy", Verdict("toy", status, text))
    assert (found.kind, found.text) == (kind, text)
    assert found.is_alarm == (kind in ("vanished", "changed"))


def test_every_repository_is_asked_for_once_at_each_revision(registry) -> None:
    """Of models and data sets; how a file of it is read does not matter."""
    toy, grains = registry.model("toy"), registry.dataset("grains")
    pinned = Source("hub", "owner/a", "w.bin", COMMIT, drop=("head.",))
    one = replace(toy, id="one", sources=(pinned, Source("path", "x")))
    two = replace(toy, id="two", sources=(replace(pinned, file=None), Source("hub", "owner/a", revision="main")))
    data = replace(grains, hub="owner/a", revision=COMMIT)
    assert collect_repositories([one, two], [data, replace(grains, id="bare")]) == {
        Source("hub", "owner/a", revision=COMMIT): ("model one", "model two"),
        Source("hub", "owner/a", revision="main"): ("model two",),
        Source("hub", "owner/a", revision=COMMIT, repository="dataset"): ("data set grains",),
    }


def test_the_hub_is_asked_and_nothing_is_fetched(registry, hub) -> None:
    """Gated repositories show their commit to all; private and vanished ones are not there; some refuse."""
    hub.push("owner/there", {"w.safetensors": b"x"}, COMMIT)
    hub.push("owner/gated", {"w.safetensors": b"x"}, COMMIT)
    hub.push("datasets/owner/data", {"a/0.png": b"x"}, COMMIT)
    hub.gated["owner/gated"] = "token"
    hub.refusals = {"/api/models/owner/closed": (403, ""), "/api/models/owner/busy": (500, "")}
    names = ("there", "gated", "gone", "closed", "busy")
    models = [
        replace(registry.model("toy"), id=name, sources=(Source("hub", f"owner/{name}", revision=COMMIT),))
        for name in names
    ]
    moved = replace(models[0], id="moved", sources=(Source("hub", "owner/there", revision="d" * 40),))
    data = replace(registry.dataset("grains"), hub="owner/data", revision=COMMIT)
    whole = replace(registry, datasets={"grains": data})
    found = watch(whole, [*models, moved], RunOptions(hub_timeout=1), everything=True)
    kinds = {one.subject.removeprefix("model "): one.kind for one in found}
    assert kinds == {
        "there": "well",
        "gated": "well",
        "gone": "vanished",
        "closed": "refused",
        "busy": "unreachable",
        "moved": "vanished",
        "data set grains": "well",
    }
    assert not [line for line in hub.requests if "resolve" in line]


def test_some_models_leave_the_data_sets_alone(registry, hub) -> None:
    """Who names models asks about them."""
    data = replace(registry.dataset("grains"), hub="owner/data", url=f"{hub.url}/data.zip")
    found = watch(replace(registry, datasets={"grains": data}), [registry.model("toy")], RunOptions(), everything=False)
    assert found == []
    assert hub.requests == []


def test_what_goes_wrong_with_one_model_stops_no_other(registry, hub, make_result) -> None:
    """A network that its library does not know, a result file that is none: the last one is still verified."""
    toy = registry.model("toy")
    for name in ("odd", "torn", "toy"):
        path = result_path(registry.results_dir, replace(make_result(), model=name))
        save_text(path, "{" if name == "torn" else format_result(replace(make_result(), model=name)))
    models = [replace(toy, id="odd", architecture="no-such-thing"), replace(toy, id="torn"), toy]
    found = watch(registry, models, RunOptions(device="cpu"), everything=False)
    assert [(one.subject, one.kind) for one in found] == [
        ("model odd", "changed"),
        ("model torn", "changed"),
        ("model toy", "well"),
    ]
    assert "torn.json is no result file" in found[1].text


def test_the_report_counts_and_lists_what_is_not_well() -> None:
    """The worst first; what is well is a number."""
    findings = [
        Finding("well", "model a", "fine"),
        Finding("refused", "model b", "gated"),
        Finding("vanished", "model c", "no such repository"),
        Finding("unreachable", "model d", "500"),
        Finding("well", "model e", "fine"),
    ]
    text = render_watch(findings)
    assert text.startswith("**1 vanished, 1 could not be asked, 1 gated or forbidden, 2 well**\n\n### Vanished\n\n")
    assert text.index("model c") < text.index("model d") < text.index("model b")
    assert "model a" not in text
    assert "`python -m leaderboard watch ID` asks again." in text


def test_what_is_well_needs_no_remedy() -> None:
    """A line with the count is all."""
    assert render_watch([Finding("well", "model a", "fine")]) == "**1 well**\n"
    assert render_watch([]) == "**nothing to watch**\n"
    assert summarise([Finding("changed", "a", ""), Finding("changed", "b", "")]) == "2 changed"


def test_what_others_wrote_is_escaped_and_cut() -> None:
    """A server's words are text, whatever they look like."""
    text = render_watch([Finding("vanished", "model a", "<script>@all [x](y)\n# head " + "z" * 10_000)])
    for sign in ("<script>", "@all", "[x]", "\n# head"):
        assert sign not in text
    assert len(text) < 3000
