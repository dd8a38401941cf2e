"""Assemble the plan: check everything, collect every finding, then put the parts together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from rlsplit.findings import ConfigError, Finding, has_errors
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import value_at
from rlsplit.planning import ports as port_tables
from rlsplit.planning.binding import bound
from rlsplit.planning.checks import (
    Subject,
    frozen_models,
    pod_findings,
    resume_step,
    router_findings,
    sources,
    split_findings,
)
from rlsplit.planning.environment import Surroundings, moved_env, plain_env, secret_env, secret_values
from rlsplit.planning.model import (
    Config,
    EnvServerInfo,
    EnvVar,
    Overlay,
    Peer,
    Pods,
    Port,
    Resume,
    RunPlan,
    SecretEnv,
)
from rlsplit.planning.names import derived_run_id, env_suffix, path_segment, run_names
from rlsplit.planning.notes import is_moving_tag, plan_notes
from rlsplit.planning.overlays import (
    Wiring,
    applied,
    engine_urls,
    env_server_overlays,
    inference_overlays,
    orchestrator_overlays,
    trainer_overlays,
)
from rlsplit.planning.run_checks import env_findings, run_findings, run_name_findings, secret_findings
from rlsplit.planning.shape import shape_of
from rlsplit.platform import COMPONENTS, ComponentName, Platform
from rlsplit.run import Run, Secrets
from rlsplit.splitting import Component, EnvServer, Split

_HUB_MODEL: Final = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}\Z")
LOCAL_HF_HOME: Final = "/cache/huggingface"
"""Where a pod's own Hugging Face cache is mounted."""


def plan(split: Split, *, run: Run, platform: Platform, secrets: Secrets | None = None) -> RunPlan:
    """Plan a run. Raises ``ConfigError`` with every problem, at the user's own keys.

    ``secrets`` are checked, and decide what only their presence brings; no value of theirs enters the plan.
    Without them that is left open until the plan is rendered.
    """
    subject = Subject(split=split, shape=shape_of(split), platform=platform)
    _raise_on(_input_findings(subject, run, secrets))
    assembly = _assembly(subject, run)
    overlays = tuple(assembly.overlays())
    pods = tuple(assembly.pods(overlays))
    planned = assembly.run_plan(pods, overlays)
    settled = planned if secrets is None else bound(planned, secrets.names())
    _raise_on([*pod_findings(settled.pods), *router_findings(settled.worker_urls)])
    return replace(settled, notes=tuple(plan_notes(planned, subject, derived_id=run.id is None)))


def _input_findings(subject: Subject, run: Run, secrets: Secrets | None) -> Iterator[Finding]:
    yield from subject.platform.findings
    yield from run_findings(run)
    yield from run_name_findings(subject.split.launch.run_name) if not run.name else ()
    yield from split_findings(subject)
    yield from _access_mode(subject, run)
    yield from env_findings(subject.split, secrets.names() if secrets else ())
    yield from secret_findings(secrets) if secrets else ()


def _access_mode(subject: Subject, run: Run) -> Iterator[Finding]:
    """Even NCCL broadcast signals through marker files on the shared volume."""
    platform, shape = subject.platform, subject.shape
    renders_claim = (run.volume or platform.existing_claim) is None
    shared = shape.has_orchestrator or shape.trainer_pods > 1
    if renders_claim and shared and platform.access_mode != "ReadWriteMany":
        yield Finding(
            code="platform.access-mode",
            path=("platform", "access_mode"),
            message=f"several pods share the volume, and {platform.access_mode} gives it to one node",
            hint="ReadWriteMany",
        )


