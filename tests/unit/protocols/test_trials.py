"""Learning curve and few-shot: the golden figures, the folds and draws, and scikit-learn's own classifiers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import top_k_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import normalize

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS, _votes
from leaderboard.protocols._logistic import fit_at_optimum, rotate
from leaderboard.protocols._trials import SCORES, Trial, compute_trial_scores, compute_trials
from leaderboard.protocols._votes import Voters, _smallest, normalise
from leaderboard.protocols.few_shot import SHOTS, _draw, compute_few_shot
from leaderboard.protocols.learning_curve import compute_learning_curve
from leaderboard.records import Scores

TOP = ("top1", "top2", "top3")


@pytest.fixture(scope="module")
def rodgers() -> dict[str, Any]:
    """What the source's rules give on the golden file, logistic regression stopped early."""
    return json.loads((Path(__file__).parents[2] / "golden" / "rodgers.json").read_text())


@pytest.fixture(scope="module")
def curve(golden_embeddings) -> Scores:
    """The learning curve of the golden file."""
    return compute_learning_curve(golden_embeddings)


@pytest.fixture(scope="module")
def shots(golden_embeddings) -> Scores:
    """Few-shot learning on the golden file."""
    return compute_few_shot(golden_embeddings)


def _percent(row: dict[str, Any]) -> int:
    return round(100 * row["train_fraction"])


def test_golden_folds_are_counted_and_split_as_the_source_does(curve, rodgers) -> None:
    """36 folds of shuffled splits at a tenth of the images, 50 of stratified ones above."""
    ways = {0: "kfold", 1: "sss", 2: "ss"}
    for row in rodgers["learning_curve"]:
        assert curve.metrics[f"learning_curve.f{_percent(row)}.folds"] == row["n_folds"]
        assert {ways[way] for way in curve.outcomes["splitters"][f"f{_percent(row)}"]} == set(row["splitters"])


def test_golden_figures_of_the_neighbours_agree_to_1e_9(curve, rodgers) -> None:
    """Every mean and standard deviation but top-k, whose rule for tied votes is ours."""
    for row in rodgers["learning_curve"]:
        prefix = f"learning_curve.knn.f{_percent(row)}"
        for name in set(SCORES) - set(TOP) if row["classifier"] == "knn" else ():
            assert curve.metrics[f"{prefix}.{name}"] == pytest.approx(row[f"mean_{name}"], abs=1e-9), name
            assert curve.metrics[f"{prefix}.{name}_std"] == pytest.approx(row[f"std_{name}"], abs=1e-9), name


def test_golden_figures_of_the_regression_agree_within_a_fifth_of_their_spread(curve, rodgers) -> None:
    """The source stops short of the optimum; from 30 per cent of the images on that hardly matters."""
    rows = [row for row in rodgers["learning_curve"] if row["classifier"] == "lr" and row["train_fraction"] >= 0.3]
    assert len(rows) == 4
    for row in rows:
        for name in SCORES:
            ours = curve.metrics[f"learning_curve.lr.f{_percent(row)}.{name}"]
            assert abs(ours - row[f"mean_{name}"]) <= row[f"std_{name}"] / 5, (row["train_fraction"], name)


def test_golden_few_shot_figures_agree_within_three_standard_errors(shots, rodgers) -> None:
    """The draws differ; top-k of tied votes has a rule of our own."""
    for row in rodgers["few_shot"]:
        for name in set(SCORES) - (set(TOP) if row["classifier"] == "knn" else set()):
            prefix = f"few_shot.{row['classifier']}.k{row['shots']}.{name}"
            error = np.hypot(row[f"std_{name}"], shots.metrics[f"{prefix}_std"]) / np.sqrt(50)
            assert abs(shots.metrics[prefix] - row[f"mean_{name}"]) <= 3 * error, prefix


def test_every_figure_is_a_known_metric(curve, shots) -> None:
    """So that thresholds and columns can name it."""
    assert (curve.metrics.keys() | shots.metrics.keys()) <= METRICS.keys()


def test_top_1_is_the_accuracy_and_ties_go_to_the_lower_class() -> None:
    """With tied votes as well; top-k is left out where k reaches the number of classes."""
    probabilities = np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [0.0, 0.5, 0.5]])
    scores = compute_trial_scores(probabilities, np.array([1, 1, 2]))
    assert scores["top1"] == pytest.approx(1 / 3)
    assert scores["top2"] == 1
    assert "top3" not in scores


