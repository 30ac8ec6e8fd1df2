"""Tests of what a model takes for what, and of what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from leaderboard.mistakes import choose_queries, count_confusions, find_shared_confusions, tally_names

LABELS = [0, 0, 0, 1, 1, 2]
TESTS = [[0, 3], [0, 4], [1, 5]]


@pytest.fixture
def named(make_result):
    """A result whose nearest neighbours gave the test images these names."""

    def make(predicted, model="toy"):
        outcomes = {"knn": {"test": TESTS, "predicted_k1": predicted}}
        return make_result(labels=LABELS, classes=["a", "b", "c"], outcomes=outcomes)

    return make


@pytest.fixture
def asked(make_result):
    """A result with so many hits of each query."""

    def make(hits, labels=LABELS):
        near = [[(image + 1) % len(labels)] for image in range(len(labels))]
        return make_result(labels=labels, outcomes={"retrieval": {"hits_at_n": hits, "neighbours": near}})

    return make


def test_every_test_of_an_image_is_tallied(named):
    """Image 0 is tested twice and named right once; images 2 is never tested."""
    tally = tally_names(named([[0, 1], [1, 0], [0, 2]]))

    assert tally.asked.tolist() == [2, 1, 0, 1, 1, 1]
    assert tally.right.tolist() == [1, 1, 0, 1, 0, 1]


def test_a_tally_and_the_confusions_count_the_same_tests(named):
    """Tests that were not right are those that were confused."""
    result = named([[1, 1], [2, 0], [0, 2]])

    wrong = sum(pair.times for pair in count_confusions(result))

    tally = tally_names(result)
    assert wrong == (tally.asked - tally.right).sum() == 3


def test_confusions_are_counted_over_all_splits(named):
    """Of the three tests of class a two were named b; right names are no confusion."""
    first, *others = count_confusions(named([[1, 1], [1, 0], [0, 2]]))

    assert (first.truth, first.named, first.times, first.asked) == (0, 1, 2, 3)
    assert first.share == pytest.approx(2 / 3)
    assert [(pair.truth, pair.named, pair.share) for pair in others] == [(1, 0, 0.5)]


def test_the_largest_share_comes_first_and_not_the_most_tests(named):
    """One test of one counts for more than two of three."""
    pairs = count_confusions(named([[1, 1], [1, 1], [0, 0]]))

    assert [(pair.truth, pair.named) for pair in pairs] == [(2, 0), (0, 1)]


def test_without_outcomes_nothing_is_known(make_result):
    """An older file, or one of another protocol, gives no mistakes and no queries."""
    result = make_result(labels=LABELS, classes=["a", "b", "c"], outcomes={"disparity": {}})

    assert count_confusions(result) == []
    assert choose_queries(result, 5) == []
    assert tally_names(result).asked.tolist() == [0] * 6


def test_only_images_that_every_model_confuses_are_shared(named):
    """A for b by both, on images 0 and 1; image 2 is in no test; b for a by one of them alone does not count."""
    often, seldom = named([[1, 0], [1, 1], [1, 2]]), named([[1, 1], [0, 1], [1, 2]])

    (pair,) = find_shared_confusions([often, seldom])

    assert (pair.truth, pair.named, pair.images, pair.tested) == (0, 1, (0, 1), 2)
    assert pair.share == 1
    assert find_shared_confusions([]) == []


def test_the_same_mistake_on_different_images_is_not_shared(named):
    """Both take a for b in two tests, but one of them on image 0 and the other one on image 1."""
    one, other = named([[1, 1], [1, 1], [0, 2]]), named([[0, 1], [0, 1], [1, 2]])

    assert count_confusions(one)[0].times == 2
    assert find_shared_confusions([one, other]) == []


def test_an_image_counts_once_however_often_it_is_tested(named):
    """Image 0 is named b twice by both: a single image, and no pattern."""
    assert find_shared_confusions([named([[1, 1], [1, 1], [0, 2]])] * 2) == []


def test_the_pair_with_the_most_common_images_comes_first(make_result):
    """Three of twelve before two of two: the share of the class decides only between equal ones."""
    labels = [0] * 12 + [1] * 2 + [2] * 8
    said = [1] * 3 + [0] * 9 + [2, 2] + [0] * 2 + [2] * 6
    outcomes = {"knn": {"test": [list(range(22))], "predicted_k1": [said]}}
    result = make_result(labels=labels, classes=["a", "b", "c"], outcomes=outcomes)

    pairs = find_shared_confusions([result, result])

    assert [(pair.truth, pair.named, len(pair.images), pair.tested) for pair in pairs] == [
        (0, 1, 3, 12),
        (1, 2, 2, 2),
        (2, 0, 2, 8),
    ]


def test_queries_go_from_the_best_to_the_worst_and_are_of_different_classes(asked):
    """The first has the largest share of its class, the last the smallest; no class comes twice."""
    labels = np.repeat(range(5), 6).tolist()
    hits = np.random.default_rng(0).integers(0, 6, 30).tolist()

    queries = choose_queries(asked(hits, labels), 5)

    shares = [query.found / query.relevant for query in queries]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (max(hits) / 5, min(hits) / 5)
    assert {labels[query.image] for query in queries} == set(range(5))
    assert queries[0].neighbours == ((queries[0].image + 1) % 30,)


def test_a_class_with_a_single_image_asks_nothing(asked):
    """It has nothing to find; with fewer queries than wanted all are given."""
    queries = choose_queries(asked([2, 1, 0, 1, 0, 0]), 9)

    assert sorted(query.image for query in queries) == [0, 1, 2, 3, 4]


def test_the_same_result_gives_the_same_queries(asked):
    """Equal shares are ordered by the image, not by chance."""
    result = asked([1] * 6, [0, 0, 1, 1, 2, 2])

    assert [query.image for query in choose_queries(result, 3)] == [query.image for query in choose_queries(result, 3)]
    assert choose_queries(result, 3)[0].image == 0
