"""The front page: what its tables show of rows that are ranked, tied, reported, stale or broken; filters; overview."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from leaderboard.records import Cell, Reported, Result, Source
from leaderboard.registry import Registry
from leaderboard.sections import NO_NEWS, News, Section, compute_section, compute_sections
from leaderboard.site.front.index import build_overview, describe_lead, group_tables, list_choices, list_index_pages
from leaderboard.site.front.licences import classify_licence
from leaderboard.site.front.lines import Line
from leaderboard.site.front.table import Table, build_table
from leaderboard.site.material import Material

F1, MAP = "knn1.f1_macro", "retrieval.map"
SPEED = {"images_per_second": 47.94, "hardware": "x86_64", "device": "cpu", "dtype": "float32", "threads": 2}


@pytest.fixture
def tabulate(crowd: Registry) -> Callable[..., Table]:
    """The front page's table of some results, of three models on grains unless another registry is given."""

    def build(results: Sequence[Result], board: Registry = crowd, news: News = NO_NEWS) -> Table:
        return build_table(compute_section(board, board.dataset("grains"), results, news), board.models)

    return build


@pytest.fixture
def read_front(crowd: Registry) -> Callable[..., str]:
    """The markup of index.html for some results."""

    def render(results: Sequence[Result], board: Registry = crowd, news: News = NO_NEWS) -> str:
        material = Material(board, results, compute_sections(board, results, news))
        return list_index_pages(material)["index.html"].decode()

    return render


def find_line(table: Table, model: str) -> Line:
    """The row of a model, measured before reported."""
    return next(line for line in (*table.measured, *table.reported) if line.model.id == model)


def list_groups(sections: Sequence[Section], board: Registry) -> dict[str, list[str]]:
    """What a visitor chooses a data set from."""
    groups = group_tables([build_table(section, board.models) for section in sections])
    return {title: [table.dataset.id for table in own] for title, own in groups.items()}


# ---- rows


def test_models_that_share_a_place_say_with_whom(measure, tabulate) -> None:
    """The first of them is marked as such; a model with a place of its own names nobody."""
    table = tabulate([measure("toy", 40), measure("top", 4), measure("tin", 5)])
    shown = [(line.model.id, line.place.split()[0], line.tied, line.leads) for line in table.measured]
    assert shown == [("top", "1=", "tin", True), ("tin", "1=", "top", False), ("toy", "3", "", True)]


def test_a_large_tie_is_counted_and_not_listed(measure, crowd, tabulate) -> None:
    """Six equal models: each is tied with five others."""
    board = replace(crowd, models={f"m{n}": replace(crowd.model("toy"), id=f"m{n}") for n in range(6)})
    table = tabulate([measure(model, 8) for model in board.models], board)
    assert {line.tied for line in table.measured} == {"5 others"}


def test_figures_are_shown_rounded_and_sorted_unrounded(measure, tabulate) -> None:
    """Three decimals, and half of the interval with as many."""
    result = measure("toy", 8)
    figure = tabulate([result, measure("top", 40)]).measured[0].drawn
    assert figure.text == f"{result.metrics[F1]:.3f}"
    assert figure.value == result.metrics[F1]
    assert re.fullmatch(r"0\.0\d\d", figure.half)


def test_reported_figures_stand_apart_with_their_own_decimals(measure, crowd, with_model, tabulate) -> None:
    """They have no place and no interval, and cannot be picked for a comparison, however good they are."""
    board = with_model(crowd, "tin", reported={"grains": Reported({F1: 0.99}, "Somebody, 2024", 21_000_000)})
    table = tabulate([measure("toy", 8), measure("top", 40)], board)
    [line] = table.reported
    assert (line.drawn.text, line.drawn.half, line.place, line.is_compared) == ("0.99", "", "", False)
    assert line.parameters.text == "21M"
    assert "Somebody, 2024" in table.sources
    assert "tin" not in [one.model.id for one in table.measured]


def test_of_a_corrupt_row_no_figure_is_shown_and_the_reason_is(measure, tabulate) -> None:
    """A figure that its outcomes contradict is nobody's result."""
    table = tabulate([measure("toy", 8), measure("top", 8), measure("tin", 8, metrics={F1: 0.99})])
    line = find_line(table, "tin")
    assert {line.drawn.text, *(figure.text for figure in line.figures)} == {"–"}
    assert line.status == "corrupt"
    assert "0.99" in line.remarks


