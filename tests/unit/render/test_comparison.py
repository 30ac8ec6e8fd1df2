"""A comparison in words: what is said of a difference that is open, and of a model that is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from leaderboard.comparison import Comparison, check_measured, compute_comparison
from leaderboard.errors import LeaderboardError
from leaderboard.ranking import Standing
from leaderboard.records import Result
from leaderboard.registry import Registry
from leaderboard.render.cells import JOINED
from leaderboard.render.comparison import render_comparison
from leaderboard.render.findings import NEAR_ONE, RIGID, ROUGH
from leaderboard.settling import Settling
from leaderboard.standings import Standings
from leaderboard.statistics import Difference

F1 = "knn1.f1_macro"
DOUBTS = (ROUGH, NEAR_ONE, RIGID)
SAME = Difference(0.0, 0.0, 1.0)
TOP, TOY = Standing(0.7, 0.04, 1, 2, (1, 2), SAME), Standing(0.6, 0.05, 1, 2, (1, 2), SAME)
STANDINGS = Standings(F1, {"top": TOP, "toy": TOY}, 0.0512)


@pytest.fixture
def say(registry: Registry) -> Callable[..., str]:
    """What is said of a model against a baseline of 0.7."""

    def render(difference: Difference, to_settle: Mapping[str, Settling | None], **changes: object) -> str:
        comparison = Comparison(
            registry.dataset("grains"), STANDINGS, 40, 2, "top", True, {"toy": difference}, to_settle, {}
        )
        return render_comparison(replace(comparison, **changes))

    return render


def line_of(text: str, model: str) -> list[str]:
    """The cells of a model's row."""
    row = next(line for line in text.splitlines() if line.startswith("|") and f" {model} " in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_row_has_rank_figure_difference_and_verdict(say: Callable[..., str]) -> None:
    """The baseline has no difference to itself."""
    text = say(Difference(-0.1, 0.06, 0.0321), {})
    place = f"1={JOINED}(1–2)"
    assert line_of(text, "Model") == ["Rank", "Model", "NN F1", "Difference", "p", "Verdict"]
    assert line_of(text, "top") == [place, "top", "0.700 ± 0.040", "", "", "the baseline"]
    assert line_of(text, "toy") == [place, "toy", "0.600 ± 0.050", "−0.100 ± 0.060", "0.032", "worse"]
    assert "## grains, NN F1: 40 images, 2 classes" in text
    assert "Differences are to top;" in text
    assert "\nRanks are among these 2 models.\n" in text
    assert "\nThe smallest difference in NN F1 that these images can resolve is 0.051, for two of these models" in text
    assert "settle" not in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (Difference(0.1, 0.06, 0.0004), ["+0.100 ± 0.060", "< 0.001", "better"]),
        (Difference(0.1, 0.06, 0.0499), ["+0.100 ± 0.060", "< 0.05", "better"]),
        (Difference(0.05, 0.06, 0.05), ["+0.050 ± 0.060", "0.050", "not told apart"]),
        (Difference(0.05, 0.04, 0.06), ["+0.050 ± 0.040", "0.060", "not told apart"]),
        (Difference(-0.05, 0.06, 1.0), ["−0.050 ± 0.060", "1.000", "not told apart"]),
    ],
)
def test_the_verdict_is_that_of_the_adjusted_p(
    say: Callable[..., str], difference: Difference, words: list[str]
) -> None:
    """Whatever the interval, which is not adjusted."""
    assert line_of(say(difference, {}), "toy")[3:] == words


@pytest.mark.parametrize(
    ("difference", "settling", "words"),
    [
        (Difference(0.01, 0.06, 0.7), Settling(15.24, 34.85), "about 530 per class (now 35)"),
        (Difference(0.01, 0.06, 0.7), None, "more than 64 times as many"),
        (SAME, None, "no number would do, the figures are equal"),
        (
            Difference(0.05, 0.04, 0.06),
            Settling(1.0, 34.85),
            "about 35 per class (now 35): compared alone they would be told apart",
        ),
    ],
    ids=["some", "many", "equal", "alone"],
)
def test_what_is_open_comes_with_what_would_settle_it(
    say: Callable[..., str], difference: Difference, settling: Settling | None, words: str
) -> None:
    """And with what such a number is not."""
    text = say(difference, {"toy": settling})
    assert f"\nLabelled test images that would settle what is open against top:\n\n- toy: {words}\n" in text
    assert "and a chance of 80 % if the true difference is the\nmeasured one." in text
    assert "Galleries and training sets would grow too, which changes the figures themselves." in text


def test_an_unranked_data_set_has_no_ranks(say: Callable[..., str], registry: Registry) -> None:
    """And says what it is."""
    text = say(SAME, {}, dataset=replace(registry.dataset("grains"), ranked=False))
    assert line_of(text, "Model")[0] == "Model"
    assert "Ranks" not in text
    assert "A smoke test on drawn images: no evidence about real fossils." in text


def test_a_single_model_resolves_nothing(say: Callable[..., str]) -> None:
    """It is said instead of the resolution."""
    alone = replace(STANDINGS, of={"top": TOP}, resolution=None)
    text = say(SAME, {}, standings=alone, left_out={"tin": "stale: data changed"})
    assert "A single model is no comparison" in text
    assert "resolve" not in text
    assert "Ranks" not in text
    assert text.endswith("tin is not compared: stale: data changed.")


