"""From findings to the error body: paths of the request, one entry for one problem, in the request's own order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from rlsplit.api.models import REQUEST_FIELDS, ErrorDetail, ErrorResponse
from rlsplit.findings import Finding, KeyPath, dotted
from rlsplit.plain_data import is_list, is_mapping
from rlsplit.secrets import RUN_SECRETS

MAX_ERRORS: Final = 1000
"""An error body lists no more problems than this, and then says so."""

MAX_SHOWN_KEY_CHARS: Final = 256
MAX_DETAILS_CHARS: Final = 2000
"""Longer keys and sentences are cut: what answers a hostile body must not be larger than the body."""

SERVER_PARAMS: Final[Mapping[str, str]] = {RUN_SECRETS["prime_api_key"].param: "tokenValue"}
"""What findings call something that the server gives, to its param."""

_BEGINS_WITH_NAME: Final = re.compile(r"[a-z0-9]*_|[a-z]+ = ")
"""A key or a variant at the start of a sentence (``cp = 2 needs ...``) keeps its spelling."""

_TOO_MANY: Final = ErrorDetail(
    param="config", details=f"There are more problems than the first {MAX_ERRORS}; mend those to see the others."
)


def in_request(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Point findings at the request: those about the config, about its other fields, about the platform."""
    return tuple(_placed(finding) for finding in findings)


def _placed(finding: Finding) -> Finding:
    if finding.about == "config":
        return _below("config", finding)
    root = str(finding.path[0])
    return replace(finding, path=(SERVER_PARAMS.get(root, root), *finding.path[1:]))


def _below(field: str, finding: Finding) -> Finding:
    related = tuple((field, *path) for path in finding.related)
    return replace(finding, path=(field, *finding.path), related=related)


def in_order(findings: Iterable[Finding], config: Mapping[Any, Any]) -> tuple[Finding, ...]:
    """Sort by place in the request: its fields as documented, the config's keys as they were written.

    What the config does not hold takes the place of its nearest enclosing table.
    """
    position = _positions(config)
    return tuple(sorted(findings, key=lambda finding: (position(finding.path), str(finding))))


def _positions(config: Mapping[Any, Any]) -> Callable[[KeyPath], tuple[int, ...]]:
    fields = {field: index for index, field in enumerate(REQUEST_FIELDS)}
    ranks: dict[int, dict[Any, int]] = {}

    def rank(container: Any, part: str | int) -> int | None:
        if is_list(container) and isinstance(part, int):
            return part if part < len(container) else None
        if not is_mapping(container):
            return None
        if id(container) not in ranks:
            ranks[id(container)] = {key: index for index, key in enumerate(container)}
        return ranks[id(container)].get(part)

    def position(path: KeyPath) -> tuple[int, ...]:
        field = str(path[0]) if path else "config"
        places = [fields.get(field, len(fields))]
        node: Any = config
        for part in path[1:] if field == "config" else ():
            place = rank(node, part)
            if place is None:
                break
            places.append(place)
            node = node[part]
        return tuple(places)

    return position


def error_response(findings: Iterable[Finding], config: Mapping[Any, Any]) -> ErrorResponse:
    """Give the body of a refusal: the errors among the findings, each once, in order."""
    errors = in_order((finding for finding in findings if finding.severity == "error"), config)
    unique = dict.fromkeys(map(detail, errors))
    listed = tuple(islice(unique, MAX_ERRORS))
    return ErrorResponse(errors=listed if len(listed) == len(unique) else (*listed, _TOO_MANY))


def detail(finding: Finding) -> ErrorDetail:
    """Spell a finding for the person who wrote the TOML: where, what is wrong, and what to write instead."""
    hint = f" ({finding.hint})" if finding.hint else ""
    is_name = _BEGINS_WITH_NAME.match(finding.message)
    message = finding.message if is_name else f"{finding.message[:1].upper()}{finding.message[1:]}"
    text = f"{message}{hint}."
    return ErrorDetail(param=_param(finding.path), details=_cut(_encodable(text), MAX_DETAILS_CHARS))


def _param(path: Sequence[str | int]) -> str:
    return _encodable(dotted([part if isinstance(part, int) else _cut(part, MAX_SHOWN_KEY_CHARS) for part in path]))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _encodable(text: str) -> str:
    """Spell halves of characters out: no UTF-8 can hold them, so no answer could be sent."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
