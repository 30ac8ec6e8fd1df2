"""The real client against a GitHub on this machine: whose comment it is, what is fetched, what a refusal says."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from github_server import BOT, NAME, TOKEN, GitHubServer, user
from hub_server import Answer

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.github import client
from leaderboard.github.artifacts import LIMITS
from leaderboard.github.client import Forge, Proposal, open_repository
from leaderboard.github.members import Forged, Limits
from leaderboard.github.posts import LONGEST, compose

HEAD = "a" * 40
MARKER = "<!-- ours -->"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHubServer]:
    """With one pull request, measured by run 5."""
    with GitHubServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        server.propose(7, HEAD, run=5)
        yield server


@pytest.fixture
def forge(github: GitHubServer) -> Forge:
    """Its client."""
    return open_repository(github.environment())


def complaint(error: pytest.ExceptionInfo[LeaderboardError]) -> str:
    """In one line, without the token."""
    message = str(error.value)
    assert message.isprintable()
    assert TOKEN not in message
    assert len(message) < 500
    return message


# ---- the comment


def test_there_is_one_comment_which_is_updated(github: GitHubServer, forge: Forge) -> None:
    """Posted once, edited in place when its text is another."""
    assert forge.post_comment(7, "first", MARKER) == "created"
    assert forge.post_comment(7, "second", MARKER) == "updated"
    assert [one["body"] for one in github.comments[7]] == [f"{MARKER}\nsecond"]
    assert github.writes == ["POST /issues/7/comments", "PATCH /issues/comments/1"]


def test_a_text_that_is_there_is_not_written_again(github: GitHubServer, forge: Forge) -> None:
    """Also when GitHub has changed the ends of its lines."""
    github.comment(7, f"{MARKER}\r\none\r\ntwo", BOT)
    assert forge.post_comment(7, "one\ntwo\n", MARKER) == "unchanged"
    assert github.writes == []


@pytest.mark.parametrize(
    "author", [user("mallory"), user("github-actions[bot]"), {"login": "other[bot]", "type": "Bot"}, None]
)
def test_a_marker_that_somebody_pasted_is_nothing(github: GitHubServer, forge: Forge, author) -> None:
    """Ours are the workflows' own bot's: neither a stranger's text is taken for ours, nor overwritten, nor deleted."""
    theirs = github.comment(7, f"{MARKER}\nbuy now", author)
    assert forge.post_comment(7, "measured", MARKER) == "created"
    assert forge.post_comment(7, "again", MARKER) == "updated"
    assert [one["body"] for one in github.comments[7]] == [theirs["body"], f"{MARKER}\nagain"]


@pytest.mark.parametrize("body", [f"see\n{MARKER}", f"> {MARKER}", f"{MARKER} more", "", "<!-- others -->\nx"])
def test_the_bot_has_other_comments(github: GitHubServer, forge: Forge, body: str) -> None:
    """Only one that begins with the marker's line is this one."""
    github.comment(7, body, BOT)
    assert forge.post_comment(7, "measured", MARKER) == "created"
    assert github.comments[7][0]["body"] == body


def test_of_several_the_oldest_is_kept(github: GitHubServer, forge: Forge) -> None:
    """Two runs at once may have made two; found on every page of the list."""
    github.page = 2
    for number in range(5):
        github.comment(7, f"{MARKER}\n{number}" if number % 2 else "talk", BOT if number % 2 else user("ann"))
    assert forge.post_comment(7, "new", MARKER) == "updated"
    assert [one["body"] for one in github.comments[7]] == ["talk", f"{MARKER}\nnew", "talk", "talk"]
    assert github.writes == ["DELETE /issues/comments/4", "PATCH /issues/comments/2"]


def test_a_long_text_is_cut_at_a_line(github: GitHubServer, forge: Forge) -> None:
    """GitHub refuses more than 65,536 signs; what is left out is said."""
    forge.post_comment(7, "| a row of a table |\n" * 10_000, MARKER)
    (comment,) = github.comments[7]
    table, _, note = comment["body"].rpartition("\n\n")
    assert len(comment["body"]) <= LONGEST < 65_536
    assert table.endswith("| a row of a table |")
    assert note.startswith("*Cut here: GitHub takes no longer text.")


def test_a_marker_is_a_comment_of_html() -> None:
    """Anything else would be seen, or found by chance."""
    with pytest.raises(ValueError, match="no HTML comment on one line"):
        compose("text", "ours")


