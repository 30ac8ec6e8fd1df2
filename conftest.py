"""The pytest seam: options become records, records become parameters and fixtures. The logic is in leaderboard/."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.expression import Expression  # pytest's own -k, so that names mean the same here

from leaderboard.datasets import list_absent
from leaderboard.errors import LeaderboardError
from leaderboard.options import declare_extraction_options, declare_model_options, declare_waiting_options
from leaderboard.paths import data_dir
from leaderboard.records import Outcome, RunOptions
from leaderboard.registry import Registry, load_registry
from leaderboard.run import Run
from leaderboard.selection import Case, Matcher, Selection, list_cases, select_cells

RUN = pytest.StashKey[Run]()
SELECTION = pytest.StashKey[Selection]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suite's options, in a group of their own."""
    group = parser.getgroup("leaderboard", "fossil leaderboard")
    flags = {
        "--all-models": "run every model of models.yaml, not only the default group",
        "--require-measured": "a cell that cannot be measured is a failure, not a skip",
        "--record-speed": "measure images/s and peak memory too, and store them with the result",
    }
    for flag, text in flags.items():
        group.addoption(flag, action="store_true", help=text)
    text = "this model exactly, and no other (-k finds every name that holds a word); may be given again"
    group.addoption("--model", action="append", default=[], metavar="ID", help=text)
    for declare in (declare_model_options, declare_extraction_options, declare_waiting_options):
        declare(group.addoption)
    group.addoption("--run-report", type=Path, metavar="FILE", help="write every cell's status as JSON")
    group.addoption("--leaderboard-dir", type=Path, metavar="DIR", help="write results/ and README.md there")


def pytest_configure(config: pytest.Config) -> None:
    """Read the registry and choose the models; a mistake of the user ends the run before it starts."""
    option = config.option
    if option.record_speed and getattr(option, "numprocesses", None):
        raise pytest.UsageError("--record-speed with -n: processes that share the cores time each other; leave -n away")
    report, folder = option.run_report, option.leaderboard_dir
    is_made = folder and report and report.resolve().parent == folder.resolve()  # by this run, when it begins to write
    if report and (report.is_dir() or not (report.resolve().parent.is_dir() or is_made)):
        raise pytest.UsageError(f"--run-report {report} is no file, or its folder is not there; name another")
    try:
        registry = load_registry(Path(__file__).parent)
        only = [registry.model(id_).id for id_ in option.model]
        data_dir()
    except LeaderboardError as error:
        raise pytest.UsageError(str(error)) from None
    worker: dict[str, Any] = getattr(config, "workerinput", {})
    shared = worker.get("leaderboard_shared") or tempfile.mkdtemp(prefix="leaderboard-run-")
    options = RunOptions.of(option)
    config.stash[RUN] = Run(registry, options, Path(shared), _results_dir(registry, options, option.leaderboard_dir))
    node_ids = [*config.args, *_last_failed(config)]
    config.stash[SELECTION] = select_cells(
        registry,
        matches=_matcher(option.keyword),
        node_ids=node_ids,
        only=only,
        all_models=option.all_models,
        absent=list_absent(registry.datasets.values()),
    )


def _results_dir(registry: Registry, options: RunOptions, given: Path | None) -> Path | None:
    """Results that cannot be compared with the stored ones go to a folder of their own, or nowhere."""
    folder = given.resolve() if given else registry.leaderboard_dir
    own = folder != registry.leaderboard_dir
    return folder / "results" if options.comparable or own else None


def _last_failed(config: pytest.Config) -> list[str]:
    """What ``--lf`` is about to run: those names are asked for as well."""
    cache = config.cache if getattr(config.option, "lf", False) else None
    return list(cache.get("cache/lastfailed", {})) if cache else []


