"""What a run of somebody else may ask of this cluster: the ``[tenant]`` table, its presets, and what the two decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from rlsplit.plain_data import is_list
from rlsplit.platform.component_settings import Settings

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for a run; None lets through everything."""

    env_deny: tuple[str, ...] | None = None
    env_allow: tuple[str, ...] | None = None
    egress_hosts: tuple[str, ...] | None = None
    allow_named_peers: bool | None = None
    confine_paths: bool | None = None
    shared_paths: tuple[str, ...] | None = None
    max_gpus: int | None = None
    max_pods: int | None = None
    max_nodes: int | None = None
    max_env_servers: int | None = None
    max_env_vars: int | None = None
    max_probe_seconds: int | None = None
    image_tags: tuple[str, ...] | None = None
    allow_source_ref: bool | None = None
    own_cache: bool | None = None


_LOADERS: Final = ("LD_*", "PYTHON*", "PATH")
_PLACES: Final = ("HF_ENDPOINT", "HF_HUB_CACHE", "*_PROXY", "PRIME_*", "PIP_*", "UV_*", "GIT_*")

PRESETS: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        "own": Policy(),
        "hosted": Policy(
            env_deny=(*_LOADERS, *_PLACES),
            egress_hosts=("*",),
            allow_named_peers=False,
            confine_paths=True,
            shared_paths=("/volume",),
            max_gpus=512,
            max_pods=256,
            max_nodes=64,
            max_env_servers=64,
            max_env_vars=200,
            max_probe_seconds=600,
            image_tags=("main", "v*"),
            allow_source_ref=False,
            own_cache=True,
        ),
    }
)


class TenantSettings(Settings):
    """What a run of somebody else may ask of this cluster; without a preset, whatever is not forbidden here."""

    preset: Literal["own", "hosted"] = "own"
    """``own``: your own cluster. ``hosted``: strangers' runs. What is written beside it wins, and ``"None"`` turns a
    policy off."""
    env_deny: list[str] | None = None
    """Globs, without case, of variables that no ``env_vars`` may set. ``hosted``: what decides which code is loaded,
    from where, and through which cache: ``LD_*``, ``PYTHON*``, ``PATH``, ``HF_ENDPOINT``, ``HF_HUB_CACHE``,
    ``*_PROXY``, ``PRIME_*``, ``PIP_*``, ``UV_*``, ``GIT_*``."""
    env_allow: list[str] | None = None
    """Globs of variables that may be set although ``env_deny`` names them."""
    egress_hosts: list[str] | None = None
    """Globs of host names, and address ranges, of the servers that a config may name. A glob lets through names of the
    public internet only, a name without ``*`` is let through as it is, an address needs a range. ``hosted``:
    ``["*"]``."""
    allow_named_peers: bool | None = None
    """Whether a host name may have a port outside ``egress_ports``, which opens it to every address. ``hosted``:
    false."""
    confine_paths: bool | None = None
    """Whether absolute paths of a config must lie below the run's directory or a shared path, and no path may hold
    ``..``. ``hosted``: true."""
    shared_paths: list[str] | None = None
    """Absolute paths that a config may name besides the run's directory. ``hosted``: ``["/volume"]``."""
    max_gpus: Count | None = None
    """GPUs of a run in all. ``hosted``: 512."""
    max_pods: Count | None = None
    """Pods of a run. ``hosted``: 256."""
    max_nodes: Count | None = None
    """Pods of a run that have GPUs, each of which takes a machine or a part of one. ``hosted``: 64."""
    max_env_servers: Count | None = None
    """Environment servers of a run. ``hosted``: 64."""
    max_env_vars: Count | None = None
    """Variables in all ``env_vars`` of a run together. ``hosted``: 200."""
    max_probe_seconds: Count | None = None
    """How long a health check may wait for its answer [seconds]. ``hosted``: 600."""
    image_tags: list[str] | None = None
    """Globs of the image tags that a run may have. ``hosted``: ``["main", "v*"]``."""
    allow_source_ref: bool | None = None
    """Whether a run may name a revision or a repository that its image checks out. ``hosted``: false."""
    own_cache: bool | None = None
    """Whether each run has a Hugging Face cache in its own directory instead of one on the volume that all write.
    ``hosted``: true."""

    @property
    def policy(self) -> Policy:
        """What holds: the preset, and over it what is written."""
        written = {field.name: _frozen(getattr(self, field.name)) for field in fields(Policy) if self._has(field.name)}
        return replace(PRESETS[self.preset], **written) if written else PRESETS[self.preset]

    def _has(self, name: str) -> bool:
        return name in self.model_fields_set


def _frozen(value: Any) -> Any:
    return tuple(value) if is_list(value) else value