# ---- the issue


def test_an_issue_is_opened_updated_and_closed(github: GitHubServer, forge: Forge) -> None:
    """While there is need of it, there is one; the end is told, and a second time nothing happens."""
    steps = [("gone", True), ("gone", True), ("more gone", True), ("", False), ("", False)]
    done = [forge.keep_issue("Broken", text, MARKER, is_needed=needed) for text, needed in steps]
    assert done == ["created", "unchanged", "updated", "closed", "unchanged"]
    assert github.issues[8] == {"title": "Broken", "body": f"{MARKER}\nmore gone", "user": BOT, "state": "closed"}
    assert [one["body"] for one in github.comments[8]] == ["All is well again."]
    assert forge.keep_issue("Broken", "again", MARKER, is_needed=True) == "created"
    assert github.issues[9]["state"] == "open"


def test_an_issue_of_somebody_else_is_left_alone(github: GitHubServer, forge: Forge) -> None:
    """Whatever it begins with; not closed either."""
    number = github.open_issue("Broken", f"{MARKER}\nmine", user("mallory"))
    assert forge.keep_issue("Broken", "", MARKER, is_needed=False) == "unchanged"
    assert forge.keep_issue("Broken", "gone", MARKER, is_needed=True) == "created"
    assert github.issues[number] == {
        "title": "Broken", "body": f"{MARKER}\nmine", "user": user("mallory"), "state": "open"
    }  # fmt: skip


def test_of_several_issues_the_oldest_is_kept(github: GitHubServer, forge: Forge) -> None:
    """The others are closed and say where to look."""
    first, second = (github.open_issue("Broken", f"{MARKER}\ngone", BOT) for _ in range(2))
    assert forge.keep_issue("Broken", "gone", MARKER, is_needed=True) == "unchanged"
    assert [github.issues[number]["state"] for number in (first, second)] == ["open", "closed"]
    assert github.comments[second][0]["body"] == f"See #{first}."


# ---- which pull request


def test_the_pull_request_of_a_run_is_asked_of_github(github: GitHubServer, forge: Forge) -> None:
    """By owner, branch and commit of the run."""
    github.propose(8, HEAD, branch="other")
    github.propose(9, HEAD, owner="mallory")
    assert forge.find_pull_request_of(5) == Proposal(7, "open", HEAD, "main")


@pytest.mark.parametrize("change", [{"head": "b" * 40}, {"state": "closed"}, {"branch": "else"}])
def test_a_pull_request_that_has_moved_on_is_not_that_of_the_run(
    github: GitHubServer, forge: Forge, change: dict[str, str]
) -> None:
    """Pushed to since, closed, or of another branch: nobody is to be told."""
    github.pulls[7] |= change
    assert forge.find_pull_request_of(5) is None


def test_a_fork_that_is_gone_has_no_pull_request(github: GitHubServer, forge: Forge, monkeypatch) -> None:
    """GitHub then names no repository."""
    shown = github.show_run(5) | {"head_repository": None}
    github.faults["GET /actions/runs/5"] = Answer(200, {}, json.dumps(shown).encode())
    assert forge.find_pull_request_of(5) is None


# ---- artifacts


def test_artifacts_are_listed_by_their_beginning_and_fetched(github: GitHubServer, forge: Forge) -> None:
    """On every page; the store sees no token, which it would refuse."""
    github.page = 2
    github.artifacts[5] = {f"measured-{name}": name.encode() for name in "cab"} | {"wheels": b"", "x-measured-": b""}
    github.artifacts[6] = {"measured-z": b"of another run"}
    listed = forge.list_artifacts(5)
    assert [one.name for one in listed] == ["measured-a", "measured-b", "measured-c"]
    assert [forge.fetch_artifact(one) for one in listed] == [b"a", b"b", b"c"]
    stored = [asked for asked in github.seen if asked.server == "storage"]
    assert len(stored) == 3
    assert all("Authorization" not in asked.headers for asked in stored)


def test_a_password_at_home_stays_there(github: GitHubServer, forge: Forge, tmp_path, monkeypatch) -> None:
    """The library would take one for the store's host from ~/.netrc."""
    (tmp_path / ".netrc").write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    github.artifacts[5] = {"measured-a": b"a"}
    assert forge.fetch_artifact(forge.list_artifacts(5)[0]) == b"a"


