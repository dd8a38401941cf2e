"""The subject of planning: one split, one run and one platform, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rlsplit.components import ROLES, ComponentName, EnvServerId
from rlsplit.planning.model import Names
from rlsplit.planning.names import derived_run_id, path_segments, run_names
from rlsplit.planning.run_settings import settings_of
from rlsplit.planning.settings import EnvSource, RunSettings, Value
from rlsplit.planning.shape import Shape, shape_of
from rlsplit.platform import Platform
from rlsplit.platform.rules import is_secret_env
from rlsplit.releases.image import Image, image_of
from rlsplit.releases.release import Release
from rlsplit.run import Run
from rlsplit.splitting import Component, EnvServer, Split

LOCAL_HF_HOME: Final = "/cache/huggingface"
"""Where a pod's own Hugging Face cache is mounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What every part of planning looks at."""

    split: Split
    """The configs that the pods will read, and that overlays change."""
    settings: RunSettings
    """What the configs say, typed."""
    release: Release
    """Whose configs they are."""
    image: Image
    """What the image can do."""
    shape: Shape
    platform: Platform
    run: Run
    run_id: str
    run_name: str
    names: Names
    run_dir: str
    hf_home: str
    """Directory of the Hugging Face cache in the pods."""
    segments: Mapping[EnvServerId, str]
    """What each environment server is called in paths."""
    served: Mapping[EnvServerId, EnvSource] = field(repr=False)
    """Each environment server to its source."""
    secret_keys: Mapping[tuple[str, str], str] = field(repr=False)
    """Name and value of each variable that is moved to the Secret, to its key there."""

    @property
    def orchestrator_dir(self) -> str:
        """Folder that the orchestrator works in: the run's, or one in it that the trainer finds."""
        return f"{self.run_dir}/{self.image.orchestrator_folder}".rstrip("/")

    @property
    def driver_config(self) -> Component | None:
        """The config of who asks inference for episodes; None: an SFT run without evals."""
        return self.split.orchestrator or self.split.evals

    @property
    def env_pods(self) -> tuple[EnvServer, ...]:
        """Environment servers that have pods of their own."""
        return self.split.env_servers if self.shape.has_orchestrator and self.image.env_servers_anywhere else ()

    @property
    def env_sidecars(self) -> tuple[EnvServer, ...]:
        """Environment servers that only the orchestrator's own pod can reach."""
        return self.split.env_servers if self.shape.has_orchestrator and not self.image.env_servers_anywhere else ()

    def source_of(self, server: EnvServerId) -> EnvSource:
        """Give the source that an environment server serves."""
        return self.served[server]

    def has_shared_cache(self) -> bool:
        """Whether the Hugging Face cache lies on the volume."""
        return self.hf_home.startswith(f"{self.platform.mount_path.rstrip('/')}/")

    def reads_cache(self, component: ComponentName) -> bool:
        """Whether a component's pods only read the shared cache, and download into one of their own."""
        role = ROLES[component]
        return self.platform.run_subpath and self.has_shared_cache() and role.has_cache and not role.fills_cache

    def is_secret(self, name: str, value: str) -> bool:
        """Whether a variable of ``env_vars`` is moved to the Secret (overlay ``secret-env``)."""
        return (name, value) in self.secret_keys


def subject_of(split: Split, run: Run, platform: Platform) -> Subject:
    """Put together what planning looks at; nothing is checked yet."""
    release = split.release
    settings = settings_of(split, release)
    run_name = run.name or settings.run_name.value
    run_id = derived_run_id(run_name, split, platform) if run.id is None else run.id
    run_dir = _run_dir(platform, run.resume_from or run_id)
    sources = {(source.split, source.position): source for source in settings.sources}
    return Subject(
        split=split,
        settings=settings,
        release=release,
        image=image_of(release),
        shape=shape_of(settings),
        platform=platform,
        run=run,
        run_id=run_id,
        run_name=run_name,
        names=run_names(run_name, run_id, platform),
        run_dir=run_dir,
        hf_home=_hf_home(platform, run_dir),
        served={server.id: sources[server.split, server.position] for server in split.env_servers},
        segments=path_segments(split.env_servers),
        secret_keys=_secret_keys(settings, platform),
    )


def env_tables(settings: RunSettings) -> Iterator[tuple[ComponentName | None, Value[Mapping[str, str]]]]:
    """Give every ``env_vars`` table with the component that it is for: the root's, then the components' own."""
    yield None, settings.env_vars
    yield "trainer", settings.trainer.env_vars
    yield "orchestrator", settings.orchestrator.env_vars
    if settings.inference is not None:
        yield "inference", settings.inference.env_vars
        for component, side in settings.inference.sides.items():
            yield component, side.env_vars


def _run_dir(platform: Platform, run_id: str) -> str:
    mount = platform.mount_path.rstrip("/")
    return platform.run_dir.replace("{mount}", mount).replace("{run_id}", run_id)


def _hf_home(platform: Platform, run_dir: str) -> str:
    mount = f"{platform.mount_path.rstrip('/')}/"
    on_volume = platform.hf_home == "shared" or platform.hf_home.startswith(mount)
    if on_volume and platform.tenant.policy.own_cache:
        return f"{run_dir}/cache/huggingface"
    places = {
        "shared": f"{platform.mount_path.rstrip('/')}/cache/huggingface",
        "local": LOCAL_HF_HOME,
    }
    return places.get(platform.hf_home, platform.hf_home)


def _secret_keys(settings: RunSettings, platform: Platform) -> dict[tuple[str, str], str]:
    """Give every secret-looking variable of the config a key in the Secret, by name and value.

    ``env-<name lower-case>``, of prefill or decode alone ``env-<component>-<name>``; where two variables want one key
    (other case, or another value in another component), the later ones get ``-2``, ``-3`` and so on.
    """
    keys: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for owner, table in env_tables(settings):
        prefix = f"env-{owner}-" if owner and ROLES[owner].like else "env-"
        for name, value in sorted(table.value.items()):
            if is_secret_env(name, value, platform) and (name, value) not in keys:
                keys[name, value] = _free_key(f"{prefix}{name.lower()}", taken, numbers)
    return keys


def _free_key(key: str, taken: set[str], numbers: dict[str, int]) -> str:
    """The first spelling that is not taken; each count goes on where it stopped, so that many take no longer."""
    number = numbers.get(key, 0) + 1
    while (candidate := key if number == 1 else f"{key}-{number}") in taken:
        number += 1
    numbers[key] = number
    taken.add(candidate)
    return candidate
