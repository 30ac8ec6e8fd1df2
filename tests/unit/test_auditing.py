"""Suspects: what a model supports is counted right, who is heard, when all contradict, and what stands beside."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leaderboard.auditing import Audit, Opinion, Suspect, compute_audit, compute_support, find_good
from leaderboard.cache import load_embeddings
from leaderboard.datasets import list_dataset, list_manifest
from leaderboard.datasets.listing import hash_files
from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS
from leaderboard.protocols.linear import compute_linear
from leaderboard.protocols.retrieval import compute_retrieval
from leaderboard.records import DatasetSpec, Metric, Provenance, Result
from leaderboard.report.audit_examples import choose_comparisons
from leaderboard.report.audit_table import COLUMNS, check_kept, load_decisions, render_audit_table
from leaderboard.report.audit_words import describe_doubt, describe_silent, summarise

GOLDEN = Path(__file__).parents[1] / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
UP, DOWN = Metric("good"), Metric("bad", higher_is_better=False)
LABELS = (0, 0, 0, 1, 1, 1, 2)  # image 6 is alone in its class


def make_result(
    model: str = "toy",
    *,
    labels: Sequence[int] = LABELS,
    neighbours: Sequence[Sequence[int]] | None = None,
    linear: tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]] | None = None,
    metrics: dict[str, float] | None = None,
    outcomes: dict[str, Any] | None = None,
) -> Result:
    """A stored result with these outcomes, others beside; linear is (test sets, names given)."""
    outcomes = dict(outcomes or {})
    if neighbours is not None:
        outcomes["retrieval"] = {"neighbours": [list(near) for near in neighbours]}
    if linear is not None:
        outcomes["linear"] = {"test": linear[0], "predicted": linear[1]}
    return Result(
        model=model,
        dataset="toy-data",
        parameters=0,
        dimension=1,
        metrics=metrics or {},
        per_class={},
        outcomes=outcomes,
        classes=("a", "b", "c"),
        labels=list(labels),
        left_out=[],
        provenance=Provenance({}, {}),
    )


def contradicting(model: str, named: int, *, nearest: int = 3) -> Result:
    """All images are among their own, but for image 0 (of class 0): its neighbours, and the name it gets, vary."""
    near = [[nearest, 4], [2, 0], [1, 0], [4, 5], [3, 5], [4, 3], [5, 4]]
    return make_result(model, neighbours=near, linear=([[0]], [[named]]))


def suspect(image: int = 0, *, times: float = 11.0, agreeing: bool = True) -> Suspect:
    """An image of class 0 that is taken for class 1; times from 1 to 11."""
    own = (1.1 - 0.1 * times) / (times + 1)  # of the two supports, whose sum is 1
    opinions = (Opinion("one", 1, own, 1 - own), Opinion("two", 1 if agreeing else 2, own, 1 - own))
    return Suspect(image, 0, 1, opinions, own, 1 - own)


# ---- support


def test_support_is_the_mean_of_neighbours_and_names() -> None:
    """Of class 0 there are two others: two neighbours count, 1 and 1/2; one of four names is class 2."""
    result = make_result(neighbours=[[3, 1, 2]] * 7, linear=([[0], [5, 0], [0], [0]], [[2], [1, 1], [1], [1]]))
    assert compute_support(result)[0] == pytest.approx([(1 / 3) / 2, (2 / 3 + 3 / 4) / 2, (1 / 4) / 2])


def test_an_image_that_no_split_tested_is_judged_by_its_neighbours() -> None:
    """Its support is not halved."""
    result = make_result(neighbours=[[3, 1, 2]] * 7, linear=([[1]], [[0]]))
    assert compute_support(result)[0] == pytest.approx([1 / 3, 2 / 3, 0])


def test_an_image_alone_in_its_class_has_no_support_and_is_no_suspect() -> None:
    """None of its neighbours can be of its class; it is counted as not judged."""
    result = make_result(neighbours=[[3, 1, 2]] * 7)
    assert compute_support(result)[6].tolist() == [0, 0, 0]
    audit = compute_audit([result])
    assert 6 not in [found.image for found in audit.suspects]
    assert audit.silent == 1
    assert describe_silent(audit).startswith("1 image ")


def test_a_label_of_a_small_class_is_not_contradicted_by_the_far_neighbours() -> None:
    """Its only fellow comes first, nine others after it."""
    labels = [0, 0] + [1] * 9
    near = [[1 - i if i < 2 else 2 + (i - 1) % 9, *range(2, 11)][:10] for i in range(11)]
    assert compute_audit([make_result(labels=labels, neighbours=near)], times=1).suspects == ()


# ---- who is heard


def values(metric: Metric, **figures: float) -> list[Result]:
    """Results with a figure each."""
    return [make_result(model, metrics={metric.name: figure}) for model, figure in figures.items()]


@pytest.mark.parametrize(
    ("results", "metric", "good"),
    [
        (values(UP, base=0.5, best=0.7, worse=0.4, same=0.5), UP, ["best"]),
        (values(DOWN, base=0.5, best=0.7, worse=0.4, same=0.5), DOWN, ["worse"]),
        (values(UP, base=0.5, best=float("nan"), worse=0.4), UP, []),
        (values(UP, base=float("nan"), best=0.7), UP, ["best"]),
        (values(UP, base=0.5), UP, []),
        (values(UP, best=0.7, worse=0.4), UP, ["best", "worse"]),
    ],
    ids=["higher", "lower", "none better", "no floor", "baselines only", "no baseline"],
)
def test_good_is_better_than_every_untrained_model(results: list[Result], metric: Metric, good: list[str]) -> None:
    """Where none is, there are none; without an untrained model nothing speaks against a trained one."""
    assert [result.model for result in find_good(results, {"base"}, metric)] == good


def test_a_lead_that_may_be_chance_makes_no_good_model() -> None:
    """Of 60 images the untrained model names 30 right: 31 may be luck, 55 is none."""
    metric = METRICS["knn1.accuracy"]
    results = [naming(model, right, of=60) for model, right in (("base", 30), ("lucky", 31), ("good", 55))]
    assert [result.model for result in find_good(results, {"base"}, metric)] == ["good"]
    assert [result.model for result in find_good(results[:2], {"base"}, metric)] == []


def naming(model: str, right: int, *, of: int) -> Result:
    """A model that names the first so many images of two classes right, in one split."""
    labels = [image % 2 for image in range(of)]
    said = [label if image < right else 1 - label for image, label in enumerate(labels)]
    outcomes = {"knn": {"test": [list(range(of))], "predicted_k1": [said]}}
    return make_result(model, labels=labels, metrics={"knn1.accuracy": right / of}, outcomes=outcomes)


# ---- suspicion


def test_one_model_that_supports_the_label_acquits() -> None:
    """However sure the others are."""
    against = [contradicting(f"m{i}", 1) for i in range(5)]
    assert [found.image for found in compute_audit(against).suspects] == [0]
    assert compute_audit([*against, contradicting("friend", 0, nearest=1)], times=1).suspects == ()


def test_models_may_contradict_with_different_classes() -> None:
    """The suggestion is that of the mean; who has another one in mind is not counted as agreeing."""
    models = [contradicting("one", 1), contradicting("two", 1), contradicting("three", 2, nearest=6)]
    (found,) = compute_audit(models).suspects
    assert (found.label, found.suggestion, found.agreeing) == (0, 1, 2)
    assert [opinion.suggestion for opinion in found.opinions] == [1, 1, 2]
    assert found.for_suggestion == pytest.approx((1 + 1 + 1 / 6) / 3)
    assert found.times == pytest.approx((found.for_suggestion + 0.1) / 0.1)


def test_a_weak_lead_is_no_suspicion() -> None:
    """Support of 2/3 against 1/3 is less than four times as much, and more than once."""
    result = make_result(neighbours=[[3, 1], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4], [0, 1]])
    assert compute_audit([result]).suspects == ()
    assert [found.image for found in compute_audit([result], times=1).suspects] == [0]


def test_equal_support_is_for_the_label() -> None:
    """Even with the lowest threshold."""
    result = make_result(neighbours=[[1, 2], *[[0, 1]] * 6], linear=([[0]], [[1]]))
    assert 0 not in [found.image for found in compute_audit([result], times=1).suspects]


def test_the_most_certain_suspect_comes_first() -> None:
    """Image 4 has only neighbours of the other class, image 0 a name of its own as well."""
    near = [[3, 4], [2, 0], [1, 0], [5, 4], [1, 2], [3, 4], [0, 1]]
    result = make_result(neighbours=near, linear=([[0, 0, 4]], [[0, 1, 0]]))
    assert [found.image for found in compute_audit([result], times=1).suspects] == [4, 0]


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([], "no model is measured"),
        ([make_result(neighbours=[[1]] * 7), make_result("other", labels=[0] * 7, neighbours=[[1]] * 7)], "different"),
        ([make_result()], "toy on toy-data has no outcomes of retrieval or linear"),
    ],
    ids=["nobody", "other labels", "no outcomes"],
)
def test_results_that_tell_nothing_are_refused(results: list[Result], said: str) -> None:
    """In one line."""
    with pytest.raises(LeaderboardError, match=said) as raised:
        compute_audit(results)
    assert "\n" not in str(raised.value)


def test_changed_labels_of_real_images_are_found() -> None:
    """Of 21 labels changed among 697, one model finds at least 17 with their true genus, and names fewer than 100."""
    embeddings = load_embeddings(GOLDEN)
    draws = np.random.default_rng(11)
    changed = draws.choice(len(embeddings.labels), 21, replace=False)
    labels = embeddings.labels.copy()
    labels[changed] = (labels[changed] + draws.integers(1, 20, 21)) % 20
    spoilt = replace(embeddings, labels=labels)
    outcomes = {"retrieval": compute_retrieval(spoilt).outcomes, "linear": compute_linear(spoilt).outcomes}
    result = replace(make_result(), classes=embeddings.classes, labels=labels.tolist(), outcomes=outcomes)
    found = {one.image: one.suggestion for one in compute_audit([result]).suspects}
    assert sum(image in found for image in changed.tolist()) >= 17
    assert sum(found.get(image) == embeddings.labels[image] for image in changed.tolist()) >= 13
    assert len(found) < 100


# ---- what stands beside a suspect


def test_examples_are_the_nearest_of_each_class_and_no_suspects() -> None:
    """First the suspect's neighbours, then whose neighbour it is, then those in the middle of their class."""
    labels = [0, 0, 0, 0, 1, 1, 1, 1]
    near = [[5, 4], [2, 3], [0, 3], [2, 1], [5, 6], [6, 4], [0, 5], [6, 5]]
    result = make_result(labels=labels, neighbours=near)
    audit = Audit(("toy",), 8, 0, (suspect(0), replace(suspect(4), label=1, suggestion=0)))
    first, second = choose_comparisons(audit, [result])
    assert [(example.image, example.is_near) for example in first.of_label] == [(2, True), (3, False), (1, False)]
    assert [(example.image, example.is_near) for example in first.of_suggestion] == [(5, True), (6, True), (7, False)]
    assert {example.image for example in (*second.of_label, *second.of_suggestion)} == {1, 2, 3, 5, 6, 7}


