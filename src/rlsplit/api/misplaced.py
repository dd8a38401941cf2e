"""Keys of the public client's own: it takes them out of a config before it sends it, users leave them in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from rlsplit.findings import Finding

_FILES: Final = (
    "names files that only the client can read",
    'write their variables into [env_vars], and send keys as the request\'s "wandbApiKey" and "hfToken"',
)
_CLUSTER: Final = "belongs to the platform, not to the run"

MISPLACED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "name": (
            "belongs to the request, not into the config",
            'send it as the request\'s "name", or write it as run.name',
        ),
        "image_tag": ("belongs to the request, not into the config", 'send it as the request\'s "imageTag"'),
        "env_file": _FILES,
        "env_files": _FILES,
        "gpu_type": (_CLUSTER, "remove it; the config says how many GPUs, in [deployment], the cluster which"),
        "volume": (_CLUSTER, "remove it; the platform mounts its volume into every pod"),
        "type": (
            "tells the client which kind of run this is, and this endpoint runs one kind: full fine-tuning",
            "remove it; adapters are chosen by [trainer.model.lora]",
        ),
        "k8s": (_CLUSTER, "remove the table"),
    }
)
"""Root key to what is wrong with it and what to do; none of them is a key of prime-rl's."""


def without_misplaced(config: Mapping[Any, Any]) -> tuple[dict[Any, Any], tuple[Finding, ...]]:
    """Take the client's keys out of a config, with one finding for each; paths are the config's.

    An empty ``k8s`` is left out with a warning: the hosted platform accepts it (H-01).
    """
    rest = {key: value for key, value in config.items() if key not in MISPLACED}
    return rest, tuple(_finding(key, config[key]) for key in MISPLACED if key in config)


def _finding(key: str, value: object) -> Finding:
    message, hint = MISPLACED[key]
    harmless = key == "k8s" and not value
    return Finding(
        code="request.misplaced",
        severity="warning" if harmless else "error",
        path=(key,),
        message=message,
        hint=hint,
    )