def test_what_is_listed_as_too_large_is_not_asked_for(github: GitHubServer, forge: Forge) -> None:
    """Nor what has expired."""
    github.artifacts[5] = {"measured-a": b"a", "measured-b": b"b"}
    github.listed = {"measured-a": {"size_in_bytes": LIMITS.packed + 1}, "measured-b": {"expired": True}}
    large, old = forge.list_artifacts(5)
    with pytest.raises(Forged, match=f"'measured-a' has {LIMITS.packed + 1:,} bytes, expected at most"):
        forge.fetch_artifact(large)
    with pytest.raises(Unavailable, match="'measured-b' has expired; run the measuring workflow again"):
        forge.fetch_artifact(old)
    assert not [line for line in github.requests if "/zip" in line]


def test_a_transfer_is_broken_off_at_the_limit(github: GitHubServer, forge: Forge, monkeypatch) -> None:
    """Whatever the list has said."""
    monkeypatch.setattr(client, "LIMITS", Limits(packed=1000, member=1, total=1, members=1))
    github.artifacts[5] = {"measured-a": bytes(1001), "measured-b": bytes(1000)}
    github.listed = {"measured-a": {"size_in_bytes": 10}}
    large, fitting = forge.list_artifacts(5)
    with pytest.raises(Forged, match="'measured-a' has more than 1,000 bytes"):
        forge.fetch_artifact(large)
    assert forge.fetch_artifact(fitting) == bytes(1000)


def test_other_bytes_than_listed_are_refused(github: GitHubServer, forge: Forge) -> None:
    """By the digest that GitHub keeps; an older GitHub keeps none."""
    github.artifacts[5] = {"measured-a": b"a", "measured-b": b"b"}
    github.listed = {"measured-a": {"digest": f"sha256:{'0' * 64}"}, "measured-b": {"digest": None}}
    spoilt, plain = forge.list_artifacts(5)
    with pytest.raises(Unavailable, match="came with other bytes than GitHub lists"):
        forge.fetch_artifact(spoilt)
    assert forge.fetch_artifact(plain) == b"b"


def test_no_run_of_ours_has_so_many(github: GitHubServer, forge: Forge) -> None:
    """Whoever makes a thousand of them is not read at all."""
    github.artifacts[5] = {f"measured-{number}": b"" for number in range(client.MOST_ARTIFACTS + 1)}
    with pytest.raises(Forged, match="more than the 256 expected"):
        forge.list_artifacts(5)


@pytest.mark.parametrize(
    ("place", "words"),
    [("/signed/again", "redirects more than 3 times"), ("ftp://localhost/x", "redirects away from https")],
)
def test_a_redirect_that_leads_nowhere_is_given_up(github, forge: Forge, place: str, words: str) -> None:
    """In a circle, or to where a token's answer is not to be read."""
    github.artifacts[5] = {"measured-a": b"a"}
    (artifact,) = forge.list_artifacts(5)
    github.faults = {
        "GET /actions/artifacts": Answer(302, {"Location": place}),
        "GET /signed": Answer(302, {"Location": place}),
    }
    with pytest.raises(Unavailable) as caught:
        forge.fetch_artifact(artifact)
    assert words in complaint(caught)


# ---- refusals


@pytest.mark.parametrize(
    ("status", "headers", "message", "words"),
    [
        (401, {}, "Bad credentials", "401 Bad credentials; the token is refused: check GITHUB_TOKEN"),
        (403, {}, "Resource not accessible by integration", "check the permissions of the workflow's job"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, "no", "run again after 22:13 UTC"),
        (403, {}, "API rate limit exceeded for 1.2.3.4", "the rate limit is used up; run again in an hour"),
        (429, {}, "", "the rate limit is used up; run again in an hour"),
        (404, {}, "Not Found", "404 Not Found; check the number and GITHUB_REPOSITORY"),
        (410, {}, "", "check the number and GITHUB_REPOSITORY"),
        (422, {}, "Validation <b>\n\nFailed", "422 Validation <b>\\n\\nFailed; that is a mistake of ours"),
        (502, {}, "", "GitHub answers 502; try later"),
    ],
)
def test_every_refusal_is_one_line(
    github, forge, status: int, headers: dict[str, str], message: str, words: str
) -> None:
    """What was asked, what GitHub says, what to do; it is not asked for minutes."""
    body = json.dumps({"message": message}).encode() if message else b""
    github.faults["GET /pulls/7"] = Answer(status, headers, body)
    with pytest.raises(Unavailable) as caught:
        forge.post_comment(7, "text", MARKER)
    line = complaint(caught)
    assert line.startswith("the comment on #7: GitHub answers ")
    assert words in line
    assert github.requests.count("GET /pulls/7") == (client.RETRIES + 1 if status == 502 else 1)


