"""Rules of the request itself: everything in it that is not the config."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from rlsplit.api.models import CreateDedicatedRunRequest, CreateTrainingRunRequest
from rlsplit.characters import is_plain
from rlsplit.findings import Finding, shown
from rlsplit.run import Run
from rlsplit.secrets import Secrets, SecretText

MAX_LABEL_CHARS: Final = 256
"""Longest ``name`` and ``teamId``: both become annotations, which hold 256 KiB in all."""

MAX_REF_CHARS: Final = 200
"""Longest ``sourceRef``."""

_LONGEST_SUGGESTED_FIELD: Final = 64
_REF: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._/-]{{0,{MAX_REF_CHARS - 1}}}\Z")
_BAD_PART: Final = re.compile(r"\A\.|\.\.|\.\Z|\.lock\Z")
"""What no part of a git reference between slashes may be like."""


def run_of(request: CreateDedicatedRunRequest, run_id: str | None, attempt: int = 1) -> Run:
    """Give what the request chooses for its run; its name may stand in the config instead."""
    run = Run(id=run_id, attempt=attempt, name=request.name, image_tag=request.image_tag, team_id=request.team_id)
    if not isinstance(request, CreateTrainingRunRequest):
        return run
    return replace(
        run,
        gpu_type=request.gpu_type,
        volume=request.volume,
        source_ref=request.source_ref,
        resume_from=request.resume_from,
    )


def secrets_of(request: CreateDedicatedRunRequest, token_value: str | SecretText | None = None) -> Secrets:
    """Give the secrets that came with the request, and the run's PRIME_API_KEY."""
    return Secrets(wandb_api_key=request.wandb_api_key, hf_token=request.hf_token, prime_api_key=token_value)


def request_findings(request: CreateDedicatedRunRequest, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Add to what was found what only a request must keep to; one finding at most for each of its fields.

    Paths are the config's, or the wire names.
    """
    found = (*found, *_name_of_config(request))
    of_config = (finding for finding in found if finding.about == "config")
    beside = (*(finding for finding in found if finding.about != "config"), *_label_findings(request))
    more = (*_source_findings(request), *_unknown_fields(request))
    first = {finding.path: finding for finding in reversed((*beside, *more))}
    return (*of_config, *first.values())


def is_label(text: str) -> bool:
    """Whether a text can be a name that people read."""
    return _label(text) is None


def _label(text: str) -> tuple[str, str] | None:
    """What is wrong with a name, and what to do."""
    if not text.strip():
        return "is blank", "leave it out"
    if len(text) > MAX_LABEL_CHARS:
        return f"has {len(text)} characters", f"at most {MAX_LABEL_CHARS}"
    if not is_plain(text):
        return "holds control characters", "write one line of plain text"
    return None


def _label_findings(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    for field, text in (("name", request.name), ("teamId", request.team_id)):
        wrong = None if text is None else _label(text)
        if wrong is not None:
            yield _error(field, *wrong)


def _name_of_config(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    """A name that was left in the config is judged there, if the run is called by it."""
    name = request.config.get("name")
    wrong = _label(name) if isinstance(name, str) and request.name is None else None
    if wrong is not None:
        yield replace(_error("name", *wrong), about="config")


def _source_findings(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    """A source is a branch, tag or commit, by git's own rules for such names; other references are not fetched."""
    ref = request.source_ref if isinstance(request, CreateTrainingRunRequest) else None
    if not ref:
        return
    if not _REF.match(ref) or any(not part or _BAD_PART.search(part) for part in ref.split("/")):
        hint = f"a branch, tag or commit: letters, digits and ._-/, at most {MAX_REF_CHARS}"
        yield _error("sourceRef", f"{shown(ref)} is no name that git allows", hint)
    elif ref.startswith(("refs/", "pull/")):
        yield _error("sourceRef", f"{shown(ref)} is no branch, tag or commit", "send the name of a branch, or a commit")


def _unknown_fields(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    """Refuse what would be lost silently; the values, which may be misspelled secrets, are never looked at."""
    for field in request.unknown_fields:
        spelled = field.replace("_", "") if len(field) <= _LONGEST_SUGGESTED_FIELD else ""
        near = difflib.get_close_matches(spelled, request.wire_fields(), 1, cutoff=0.7)
        hint = f'did you mean "{near[0]}"?' if near else "the TOML's own keys belong into config"
        yield _error(field, "is not a field of the request", hint)


def _error(field: str, message: str, hint: str) -> Finding:
    return Finding(code="request.field", about="run", path=(field,), message=message, hint=hint)