def test_a_stale_row_is_shown_without_place_and_interval(measure, tabulate) -> None:
    """And it says what changed."""
    table = tabulate([measure("toy", 8), measure("top", 20), measure("tin", 2, inputs={"dataset": "e" * 64})])
    line = table.measured[-1]
    assert (line.model.id, line.status, line.place, line.drawn.half) == ("tin", "stale", "", "")
    assert line.drawn.value is not None
    assert "changed" in line.remarks


def test_speeds_are_of_the_commonest_machine_alone(measure, tabulate) -> None:
    """Another one's is left out, with the reason in its place."""
    speeds = {"toy": SPEED, "top": SPEED, "tin": SPEED | {"threads": 64, "images_per_second": 9000.0}}
    table = tabulate([measure(model, 8, speed=speed) for model, speed in speeds.items()])
    assert table.machine == "cpu (x86_64, 2 threads), float32"
    assert find_line(table, "toy").speed.text == "47.9"
    assert (find_line(table, "tin").speed.text, find_line(table, "tin").speed.value) == ("–", None)
    assert "64 threads" in find_line(table, "tin").speed.why


def test_weights_behind_a_gate_are_told(measure, crowd, with_model, tabulate) -> None:
    """A copy that is open is told with them."""
    gated = Source("hub", "someone/model", gated=True)
    board = with_model(crowd, "toy", sources=(gated,))
    board = with_model(board, "top", sources=(gated, replace(gated, gated=False)))
    weights = {"source": str(gated)}
    table = tabulate([measure(id_, 8, model={"weights": weights}) for id_ in ("toy", "top", "tin")], board)
    gates = {line.model.id: line.gate for line in table.measured}
    assert gates == {"toy": "gated", "top": "gated, copy open", "tin": ""}


# ---- tables


def test_the_pale_band_is_as_wide_as_the_smallest_difference(measure, crowd, tabulate) -> None:
    """It ends at the best figure."""
    results = [measure("toy", 8), measure("top", 20), measure("tin", 40)]
    table, standings = tabulate(results), compute_section(crowd, crowd.dataset("grains"), results).standings
    low, high = table.band
    assert high == table.scale.place(max(standing.value for standing in standings.of.values()))
    width = (high - low) / 100 * (table.scale.high - table.scale.low)
    assert width == pytest.approx(standings.resolution, abs=2e-4)


def test_every_interval_and_every_reported_figure_is_on_the_scale(measure, crowd, with_model, tabulate) -> None:
    """One scale for the whole table."""
    board = with_model(crowd, "tin", reported={"grains": Reported({F1: 0.12}, "Somebody")})
    table = tabulate([measure("toy", 8), measure("top", 20)], board)
    best = table.measured[0].drawn
    assert table.scale.low <= 0.12
    assert table.scale.high >= best.value + best.half_width
    assert all(table.scale.low <= tick <= table.scale.high for tick in table.ticks)
    assert len(table.ticks) >= 2


def test_without_a_ranking_figure_the_first_that_anybody_has_is_drawn(crowd, with_model, tabulate) -> None:
    """Columns without any figure are left out; nothing is ranked."""
    columns = {"grains": replace(crowd.dataset("grains"), columns=(F1, MAP, "knn1.accuracy"))}
    board = with_model(replace(crowd, datasets=columns), "tin", reported={"grains": Reported({MAP: 0.5}, "x")})
    table = tabulate([], board)
    assert (table.drawn.key, table.columns, table.band, table.is_ranked) == (MAP, [], None, False)
    assert [model.id for model in table.missing] == ["toy", "top"]
    assert table.summary == "nothing measured"


def test_a_first_click_on_a_loss_brings_the_low_ones_up(measure, crowd, tabulate) -> None:
    """Figures of which less is better start from the low end, all others from the high end."""
    columns = {"grains": replace(crowd.dataset("grains"), columns=(F1, "linear.log_loss"))}
    table = tabulate([measure("toy", 8, metrics={"linear.log_loss": 0.5})], replace(crowd, datasets=columns))
    assert (table.drawn.is_falling, table.columns[0].is_falling) == (True, False)


def test_only_two_comparable_rows_can_be_picked_for_a_comparison(measure, tabulate) -> None:
    """With a single one there is nothing to pick."""
    assert tabulate([measure("toy", 8), measure("top", 8)]).has_pairs
    assert not tabulate([measure("toy", 8), measure("top", 8, inputs={"dataset": "e" * 64})]).has_pairs