def test_top_k_is_scikit_learns_where_nothing_is_tied() -> None:
    """On seven classes."""
    draws = np.random.default_rng(0)
    probabilities, truth = draws.dirichlet(np.ones(7), 50), draws.integers(0, 7, 50)
    scores = compute_trial_scores(probabilities, truth)
    for k in (1, 2, 3):
        expected = top_k_accuracy_score(truth, probabilities, k=k, labels=range(7))
        assert scores[f"top{k}"] == pytest.approx(expected)


def test_votes_are_scikit_learns(golden_embeddings) -> None:
    """Shares of the five nearest by cosine distance, for a fold of the real vectors."""
    vectors, labels = golden_embeddings.vectors, golden_embeddings.labels
    train, test = next(StratifiedKFold(5, shuffle=True, random_state=1).split(vectors, labels))
    unit = normalize(vectors)
    expected = KNeighborsClassifier(5, metric="cosine").fit(unit[train], labels[train]).predict_proba(unit[test])
    assert Voters(vectors, labels, 20).vote(train, test, 5) == pytest.approx(expected)


@pytest.mark.parametrize(("kept", "block"), [(3, 1 << 26), (40, 400), (1, 1)])
def test_votes_do_not_depend_on_how_many_neighbours_are_kept(golden_embeddings, monkeypatch, kept, block) -> None:
    """A ranking that ends too early is completed from the training images themselves."""
    vectors, labels = golden_embeddings.vectors[::4], golden_embeddings.labels[::4]
    train, test = np.arange(0, len(labels), 3), np.arange(1, len(labels), 3)
    expected = Voters(vectors, labels, 20).vote(train, test, 5)
    monkeypatch.setattr(_votes, "KEPT", kept)
    monkeypatch.setattr(_votes, "BLOCK_BYTES", block)
    assert np.array_equal(Voters(vectors, labels, 20).vote(train, test, 5), expected)


def test_equally_near_images_vote_in_their_order() -> None:
    """Eight copies of one image: the two with the lowest index are nearest, also where the ranking is cut."""
    vectors, labels = np.ones((9, 4), np.float32), np.array([0, 1, 0, 2, 2, 2, 2, 2, 2])
    votes = Voters(vectors, labels, 3).vote(np.array([7, 6, 5, 4, 3, 2, 1]), np.array([0, 8]), 2)
    assert votes.tolist() == [[0.5, 0.5, 0]] * 2


def test_of_many_equally_near_images_the_first_ones_are_nearest() -> None:
    """Also where so few of many are wanted that not all are sorted, and the border lies among equal distances."""
    distances = np.random.default_rng(0).integers(0, 4, (50, 200)).astype(np.float32)
    for k in (1, 5, 49):
        expected = np.argsort(distances, axis=1, kind="stable")[:, :k]
        assert np.array_equal(_smallest(distances, k), expected)


def test_a_vector_of_zeros_stays_one() -> None:
    """A blank image has no direction; it must not become NaN."""
    assert normalise(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]


def test_rotating_changes_no_probability(golden_embeddings) -> None:
    """A fit on rotated rows is the fit on the vectors, with more dimensions than images and with fewer."""
    labels = golden_embeddings.labels
    for vectors in (golden_embeddings.vectors, golden_embeddings.vectors[:, :60]):
        rotated = rotate(vectors)
        assert rotated.shape == (697, min(697, vectors.shape[1]))
        ours = fit_at_optimum(rotated[::2], labels[::2]).probabilities(rotated[1::2], 20)
        solver = LogisticRegression(class_weight="balanced", solver="newton-cg", tol=1e-9, max_iter=1000)
        exact = vectors.astype(np.float64)
        expected = solver.fit(exact[::2], labels[::2]).predict_proba(exact[1::2])
        assert ours == pytest.approx(expected, abs=1e-5)


def test_a_class_that_was_not_learnt_has_probability_0(clusters) -> None:
    """The others share the whole."""
    embeddings = clusters()
    kept = embeddings.labels != 2
    model = fit_at_optimum(embeddings.vectors[kept], embeddings.labels[kept])
    probabilities = model.probabilities(embeddings.vectors, 4)
    assert (probabilities[:, 2] == 0).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("number", SHOTS)
