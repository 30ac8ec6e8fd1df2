"""The figures: what they show, that it can be read, and that names of any kind are drawn as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from scipy.spatial.distance import pdist, squareform

from leaderboard.errors import Unavailable
from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.report.comparison import compare_models
from leaderboard.report.examples import find_medoids
from leaderboard.report.figures import (
    describe_outliers,
    draw_class_map,
    draw_cluster_maps,
    draw_confusion,
    draw_distances,
    draw_few_shot,
    draw_figures,
    draw_learning_curve,
    draw_medoids,
    draw_outliers,
    draw_precision_recall,
    draw_queries,
)
from leaderboard.report.figures._style import NOISE, RIGHT, WRONG, plain, styled
from leaderboard.report.figures.distances import choose_pairs, compute_distances
from leaderboard.report.saving import save_figure

Make = Callable[..., Analysis]
AWKWARD = ("$\\frac{$", "<b>bold</b> & more", "two\nlines", "\udce9 undecodable", "W" * 60, "%_#~^\\")
COUNTS = {"two": (9, 7), "twenty": (5,) * 20, "sixty": (5,) * 60}


def texts(figure: Figure) -> list[str]:
    """Everything that is written."""
    return [text.get_text() for text in _find_texts(figure)]


def _find_texts(figure: Figure) -> list[Text]:
    """Texts that are drawn and not empty."""
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def _measure(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text with its box on the page, in pixels."""
    with styled():
        figure.draw_without_rendering()
    return [(text.get_text(), text.get_window_extent()) for text in _find_texts(figure)]


def find_overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes cover each other by more than half a pixel both ways."""
    return [
        (one, other)
        for (one, a), (other, b) in combinations(_measure(figure), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5
    ]


def find_outside(figure: Figure) -> list[str]:
    """Texts that the edge of the page cuts."""
    page = figure.bbox.padded(1)
    return [text for text, box in _measure(figure) if not page.contains(*box.min) or not page.contains(*box.max)]


def scatters(figure: Figure) -> list[PathCollection]:
    """The groups of points of a figure's first axes."""
    return [found for found in figure.axes[0].collections if isinstance(found, PathCollection)]


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_a_map_shows_every_image_and_every_class_its_own_way(make_analysis: Make, counts: tuple[int, ...]) -> None:
    """No two classes share colour and marker, and each is in the legend by name."""
    analysis = make_analysis(counts, protocols=())
    figure = draw_class_map(analysis, "UMAP")
    assert figure
    drawn = np.vstack([group.get_offsets() for group in scatters(figure)])
    assert sorted(drawn.tolist()) == sorted(analysis.maps["UMAP"].tolist())
    looks = {(to_hex(group.get_facecolor()[0]), group.get_paths()[0].vertices.tobytes()) for group in scatters(figure)}
    assert len(looks) == len(counts)
    assert set(analysis.embeddings.classes) <= set(texts(figure))


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
@pytest.mark.parametrize("long", [False, True], ids=["short names", "long names"])
def test_nothing_is_written_over_anything(make_analysis: Make, counts: tuple[int, ...], long: bool) -> None:
    """Legend, axis and cell texts of a map and of a confusion matrix stand apart and inside the page."""
    names = [f"Spiniferites number {number} of the very long names" for number in range(len(counts))] if long else None
    analysis = make_analysis(counts, names=names, protocols=("linear",))
    for figure in (draw_class_map(analysis, "PCA"), draw_confusion(analysis)):
        assert figure
        assert find_overlaps(figure) == []
        assert find_outside(figure) == []


def test_long_names_are_cut_in_the_middle() -> None:
    """Species of one genus differ at the end of their names."""
    names = [f"Hystrichosphaeridium tubiferum brevispinum variety {number}" for number in range(3)]
    assert len({plain(name) for name in names}) == 3
    assert all(len(plain(name)) <= 28 and plain(name).startswith("Hystricho") for name in names)
    assert plain("short") == "short"


