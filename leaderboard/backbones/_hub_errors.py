"""The Hub client's many errors as one line: what happened, to which file, what to do; with the cell's status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from leaderboard.backbones._patience import http_library
from leaderboard.download import check_room
from leaderboard.errors import Unavailable, first_line
from leaderboard.records import Source, Status


class WrongSize(Exception):
    """The client counted other bytes than it was told to expect."""


@contextmanager
def as_unavailable(source: Source, name: str = "") -> Iterator[None]:
    """The client's many errors as one line: what happened, to which file, what to do."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    where = f"{source}: {name}: " if name else f"{source}: "
    try:
        yield
    except Unavailable as error:
        raise Unavailable(f"{where}{error}", error.status) from None
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else error
        status, text = _refusal(source, cause or error)
        raise Unavailable(f"{where}{text}", status) from None
    except OSError as error:
        if "Consistency check failed" in str(error):
            raise WrongSize from None
        check_room(error, where.removesuffix(": "), _cache_folder())
        reason = error.strerror or first_line(error)
        raise Unavailable(f"{where}the Hub cache {_cache_folder()} cannot be used ({reason}); set HF_HOME") from None
    except http_library().RequestError as error:  # a connection that breaks again and again, redirects in a circle
        raise Unavailable(f"{where}fetching it failed ({first_line(error)}); check the network, try later") from None
    except ValueError as error:  # no JSON, or a forced download whose HEAD failed
        raise Unavailable(f"{where}no answer of a Hub ({first_line(error)}); check proxies and the network") from None


def _cache_folder() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _refusal(source: Source, error: BaseException) -> tuple[Status, str]:
    """Status and message of what the Hub answered."""
    from huggingface_hub import constants, errors, get_token

    page = f"{constants.ENDPOINT}/{'datasets/' if source.repository == 'dataset' else ''}{source.name}"
    if isinstance(error, errors.GatedRepoError):
        whose = "this token's account has not accepted it" if get_token() else "no token is set"
        return "gated", f"gated, and {whose}; accept the licence on {page}, then `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "not found", "no such repository, or private; check the name, or `hf auth login`"
    if isinstance(error, errors.RevisionNotFoundError):
        return "not found", "no such revision; check the entry's revision"
    if isinstance(error, errors.EntryNotFoundError):
        return "not found", "no such file in the repository; check the entry's file"
    code = getattr(getattr(error, "response", None), "status_code", None)
    if code == HTTPStatus.UNAUTHORIZED:
        return "gated", "the Hub refuses the token; make another one, then `hf auth login`"
    if code == HTTPStatus.FORBIDDEN:
        return "gated", "the Hub forbids it to this account; ask its owners, or `hf auth login` with another"
    if code is None:
        return "unreachable", f"no answer of a Hub ({first_line(error)}); check proxies and the network"
    return "unreachable", f"the Hub refuses ({first_line(error)}); try later"
