"""Tables of a platform file: the pods of one component, and what such tables hold. Shapes only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from rlsplit.config.sections.base import Section
from rlsplit.kubernetes import quantity
from rlsplit.plain_data import is_list, is_table


def _text_from_int(value: object) -> object:
    return str(value) if type(value) is int else value


_SPELLED: Final = WithJsonSchema({"type": ["string", "integer"]})

Quantity = Annotated[str, BeforeValidator(_text_from_int), _SPELLED]
"""A Kubernetes quantity: ``8``, ``500m``, ``64Gi``."""
OptionalQuantity = Annotated[str | None, BeforeValidator(_text_from_int), _SPELLED]
Port = Annotated[int, Field(ge=1, le=65535)]
UserId = Annotated[int, Field(ge=0, le=2**31 - 1)]
OptionalUserId = UserId | Literal["none"]
"""A numeric user or group; ``none`` leaves the choice to the cluster, as OpenShift wants it."""
Seconds = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""A duration; Kubernetes counts seconds in 32 bits."""
SomeSeconds = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Settings(Section):
    """One table of a platform file: read as those of a config are, but never changed, and with no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Resources(Settings):
    """What one pod asks of its node, besides GPUs and RDMA devices, which the config decides."""

    requests: dict[str, Quantity] = Field(default={})
    """Resource to quantity; merged, key by key, over the component's default."""
    limits: dict[str, Quantity] = Field(default={})
    """Resource to quantity; none by default but an environment server's memory. An extended one equals its request."""


_DISK: Final = "ephemeral-storage"


def _merged_over(defaults: Mapping[str, str], memory_limit: str | None = None) -> BeforeValidator:
    """Let given requests replace the component's defaults key by key, so that none is lost silently."""

    def merge(value: object) -> object:
        if not is_table(value):
            return value
        requests, limits = value.get("requests", {}), value.get("limits", {})
        if is_table(requests):
            requests = {**defaults, **requests}
            if memory_limit is not None and is_table(limits):
                limits = {"memory": _at_least(memory_limit, requests["memory"]), **limits}
        return {**value, "requests": requests, "limits": limits}

    return BeforeValidator(merge)


def _at_least(limit: str, request: object) -> str:
    """A default limit, or the request where that is above it."""
    asked, most = quantity(str(request)), quantity(limit)
    return str(request) if asked is not None and most is not None and asked > most else limit


def _requesting(requests: Mapping[str, str], memory_limit: str | None = None) -> Callable[[], Resources]:
    """Make the default of a component's resources: the same that given ones are merged over."""
    limits = {} if memory_limit is None else {"memory": memory_limit}
    return lambda: Resources.model_construct(requests=dict(requests), limits=limits)


def _with_nulls(value: Any) -> Any:
    """TOML has no null: in a patch, too, the text ``"None"`` is one (B-04)."""
    if is_table(value):
        return {key: _with_nulls(item) for key, item in value.items()}
    if is_list(value):
        return [_with_nulls(item) for item in value]
    return None if isinstance(value, str) and value == "None" else value


class ComponentSettings(Settings):
    """How the pods of one component are placed and equipped."""

    node_selector: dict[str, str] = Field(default={})
    """Node labels that the component's pods ask for."""
    tolerations: list[dict[str, Any]] = Field(default=[])
    """Kubernetes tolerations, besides the one that GPU pods always have."""
    env: dict[str, str] = Field(default={})
    """Environment variables (NCCL, UCX, proxies); whatever the config or rlsplit sets wins over them."""
    pod_labels: dict[str, str] = Field(default={})
    """Labels of the component's pods; they win over the ``pod_labels`` of all."""
    pod_annotations: dict[str, str] = Field(default={})
    """Annotations of the component's pods (Multus networks); they win over the ``pod_annotations`` of all."""
    pod_patch: Annotated[dict[str, Any], BeforeValidator(_with_nulls)] = Field(default={})
    """Strategic-merge patch of the pod template: ``metadata`` and ``spec`` with init containers, sidecars, volumes,
    affinity, resource claims. Lists of named things merge by name, as ``kubectl patch`` does it; the component's own
    container is called like the component, and ``"None"`` takes a key away. What rlsplit computes cannot be touched."""


_TRAINER: Final = {"cpu": "8", "memory": "64Gi", _DISK: "32Gi"}


