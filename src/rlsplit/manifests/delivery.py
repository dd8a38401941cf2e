"""How configs reach the pods: inside the startup script while it fits, else in mounted ConfigMaps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.kubernetes import MAX_ARGUMENT_BYTES
from rlsplit.manifests.metadata import metadata
from rlsplit.planning.model import Config, Pods, RunPlan
from rlsplit.startup import escape, script

MAX_OBJECT_BYTES: Final = 200_000
"""Scripts of one Job or JobSet as JSON strings: client-side apply stores it all in 262,144 bytes of annotations."""
_SURELY_FITS: Final = MAX_OBJECT_BYTES // 8
"""Characters of scripts that need no counting: a character takes six bytes of JSON at most, and two are quotes."""
MOUNTED_CONFIG_DIR: Final = "/etc/rlsplit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The script of one component's pods, and the config if it comes mounted."""

    script: str
    mounted: Config | None


def deliveries(plan: RunPlan) -> dict[str, Delivery]:
    """Decide for every component, by suffix. All configs of one workload object travel the same way."""
    inline = {pods.suffix: script(plan, pods, inline_config=True) for pods in plan.containers}
    if plan.platform.config_delivery == "auto":
        jobs = [[container.suffix for container in (pods, *pods.sidecars)] for pods in plan.pods]
        groups = [list(inline)] if plan.platform.workload == "jobset" else jobs
        kept = {suffix for group in groups if _fits([inline[s] for s in group]) for suffix in group}
    else:
        kept = set[str]()
    return {pods.suffix: _delivery(plan, pods, inline, pods.suffix in kept) for pods in plan.containers}


def config_map(plan: RunPlan, pods: Pods, config: Config) -> dict[str, Any]:
    """A component's config as an immutable ConfigMap: one key, the file."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(plan, plan.names.config_map(pods.suffix), pods.component),
        "immutable": True,
        "data": {config.file: config.text},
    }


def config_sha256(config: Config) -> str:
    """Hash of the file, which ties a pod template to the ConfigMap's content."""
    return hashlib.sha256(config.text.encode("ascii")).hexdigest()


def _delivery(plan: RunPlan, pods: Pods, inline: Mapping[str, str], is_inline: bool) -> Delivery:
    if is_inline or pods.config is None:
        return Delivery(script=inline[pods.suffix], mounted=None)
    return Delivery(script=script(plan, pods, inline_config=False), mounted=pods.config)


def _fits(scripts: list[str]) -> bool:
    """Scripts are ASCII, so characters are bytes."""
    if any(len(text) > MAX_ARGUMENT_BYTES for text in scripts):
        return False
    if sum(len(text) for text in scripts) <= _SURELY_FITS:
        return True
    return sum(len(json.dumps(escape(text))) for text in scripts) <= MAX_OBJECT_BYTES