def test_names_are_no_markup(
    make_analysis: Make, make_thumbnails: Callable, cluster_scores: Callable, curve_scores: dict, tmp_path: Path
) -> None:
    """Dollars, braces, control characters and undecodable bytes in names of classes and models break no figure."""
    counts = (8,) * len(AWKWARD)
    scores = {**curve_scores, "clustering": cluster_scores(sum(counts))}
    analysis = make_analysis(counts, names=AWKWARD, model="$mo_del$ {", scores=scores)
    pictures = list(draw_figures([analysis], make_thumbnails(sum(counts)), [("$20 {best}", 0.9)]))
    for picture in pictures:
        save_figure(tmp_path, picture.name, picture.figure)
    assert len(pictures) == 12
    written = texts(next(picture.figure for picture in pictures if picture.name.startswith("confusion")))
    assert {"$\\frac{$", "<b>bold</b> & more", "two lines", "? undecodable", "%_#~^\\"} <= set(written)
    assert any("$mo_del$ {" in text for text in written)


def test_without_labels_a_map_has_one_colour(make_analysis: Make) -> None:
    """And no legend."""
    analysis = make_analysis(protocols=())
    unlabelled = replace(analysis, embeddings=replace(analysis.embeddings, labels=np.zeros(0, np.int64), classes=()))
    figure = draw_class_map(unlabelled, "PCA")
    assert figure
    assert len(scatters(figure)) == 1
    assert figure.legends == []


def test_what_was_not_computed_is_not_drawn(make_analysis: Make, make_thumbnails: Callable) -> None:
    """Each function gives None, and the report has only what needs no protocol."""
    analysis = replace(make_analysis(protocols=()), outlier_scores=None, maps={})
    pictures = make_thumbnails(30)
    assert draw_class_map(analysis, "PCA") is None
    assert draw_cluster_maps(analysis) is None
    assert draw_confusion(analysis) is None
    assert draw_precision_recall([analysis]) is None
    assert draw_learning_curve([analysis]) is None
    assert draw_few_shot([analysis]) is None
    assert draw_queries(analysis, pictures, best=True) is None
    assert draw_outliers(analysis, pictures) is None
    assert draw_medoids(analysis, pictures) is None
    assert [picture.name for picture in draw_figures([analysis], pictures)] == ["distances.toy"]


def test_the_precision_recall_curve_has_the_area_that_is_reported(make_analysis: Make) -> None:
    """The trapezoids under the line that is drawn are ``pr_auc``."""
    first, second = make_analysis(seed=1, model="one"), make_analysis(seed=2, model="two")
    figure = draw_precision_recall([first, second])
    assert figure
    closed = [line.get_xydata() for line in figure.axes[0].lines if len(line.get_xydata()) > 2][::2]
    assert {line.get_linestyle() for line in figure.axes[0].lines if len(line.get_xdata()) > 2} == {":", "-"}
    measured = next(line.get_xydata() for line in figure.axes[0].lines if line.get_linestyle() == "-")
    assert measured.tolist() == closed[0][1:-1].tolist()
    areas = [float(np.trapezoid(line[:, 1], line[:, 0])) for line in closed]
    assert areas == pytest.approx([analysis.metrics["retrieval.pr_auc"] for analysis in (first, second)])
    assert find_overlaps(figure) == []


def test_the_legend_of_precision_and_recall_has_the_interval_at_n(make_analysis: Make) -> None:
    """Where the models were compared; half of the interval of the leaderboard."""
    models = [
        make_analysis(seed=1, model="one"),
        make_analysis(seed=2, model="two-with-a-name-of-just-forty-characters"),
    ]
    compared = compare_models(models)
    figure, bare = draw_precision_recall(models, compared), draw_precision_recall(models)
    assert figure
    assert bare
    for model in models:
        value = f"P@N {model.metrics['retrieval.precision_at_n']:.3f}"
        half = compared["retrieval.precision_at_n"].of[model.model].half_width
        assert any(text.startswith(model.model) and text.endswith(f"{value} ± {half:.3f}") for text in texts(figure))
        assert any(text.startswith(model.model) and text.endswith(value) for text in texts(bare))
    assert find_overlaps(figure) == []
    assert not [text for text in find_outside(figure) if "P@N" in text]


