"""What belongs to the request and stands in the config: the public client takes some out and leaves some in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rlsplit.findings import Finding
from rlsplit.request_fields import REQUEST_FIELDS, RequestField

RUN_TYPE: Final = "full_finetune"
"""The value of the root key ``type`` that means nothing any more: this endpoint runs one kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A request's config, apart from what belongs to the request."""

    config: dict[Any, Any]
    name: str | None
    """What the config calls the run at its root."""
    findings: tuple[Finding, ...]
    """One for each key that was taken out, but for ``type = "full_finetune"``; paths are the config's."""


def without_misplaced(config: Mapping[Any, Any], fields: Collection[str]) -> Sorted:
    """Take keys that belong to the request out of a config; ``fields`` are those that the request has.

    ``name`` is accepted with a warning, and so is an empty ``k8s``, as on the hosted platform (H-01).
    """
    name = config.get("name")
    return Sorted(
        config={key: value for key, value in config.items() if key not in REQUEST_FIELDS},
        name=name if isinstance(name, str) else None,
        findings=tuple(_findings(config, fields)),
    )


def _findings(config: Mapping[Any, Any], fields: Collection[str]) -> Iterator[Finding]:
    for key, field in REQUEST_FIELDS.items():
        if key in config and not (key == "type" and config[key] == RUN_TYPE):
            yield _finding(key, config[key], field, fields)


def _finding(key: str, value: object, field: RequestField, fields: Collection[str]) -> Finding:
    message = "belongs to the request, not into the config" if field.wire in fields else "belongs not into the config"
    severity: Literal["warning", "error"] = "error"
    if key == "name" and value is not None and not isinstance(value, str):
        message = f"must be a string, and {message}"
    elif key == "name" or (key == "k8s" and not value):
        severity = "warning"
    return Finding(
        code="request.misplaced", severity=severity, path=(key,), message=message, hint=_instead(field, fields)
    )


def _instead(field: RequestField, fields: Collection[str]) -> str:
    places = [f'send it as the request\'s "{field.wire}"'] if field.wire in fields else []
    if field.instead:
        places.append(field.instead)
    return ", or ".join(places) or "the server decides it for each run"