def _raise_on(findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    if has_errors(found):
        raise ConfigError(found)


def _assembly(subject: Subject, run: Run) -> _Assembly:
    split, platform = subject.split, subject.platform
    run_name = run.name or split.launch.run_name
    run_id = derived_run_id(run_name, split, platform) if run.id is None else run.id
    wiring = Wiring(
        split=split,
        shape=subject.shape,
        names=run_names(run_name, run_id, platform),
        platform=platform,
        run_name=run_name,
        run_dir=_run_dir(platform, run_id),
    )
    around = Surroundings(
        split=split,
        shape=subject.shape,
        platform=platform,
        run=run,
        run_id=run_id,
        run_name=run_name,
        run_dir=wiring.run_dir,
        hf_home=_hf_home(platform),
        secret_keys=moved_env(split, platform),
    )
    return _Assembly(
        wiring=wiring,
        around=around,
        env={component: plain_env(component, around) for component in COMPONENTS},
        secret_env={component: secret_env(component, around) for component in COMPONENTS},
    )


ByConfig = Mapping[str, Sequence[Overlay]]
"""Component, or suffix of an environment server, to the overlays of its config."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Assembly:
    """The parts of one plan while it is put together."""

    wiring: Wiring
    around: Surroundings
    env: Mapping[ComponentName, tuple[EnvVar, ...]]
    """Plain variables of each component; all environment servers have the same."""
    secret_env: Mapping[ComponentName, tuple[SecretEnv, ...]]

    @property
    def worker_urls(self) -> tuple[str, ...]:
        """Every engine's URL; none where the run starts no engines."""
        inference = self.wiring.split.inference
        shape = self.wiring.shape
        return engine_urls(self.wiring.names, shape, inference.resolved) if inference else ()

    def overlays(self) -> Iterator[Overlay]:
        """Every overlay, by component in the order of the pods."""
        wiring, split = self.wiring, self.wiring.split
        yield from trainer_overlays(wiring)
        if wiring.shape.has_orchestrator:
            yield from orchestrator_overlays(wiring)
        if wiring.shape.has_inference and split.inference is not None:
            yield from inference_overlays(wiring, split.inference)
        for server in split.env_servers if wiring.shape.has_orchestrator else ():
            yield from env_server_overlays(wiring, server)

    def pods(self, overlays: Iterable[Overlay]) -> Iterator[Pods]:
        """The pods of every component, configs overlaid."""
        split, shape, platform = self.wiring.split, self.wiring.shape, self.wiring.platform
        always: dict[str, list[Overlay]] = defaultdict(list)
        for overlay in overlays:
            if overlay.needs is None:
                always[overlay.component].append(overlay)
        trainer = _config("trainer", split.trainer, always)
        ports = port_tables.trainer_ports(split, shape, platform)
        yield self._component("trainer", shape.trainer_pods, shape.trainer_gpus, ports, trainer)
        if shape.has_orchestrator:
            config = _config("orchestrator", split.orchestrator, always)
            yield self._component("orchestrator", 1, 0, port_tables.orchestrator_ports(split), config)
        if shape.has_inference and split.inference is not None:
            yield from self._inference(split.inference, always)
        for server in split.env_servers if shape.has_orchestrator else ():
            yield self._env_server(server, always)

    def _inference(self, inference: Component, overlays: ByConfig) -> Iterator[Pods]:
        shape = self.wiring.shape
        ports = port_tables.inference_ports(inference.resolved, shape)
        config = _config("inference", inference, overlays)
        yield self._component("inference", shape.inference_pods, shape.inference_gpus, ports, config)
        if shape.has_router_pod:
            ports = port_tables.router_ports(inference.resolved["server"]["port"])
            yield self._component("router", 1, 0, ports, None)

    def _env_server(self, server: EnvServer, overlays: ByConfig) -> Pods:
        suffix = env_suffix(server.index, server.name)
        ports = port_tables.env_server_ports(self.wiring.platform)
        config = _config("env-server", server.config, overlays, suffix)
        segment = path_segment(server.name, server.index)
        info = EnvServerInfo(split=server.split, name=server.name, segment=segment)
        return self._component("env-server", 1, 0, ports, config, suffix, info)

    def _component(
        self,
        component: ComponentName,
        count: int,
        gpus: int,
        ports: tuple[Port, ...],
        config: Config | None,
        suffix: str | None = None,
        env_server: EnvServerInfo | None = None,
    ) -> Pods:
        suffix = suffix or component
        return Pods(
            component=component,
            suffix=suffix,
            hosts=tuple(self.wiring.names.host(suffix, index) for index in range(count)),
            gpus=gpus,
            ports=ports,
            env=self.env[component],
            secret_env=self.secret_env[component],
            config=config,
            env_server=env_server,
        )

    def run_plan(self, pods: tuple[Pods, ...], overlays: tuple[Overlay, ...]) -> RunPlan:
        """Everything together, without notes."""
        wiring, around = self.wiring, self.around
        run, split, platform = around.run, wiring.split, wiring.platform
        inference = split.inference.resolved if split.inference and wiring.shape.has_inference else None
        return RunPlan(
            run_id=around.run_id,
            run_name=around.run_name,
            attempt=run.attempt,
            team_id=run.team_id,
            gpu_type=run.gpu_type,
            image=_image(platform, run.image_tag),
            image_tag=run.image_tag,
            image_pull_policy=_pull_policy(platform, run.image_tag),
            names=wiring.names,
            shape=wiring.shape,
            run_dir=wiring.run_dir,
            hf_home=around.hf_home,
            claim=run.volume or platform.existing_claim,
            server_port=inference["server"]["port"] if inference else None,
            worker_urls=self.worker_urls,
            router_policy=(split.launch.router or {}).get("policy") if inference else None,
            liveness_timeout_seconds=inference["server"]["liveness_timeout_seconds"] if inference else 0,
            ranks_filter=tuple(split.trainer.resolved["log"]["ranks_filter"]),
            resume=_resume(split),
            prefetch=_prefetch(wiring),
            pods=pods,
            overlays=overlays,
            notes=(),
            peers=tuple(_peers(wiring)),
            secret_env_values=secret_values(around.secret_keys),
            secrets=None,
            platform=platform,
        )


def _config(component: str, config: Component, overlays: ByConfig, suffix: str | None = None) -> Config:
    own = overlays.get(suffix or component, ())
    return Config(
        file=f"{component}.json",
        sparse=applied(config.sparse, own),
        resolved=applied(config.resolved, own),
    )


def _run_dir(platform: Platform, run_id: str) -> str:
    mount = platform.mount_path.rstrip("/")
    return platform.run_dir.replace("{mount}", mount).replace("{run_id}", run_id)


def _hf_home(platform: Platform) -> str:
    places = {
        "shared": f"{platform.mount_path.rstrip('/')}/cache/huggingface",
        "local": LOCAL_HF_HOME,
    }
    return places.get(platform.hf_home, platform.hf_home)


def _image(platform: Platform, tag: str) -> str:
    if platform.image_digest is not None:
        return f"{platform.image_repository}@{platform.image_digest}"
    return f"{platform.image_repository}:{tag}"


def _pull_policy(platform: Platform, tag: str) -> Literal["Always", "IfNotPresent", "Never"]:
    if platform.image_pull_policy != "auto":
        return platform.image_pull_policy
    return "Always" if platform.image_digest is None and is_moving_tag(tag) else "IfNotPresent"


def _resume(split: Split) -> Resume | None:
    resume: dict[str, Any] | None = split.trainer.resolved.get("resume")
    if resume is None:
        return None
    if resume.get("dir") is not None:
        return Resume(step=resume_step(str(resume["dir"])))
    return Resume(step=resume.get("step"))


def _prefetch(wiring: Wiring) -> tuple[str, ...]:
    """Models of the hub that several pods would otherwise download at once; each once."""
    if not wiring.platform.prefetch_model or not wiring.shape.has_orchestrator:
        return ()
    inference = wiring.split.inference.resolved if wiring.split.inference else {}
    names = (
        value_at(wiring.split.trainer.resolved, ("model", "name")),
        value_at(inference, ("vllm", "model")),
    )
    return tuple(dict.fromkeys(str(name) for name in names if name and _HUB_MODEL.match(str(name))))


def _peers(wiring: Wiring) -> Iterator[Peer]:
    """Servers outside the run that its pods call on other ports than the ones that are open anyway."""
    if not wiring.shape.has_orchestrator:
        return
    split, monitor = wiring.split, wiring.platform.monitor_url
    urls = [url for _, url in frozen_models(split)]
    client = value_at(split.orchestrator.resolved, ("model", "client"))
    urls.append(str(client["base_url"]))
    if wiring.shape.external_inference:
        urls.extend(client.get("admin_base_url") or ())
    urls.extend(filter(None, (value_at(source.table, ("serve", "address")) for source in sources(split))))
    broadcast = split.orchestrator.resolved["weight_broadcast"]
    if broadcast["type"] == "nixl":
        urls.append(f"tcp://{broadcast['host']}:{broadcast['port']}")
    yield from _new_peers(wiring.platform, [(url, None) for url in urls] + [(monitor, "prime_api_key")])


def _new_peers(platform: Platform, urls: list[tuple[Any, Any]]) -> Iterator[Peer]:
    open_ports = platform.egress_ports if "0.0.0.0/0" in platform.egress_cidrs else []
    seen: set[tuple[str, int]] = set()
    for url, needs in urls:
        called = endpoint(str(url)) if url else None
        if called is None or is_loopback(called[0]):
            continue
        port = called[1] or (443 if str(url).startswith("https:") else 80)
        if port not in open_ports and (called[0], port) not in seen:
            seen.add((called[0], port))
            yield Peer(host=called[0], port=port, needs=needs)
