"""What CONTRIBUTING.md and its sister pages name is there: commands, options, files, workflows, actions, messages."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_steps import WORKFLOWS

from leaderboard.commands import COMMANDS

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
AUTOMATION = (ROOT / "docs" / "automation.md").read_text(encoding="utf-8")
PROTOCOL_PAGE = (ROOT / "docs" / "adding-a-protocol.md").read_text(encoding="utf-8")
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/adding-a-dataset.md",
    "docs/adding-a-protocol.md",
    "docs/automation.md",
    "docs/publishing.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    *(f".github/ISSUE_TEMPLATE/{path.name}" for path in sorted(FORMS.glob("*.yml"))),
)
PATH = re.compile(r"[\w./-]+/[\w.-]*|[\w-]+\.(?:md|py|yaml|yml|toml|jsonl)")  # in backticks: of a file or a folder
ELSEWHERE = {  # made by following the page, or not a path of this repository
    "leaderboard/protocols/centroid.py",
    "tests/golden/versions/centroid-1.json",
    "facebook/dinov2-small",
    "OWNER/NAME",
    ".github/ACTIONS_VERSIONS.md",
    "docs/github-actions-shas.md",
    "origin/main",
    "alnus/slide7_03.png",
    "slides-report/report.html",
}
COMMAND = re.compile(r"(?:python -m |^ *|`)leaderboard ([a-z]+)((?: +(?![|#&;])[^\s`]+)*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")


def list_commands(text: str) -> list[list[str]]:
    """The arguments of every command of ours in a text, as a shell would split them; a file name is none."""
    found = COMMAND.finditer(text)
    return [
        [match[1], *shlex.split(match[2], comments=True)] for match in found if match[1] not in ("README", "results")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_can_be_typed(page: str) -> None:
    """It exists, with these options."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for arguments in list_commands(text):
        typed = ["7" if word == "N" else word.rstrip("…") for word in arguments]
        assert typed[0] in COMMANDS, f"{page}: leaderboard {typed[0]}"
        parse(typed, page)


def parse(arguments: list[str], page: str) -> None:
    """Parse them as the command line does; a command that is only named lacks what it needs, and that is fine."""
    parser = argparse.ArgumentParser(prog=page)
    COMMANDS[arguments[0]].add_options(parser)
    if len(arguments) > 1:
        try:
            parser.parse_args(arguments[1:])
        except SystemExit:
            pytest.fail(f"{page}: leaderboard {' '.join(arguments)}")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/automation.md"])
def test_the_pages_name_commands_at_all(page: str) -> None:
    """So the test above has something to hold."""
    assert len(list_commands((ROOT / page).read_text(encoding="utf-8"))) > 5


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    """Relative ones; a fragment is a heading of its page."""
    for link in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        if not link.startswith("https://"):
            name, _, fragment = link.partition("#")
            target = (ROOT / page).parent / name if name else ROOT / page
            assert target.exists(), f"{page}: {link}"
            assert not fragment or fragment in list_headings(target), f"{page}: {link}"


def list_headings(path: Path) -> list[str]:
    """The headings of a page, as GitHub's addresses have them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    words = [re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()) for line in lines if line.startswith("#")]
    return [heading.replace(" ", "-") for heading in words]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    """Whatever stands in backticks and looks like a path of this repository, without placeholders."""
    for name in CODE.findall((ROOT / page).read_text(encoding="utf-8")):
        if PATH.fullmatch(name) and name not in ELSEWHERE:
            candidates = [ROOT / name, (ROOT / page).parent / name, ROOT / "leaderboard" / name]
            candidates.append(ROOT / ".github" / "workflows" / name)
            assert any(path.exists() for path in candidates), f"{page}: {name}"


def test_what_can_go_wrong_is_said_in_the_words_of_the_table() -> None:
    """Each message that the table quotes is one of ours, but for what stands for names and figures."""
    rows = re.search(r"^### What can go wrong$(.*?)^### ", CONTRIBUTING, re.DOTALL | re.MULTILINE)
    assert rows is not None
    quoted = [code for row in re.findall(r"^\| (`.*?) \|", rows[1], re.MULTILINE) for code in CODE.findall(row)]
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "leaderboard").rglob("*.py"))
    assert len(quoted) > 8
    for message in quoted:
        for part in message.split("…"):
            assert part.strip() in said, message


def test_the_workflows_and_the_jobs_that_the_pages_name_are_there() -> None:
    """Every workflow has its row, and every name in italics behind "workflow" is one."""
    rows = set(re.findall(r"^\| \[(\w+)\]\(\.\./\.github", AUTOMATION, re.MULTILINE))
    assert rows == {path.stem for path in WORKFLOWS.glob("*.yml")}
    for text in (CONTRIBUTING, AUTOMATION, PROTOCOL_PAGE):
        assert set(re.findall(r"workflow \*(\w+)\*", text)) <= rows
    jobs = [load_workflow(name)["jobs"] for name in ("ci", "leaderboard")]
    versions = jobs[0]["test"]["strategy"]["matrix"]["python"]
    assert {f"test ({version})" for version in versions} == set(re.findall(r"`(test \([^)]+\))`", AUTOMATION))
    assert {"changed", "check", "measure"} == set(jobs[1])


def load_workflow(name: str) -> Any:
    """A workflow's file."""
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8"))


def test_the_page_lists_the_pinned_actions_as_the_workflows_have_them() -> None:
    """Action, tag and commit; every action is pinned by a full commit."""
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.glob("*.yml"))
    used = set(re.findall(r"uses: (\S+)@([0-9a-f]{40})  # (v[\d.]+)", text))
    assert len(re.findall(r"uses:", text)) == len(re.findall(r"uses: \S+@[0-9a-f]{40}  # v", text))
    listed = re.findall(r"^\| (\S+/\S+) (v[\d.]+) \| `([0-9a-f]{40})`", AUTOMATION, re.MULTILINE)
    assert {(action, commit, tag) for action, tag, commit in listed} == used


def test_every_extra_that_the_pages_install_is_declared() -> None:
    """An extra that pip does not know is a warning to it, and a network that is missing to the contributor."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page in PAGES:
        for extras in re.findall(r'"\.\[([\w,-]+)\]"', (ROOT / page).read_text(encoding="utf-8")):
            assert set(extras.split(",")) <= project["optional-dependencies"].keys(), f"{page}: {extras}"


@pytest.mark.parametrize("form", sorted(path.name for path in FORMS.glob("*.yml")))
def test_an_issue_form_is_one_that_github_takes(form: str) -> None:
    """By the schemas that check-jsonschema brings along."""
    schema = "vendor.github-issue-config" if form == "config.yml" else "vendor.github-issue-forms"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(FORMS / form)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_a_form_for_each_thing_that_people_come_with() -> None:
    """A model, a data set, a protocol, a wrong figure."""
    assert {"model.yml", "dataset.yml", "protocol.yml", "wrong-figure.yml"} <= {path.name for path in FORMS.iterdir()}
