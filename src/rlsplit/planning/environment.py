"""The environment of each pod, in the layers that prime-rl's launchers use; a later layer wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rlsplit.planning.model import EnvVar, SecretEnv, Shape
from rlsplit.platform import ComponentName, Platform
from rlsplit.platform.rules import is_secret_env
from rlsplit.run import SECRET_KEYS, Run, SecretName, SecretText
from rlsplit.splitting import Split

INLINE_CONFIG_DIR: Final = "/tmp/rlsplit"
"""Where a startup script writes its config file."""

_COMMON: Final = MappingProxyType(
    {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
)
_DEFAULTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "trainer": {"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"},
        "inference": {
            "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:False",
            "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
            "VLLM_ENGINE_READY_TIMEOUT_S": "4200",
            "UCX_TLS": "all",
        },
    }
)
"""Defaults of prime-rl's launchers; the config's ``env_vars`` win over them."""

_WANDB_COMPONENTS: Final = ("trainer", "orchestrator")
_GPU_COMPONENTS: Final = ("trainer", "inference")

SECRET_VARIABLES: Final[tuple[tuple[str, SecretName, tuple[ComponentName, ...]], ...]] = (
    ("WANDB_API_KEY", "wandb_api_key", ("trainer", "orchestrator")),
    ("HF_TOKEN", "hf_token", ("trainer", "orchestrator", "inference", "env-server")),
    ("PRIME_API_KEY", "prime_api_key", ("orchestrator", "env-server")),
)
"""Variable, the secret it holds, and who gets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the environments are made from."""

    split: Split
    shape: Shape
    platform: Platform
    run: Run
    run_id: str
    run_name: str
    run_dir: str
    hf_home: str
    secret_keys: Mapping[tuple[str, str], str]
    """Name and value of each variable that was moved to the Secret, to its key there."""


def plain_env(component: ComponentName, around: Surroundings) -> tuple[EnvVar, ...]:
    """Plain variables of one component's pods, sorted by name.

    A name comes twice only where a secret decides: with the secret, the variable that needs it wins.
    """
    platform, configured = around.platform, _configured(component, around)
    secret = {name for name in configured if is_secret_env(name, platform)}
    fixed = dict(_fixed(component, around))
    layers: tuple[Mapping[str, str], ...] = (
        platform.component(component).env,
        _COMMON,
        _DEFAULTS.get(component, {}),
        {name: value for name, value in configured.items() if name not in secret},
        fixed,
        dict(_own(component, around)),
    )
    merged = {name: value for layer in layers for name, value in layer.items()}
    moved = secret - fixed.keys()
    plain = [EnvVar(name=name, value=value) for name, value in merged.items() if name not in moved]
    return tuple(sorted([*plain, *_monitor(component, around)], key=lambda var: (var.name, var.needs or "")))


def secret_env(component: ComponentName, around: Surroundings) -> tuple[SecretEnv, ...]:
    """Variables that come from the Secret: the run's own secrets, then moved ``env_vars`` by name."""
    own = [
        SecretEnv(name=name, key=SECRET_KEYS[secret], needs=secret)
        for name, secret, components in SECRET_VARIABLES
        if component in components
    ]
    fixed = dict(_fixed(component, around))
    moved = [
        SecretEnv(name=name, key=around.secret_keys[name, value])
        for name, value in sorted(_configured(component, around).items())
        if is_secret_env(name, around.platform) and name not in fixed
    ]
    return (*own, *moved)


def moved_env(split: Split, platform: Platform) -> dict[tuple[str, str], str]:
    """Give every secret-looking variable of the config a key in the Secret, by name and value.

    ``env-<name lower-case>``; where two variables want one key (other case, or another value in another
    component), the later ones get ``-2``, ``-3`` and so on.
    """
    keys: dict[tuple[str, str], str] = {}
    for env_vars in _env_tables(split):
        for name, value in sorted(env_vars.items()):
            if is_secret_env(name, platform) and (name, value) not in keys:
                keys[name, value] = _free_key(f"env-{name.lower()}", set(keys.values()))
    return keys


def secret_values(keys: Mapping[tuple[str, str], str]) -> dict[str, SecretText]:
    """Give the values that :func:`moved_env` found, by key."""
    return {key: SecretText(value) for (_, value), key in keys.items()}


def _env_tables(split: Split) -> Iterator[Mapping[str, str]]:
    yield split.launch.env_vars
    for component in (split.trainer, split.orchestrator, split.inference):
        if component is not None:
            yield component.resolved.get("env_vars") or {}


def _free_key(key: str, taken: set[str]) -> str:
    candidates = (key if number == 1 else f"{key}-{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)


def _configured(component: ComponentName, around: Surroundings) -> dict[str, str]:
    """Root ``env_vars``, then the component's; environment servers take the orchestrator's."""
    split = around.split
    configs: Mapping[str, Any] = {
        "trainer": split.trainer,
        "orchestrator": split.orchestrator,
        "inference": split.inference,
        "env-server": split.orchestrator,
    }
    config = configs.get(component)
    return {**split.launch.env_vars, **((config.resolved.get("env_vars") or {}) if config else {})}


def _fixed(component: ComponentName, around: Surroundings) -> Iterator[tuple[str, str]]:
    """What the config cannot change."""
    yield "PRL_RUN_ID", around.run_id
    yield "PRL_RUN_NAME", around.run_name
    yield "HF_HOME", around.hf_home
    if component in _WANDB_COMPONENTS:
        yield "WANDB_RUN_ID", around.run_id
        yield "WANDB_SHARED_MODE", "1"
        yield "WANDB_SHARED_LABEL", component
    if component not in _GPU_COMPONENTS:
        # The CUDA base image says "all", which shows every GPU where NVIDIA's is the default runtime.
        yield "NVIDIA_VISIBLE_DEVICES", "void"
    if around.run.source_ref is not None:
        yield "PRIME_RL_REF", around.run.source_ref
    if around.run.source_repo is not None:
        yield "PRIME_RL_REPO", around.run.source_repo


def _monitor(component: ComponentName, around: Surroundings) -> Iterator[EnvVar]:
    """How the orchestrator's platform monitor finds its run."""
    url = around.platform.monitor_url
    if component == "orchestrator" and url is not None:
        yield EnvVar(name="PRIME_API_BASE", value=url, needs="prime_api_key")
        yield EnvVar(name="RUN_ID", value=around.run_id, needs="prime_api_key")


def _own(component: ComponentName, around: Surroundings) -> Iterator[tuple[str, str]]:
    """Variables of the startup scripts; ``RLSPLIT_CONFIG_DIR`` changes when configs come mounted."""
    yield "RLSPLIT_RUN_DIR", around.run_dir
    yield "RLSPLIT_ATTEMPT", str(around.run.attempt)
    if component != "router":
        yield "RLSPLIT_CONFIG_DIR", INLINE_CONFIG_DIR
    if component == "trainer" and around.shape.has_orchestrator:
        ckpt = around.split.trainer.resolved.get("ckpt") or {}
        yield "RLSPLIT_CKPT_DIR", f"{ckpt.get('output_dir') or around.run_dir}/checkpoints"