def test_examples_do_without_stored_neighbours() -> None:
    """Then none is near."""
    audit = Audit(("toy",), 7, 0, (suspect(0),))
    (comparison,) = choose_comparisons(audit, [make_result(linear=([[0]], [[1]]))])
    assert [(example.image, example.is_near) for example in comparison.of_label] == [(1, False), (2, False)]


# ---- the table


AUDIT = Audit(("one", "two"), 3, 0, (suspect(1), suspect(0, times=5, agreeing=False)))
FILES, CLASSES = ("=a/1.png", "=a/2.png", "b/3.png"), ("=a", "b", "c")


def test_the_table_has_a_line_per_suspect_and_room_for_a_decision() -> None:
    """Nothing in it begins a formula."""
    rows = list(csv.DictReader(StringIO(render_audit_table(AUDIT, FILES, CLASSES))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "number": "1",
        "file": "./=a/2.png",
        "label": "'=a",
        "suggestion": "b",
        "agreeing_models": "2",
        "good_models": "2",
        "support_for_label": "0.000",
        "support_for_suggestion": "1.000",
        "times": "11.00",
        "decision": "",
    }
    second = {name: rows[1][name] for name in ("number", "file", "agreeing_models", "times")}
    assert second == {"number": "2", "file": "./=a/1.png", "agreeing_models": "1", "times": "5.00"}


def test_decisions_survive_another_audit(tmp_path: Path) -> None:
    """Also when a spreadsheet has put a byte order mark in front of them."""
    path = tmp_path / "audit.csv"
    assert load_decisions(path) == {}
    path.write_text('\ufefffile,decision\n./=a/1.png,"no, it is right"\n./=a/2.png,\n', encoding="utf-8")
    decisions = load_decisions(path)
    table = render_audit_table(AUDIT, FILES, CLASSES, decisions)
    check_kept(path, decisions, table)
    assert [row["decision"] for row in csv.DictReader(StringIO(table))] == ["", "no, it is right"]


@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
def test_decisions_are_read_from_a_table_with_semicolons(tmp_path: Path, quote: str) -> None:
    """As a spreadsheet saves it where the comma is the decimal sign; the next table has commas again."""
    path = tmp_path / "audit.csv"
    lines = [
        ["number", "file", "times", "decision"],
        ["1", "./=a/2.png", "11,00", ""],
        ["2", "./=a/1.png", "5", "no, 1"],
    ]
    saved = "".join(";".join(f"{quote}{cell}{quote}" for cell in line) + "\r\n" for line in lines)
    path.write_text("\ufeff" + saved, encoding="utf-8", newline="")
    decisions = load_decisions(path)
    assert decisions == {"./=a/1.png": "no, 1"}
    table = render_audit_table(AUDIT, FILES, CLASSES, decisions)
    assert table.splitlines()[2] == '2,./=a/1.png,\'=a,b,1,2,0.100,0.900,5.00,"no, 1"'


def test_a_decision_on_what_is_no_suspect_any_more_is_not_thrown_away(tmp_path: Path) -> None:
    """It is named."""
    table = render_audit_table(AUDIT, FILES, CLASSES)
    with pytest.raises(LeaderboardError, match=r"1 decision on .* first b/3\.png; move it away"):
        check_kept(tmp_path / "audit.csv", {"b/3.png": "yes"}, table)


@pytest.mark.parametrize(
    "content",
    [
        b"file\tdecision\na\tyes\n",
        b"file,decision;\na,;yes\n",
        b"file,decision\na,no, right\n",
        b"file,decision\n\xff,y\n",
        b"",
    ],
    ids=["tabs", "each line in one cell", "cell too many", "encoding", "empty"],
)
def test_a_file_that_is_no_table_of_an_audit_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Other separators, a decision that would be cut off at its comma, other encodings, nothing at all."""
    path = tmp_path / "audit.csv"
    path.write_bytes(content)
    with pytest.raises(LeaderboardError, match="is no table of this command"):
        load_decisions(path)


# ---- words and names


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (AUDIT, "2 of 3 images are suspected: their label is contradicted by each of one, two; on 1 they suggest"),
        (replace(AUDIT, suspects=()), "0 of 3 images are suspected: no label is contradicted by each of one, two"),
        (Audit(("one",), 3, 0, (suspect(),)), "1 of 3 images is suspected: its label is contradicted by one"),
    ],
    ids=["two", "none", "one model"],
)
def test_the_summary_counts(audit: Audit, said: str) -> None:
    """In words that fit the number."""
    assert summarise(audit).startswith(said)


SPEC = DatasetSpec("toy-data", "Toy", "folder", 3, 7, None, None, "Nobody's.")
UNRANKED = replace(SPEC, ranked=False)
SMOKE = "A smoke test on drawn images: no evidence about real fossils."


@pytest.mark.parametrize(
    ("spec", "count", "said"),
    [
        (SPEC, 0, ""),
        (SPEC, 1, "Whether this label is really wrong is unknown."),
        (SPEC, 2, "How many of these are really wrong is unknown; it may be none."),
        (UNRANKED, 0, SMOKE),
        (UNRANKED, 2, f"{SMOKE} How many of these are really wrong is unknown; it may be none."),
        (
            replace(UNRANKED, kind="synthetic"),
            1,
            f"{SMOKE} Drawn labels are true by construction: every suspicion here is a false alarm.",
        ),
    ],
    ids=["none", "one", "two", "smoke test without suspects", "smoke test", "drawn here"],
)
def test_nobody_is_told_that_a_suspect_is_wrong(spec: DatasetSpec, count: int, said: str) -> None:
    """What is not known is said; of drawn labels it is known that they are right."""
    assert describe_doubt(spec, count) == said


def test_a_manifest_lists_what_the_folder_lists(image_folder: Any) -> None:
    """Also where a path's order is not that of folder, then file."""
    root = image_folder((2, 2))
    (root / "class-1").rename(root / "class-0-b")
    listed = list_dataset("toy-data", root)
    assert list_manifest("toy-data", root, hash_files(root, sorted(listed.files))) == listed