class TrainerSettings(ComponentSettings):
    """Pods of the trainer."""

    resources: Annotated[Resources, _merged_over(_TRAINER)] = Field(default_factory=_requesting(_TRAINER))
    """Default requests: 8 CPU, 64Gi memory, 32Gi disk."""
    shm_size: OptionalQuantity = "32Gi"
    """Size of ``/dev/shm``, where NCCL keeps its buffers; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: Seconds = 120
    """Seconds between TERM and KILL; torchrun itself waits 30 before it kills its workers."""


_ORCHESTRATOR: Final = {"cpu": "4", "memory": "16Gi", _DISK: "8Gi"}


class OrchestratorSettings(ComponentSettings):
    """The pod of the orchestrator."""

    resources: Annotated[Resources, _merged_over(_ORCHESTRATOR)] = Field(default_factory=_requesting(_ORCHESTRATOR))
    """Default requests: 4 CPU, 16Gi memory, 8Gi disk."""
    shm_size: OptionalQuantity = "2Gi"
    """Size of ``/dev/shm``; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: Seconds = 60
    """Seconds between TERM and KILL."""


_INFERENCE: Final = {"cpu": "8", "memory": "64Gi", _DISK: "32Gi"}


class InferenceSettings(ComponentSettings):
    """Pods of the inference engines."""

    resources: Annotated[Resources, _merged_over(_INFERENCE)] = Field(default_factory=_requesting(_INFERENCE))
    """Default requests: 8 CPU, 64Gi memory, 32Gi disk."""
    shm_size: OptionalQuantity = "32Gi"
    """Size of ``/dev/shm``, which vLLM and NCCL fill; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: Seconds = 60
    """Seconds between TERM and KILL."""


T = TypeVar("T", bound=ComponentSettings)


class PrefillSettings(ComponentSettings):
    """Pods of prefill engines; what is set here goes over ``inference``, key by key."""

    resources: Resources = Field(default_factory=Resources.model_construct)
    """Requests and limits over those of ``inference``; eight engines and their transfers want 32 CPU and 512Gi."""
    shm_size: OptionalQuantity = None
    """Size of ``/dev/shm``; unset takes that of ``inference``, ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: Seconds = 60
    """Seconds between TERM and KILL; unset takes those of ``inference``."""


class DecodeSettings(PrefillSettings):
    """Pods of decode engines; what is set here goes over ``inference``, key by key."""


def laid_over(base: T, own: ComponentSettings) -> T:
    """Give the settings of a component that starts from another one's: tables merge key by key, the rest replaces.

    A patch is none of them, since it names the container that it changes.
    """
    update: dict[str, Any] = {"pod_patch": own.pod_patch}
    for name in own.model_fields_set:
        below, above = getattr(base, name, None), getattr(own, name)
        if isinstance(below, Resources) and isinstance(above, Resources):
            requests, limits = {**below.requests, **above.requests}, {**below.limits, **above.limits}
            update[name] = Resources.model_construct(requests=requests, limits=limits)
        elif name != "pod_patch":
            update[name] = {**below, **above} if is_table(below) and is_table(above) else above
    return base.model_copy(update=update)


_ROUTER: Final = {"cpu": "4", "memory": "8Gi", _DISK: "1Gi"}


class RouterSettings(ComponentSettings):
    """The pod of the router (multi-node runs)."""

    resources: Annotated[Resources, _merged_over(_ROUTER)] = Field(default_factory=_requesting(_ROUTER))
    """Default requests: 4 CPU, 8Gi memory, 1Gi disk."""
    shm_size: OptionalQuantity = None
    """Size of ``/dev/shm``; unset by default, the router uses none."""
    grace_seconds: Seconds = 30
    """Seconds between TERM and KILL."""


_ENV_SERVER: Final = {"cpu": "2", "memory": "4Gi", _DISK: "8Gi"}


class EnvServerSettings(ComponentSettings):
    """Pods of the environment servers."""

    hf_token: bool = False
    """Whether environment servers get the Hugging Face token, which code of models could then read."""

    resources: Annotated[Resources, _merged_over(_ENV_SERVER, "16Gi")] = Field(
        default_factory=_requesting(_ENV_SERVER, "16Gi")
    )
    """Default requests: 2 CPU, 4Gi memory, 8Gi disk. Memory limit 16Gi, or the request if that is more: what runs here
    may have been written by a model."""
    shm_size: OptionalQuantity = "1Gi"
    """Size of ``/dev/shm``; ``"None"`` leaves the runtime's 64 MiB."""
    grace_seconds: Seconds = 60
    """Seconds between TERM and KILL."""
