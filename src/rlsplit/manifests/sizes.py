"""How large objects may be: the cluster's store takes no larger ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rlsplit.findings import Finding

MAX_BYTES: Final = 3 * 2**19
"""What etcd takes in one request (``--max-request-bytes``, 1.5 MiB by default), of an object as JSON [bytes]."""


def size_findings(objects: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    """Refuse objects that are too large to be stored; other objects of the run would be there already."""
    for item in objects:
        size = len(json.dumps(item, separators=(",", ":")))
        if size > MAX_BYTES:
            named = f"{item['kind']}/{item['metadata']['name']}"
            message = f"{named} takes {size:,} bytes as JSON, of at most {MAX_BYTES:,}"
            hint = "shorten env_vars, or move data to files on the volume"
            yield Finding(code="plan.object-too-large", path=(), message=message, hint=hint)
