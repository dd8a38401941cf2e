"""Names of a run's objects: pure functions of the run's name and id, short enough for every limit."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rlsplit.components import EnvServerId, SourceSplit
from rlsplit.planning.model import Names
from rlsplit.platform import Platform
from rlsplit.platform.rules import is_secret_env
from rlsplit.secrets import hidden
from rlsplit.splitting import EnvServer, JsonObject, Split

_SLUG_CHARS: Final = 16
_HASH_CHARS: Final = 8
_ENV_SLUG_CHARS: Final = 12
_RUN_ID_DIGITS: Final = 16
_SAFE_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def slug(text: str, limit: int = _SLUG_CHARS) -> str:
    """Turn any text into a part of a DNS label: ``[a-z0-9-]``, at most ``limit`` characters, never empty.

    The slug alone is not unique; what uses it adds a hash or an index.
    """
    dashed = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return dashed[:limit].strip("-") or "run"


def base_name(run_name: str, run_id: str) -> str:
    """Base of all names: ``rl-<slug>-<hash of the run id>``, a DNS-1035 label of at most 28 characters."""
    digest = base64.b32encode(_sha256(run_id)).decode("ascii").lower()
    return f"rl-{slug(run_name)}-{digest[:_HASH_CHARS]}"


def env_suffix(index: int, name: str) -> str:
    """Suffix of an environment server's names; the index keeps two names with one slug apart."""
    return f"env-{index}-{slug(last_part(name), _ENV_SLUG_CHARS)}"


def last_part(name: str) -> str:
    """What a name such as ``owner/env`` is called on the cluster."""
    return name.rstrip("/").rpartition("/")[2]


def path_segments(servers: Iterable[EnvServer]) -> dict[EnvServerId, str]:
    """Give every environment server a part of paths that no other one of its split has.

    That is its name, or the last part of one with ``/``; its index where that can be no part of a path. Whoever would
    get what is taken gets its index appended, those whose name changes anyway before all others.
    """
    segments: dict[EnvServerId, str] = {}
    taken: set[tuple[SourceSplit, str]] = set()
    for server in sorted(servers, key=lambda server: not _is_safe(server.name)):
        segment = part if _is_safe(part := last_part(server.name)) else str(server.index)
        while (server.split, segment) in taken:
            segment = f"{segment}-{server.index}"
        taken.add((server.split, segment))
        segments[server.id] = segment
    return segments


def _is_safe(segment: str) -> bool:
    return bool(_SAFE_SEGMENT.match(segment)) and segment not in (".", "..")


def derived_run_id(run_name: str, split: Split, platform: Platform) -> str:
    """Run id of a run that has none: a hash of its name and its configs, without what looks like a secret.

    The id is public, so nobody should be able to test guesses of a secret against it.
    """
    components = [
        split.trainer,
        split.orchestrator,
        split.evals,
        split.inference,
        *(e.config for e in split.env_servers),
    ]
    configs = [_public(component.sparse, platform) for component in components if component is not None]
    content = [run_name, split.deployment, _public({"env_vars": split.launch.env_vars}, platform), *configs]
    return f"run-{_sha256(json.dumps(content, sort_keys=True, default=str)).hex()[:_RUN_ID_DIGITS]}"


def run_names(run_name: str, run_id: str, platform: Platform) -> Names:
    """Name everything of one run."""
    return Names(
        base=base_name(run_name, run_id),
        namespace=platform.namespace,
        cluster_domain=platform.cluster_domain,
        host_infix="-0" if platform.workload == "jobset" else "",
    )


def _public(config: JsonObject, platform: Platform) -> JsonObject:
    env_vars: Mapping[str, Any] = config.get("env_vars") or {}
    public = {name: value for name, value in env_vars.items() if not is_secret_env(name, value, platform)}
    shown: JsonObject = hidden({**config, "env_vars": public})
    return shown


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