def _matcher(keyword: str) -> Matcher | None:
    """Read ``-k`` as pytest does: each word is looked for in every name, whatever its case."""
    if not keyword:
        return None
    try:
        expression = Expression.compile(keyword)
    except SyntaxError as error:
        raise pytest.UsageError(f"-k {keyword!r}: {error}") from None

    def matches(names: Collection[str]) -> bool:
        def is_in_a_name(word: str, /, **_: object) -> bool:
            return any(word.lower() in name.lower() for name in names)

        return expression.evaluate(is_in_a_name)

    return matches


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist: every worker shares the outcomes of the cells."""
    node.workerinput["leaderboard_shared"] = str(node.config.stash[RUN].shared)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Models, data and machine, before anything runs."""
    from leaderboard.header import describe_run

    return describe_run(config.stash[RUN], config.stash[SELECTION])


def _cases(config: pytest.Config, function: str) -> list[Case]:
    registry = config.stash[RUN].registry
    selection = config.stash[SELECTION]
    models = [registry.models[id_] for id_ in selection.models]
    return [
        c for model in models for c in list_cases(registry, model, functions=[function], datasets=selection.datasets)
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case per cell, or per cell and thresholded metric."""
    if "case" in metafunc.fixturenames:
        cases = _cases(metafunc.config, metafunc.function.__name__)
        metafunc.parametrize("case", cases, ids=[case.id for case in cases])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cases run cell by cell; speed is measured only when asked for."""
    speed = config.option.record_speed or getattr(config.option, "benchmark_only", False)
    unwanted = [item for item in items if not speed and item.get_closest_marker("speed")]
    if unwanted:
        items[:] = [item for item in items if item not in unwanted]
        config.hook.pytest_deselected(items=unwanted)
    models = config.stash[SELECTION].models
    items.sort(key=lambda item: _place(item, models))


def _place(item: pytest.Item, models: tuple[str, ...]) -> tuple[int, str]:
    """After every other test, in the order of models.yaml; a stable sort keeps the rest."""
    case = getattr(item, "callspec", None) and item.callspec.params.get("case")  # type: ignore[attr-defined]
    return (models.index(case.cell.model) + 1, case.cell.dataset) if isinstance(case, Case) else (0, "")


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    """This run of the suite."""
    return pytestconfig.stash[RUN]


@pytest.fixture
def outcome(case: Case, run: Run, pytestconfig: pytest.Config) -> Outcome:
    """The measured cell; a case whose cell cannot be measured skips or fails here, with the reason."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    shown = capture.global_and_fixture_disabled() if capture else nullcontext()
    with shown:  # the progress bar is for people who wait
        measured = run.outcome(case.cell)
    if measured.is_skipped and not pytestconfig.option.require_measured:
        pytest.skip(measured.reason)
    if measured.status != "ok":
        pytest.fail(measured.reason, pytrace=False)
    return measured


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of what was measured, and each reason for what was not."""
    from leaderboard.render.outcomes import render_outcomes

    run = config.stash[RUN]
    outcomes = run.outcomes()
    if outcomes:
        terminalreporter.section("leaderboard")
        terminalreporter.write_line(render_outcomes(outcomes, run.registry))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the run's report and the tables from what is stored now; once, by the process that owns the run."""
    run = session.config.stash[RUN]
    if hasattr(session.config, "workerinput"):
        return
    from leaderboard.publish import save_rendered, save_run_report

    try:
        if run.results_dir is not None and run.outcomes():
            save_rendered(run.registry, run.results_dir.parent)
        if session.config.option.run_report:
            save_run_report(run, session.config.option.run_report)
    except (LeaderboardError, OSError) as error:
        session.config.get_terminal_writer().line(f"\nthe tables are not written: {error}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the run's shared outcomes; the results are elsewhere."""
    if not hasattr(config, "workerinput") and RUN in config.stash:
        shutil.rmtree(config.stash[RUN].shared, ignore_errors=True)


if "OMP_NUM_THREADS" not in os.environ and "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # workers share the cores; torch and BLAS read this when they are first imported
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])))