def test_a_draw_takes_k_images_of_each_class_and_names_all_others(golden_embeddings, number) -> None:
    """Of a smaller class all but one; the same draw every time, another one for the next repeat."""
    labels = golden_embeddings.labels
    trial = _draw(labels, number, 3)
    expected = np.minimum(number, np.bincount(labels) - 1)
    assert np.bincount(labels[trial.train]).tolist() == expected.tolist()
    assert np.array_equal(np.sort(np.concatenate([trial.train, trial.test])), np.arange(697))
    assert np.array_equal(trial.train, _draw(labels, number, 3).train)
    assert not np.array_equal(trial.train, _draw(labels, number, 4).train)


def test_small_classes_fall_back_as_the_source_does(make_embeddings) -> None:
    """Four images of a class: stratified shuffling of all images, and no tenth of them with every class in it."""
    vectors = np.random.default_rng(0).normal(size=(16, 3))
    scores = compute_learning_curve(make_embeddings(vectors, [0] * 12 + [1] * 4))
    assert scores.outcomes["splitters"]["f100"] == [1] * 10
    assert "learning_curve.f10.folds" not in scores.metrics
    assert "learning_curve.lr.f100.top2" not in scores.metrics


def test_a_class_with_one_image_leaves_only_shuffled_folds_of_everything(make_embeddings) -> None:
    """Those with the image in the training part count, and are counted."""
    vectors = np.random.default_rng(0).normal(size=(21, 3))
    scores = compute_learning_curve(make_embeddings(vectors, [0] * 10 + [1] * 10 + [2]))
    assert list(scores.outcomes["splitters"].items()) == [("f100", [2] * 10)]
    assert 0 < scores.metrics["learning_curve.f100.folds"] < 50


def test_a_class_with_one_image_is_never_learnt_from_few_shots(make_embeddings) -> None:
    """It is named, wrongly: three classes in two of which recall can be had."""
    vectors = np.repeat(np.eye(3), [10, 10, 1], axis=0)
    metrics = compute_few_shot(make_embeddings(vectors, [0] * 10 + [1] * 10 + [2])).metrics
    assert metrics["few_shot.lr.k5.balanced_accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([], "the images have no labels; put them into one folder per class"),
        ([0, 0, 0], "all 3 images are of class 'genus-0'; at least two classes"),
        ([0, 0, 0, 1], "two classes with at least two images each"),
    ],
)
def test_sets_without_few_shots_are_refused(make_embeddings, labels, problem) -> None:
    """One line each."""
    with pytest.raises(LeaderboardError, match=problem):
        compute_few_shot(make_embeddings(np.eye(len(labels) or 1), labels))


def test_a_set_without_any_usable_fold_is_refused(make_embeddings) -> None:
    """Two images of two classes: whichever is left out is not learnt."""
    with pytest.raises(LeaderboardError, match="2 images: no fold has every class in its training part; add images"):
        compute_learning_curve(make_embeddings(np.eye(2), [0, 1]))


@pytest.mark.parametrize(("ddof", "spread"), [(1, None), (0, 0.0)])
def test_a_single_trial_has_no_sample_standard_deviation(clusters, ddof: int, spread: float | None) -> None:
    """The population's is 0; that of a sample of one is left out, not NaN."""
    indices = np.arange(48)
    trial = Trial("f10", indices[::2], indices[1::2], 5)
    metrics = compute_trials(clusters(), [trial], "learning_curve", ddof=ddof)
    assert {"learning_curve.lr.f10.top1", "learning_curve.knn.f10.f1_macro"} <= metrics.keys()
    assert metrics.get("learning_curve.lr.f10.top1_std") == spread
    assert any(name.endswith("_std") for name in metrics) == (spread is not None)


def test_a_share_without_a_usable_fold_says_so(make_embeddings) -> None:
    """A tenth of twenty is one image of each class: drawn ten times, split in the last way, and never learnt."""
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    scores = compute_learning_curve(make_embeddings(vectors, [0] * 10 + [1] * 10))
    assert scores.metrics["learning_curve.f10.folds"] == 0
    assert scores.outcomes["splitters"]["f10"] == [2] * 10
    assert "learning_curve.lr.f10.top1" not in scores.metrics
