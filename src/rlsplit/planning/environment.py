"""The environment of each pod, in the layers that prime-rl's launchers use; a later layer wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rlsplit.components import ROLES, ComponentName
from rlsplit.planning.limits import engine_variables
from rlsplit.planning.model import EnvVar, SecretEnv
from rlsplit.planning.paths import checkpoint_dir
from rlsplit.planning.settings import EnvSource
from rlsplit.planning.subject import LOCAL_HF_HOME, Subject, env_tables
from rlsplit.secrets import RUN_SECRETS, SecretName, SecretText

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

_TAKES_OF: Final[Mapping[ComponentName, tuple[ComponentName, ...]]] = MappingProxyType(
    {
        "env-server": ("orchestrator",),
        **{name: (role.like, name) for name, role in ROLES.items() if role.like is not None},
    }
)
"""Component that takes other ``env_vars`` than its own, to whose it takes; later ones win."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of one component's pods."""

    plain: tuple[EnvVar, ...]
    """Sorted by name. A name comes twice only where a secret decides: with it, the variable that needs it wins."""
    secret: tuple[SecretEnv, ...]
    """The run's own secrets, then moved ``env_vars`` by name."""


def environment(component: ComponentName, subject: Subject, source: EnvSource | None = None) -> Environment:
    """Give the variables of one component's pods, for an environment server those of its source."""
    configured, fixed = _configured(component, subject), dict(_fixed(component, subject))
    secret = {name for name, value in configured.items() if subject.is_secret(name, value)}
    layers: tuple[Mapping[str, str], ...] = (
        ROLES[component].fallbacks,
        subject.platform.component(component).env,
        _COMMON,
        ROLES[component].defaults,
        engine_variables(subject) if ROLES[component].has_engines else {},
        {name: value for name, value in configured.items() if name not in secret},
        fixed,
        dict(_own(component, subject)),
    )
    moved = secret - fixed.keys()
    merged = {name: value for layer in layers for name, value in layer.items() if name not in moved}
    plain = [EnvVar(name=name, value=value) for name, value in merged.items()]
    return Environment(
        plain=tuple(sorted([*plain, *_monitor(component, subject)], key=lambda var: (var.name, var.needs or ""))),
        secret=(
            *(
                SecretEnv(name=known.variable, key=subject.platform.secret_keys.get(name, known.key), needs=name)
                for name, known in RUN_SECRETS.items()
                if component in known.components and _gets(name, subject, source)
            ),
            *(SecretEnv(name=name, key=subject.secret_keys[name, configured[name]]) for name in sorted(moved)),
        ),
    )


def _gets(name: SecretName, subject: Subject, source: EnvSource | None) -> bool:
    """Whether a pod needs a secret. Environment servers run what models write, so they get as few as they can."""
    if source is None or name not in _WANTED:
        return True
    return _WANTED[name](subject, source)


_WANTED: Final[Mapping[SecretName, Callable[[Subject, EnvSource], bool]]] = MappingProxyType(
    {
        "hf_token": lambda subject, _: subject.platform.env_server.hf_token,
        "prime_api_key": lambda _, source: source.has_sandboxes,
    }
)
"""Secret to when the server of a source gets it."""


def fixed_variables(owner: ComponentName | None, subject: Subject) -> dict[str, str]:
    """Give the variables that an ``env_vars`` table (None: the root's) cannot change in any pod that takes it."""
    first, *others = (dict(_fixed(name, subject)) for name in ROLES if _takes(name, owner))
    return {name: value for name, value in first.items() if all(name in other for other in others)}


def _takes(component: ComponentName, owner: ComponentName | None) -> bool:
    """Whether a component's pods get the ``env_vars`` of an owner."""
    return owner is None or owner in _TAKES_OF.get(component, (component,))


def has_variable(name: str, component: ComponentName, subject: Subject) -> bool:
    """Whether the config or the platform gives a component's pods a variable."""
    return name in _configured(component, subject) or name in subject.platform.component(component).env


def secret_values(keys: Mapping[tuple[str, str], str]) -> dict[str, SecretText]:
    """Give the values that are moved to the Secret, by key."""
    return {key: SecretText(value) for (_, value), key in keys.items()}


def _configured(component: ComponentName, subject: Subject) -> dict[str, str]:
    """Root ``env_vars``, then the component's; environment servers take the orchestrator's."""
    owners = (None, *_TAKES_OF.get(component, (component,)))
    tables = [table.value for owner, table in env_tables(subject.settings) if owner in owners]
    return {name: value for table in tables for name, value in table.items()}


def _fixed(component: ComponentName, subject: Subject) -> Iterator[tuple[str, str]]:
    """What the config cannot change."""
    if subject.image.has_run_names:
        yield "PRL_RUN_ID", subject.run_id
        yield "PRL_RUN_NAME", subject.run_name
    yield "HF_HOME", _hf_home(component, subject)
    if ROLES[component].logs_to_wandb and (subject.settings.sft is None or subject.shape.has_orchestrator):
        yield "WANDB_SHARED_RUN_ID" if subject.image.shares_wandb_run_id else "WANDB_RUN_ID", subject.run_id
        yield "WANDB_SHARED_MODE", "1"
        yield "WANDB_SHARED_LABEL", component
        if subject.settings.sft is not None:
            # Without the first W&B waits for a label that never comes.
            yield "WANDB_SHARED_PRIMARY", "trainer"
            yield "WANDB_SHARED_FINISHER", "evals"
    if not ROLES[component].has_gpus:
        # The CUDA base image says "all", which shows every GPU where NVIDIA's is the default runtime.
        yield "NVIDIA_VISIBLE_DEVICES", "void"
    if subject.run.source_ref is not None:
        yield "PRIME_RL_REF", subject.run.source_ref
    if subject.run.source_repo is not None:
        yield "PRIME_RL_REPO", subject.run.source_repo


def _hf_home(component: ComponentName, subject: Subject) -> str:
    """A cache of its own for a component that must not write to the shared one, or does not see it."""
    parted = subject.platform.run_subpath and subject.has_shared_cache()
    sees = ROLES[component].has_cache and ROLES[component].fills_cache
    return LOCAL_HF_HOME if parted and not sees else subject.hf_home


def _monitor(component: ComponentName, subject: Subject) -> Iterator[EnvVar]:
    """How the orchestrator's platform monitor finds its run."""
    url = subject.platform.monitor_url
    if component == "orchestrator" and url is not None:
        yield EnvVar(name="PRIME_API_BASE", value=url, needs="prime_api_key")
        yield EnvVar(name="RUN_ID", value=subject.run_id, needs="prime_api_key")


def _own(component: ComponentName, subject: Subject) -> Iterator[tuple[str, str]]:
    """Variables of the startup scripts; ``RLSPLIT_CONFIG_DIR`` changes when configs come mounted."""
    yield "RLSPLIT_RUN_DIR", subject.run_dir
    yield "RLSPLIT_ATTEMPT", str(subject.run.attempt)
    if ROLES[component].config_file is not None:
        yield "RLSPLIT_CONFIG_DIR", INLINE_CONFIG_DIR
    if subject.reads_cache(component):
        yield "RLSPLIT_SHARED_CACHE", subject.hf_home
    if component in ("trainer", "evals"):
        yield "RLSPLIT_CKPT_DIR", checkpoint_dir(subject)
    if component == "trainer" and subject.settings.trainer.resume_dir.value is not None:
        yield "RLSPLIT_RESUME_DIR", subject.settings.trainer.resume_dir.value
