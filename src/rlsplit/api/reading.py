"""Read a body: from the bytes or the decoded JSON of a request to the request, or to the error body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from rlsplit.api.checks import request_findings, run_of, secrets_of
from rlsplit.api.compiling import judged
from rlsplit.api.errors import error_response, in_request
from rlsplit.api.models import CreateDedicatedRunRequest, ErrorDetail, ErrorResponse
from rlsplit.compiler import Target
from rlsplit.findings import Finding
from rlsplit.plain_data import is_list, is_table, value_at

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""A larger body is refused unread."""

MAX_BODY_DEPTH: Final = 200
MAX_BODY_ITEMS: Final = 10_000
MAX_KEY_CHARS: Final = 1_000
"""A body that nests deeper, has more keys and list items in all, or has a longer key, is refused before it is checked.

A config that nests more than 100 deep is refused too, at its place. A run of 24 machines has some 400 items.
"""

MAX_SOURCES: Final = 256
"""Environment sources that a body may list for training, and as many for evaluation: each becomes a pod."""

_BODY: Final = "body"
"""Param of a problem that concerns the body as a whole."""

_WRONG: Final[Mapping[str, tuple[str, str | None]]] = {
    "missing": ("is required", "send the whole rl.toml, parsed"),
    "dict_type": ("must be a table", "send the whole rl.toml, parsed"),
    "string_type": ("must be a string", None),
    "is_instance_of": ("must be a string", None),
    "literal_error": ('must be "rl" or "sft"', None),
    "string_unicode": ("holds half of a character (a lone surrogate)", "write plain text"),
}
"""Kind of pydantic's error to what is said about it; the values, which may be secrets, are never shown."""


def read_body(
    content: bytes, kind: type[CreateDedicatedRunRequest] = CreateDedicatedRunRequest
) -> CreateDedicatedRunRequest | ErrorResponse:
    """Read the bytes of a body as a kind of request: the documented one, or :class:`CreateTrainingRunRequest`.

    More than :data:`MAX_BODY_BYTES` are refused unread. As Python's JSON has it, NaN and infinities are read; the
    config's rules judge them at their keys.
    """
    if len(content) > MAX_BODY_BYTES:
        return _refused(f"The body is larger than {MAX_BODY_BYTES // 2**20} MiB.")
    if _counted(content) > MAX_BODY_ITEMS:
        return _TOO_MANY
    try:
        body = json.loads(content)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return _refused("The body is not valid JSON.")
    return read_request(body, kind)


def _counted(content: bytes) -> int:
    """Count what separates the items of a body, outside of its strings.

    A body of millions of items is refused unread: nothing else in the process could run while Python reads it.
    """
    unescaped = content.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join(unescaped.split(b'"')[::2]).count(b",")


def read_request(
    body: object, kind: type[CreateDedicatedRunRequest] = CreateDedicatedRunRequest
) -> CreateDedicatedRunRequest | ErrorResponse:
    """Read a decoded body of any type, or give the error body with every problem, the config's own included.

    Beyond :data:`MAX_BODY_DEPTH`, :data:`MAX_BODY_ITEMS` or :data:`MAX_KEY_CHARS` nothing else is checked. What is read
    has the right shape; whether it means something, :func:`rlsplit.api.compile_run` tells. No value but those of the
    config is ever shown.
    """
    excess = _beyond_limits(body)
    if excess is not None:
        return excess
    if not is_table(body):
        return _refused('The body must be an object with the key "config".')
    crowd = _beyond_sources(body.get("config"))
    if crowd is not None:
        return crowd
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        wrong = tuple(_wrong(str(details["loc"][0]), details["type"]) for details in error.errors(include_input=False))
    rest = {key: value for key, value in body.items() if (key,) not in {finding.path for finding in wrong}}
    return _error_response(kind, wrong, rest)


def _beyond_limits(body: object) -> ErrorResponse | None:
    """Go through the body level by level; the limit on items bounds even a decoded body that contains itself."""
    level: list[Any] = [body]
    items = 0
    for _ in range(MAX_BODY_DEPTH + 1):
        tables, lists = [value for value in level if is_table(value)], [value for value in level if is_list(value)]
        if not tables and not lists:
            return None
        items += sum(map(len, tables)) + sum(map(len, lists))
        if items > MAX_BODY_ITEMS:
            return _TOO_MANY
        keys: list[Any] = [key for table in tables for key in table]
        if any(isinstance(key, int) and key.bit_length() > 64 for key in keys):
            return _refused("A key of the body is no string.")
        if any(isinstance(key, str) and len(key) > MAX_KEY_CHARS for key in keys):
            return _refused(f"A key of the body is longer than {MAX_KEY_CHARS} characters.")
        level = [item for table in tables for item in table.values()] + [item for each in lists for item in each]
    return _TOO_DEEP


def _beyond_sources(config: object) -> ErrorResponse | None:
    for split in ("train", "eval"):
        path = ("orchestrator", split, "source")
        listed = value_at(config, path) if is_table(config) else None
        if is_list(listed) and len(listed) > MAX_SOURCES:
            details = f"Has {len(listed)} items, a body may list {MAX_SOURCES}."
            return ErrorResponse(errors=(ErrorDetail(param=".".join(("config", *path)), details=details),))
    return None


def _error_response(
    kind: type[CreateDedicatedRunRequest], wrong: tuple[Finding, ...], rest: dict[Any, Any]
) -> ErrorResponse:
    """Go on with the fields that have the right shape, so that their problems are told in the same answer."""
    request = kind.model_validate({"config": {}, **rest})
    _, found = judged(request, Target(run=run_of(request, None), secrets=secrets_of(request)))
    found = tuple(finding for finding in found if finding.about != "config" or "config" in rest)
    return error_response((*wrong, *in_request(request_findings(request, found))), request.config)


def _wrong(field: str, kind: str) -> Finding:
    message, hint = _WRONG.get(kind, ("has a value that cannot be read", None))
    return Finding(code="request.shape", path=(field,), message=message, hint=hint)


def _refused(details: str) -> ErrorResponse:
    return ErrorResponse(errors=(ErrorDetail(param=_BODY, details=details),))


_TOO_MANY: Final = _refused(f"The body has more than {MAX_BODY_ITEMS} keys and list items.")
_TOO_DEEP: Final = _refused(f"The body is nested more than {MAX_BODY_DEPTH} levels deep.")
