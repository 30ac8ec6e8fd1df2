"""One repository on GitHub: artifacts of a run, a pull request, our one comment on it, our one issue."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.github.artifacts import LIMITS, PREFIX
from leaderboard.github.members import Forged
from leaderboard.github.posts import compose, find_ours, is_same
from leaderboard.github.refusals import as_unavailable
from leaderboard.github.transfer import fetch_bytes

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.PullRequest import PullRequest
    from github.Repository import Repository

API = "https://api.github.com"
NAME = re.compile(r"[\w.-]+/[\w.-]+")
TIMEOUT = 30  # seconds without an answer
RETRIES = 2  # of what only reads
MOST_ARTIFACTS = 256  # of one run: a workflow's matrix has no more jobs
WELL = "All is well again."
Posted = Literal["created", "updated", "unchanged", "closed"]


@dataclass(frozen=True)
class Proposal:
    """What matters of a pull request."""

    number: int
    state: str  # "open" or "closed"
    head: str  # commit sha of what it proposes
    base: str  # branch that it is to be merged into


@dataclass(frozen=True)
class Artifact:
    """One that a run keeps, as GitHub lists it."""

    name: str
    id: int
    size: int  # bytes, packed
    expired: bool
    digest: str | None  # "sha256:…" of the zip file, where GitHub gives it


@dataclass(frozen=True)
class Forge:
    """A repository, and the token to talk about it. Every method raises Unavailable for what GitHub refuses."""

    name: str  # owner/name
    api: str  # address, without a slash at its end
    token: str = field(repr=False)
    repository: Repository = field(repr=False)

    def list_artifacts(self, run_id: int, prefix: str = PREFIX) -> list[Artifact]:
        """Those of a run whose names begin so, by name; of several with one name the newest.

        Raises:
            Forged: there are more than any run of ours has.
        """
        what = f"the artifacts of run {run_id}"
        with as_unavailable(what):
            listed = self.repository.get_workflow_run(run_id).get_artifacts()
            found = [
                Artifact(one.name, one.id, one.size_in_bytes, one.expired, one.raw_data.get("digest"))
                for one in islice(listed, MOST_ARTIFACTS + 1)
            ]
        if len(found) > MOST_ARTIFACTS:
            raise Forged(f"{what} are more than the {MOST_ARTIFACTS} expected at most")
        newest = {one.name: one for one in sorted(found, key=lambda one: one.id)}
        return [newest[name] for name in sorted(newest) if name.startswith(prefix)]

    def fetch_artifact(self, artifact: Artifact) -> bytes:
        """Its zip file.

        Raises:
            Forged: larger than ``artifacts.LIMITS`` allow.
            Unavailable: expired, or not to be had.
        """
        what = f"artifact {artifact.name[:100]!r}"
        if artifact.expired:
            raise Unavailable(f"{what} has expired; run the measuring workflow again")
        if artifact.size > LIMITS.packed:
            raise Forged(f"{what} has {artifact.size:,} bytes, expected at most {LIMITS.packed:,}")
        url = f"{self.api}/repos/{self.name}/actions/artifacts/{artifact.id}/zip"
        with as_unavailable(what):
            content = fetch_bytes(url, self.token, what, most=LIMITS.packed, timeout=TIMEOUT)
        if artifact.digest and artifact.digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
            raise Unavailable(f"{what} came with other bytes than GitHub lists; try again", "corrupt")
        return content

    def find_pull_request_of(self, run_id: int, base: str = "main") -> Proposal | None:
        """The open pull request against this branch whose head a run has measured.

        None when it has moved on, or there is none.
        Asked of GitHub by the run's own branch and commit: no file of the run has a say in which one it is.
        """
        with as_unavailable(f"the pull request of run {run_id}"):
            run = self.repository.get_workflow_run(run_id)
            if run.head_repository is None:  # a fork that is gone
                return None
            head = f"{run.head_repository.owner.login}:{run.head_branch}"
            found = self.repository.get_pulls(state="open", head=head, base=base)
            proposals = [_describe(one) for one in islice(found, MOST_ARTIFACTS)]
            return next((one for one in proposals if (one.head, one.base) == (run.head_sha, base)), None)

    def post_comment(self, number: int, text: str, marker: str) -> Posted:
        """Keep one comment of ours on a pull request: the oldest, which gets the text; others of ours are deleted.

        Args:
            number: of the pull request.
            text: in markdown, with everything foreign escaped; cut when GitHub would not take all of it.
            marker: an HTML comment on one line, by which the comment is found again.
        """
        body = compose(text, marker)
        with as_unavailable(f"the comment on #{number}"):
            pull = self.repository.get_pull(number)
            ours = find_ours(pull.get_issue_comments(), marker)
            if not ours:
                pull.create_issue_comment(body)
                return "created"
            for twin in ours[1:]:
                twin.delete()
            if is_same(ours[0].body, body):
                return "unchanged"
            ours[0].edit(body)
            return "updated"

    def keep_issue(self, title: str, text: str, marker: str, *, is_needed: bool) -> Posted:
        """Keep one open issue while there is need of it, with this text; close it when there is none any more.

        Args:
            title: of the issue.
            text: in markdown, with everything foreign escaped; cut as that of a comment.
            marker: an HTML comment on one line, by which the issue is found again.
            is_needed: whether it is to be open.
        """
        body = compose(text, marker)
        with as_unavailable(f"the issue {title!r}"):
            ours = find_ours(self.repository.get_issues(state="open"), marker)
            for issue in ours[1:] if is_needed else ours:
                _close(issue, f"See #{ours[0].number}." if is_needed else WELL)
            if not is_needed:
                return "closed" if ours else "unchanged"
            if not ours:
                self.repository.create_issue(title, body)
                return "created"
            if ours[0].title == title and is_same(ours[0].body, body):
                return "unchanged"
            ours[0].edit(title=title, body=body)
            return "updated"


def _describe(pull: PullRequest) -> Proposal:
    return Proposal(pull.number, pull.state, pull.head.sha, pull.base.ref)


def _close(issue: Issue, reason: str) -> None:
    issue.create_comment(reason)
    issue.edit(state="closed")


def open_repository(environ: Mapping[str, str]) -> Forge:
    """The repository that a workflow runs for.

    Args:
        environ: with GITHUB_REPOSITORY, GITHUB_TOKEN, and GITHUB_API_URL where it is not github.com's.

    Raises:
        LeaderboardError: a variable is missing or wrong.
        Unavailable: PyGithub is not installed, or GitHub refuses.
    """
    name, token = (_require(environ, variable) for variable in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"))
    if not NAME.fullmatch(name):
        raise LeaderboardError(f"GITHUB_REPOSITORY is {name!r}, expected owner/name; correct it")
    api = _check_api(environ.get("GITHUB_API_URL") or API)
    return Forge(name, api, token, _connect(name, token, api))


def _require(environ: Mapping[str, str], variable: str) -> str:
    if value := environ.get(variable):
        return value
    raise LeaderboardError(f"{variable} is not set; a workflow has it, elsewhere export it")


def _check_api(address: str) -> str:
    """A token goes over https, but for tests on this machine."""
    try:
        parts = urlsplit(address)
        is_fine = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "127.0.0.1")
        )
    except ValueError:
        is_fine = False
    if not is_fine:
        raise LeaderboardError(f"GITHUB_API_URL is {address!r}, expected https://…, such as {API}; correct or unset it")
    return address.rstrip("/")


def _connect(name: str, token: str, api: str) -> Repository:
    try:
        from github import Auth, Github
        from urllib3.util import Retry
    except ModuleNotFoundError:
        raise Unavailable(
            "it needs PyGithub, which is not installed; `pip install 'fossil-leaderboard[github]'`", "not found"
        ) from None
    # the client's own retries wait for minutes, and write again what may have been written
    retry = Retry(
        RETRIES,
        backoff_factor=0.5,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=("GET",),
        respect_retry_after_header=False,
        raise_on_status=False,
    )
    client = Github(
        auth=Auth.Token(token),
        base_url=api,
        timeout=TIMEOUT,
        retry=retry,
        per_page=100,
        seconds_between_requests=None,  # pauses are for programs that ask a lot
        seconds_between_writes=None,
    )
    with as_unavailable(f"repository {name}"):
        return client.get_repo(name)