def test_a_refused_write_is_not_repeated(github: GitHubServer, forge: Forge) -> None:
    """It may have been done all the same."""
    github.faults["POST /issues/7/comments"] = Answer(502)
    with pytest.raises(Unavailable, match="GitHub answers 502"):
        forge.post_comment(7, "text", MARKER)
    assert github.writes == ["POST /issues/7/comments"]


def test_a_refusing_store_is_one_line(github: GitHubServer, forge: Forge) -> None:
    """Its own words are a page."""
    github.artifacts[5] = {"measured-a": b"a"}
    github.faults["GET /signed"] = Answer(403, {}, b"<?xml version='1.0'?><Error>" + b"x" * 10_000)
    with pytest.raises(Unavailable) as caught:
        forge.fetch_artifact(forge.list_artifacts(5)[0])
    assert complaint(caught).startswith("artifact 'measured-a': GitHub answers 403; ")


@pytest.mark.parametrize("body", [b"[]", b"{broken", b"<html>", b'{"number": "seven"}', b'{"head": 3}', b"\xff"])
def test_an_answer_that_is_none_of_github_is_one_line(github: GitHubServer, forge: Forge, body: bytes) -> None:
    """A proxy's page, say."""
    github.faults["GET /pulls/7"] = Answer(200, {}, body)
    with pytest.raises(Unavailable) as caught:
        forge.post_comment(7, "text", MARKER)
    assert complaint(caught).startswith("the comment on #7: ")
    assert github.writes == []


def test_no_network_is_one_line(github: GitHubServer, forge: Forge) -> None:
    """Nobody listens there any more."""
    github.__exit__()
    with pytest.raises(Unavailable, match="the comment on #7: GitHub cannot be reached"):
        forge.post_comment(7, "text", MARKER)


# ---- how it begins


@pytest.mark.parametrize("missing", ["GITHUB_REPOSITORY", "GITHUB_TOKEN"])
def test_a_missing_variable_is_named(github: GitHubServer, missing: str) -> None:
    """Nothing is asked of anybody."""
    with pytest.raises(LeaderboardError, match=f"^{missing} is not set; a workflow has it, elsewhere export it$"):
        open_repository(github.environment() | {missing: ""})
    assert github.requests == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GITHUB_REPOSITORY", "leaderboard"),
        ("GITHUB_REPOSITORY", "owner/../../x"),
        ("GITHUB_API_URL", "http://example.org"),
        ("GITHUB_API_URL", "http://127.0.0.1.example.org"),
        ("GITHUB_API_URL", "file:///etc"),
        ("GITHUB_API_URL", "https://"),
        ("GITHUB_API_URL", "http://[broken"),
        ("GITHUB_API_URL", "api.github.com"),
    ],
)
def test_a_wrong_variable_is_named(github: GitHubServer, variable: str, value: str) -> None:
    """A token goes over https only, but on this machine."""
    with pytest.raises(LeaderboardError) as caught:
        open_repository(github.environment() | {variable: value})
    assert complaint(caught).startswith(f"{variable} is {value!r}, expected ")
    assert github.requests == []


def test_an_unknown_repository_is_named(github: GitHubServer) -> None:
    """Before anything else is asked."""
    with pytest.raises(Unavailable, match=r"^repository owner/other: GitHub answers 404"):
        open_repository(github.environment() | {"GITHUB_REPOSITORY": "owner/other"})


def test_the_token_is_in_no_text_of_the_client(forge: Forge) -> None:
    """A traceback or a log line would show it."""
    assert TOKEN not in repr(forge)
    assert NAME in repr(forge)


def test_without_the_library_the_remedy_is_named(github: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, as for every other extra."""
    monkeypatch.setitem(sys.modules, "github", None)
    with pytest.raises(Unavailable, match=r"it needs PyGithub, .* `pip install 'fossil-leaderboard\[github\]'`"):
        open_repository(github.environment())
