"""How large an object may be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from rlsplit.findings import Finding

MAX_OBJECT: Final = 3 * 512 * 1024
"""Bytes of one request that etcd takes by default (``--max-request-bytes``)."""


def oversized(objects: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Say which objects the API server could not store."""
    for item in objects:
        size = len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
        if size > MAX_OBJECT:
            message = f"{item['kind']} {item['metadata']['name']} takes {size} bytes as JSON, of {MAX_OBJECT} that fit"
            hint = "put large values into files on the volume"
            yield Finding(code="plan.object-too-large", path=(), message=message, hint=hint)