def test_a_search_finds_missing_models_by_what_it_finds_others(measure, crowd, with_model, tabulate) -> None:
    """Title, family and tags; the command selects no model whose name holds this one."""
    board = with_model(crowd, "top", family="Spinners", tags=("wood",))
    board = replace(board, models=board.models | {"top-large": replace(board.model("top"), id="top-large")})
    table = tabulate([measure("toy", 8), measure("tin", 9)], board)
    missing = {model.id: model for model in table.missing}
    assert {"top", "spinners", "wood"} <= set(missing["top"].words.split())
    assert missing["top"].command == 'pytest -k "top and not top-large and grains"'
    assert missing["top-large"].command == 'pytest -k "top-large and grains"'


# ---- what is not measured


def test_only_rows_with_figures_are_counted_as_measured(measure, tabulate) -> None:
    """Not a corrupt cell; a stale one by that name; and not what a run could not measure."""
    stale = measure("tin", 2, inputs={"dataset": "e" * 64})
    news = News(statuses={Cell("top", "grains"): ("gated", "log in")})
    gated = tabulate([measure("toy", 8), stale], news=news)
    assert [line.model.id for line in gated.measured] == ["toy", "tin", "top"]
    assert (gated.summary, gated.has_measured) == ("1 measured, 1 stale", True)
    assert [line.kind for line in gated.measured] == ["measured", "measured", ""]
    assert tabulate([measure("toy", 8), measure("tin", 8, metrics={F1: 0.99})]).summary == "1 measured"


@pytest.mark.parametrize("status", ["gated", "unreachable"])
def test_what_no_run_could_measure_is_nothing_measured(crowd, with_model, tabulate, read_front, status: str) -> None:
    """The data set stands among those of others' figures, the note says so, and nothing is said of an order."""
    news = News(statuses={Cell("top", "grains"): (status, "no licence accepted")})
    board = with_model(crowd, "tin", reported={"grains": Reported({F1: 0.9}, "x")})
    table = tabulate([], board, news)
    assert [line.status for line in table.measured] == [status]
    assert (table.summary, table.has_measured, table.findings) == ("nothing measured", False, [])
    sections = compute_sections(board, [], news)
    assert list_groups(sections, board) == {"Only reported by others": ["grains"]}
    text = read_front([], board, news)
    assert "Nothing is measured here yet: the figures are those that others published." in text
    assert "95 % interval" not in text


def test_an_interval_is_promised_only_where_one_is_drawn(measure, crowd, read_front) -> None:
    """A figure without evidence has none, and neither has a stale row."""
    few_shot = "few_shot.lr.k5.top1"
    board = replace(crowd, datasets={"grains": replace(crowd.dataset("grains"), columns=(few_shot, F1))})
    results = [measure(model, 8, metrics={few_shot: 0.5}) for model in ("toy", "top")]
    assert "5 shots with its 95 % interval" not in read_front(results, board)
    assert "NN F1 with its 95 % interval" in read_front(results)
    stale = [measure("toy", 8, inputs={"dataset": "e" * 64})]
    assert "with its 95 % interval" not in read_front(stale)


def test_reported_rows_stand_in_the_common_order(crowd, with_model, tabulate) -> None:
    """Best first by the first column that any of them has; of a loss the least is best."""
    loss = "linear.log_loss"
    board = replace(crowd, datasets={"grains": replace(crowd.dataset("grains"), columns=(F1, loss))})
    for model, value in (("toy", 0.3), ("top", 0.1), ("tin", 0.2)):
        board = with_model(board, model, reported={"grains": Reported({loss: value}, "x")})
    assert [line.model.id for line in tabulate([], board).reported] == ["top", "tin", "toy"]


# ---- the page


@pytest.mark.parametrize(
    ("licence", "group"),
    [
        ("Apache-2.0", "open"),
        ("MIT", "open"),
        ("CC-BY-4.0", "open"),
        ("CC-BY-NC-4.0", "restricted"),
        ("DINOv3 License", "restricted"),
        ("something new", "restricted"),
        (None, "unstated"),
    ],
)
def test_a_licence_is_open_only_where_it_is_known_to_be(licence: str | None, group: str) -> None:
    """What nobody here has read is taken for restricted."""
    assert classify_licence(licence) == group


