"""Rules of the request itself: everything in it that is not the config."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Final

from rlsplit.api.models import REQUEST_FIELDS, CreateDedicatedRunRequest
from rlsplit.findings import Finding
from rlsplit.run import Run
from rlsplit.secrets import Secrets, SecretText

MAX_LABEL_CHARS: Final = 256
"""Longest ``name`` and ``teamId``: both become annotations, which hold 256 KiB in all."""

_LONGEST_SUGGESTED_FIELD: Final = 64


def run_of(request: CreateDedicatedRunRequest, run_id: str | None) -> Run:
    """Give what the request chooses for its run."""
    return Run(id=run_id, name=request.name, image_tag=request.image_tag, team_id=request.team_id)


def secrets_of(request: CreateDedicatedRunRequest, token_value: str | SecretText | None = None) -> Secrets:
    """Give the secrets that came with the request, and the run's PRIME_API_KEY."""
    return Secrets(wandb_api_key=request.wandb_api_key, hf_token=request.hf_token, prime_api_key=token_value)


def request_findings(request: CreateDedicatedRunRequest, found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Add to what was found what only a request must keep to; one finding at most for each of its fields.

    Paths are the config's, or the wire names.
    """
    found = tuple(found)
    of_config = (finding for finding in found if finding.about == "config")
    beside = (*(finding for finding in found if finding.about != "config"), *_label_findings(request))
    first = {finding.path: finding for finding in reversed((*beside, *_unknown_fields(request)))}
    return (*of_config, *first.values())


def _label_findings(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    for field, text in (("name", request.name), ("teamId", request.team_id)):
        if text is None:
            continue
        if not text.strip():
            yield _error(field, "is blank", "leave it out")
        elif len(text) > MAX_LABEL_CHARS:
            yield _error(field, f"has {len(text)} characters", f"at most {MAX_LABEL_CHARS}")
        elif not text.isprintable():
            yield _error(field, "holds control characters", "write one line of plain text")


def _unknown_fields(request: CreateDedicatedRunRequest) -> Iterator[Finding]:
    """Refuse what would be lost silently; the values, which may be misspelled secrets, are never looked at."""
    for field in request.unknown_fields:
        spelled = field.replace("_", "") if len(field) <= _LONGEST_SUGGESTED_FIELD else ""
        near = difflib.get_close_matches(spelled, REQUEST_FIELDS, 1, cutoff=0.7)
        hint = f'did you mean "{near[0]}"?' if near else "the TOML's own keys belong into config"
        yield _error(field, "is not a field of the request", hint)


def _error(field: str, message: str, hint: str) -> Finding:
    return Finding(code="request.field", about="run", path=(field,), message=message, hint=hint)