def test_what_p_is_adjusted_for_is_said(say: Callable[..., str]) -> None:
    """A baseline that was chosen beforehand is compared with each; the best was chosen by the same images."""
    words = "p is adjusted (Holm) for"
    assert f"{words} the comparisons shown.\n" in say(SAME, {}, is_chosen=True)
    assert f"{words} all pairs, since the same images chose the best.\n" in say(SAME, {}, is_chosen=False)


def test_doubts_about_the_intervals_are_said(say: Callable[..., str]) -> None:
    """Small classes, figures near 1, and intervals of no width; otherwise nothing."""
    doubtful = {"is_rough": (ROUGH, replace(STANDINGS, is_rough=True))}
    doubtful |= {"near": (NEAR_ONE, replace(STANDINGS, of={"top": replace(TOP, value=0.99), "toy": TOY}))}
    doubtful |= {"rigid": (RIGID, replace(STANDINGS, of={"top": TOP, "toy": replace(TOY, half_width=0.0)}))}
    for doubt, standings in doubtful.values():
        assert [line for line in say(SAME, {}, standings=standings).splitlines() if line in DOUBTS] == [doubt]
    assert not any(doubt in say(SAME, {}) for doubt in DOUBTS)


# ---- what is compared


@pytest.fixture
def board(registry: Registry) -> Registry:
    """Three models on the data set."""
    return replace(registry, models={id_: replace(registry.model("toy"), id=id_) for id_ in ("toy", "top", "tin")})


@pytest.fixture
def measure(make_result: Callable[..., Result]) -> Callable[..., Result]:
    """A cell of four images in one test set, of which the model names so many right."""

    def make(model: str, right: int, **options: object) -> Result:
        labels = [0, 0, 1, 1]
        named = [label if place < right else 1 - label for place, label in enumerate(labels)]
        outcomes = {"knn": {"test": [[0, 1, 2, 3]], "predicted_k1": [named]}}
        f1 = [0.0, 0.2, 1 / 3, 11 / 15, 1.0][right]
        return replace(make_result(outcomes=outcomes, metrics={F1: f1}, **options), model=model)

    return make


def test_models_stand_best_first(board: Registry, measure: Callable[..., Result]) -> None:
    """The best is the baseline, unless another is asked for."""
    results = [measure("toy", 3), measure("tin", 2), measure("top", 4)]
    comparison = compute_comparison(board, board.dataset("grains"), results, metric=F1)
    assert (list(comparison.standings.of), comparison.baseline) == (["top", "toy", "tin"], "top")
    assert not comparison.is_chosen
    assert list(comparison.differences) == ["toy", "tin"]
    assert list(comparison.to_settle) == ["toy"]  # the last is wrong about every image of a class
    assert (comparison.images, comparison.classes) == (4, 2)
    against = compute_comparison(board, board.dataset("grains"), results, metric=F1, models=["top"], baseline="tin")
    assert list(against.standings.of) == ["top", "tin"]
    assert against.is_chosen
    assert against.differences["top"].value == pytest.approx(2 / 3)


def test_a_stale_cell_is_named_and_not_compared(board: Registry, measure: Callable[..., Result]) -> None:
    """Nor can it be what others are compared with."""
    results = [measure("toy", 3), measure("top", 4, inputs={"extraction": 0})]
    comparison = compute_comparison(board, board.dataset("grains"), results, metric=F1)
    assert list(comparison.standings.of) == ["toy"]
    assert comparison.left_out == {"top": "stale: extraction changed"}
    for options in ({"baseline": "top"}, {"models": ["top"]}, {"models": ["toy", "top"]}):
        with pytest.raises(LeaderboardError, match=r"^top on grains cannot be compared \(stale: extraction changed\);"):
            compute_comparison(board, board.dataset("grains"), results, metric=F1, **options)


def test_a_cell_without_the_figure_is_named(board: Registry, measure: Callable[..., Result]) -> None:
    """Missing is not last."""
    results = [measure("toy", 3), replace(measure("top", 4), metrics={})]
    comparison = compute_comparison(board, board.dataset("grains"), results, metric=F1)
    assert comparison.left_out == {"top": f"it has no {F1}"}
    with pytest.raises(LeaderboardError, match=rf"^top on grains cannot be compared \(it has no {F1}\);"):
        compute_comparison(board, board.dataset("grains"), results, metric=F1, models=["toy", "top"])


def test_where_nothing_can_be_compared_the_best_is_named_with_its_reason(board, measure) -> None:
    """Nobody was asked for by name."""
    results = [measure("toy", 3, inputs={"extraction": 0}), measure("top", 4, inputs={"extraction": 0})]
    with pytest.raises(LeaderboardError, match=r"^top on grains cannot be compared \(stale: extraction changed\);"):
        compute_comparison(board, board.dataset("grains"), results, metric=F1)


def test_what_is_measured_is_checked_by_itself(board, measure) -> None:
    """Anything at all, then each of the models; results on other images do not count."""
    grains, elsewhere = board.dataset("grains"), replace(measure("toy", 3), dataset="spores")
    check_measured([measure("toy", 3)], grains, ["toy"])
    with pytest.raises(LeaderboardError, match=r"^nothing is measured on grains; measure it with `pytest -k grains`"):
        check_measured([elsewhere], grains, ["toy"])
    with pytest.raises(LeaderboardError, match=r"^toy is not measured on grains; measured there: tin, top$"):
        check_measured([measure("top", 3), measure("tin", 2), elsewhere], grains, ["top", "toy"])