def test_the_learning_curve_shows_means_deviations_and_levels(make_analysis: Make, curve_scores: dict) -> None:
    """Fractions that are missing are left out; the majority class and the literature are lines across."""
    analysis = make_analysis((12, 10, 8), scores=curve_scores, protocols=())
    figure = draw_learning_curve([analysis], [("others", 0.9), ("still others", 0.91)])
    assert figure
    line, _, bars = figure.axes[0].containers[0].lines
    assert line.get_ydata() == pytest.approx([0.55, 0.9])
    assert line.get_xdata() == pytest.approx([30, 100], abs=1)
    half = [float(np.ptp(segment[:, 1])) / 2 for segment in bars[0].get_segments()]
    assert half == pytest.approx([0.085, 0.05])
    levels = {label.get_label(): label.get_ydata()[0] for label in figure.axes[0].lines if len(label.get_ydata()) == 2}
    assert levels["largest class always: 0.400"] == pytest.approx(0.4)
    assert levels["others: 0.900"] == 0.9
    assert {"toy, logistic regression", "toy, nearest neighbours"} <= set(texts(figure))
    assert find_overlaps(figure) == []


def test_the_lines_of_models_are_told_apart(make_analysis: Make, curve_scores: dict) -> None:
    """By colour and marker, those of classifiers by dashes and filling; equal values do not hide each other."""
    analyses = [make_analysis(scores=curve_scores, protocols=(), model=model) for model in ("one", "two")]
    figure = draw_few_shot(analyses)
    assert figure
    lines = [container.lines[0] for container in figure.axes[0].containers]
    looks = {(ln.get_color(), ln.get_marker(), ln.get_linestyle(), ln.get_markerfacecolor()) for ln in lines}
    assert len(looks) == 4
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 2
    assert len({round(float(line.get_xdata()[0]), 4) for line in lines}) == 4


def test_the_few_shot_axis_is_logarithmic(make_analysis: Make, curve_scores: dict) -> None:
    """With a tick at every number of shots, and none between."""
    figure = draw_few_shot([make_analysis(scores=curve_scores, protocols=())])
    assert figure
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels(which="both")] == ["1", "2", "3", "5", "10", "20"]


def test_the_confusion_matrix_is_normalised_by_row(make_analysis: Make) -> None:
    """Rows sum to 100 %, and the counts beside them to the images tested in ten splits."""
    analysis = make_analysis()
    figure = draw_confusion(analysis)
    assert figure
    shares = np.asarray(figure.axes[0].images[0].get_array())
    counts = np.asarray(analysis.scores["linear"].outcomes["confusion"])
    assert shares.sum(axis=1) == pytest.approx([100] * 3)
    assert shares == pytest.approx(100 * counts / counts.sum(axis=1, keepdims=True))
    assert {str(total) for total in counts.sum(axis=1)} <= set(texts(figure))


def test_a_class_without_test_images_has_an_empty_row(make_analysis: Make) -> None:
    """Not NaN."""
    scores = {"linear": Scores({}, outcomes={"confusion": [[4, 0], [0, 0]]})}
    figure = draw_confusion(make_analysis((5, 1), scores=scores, protocols=()))
    assert figure
    assert figure.axes[0].images[0].get_array().tolist() == [[100, 0], [0, 0]]


@pytest.mark.parametrize("labelled", [True, False])
def test_clusters_are_coloured_and_noise_is_grey(make_analysis: Make, cluster_scores: Callable, labelled: bool) -> None:
    """One panel per clustering; its title has ARI and AMI only where there are labels."""
    scores = {"clustering": cluster_scores(30, labelled=labelled)}
    figure = draw_cluster_maps(make_analysis(scores=scores, protocols=()), "PCA")
    assert figure
    panels = {axes.get_title(loc="left").splitlines()[0]: axes for axes in figure.axes}
    assert list(panels) == ["k-means (K chosen), in PCA space", "HDBSCAN, in PCA space"]
    hdbscan = panels["HDBSCAN, in PCA space"]
    sizes = {to_hex(group.get_facecolor()[0]): len(group.get_offsets()) for group in hdbscan.collections}
    assert sizes[NOISE] == 6
    assert sorted(sizes.values()) == [6, 12, 12]
    scored = "2 clusters, ARI 0.31, AMI 0.42, 20.0 % noise" if labelled else "2 clusters, 20.0 % noise"
    assert hdbscan.get_title(loc="left").splitlines()[1] == scored


def test_distances_of_pairs_are_cosine_distances() -> None:
    """They agree with SciPy's; a zero vector is at distance one from everything."""
    vectors = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    assert compute_distances(vectors, *choose_pairs(40)) == pytest.approx(pdist(vectors, "cosine"), abs=1e-5)
    vectors[0] = 0
    assert compute_distances(vectors, np.array([0]), np.array([1])).tolist() == [1.0]