def test_filters_offer_what_there_is(measure, crowd, with_model, tabulate) -> None:
    """Families by name, and only groups of licences that some row has."""
    reported = {"grains": Reported({F1: 0.9}, "x", 3_000_000)}
    board = with_model(with_model(crowd, "toy", family="Toys", reported=reported), "tin", family="Cans", licence=None)
    choices = {choice.key: choice for choice in list_choices([tabulate([measure(m, 8) for m in board.models], board)])}
    assert [value for value, _ in choices["family"].options] == ["Cans", "Toys"]
    assert [value for value, _ in choices["licence"].options] == ["open", "unstated"]
    assert [value for value, _ in choices["size"].options] == ["5", "25", "100"]


def test_a_filter_that_would_hide_nothing_is_not_offered(measure, tabulate) -> None:
    """All rows of one kind, licence and access."""
    offered = {choice.key for choice in list_choices([tabulate([measure("toy", 8), measure("top", 9)])])}
    assert not offered & {"kind", "licence", "access"}


def test_the_lead_is_about_the_first_ranked_data_set(measure, crowd) -> None:
    """It says who is ahead there; smoke tests say nothing."""
    results = [measure("toy", 8), measure("top", 40)]
    dataset, sentence = describe_lead(compute_sections(crowd, results))
    assert dataset == "grains"
    assert sentence.startswith("best of the 2 compared is toy (")
    smoke = {"grains": replace(crowd.dataset("grains"), ranked=False)}
    assert describe_lead(compute_sections(replace(crowd, datasets=smoke), results)) is None


def test_the_overview_has_figures_and_places_of_every_ranked_data_set(measure, two_sets) -> None:
    """A model that lacks one is missing there; for a single data set there is no overview."""
    results = [measure("toy", 8), measure("top", 40), replace(measure("toy", 8), dataset="spores")]
    overview = build_overview(compute_sections(two_sets, results))
    assert [id_ for id_, _ in overview.heads] == ["grains", "spores"]
    cells = {model.id: [(figure.text, place) for figure, place in own] for model, own in overview.lines}
    assert cells["top"][1] == ("–", "")
    assert [place for _, place in cells["toy"]] == ["1", "1"]
    assert build_overview(compute_sections(two_sets, results[:2])) is None


def test_measured_data_sets_are_offered_before_those_that_are_only_reported(
    measure, two_sets, with_model, tabulate
) -> None:
    """Smoke tests come last, whatever is measured there."""
    board = with_model(two_sets, "tin", reported={"spores": Reported({F1: 0.9}, "x")})
    smoke = replace(board.dataset("grains"), id="drawn", ranked=False)
    board = replace(board, datasets=board.datasets | {"drawn": smoke})
    results = [measure("toy", 8), replace(measure("toy", 8), dataset="drawn")]
    found = list_groups(compute_sections(board, results), board)
    assert found == {"Measured": ["grains"], "Only reported by others": ["spores"], "Smoke tests": ["drawn"]}
    assert list(found) == ["Measured", "Only reported by others", "Smoke tests"]


def test_a_notice_stands_in_every_table_that_shows_the_model(measure, two_sets, with_model, read_front) -> None:
    """Of each data set, and in the overview."""
    board = with_model(two_sets, "toy", notice="Built with Toys")
    results = [replace(measure(model, 8), dataset=where) for model in ("toy", "top") for where in ("grains", "spores")]
    assert read_front(results, board).count("Built with Toys") == 3


def test_a_smoke_test_says_that_it_is_no_evidence(measure, crowd, read_front) -> None:
    """And has no places."""
    smoke = replace(crowd, datasets={"grains": replace(crowd.dataset("grains"), ranked=False)})
    text = read_front([measure("toy", 8), measure("top", 40)], smoke)
    assert "no evidence about real fossils" in text
    assert 'class="place"' not in text


def test_the_same_material_gives_the_same_pages_whatever_the_order_of_files(measure, read_front) -> None:
    """Byte by byte."""
    results = [measure("toy", 8), measure("top", 20), measure("tin", 8)]
    assert read_front(results) == read_front(results[::-1])


def test_names_of_models_and_data_are_text_and_never_markup(measure, crowd, with_model, read_front) -> None:
    """A title is whatever somebody wrote into models.yaml."""
    board = with_model(crowd, "toy", title="<script>alert(1)</script>", tags=('" onload="x',))
    text = read_front([measure("toy", 8), measure("top", 8)], board)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert '" onload="x' not in text
