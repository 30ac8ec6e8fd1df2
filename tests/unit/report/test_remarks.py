"""What the report warns of: that each warning comes when it is due, says the true numbers, and not otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leaderboard.protocols import PROTOCOLS
from leaderboard.report.analysis import Analysis
from leaderboard.report.collection_file import Collection
from leaderboard.report.remarks import list_remarks

Make = Callable[..., Analysis]


def collect(analysis: Analysis, **changes: object) -> Collection:
    """The folder that these embeddings could be of, without anything amiss."""
    embeddings, n = analysis.embeddings, len(analysis.embeddings.vectors)
    sizes, digests = np.full((n, 2), 20), tuple(f"{index:064x}" for index in range(n))
    plain = Collection(
        "slides", embeddings.files, embeddings.labels, embeddings.classes, sizes, digests, {}, {}, (), ()
    )
    return replace(plain, **changes)


def test_sound_images_have_no_remark(make_analysis: Make) -> None:
    """Nothing is said where nothing is to be said."""
    analysis = make_analysis()
    assert list_remarks([analysis], collect(analysis)) == []
    assert list_remarks([analysis], None) == []


def test_copies_are_counted_by_kind(make_analysis: Make) -> None:
    """Two groups of exact copies and a near pair, all within a class."""
    analysis = make_analysis()
    collection = collect(analysis, exact_duplicates=((0, 1, 2), (13, 14)), near_duplicates=((5, 6, 0.99),))
    (remark,) = list_remarks([analysis], collection)
    assert remark.startswith("5 of 30 images have an exact copy (the same pixels) and 2 a near one.")
    assert "flatter every model" in remark


def test_copies_in_two_classes_come_first_and_are_named(make_analysis: Make) -> None:
    """One photograph with two labels: for certain where the pixels are the same, perhaps where they are alike."""
    analysis = make_analysis()
    remarks = list_remarks([analysis], collect(analysis, exact_duplicates=((0, 29),)))
    assert remarks[0].startswith("2 images are copies of an image in another class: one of the labels is wrong.")
    assert "First: 000.png, 029.png." in remarks[0]
    assert len(remarks) == 2
    perhaps = list_remarks([analysis], collect(analysis, near_duplicates=((0, 29, 0.98),)))
    assert perhaps[0].startswith("2 images look like copies of an image in another class: see whether they are")


def test_a_near_copy_in_another_class_makes_an_exact_pair_no_conflict(make_analysis: Make) -> None:
    """Two equal images of one class, and a similar one of another: only the similar one is in doubt."""
    analysis = make_analysis()
    copies = collect(analysis, exact_duplicates=((0, 1),), near_duplicates=((0, 29, 0.98),))
    assert not any("one of the labels is wrong" in remark for remark in list_remarks([analysis], copies))


def test_a_model_that_could_not_be_had_comes_before_all(make_analysis: Make) -> None:
    """With the reason."""
    (remark,) = list_remarks([make_analysis()], None, {"other": "offline"})[:1]
    assert remark == "other was asked for and is not in this report: offline."


def test_copies_without_classes_flatter_nobody(make_analysis: Make) -> None:
    """There is no training and no test."""
    analysis = make_analysis(protocols=())
    embeddings = replace(analysis.embeddings, labels=np.zeros(0, np.int64), classes=())
    unlabelled = replace(analysis, embeddings=embeddings)
    (remark,) = list_remarks([unlabelled], collect(unlabelled, exact_duplicates=((0, 29),)))
    assert "2 of 30 images have an exact copy" in remark
    assert "training" not in remark


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 file could not be read and is in"), (9, "9 files could not be read")]
)
def test_bad_files_are_counted_and_named(make_analysis: Make, count: int, said: str) -> None:
    """From the folder, or from the embeddings where nobody has looked at the folder; eight by name."""
    analysis, names = make_analysis(), [f"bad-{number}.png" for number in range(count)]
    (remark,) = list_remarks([analysis], collect(analysis, bad=dict.fromkeys(names, "the file is empty")))
    assert remark.startswith(said)
    assert all(name in remark for name in names[:8])
    assert ("bad-8.png" in remark, "and 1 more" in remark) == (False, count == 9)
    alone = replace(analysis, embeddings=replace(analysis.embeddings, left_out=tuple(names)))
    assert list_remarks([alone], None) == [remark]


def test_small_and_empty_classes_are_named_with_their_size(make_analysis: Make) -> None:
    """Fewer than five images, and none that can be read."""
    remarks = list_remarks([make_analysis((12, 4, 2, 0, 5), protocols=())], None)
    assert remarks == [
        "Classes without a single readable image are in no figure: genus-3.",
        "Classes with fewer than 5 images say little: genus-1 (4), genus-2 (2).",
    ]


def test_many_small_classes_are_cut_off(make_analysis: Make) -> None:
    """After eight."""
    (remark,) = list_remarks([make_analysis((2,) * 11, protocols=())], None)
    assert remark.endswith("genus-7 (2) and 3 more.")


def test_other_folds_of_the_learning_curve_are_told(make_analysis: Make) -> None:
    """Which settings, which way of splitting, and how many folds were used: the protocol's own figures."""
    analysis = make_analysis((40, 30, 3), protocols=("learning_curve",))
    curve = analysis.scores["learning_curve"]
    remarks = [remark for remark in list_remarks([analysis], None) if remark.startswith("Learning curve: ")]
    assert len(remarks) == 1
    for setting in curve.outcomes["splitters"]:
        assert f"{curve.metrics[f'learning_curve.{setting}.folds']:.0f} at {setting[1:]} %" in remarks[0]
    assert "took the place of StratifiedKFold" in remarks[0]
    assert "of 50, " in remarks[0]


def test_fractions_that_cannot_be_drawn_are_told(make_analysis: Make) -> None:
    """A tenth of eight images holds no three classes."""
    analysis = make_analysis((4, 2, 2), protocols=("learning_curve",))
    assert "f10" not in analysis.scores["learning_curve"].outcomes["splitters"]
    assert any("no point at 10 %" in remark for remark in list_remarks([analysis], None))


def test_large_classes_need_no_word_on_folds_or_shots(make_analysis: Make) -> None:
    """Sixty images per class: a tenth of them still has five folds."""
    analysis = make_analysis((60, 60), protocols=("learning_curve", "few_shot"))
    assert set(analysis.scores) == {"learning_curve", "few_shot"}
    assert list_remarks([analysis], None) == []


def test_classes_too_small_for_all_shots_are_told(make_analysis: Make) -> None:
    """Twenty shots and one to name are 21 images; a single image is never learnt."""
    analysis = make_analysis((21, 20, 1), protocols=("few_shot",))
    remarks = [remark for remark in list_remarks([analysis], None) if remark.startswith("Few-shot: ")]
    assert remarks[0].startswith("Few-shot: 2 classes of at most 20 images")
    assert remarks[1] == "Few-shot: a class of one image is never learnt and always named wrong."


def test_what_is_missing_is_told_once_with_its_reason(make_analysis: Make) -> None:
    """Protocols with the same reason share a sentence, and so do models."""
    models = [make_analysis((12, 1), model=name, protocols=("knn", "linear")) for name in ("a", "b")]
    assert set(models[0].skipped) == {"knn", "linear"} <= set(PROTOCOLS)
    missing = [remark for remark in list_remarks(models, None) if remark.startswith("Missing: ")]
    assert missing == [f"Missing: knn, linear: {models[0].skipped['knn']}."]