def test_many_pairs_are_sampled() -> None:
    """As many as asked for, the same every time, never an image with itself, and all images equally often."""
    first, second = choose_pairs(500, limit=50_000)
    again = choose_pairs(500, limit=50_000)
    assert (first != second).all()
    assert (first == again[0]).all()
    assert (second == again[1]).all()
    often = np.bincount(np.concatenate([first, second]), minlength=500)
    assert (often.min(), often.max()) == pytest.approx((200, 200), rel=0.3)


def test_the_histogram_separates_pairs_within_and_between_classes(make_analysis: Make) -> None:
    """Its legend counts both; with a class for each image there are none within."""
    figure = draw_distances(make_analysis((12, 10, 8), protocols=()))
    assert figure
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [label.split(",")[0] for label in labels] == ["within a class: 139 pairs", "between classes: 296 pairs"]
    lonely = draw_distances(make_analysis((1,) * 4, protocols=()))
    assert lonely
    assert [text.get_text().split(":")[0] for text in lonely.legends[0].get_texts()] == ["between classes"]
    assert draw_distances(make_analysis((1,), protocols=())) is None


@pytest.mark.parametrize("best", [True, False])
def test_queries_are_ordered_by_precision_at_n(make_analysis: Make, make_thumbnails: Callable, best: bool) -> None:
    """Ten queries by a plain count of their neighbours; an image alone in its class asks nothing."""
    analysis = make_analysis((9, 8, 7, 1), seed=3)
    vectors, labels = analysis.embeddings.vectors.astype(np.float64), analysis.embeddings.labels
    distances = squareform(pdist(vectors))
    precision = {}
    for query in np.flatnonzero(labels != 3):
        others = np.argsort(distances[query] + 1e9 * (np.arange(25) == query), kind="stable")
        wanted = int((labels == labels[query]).sum()) - 1
        precision[int(query)] = float((labels[others[:wanted]] == labels[query]).mean())
    expected = sorted(precision, key=lambda query: (-precision[query] if best else precision[query], query))[:10]
    figure = draw_queries(analysis, make_thumbnails(25), best=best)
    assert figure
    captions = [text for text in texts(figure) if "query" in text]
    wanted = [f"genus-{labels[query]}\nquery, P@N {precision[query]:.2f}" for query in expected]
    assert captions == wanted


def test_right_and_wrong_are_marked_twice(make_analysis: Make, make_thumbnails: Callable) -> None:
    """A tick and a solid green frame, or a cross and a dashed red one, for each of the neighbours."""
    analysis = make_analysis((9, 8, 7), seed=3)
    figure = draw_queries(analysis, make_thumbnails(24), best=False)
    assert figure
    frames = [(to_hex(frame.get_edgecolor()), frame.get_linestyle()) for frame in figure.findobj(Rectangle)]
    green, red = (sum(color == wanted for color, _ in frames) for wanted in (RIGHT, WRONG))
    assert (texts(figure).count("✓"), texts(figure).count("✗")) == (green, red)
    assert green + red == 80
    assert 0 < green < 80
    lines = {color: {line for other, line in frames if other == color} for color in (RIGHT, WRONG)}
    assert lines[RIGHT].isdisjoint(lines[WRONG])
    assert find_overlaps(figure) == []


def test_a_grid_shows_the_thumbnails_themselves(make_analysis: Make, make_thumbnails: Callable) -> None:
    """The middle of each tile has the grey of its image; without its thumbnail the place says so."""
    analysis = replace(make_analysis(protocols=()), outlier_scores=np.arange(30.0))
    pictures = make_thumbnails(30)
    del pictures[28]
    figure = draw_outliers(analysis, pictures)
    assert figure
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    assert [sheet[57, 57 + 114 * place, 0] for place in (0, 2, 9)] == [29, 27, 20]
    assert sheet[57, 57 + 114, 0] == 255
    assert texts(figure).count("no picture") == 1
    assert draw_outliers(analysis, {}) is None


def test_outliers_are_the_highest_scores(make_analysis: Make, make_thumbnails: Callable) -> None:
    """Twenty of them, highest first; an image without a score is none."""
    scores = np.linspace(0, 0.87, 30)[::-1].copy()
    scores[4] = np.nan
    figure = draw_outliers(replace(make_analysis(protocols=()), outlier_scores=scores), make_thumbnails(30))
    assert figure
    shown = [float(text.rpartition(" ")[2]) for text in texts(figure) if "\nscore" in text]
    assert shown == [round(score, 2) for score in sorted(scores[np.isfinite(scores)], reverse=True)[:20]]


def test_medoids_are_nearest_to_the_centre(
    make_analysis: Make, make_thumbnails: Callable, cluster_scores: Callable
) -> None:
    """Of the normalised vectors; one picture per cluster, noise has none, with the commonest class and its share."""
    vectors = np.array([[1, 0], [10, 1], [1, 0.3], [0, 1], [0.1, 5], [-0.4, 1]], np.float32)
    assert find_medoids(vectors, [np.array([0, 1, 2]), np.array([3, 4, 5])]) == [1, 3]
    analysis = make_analysis(scores={"clustering": cluster_scores(30)}, protocols=())
    figure = draw_medoids(analysis, make_thumbnails(30), "pca.hdbscan")
    assert figure
    assert len(figure.findobj(Rectangle)) - 2 == 2  # without the backgrounds of figure and axes
    captions = [text.splitlines() for text in texts(figure) if " of 12" in text]
    assert [caption[0] for caption in captions] == ["cluster 1", "cluster 2"]
    assert find_overlaps(figure) == find_outside(figure) == []
    assert draw_medoids(analysis, make_thumbnails(30), "umap.hdbscan") is None


def test_published_results_are_levels_of_the_learning_curve_alone(make_analysis: Make, curve_scores: dict) -> None:
    """They were reached with all training images, so a few-shot curve is not held against them; the caption says so."""
    analysis = make_analysis(scores=curve_scores, protocols=())
    with_line, without = (
        {picture.name: picture for picture in draw_figures([analysis], {}, literature)}
        for literature in ([("others", 0.9)], [])
    )
    drawn = {name for name, picture in with_line.items() if "others: 0.900" in texts(picture.figure)}
    assert drawn == {"learning-curve"}
    said = {name for name, picture in with_line.items() if "published results" in picture.caption}
    assert said == {"learning-curve"}
    assert "published" not in without["learning-curve"].caption


@pytest.mark.parametrize(
    ("noise", "end"),
    [
        (None, "in the table of outliers."),
        (0.2, "HDBSCAN left 20 % of all images without a cluster."),
        (0.57, "57 % of all images without a cluster: with so much noise the scores say little here."),
    ],
)
def test_the_caption_of_outliers_claims_no_more_than_is_known(
    make_analysis: Make, noise: float | None, end: str
) -> None:
    """The highest scores are shown, high or not; with much noise they say little."""
    known = {} if noise is None else {"clustering.pca.hdbscan.noise_fraction": noise}
    caption = describe_outliers(make_analysis(scores={"clustering": Scores(known)}, protocols=()))
    assert caption.startswith("The images with the highest outlier scores")
    assert caption.endswith(end)


def test_models_of_one_name_do_not_share_files(make_analysis: Make, make_thumbnails: Callable) -> None:
    """Every picture has a name of its own, fit for a file, and a caption."""
    analyses = [make_analysis(model="a/b c"), make_analysis(model="a/b c", seed=1)]
    pictures = list(draw_figures(analyses, make_thumbnails(30)))
    names = [picture.name for picture in pictures]
    assert len(set(names)) == len(names) == 15
    assert not any(set(name) & set("/ \\:") for name in names)
    assert all(picture.caption.endswith(".") for picture in pictures)


def test_files_are_the_same_bytes_every_time(
    make_analysis: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user's own settings; fonts are embedded as TrueType, dates are not, nothing else is left behind."""
    analysis = make_analysis()
    for folder, size in (("one", 10.0), ("two", 31.0)):
        monkeypatch.setitem(matplotlib.rcParams, "font.size", size)
        monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 20 * size)
        figure = draw_confusion(analysis)
        assert figure
        save_figure(tmp_path / folder, "confusion", figure)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["confusion.pdf", "confusion.png"]
    for name in ("confusion.pdf", "confusion.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    document = (tmp_path / "one" / "confusion.pdf").read_bytes()
    assert b"/FontFile2" in document
    assert b"Date" not in document


def test_without_the_library_one_line_says_what_to_install(
    make_analysis: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra, not a traceback."""
    analysis = make_analysis(protocols=())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Unavailable, match=r"matplotlib, which is not installed; `pip install .*\[analysis\]") as raised:
        draw_class_map(analysis, "PCA")
    assert "\n" not in str(raised.value)
