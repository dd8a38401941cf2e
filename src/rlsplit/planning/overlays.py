"""The overlays: every value that wiring puts on top of the split, as records, and how they are applied.

One function per component; each yields what it sets and why. Nothing else changes a config.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rlsplit.components import INFERENCE, TRAINER, ConfigId
from rlsplit.findings import KeyPath
from rlsplit.kubernetes import endpoint, is_loopback
from rlsplit.plain_data import is_table, value_at
from rlsplit.planning.host_ports import env_server_port, trainer_metrics_port
from rlsplit.planning.limits import ENGINE_TIMEOUT, engine_limit, has_own_timeout, is_patient
from rlsplit.planning.model import REMOVED, Overlay, OverlayName
from rlsplit.planning.names import env_suffix
from rlsplit.planning.paths import moved_paths
from rlsplit.planning.ports import engine_pod_ports, engine_ports
from rlsplit.planning.settings import Broadcast, Inference
from rlsplit.planning.side_overlays import side_overlays
from rlsplit.planning.subject import Subject
from rlsplit.releases.release import NEWEST, Release
from rlsplit.releases.spelling import spelled
from rlsplit.secrets import SecretName
from rlsplit.splitting import BROADCASTS, Component, EnvServer, JsonObject

ANY_ADDRESS: Final = "0.0.0.0"
"""What servers in a pod bind to: the pod's own name may not resolve yet, and loopback is out of reach."""

_IN_RUN_DIR: Final = "every component works in the run's directory"
_JOINED: Final = "every component works in the run's directory, which the trainer joins from two keys"


def overlays_of(subject: Subject) -> Iterator[Overlay]:
    """Give every overlay of a run, by component in the order of the pods."""
    yield from trainer_overlays(subject)
    driver = subject.driver_config
    if subject.shape.has_orchestrator and driver is not None:
        yield from orchestrator_overlays(subject, driver)
    if subject.shape.has_inference and subject.settings.inference is not None:
        yield from engine_overlays(subject, subject.settings.inference)
    for server in subject.env_pods:
        yield from env_server_overlays(subject, server)


def trainer_overlays(subject: Subject) -> Iterator[Overlay]:
    """Overlays on the trainer's config."""
    trainer = subject.settings.trainer
    overlay = _Overlaying(TRAINER, subject.split.trainer.resolved, subject.release)
    if subject.settings.sft is None:
        yield overlay("run-directory", trainer.output_dir, subject.run_dir, _IN_RUN_DIR)
    else:
        parent, _, name = subject.run_dir.rpartition("/")
        yield overlay("run-directory", trainer.output_dir, parent or "/", _JOINED)
        yield overlay("run-directory", subject.settings.sft.run_directory, name, _JOINED)
    if subject.platform.metrics == "force" and trainer.has_metrics:
        reason = "the platform scrapes and probes this address"
        yield overlay("trainer-metrics", trainer.metrics_host, ANY_ADDRESS, reason)
        yield overlay("trainer-metrics", trainer.metrics_port, trainer_metrics_port(subject), reason)
    if subject.shape.has_orchestrator:
        if trainer.broadcast.type == "nccl" and trainer.broadcast.meets is not None:
            reason = "the trainer binds the broadcast's store inside its pod"
            yield overlay("broadcast-bind", trainer.broadcast.meets.host.path, ANY_ADDRESS, reason)
        if trainer.rollouts is not None:
            host = subject.names.host("orchestrator")
            yield overlay("rollouts-host", trainer.rollouts.host.path, host, "the orchestrator sends the rollouts")
    yield from _world_size(overlay, subject, trainer.broadcast)
    yield from _broadcast_limit(overlay, subject, trainer.broadcast, subject.split.trainer)
    yield from _relative_paths(overlay, subject)
    yield from _datasets(overlay, subject)
    yield from _secret_env(overlay, subject)


def orchestrator_overlays(subject: Subject, config: Component) -> Iterator[Overlay]:
    """Overlays on the config of the orchestrator, or of the evals in its place."""
    orchestrator, sft = subject.settings.orchestrator, subject.settings.sft
    overlay = _Overlaying(ConfigId(subject.settings.driver), config.resolved, subject.release)
    yield overlay("run-directory", orchestrator.output_dir, subject.orchestrator_dir, _IN_RUN_DIR)
    if sft is not None:
        reason = "the trainer announces new weights in the run's directory"
        yield overlay("run-directory", sft.broadcasts_dir, f"{subject.run_dir}/{BROADCASTS}", reason)
    if orchestrator.broadcast.type == "nccl" and orchestrator.broadcast.meets is not None:
        host = subject.names.host("trainer")
        yield overlay(
            "broadcast-host", orchestrator.broadcast.meets.host.path, host, "trainer 0 holds the broadcast's store"
        )
    if orchestrator.rollouts is not None:
        reason = "the orchestrator binds the rollout sockets inside its pod"
        yield overlay("rollouts-bind", orchestrator.rollouts.host.path, ANY_ADDRESS, reason)
    if subject.shape.has_inference:
        yield from _client(overlay, subject)
    for server in subject.env_pods:
        path: KeyPath = (server.split, "source", server.position, "serve", "address")
        host = subject.names.host(env_suffix(server.index, server.name))
        address = f"tcp://{host}:{env_server_port(subject, server.index)}"
        yield overlay("env-server-address", path, address, "the environment is served by a pod of its own")
    yield from _monitor(overlay, subject)
    yield from _world_size(overlay, subject, orchestrator.broadcast)
    if not is_patient(subject):
        yield overlay("startup-limit", orchestrator.ready_timeout.path, _limit(subject), "engines take long to start")
    yield from _broadcast_limit(overlay, subject, orchestrator.broadcast, config)
    yield from _relative_paths(overlay, subject)
    yield from _secret_env(overlay, subject)


def engine_overlays(subject: Subject, inference: Inference) -> Iterator[Overlay]:
    """Overlays on the configs of engines: one for all, or one each for prefill and decode."""
    if not subject.shape.groups:
        yield from inference_overlays(subject, inference)
    for group in subject.shape.groups:
        overlay = _Overlaying(ConfigId(group.component), _inference_config(subject), subject.release)
        yield overlay("server-bind", inference.host.path, ANY_ADDRESS, "other pods call the server")
        yield from _secret_env(overlay, subject)
        yield from side_overlays(overlay, subject, inference, inference.sides[group.component], group)


def inference_overlays(subject: Subject, inference: Inference) -> Iterator[Overlay]:
    """Overlays on the engines' config."""
    shape, overlay = subject.shape, _Overlaying(INFERENCE, _inference_config(subject), subject.release)
    yield overlay("server-bind", inference.host.path, ANY_ADDRESS, "other pods call the server")
    if shape.multi_node:
        if shape.engines == 1:
            reason = "the public port is the router's; the engine listens behind it"
            yield overlay("engine-port", inference.port.path, inference.backend_port.value, reason)
        ranks = shape.nodes_per_replica * shape.engines if shape.expert_parallel else 1
        reason = "each engine is one process of its own"
        sizes = {inference.data_parallel.path: ranks, inference.data_parallel_local: 1, inference.api_servers: 1}
        for path, size in sizes.items():
            yield overlay("engine-ranks", path, size, reason)
    for name, value in sorted(subject.settings.env_vars.value.items()):
        if name not in inference.env_vars.value and not subject.is_secret(name, value):
            reason = "inference puts its defaults over the pod's environment, but not over its own env_vars"
            yield overlay("root-env-vars", (*inference.env_vars.path, name), value, reason)
    limit = engine_limit(subject, inference)
    if limit is not None:
        reason = "inference puts its own limit over the pod's environment"
        yield overlay("startup-limit", (*inference.env_vars.path, ENGINE_TIMEOUT), limit, reason)
    yield from _secret_env(overlay, subject)


def env_server_overlays(subject: Subject, server: EnvServer) -> Iterator[Overlay]:
    """Overlays on one environment server's config."""
    overlay = _Overlaying(ConfigId("env-server", server.id), server.config.resolved, subject.release)
    address = f"tcp://{ANY_ADDRESS}:{env_server_port(subject, server.index)}"
    reason = f"{subject.settings.called_driver} from another pod"
    yield overlay("env-server-bind", ("serve", "address"), address, reason)
    directory = f"{subject.run_dir}/envs/{server.split}/{subject.segments[server.id]}"
    yield overlay("env-server-directory", ("output_dir",), directory, _IN_RUN_DIR)


def applied(config: JsonObject, overlays: Iterable[Overlay]) -> JsonObject:
    """Give a config with overlays applied; shares what did not change with the one given."""
    for overlay in overlays:
        if overlay.value is REMOVED:
            config = _without(config, overlay.path)
        else:
            config = _with(config, overlay.path, overlay.value)
    return config


def policy_url(subject: Subject) -> str:
    """Where the policy's server is asked for rollouts: the run's own endpoint, or what the user wrote."""
    written, inference = subject.settings.orchestrator.base_url.value, subject.settings.inference
    if not subject.shape.has_inference or inference is None or _is_foreign(written):
        return written
    port = inference.router_port if subject.shape.has_router_pod else inference.port
    return f"http://{subject.names.service_host()}:{port.value}/v1"


def engine_urls(subject: Subject) -> tuple[str, ...]:
    """Every engine, node-major: the order is the broadcast's rank order. None where the run starts no engines."""
    inference = subject.settings.inference
    if inference is None:
        return ()
    ports = {name: engine_ports(ports) for name, ports in engine_pod_ports(inference, subject.shape).items()}
    return tuple(
        f"http://{subject.names.host(component, node)}:{ports[component][k].number}"
        for component, node, k in subject.shape.engine_places()
    )


@dataclass(frozen=True, slots=True)
class _Overlaying:
    """Makes the overlays of one config, noting what each replaces; only secrets are removed, and not shown."""

    owner: ConfigId
    config: JsonObject
    release: Release
    """Whose keys the config has; paths are given in those of today."""

    def __call__(
        self,
        id: OverlayName,  # noqa: A002
        path: KeyPath,
        value: Any,
        reason: str,
        *,
        needs: SecretName | None = None,
    ) -> Overlay:
        if self.release is not NEWEST:
            path, value = _of_release(self.owner, path, value, self.release)
        return Overlay(
            id=id,
            config=self.owner,
            path=path,
            value=value,
            reason=reason,
            replaced="***" if value is REMOVED else value_at(self.config, path),
            needs=needs,
        )


def _of_release(owner: ConfigId, path: KeyPath, value: Any, release: Release) -> tuple[KeyPath, Any]:
    """Spell the path of an overlay, and the keys of a table that it sets, as a release does."""
    here: KeyPath = (owner.component, *path)
    if is_table(value):
        value = {str(spelled((*here, key), release)[-1]): inner for key, inner in value.items()}
    return spelled(here, release)[1:], value


def _inference_config(subject: Subject) -> JsonObject:
    return subject.split.inference.resolved if subject.split.inference else {}


def _is_foreign(url: str) -> bool:
    called = endpoint(url)
    return called is not None and not is_loopback(called[0])


def _client(overlay: _Overlaying, subject: Subject) -> Iterator[Overlay]:
    orchestrator = subject.settings.orchestrator
    if not _is_foreign(orchestrator.base_url.value):
        url = policy_url(subject)
        called = [url] if subject.image.lists_urls else url
        yield overlay("router-url", orchestrator.base_url.path, called, "requests go through the router")
    urls = [f"{url}/v1" for url in engine_urls(subject)]
    reason = "weight updates go to every engine, in rank order"
    yield overlay("engine-urls", orchestrator.admin_base_url.path, urls, reason)


def _monitor(overlay: _Overlaying, subject: Subject) -> Iterator[Overlay]:
    monitor = subject.settings.orchestrator.prime_monitor
    if subject.settings.sft is None and subject.platform.monitor_url is not None and not monitor.value:
        reason = "the platform's monitor shows the run under its name"
        address = {} if subject.image.monitor_reads_variables else {"base_url": subject.platform.monitor_url}
        named = {"name": subject.run_name, **address}
        yield overlay("run-monitor", monitor.path, named, reason, needs="prime_api_key")


def _world_size(overlay: _Overlaying, subject: Subject, broadcast: Broadcast) -> Iterator[Overlay]:
    """A single node whose data parallelism is derived keeps the split's 1, and would wait for one worker."""
    if subject.shape.has_inference and broadcast.meets is not None and broadcast.world_size is not None:
        yield overlay("world-size", broadcast.world_size, subject.shape.inference_workers, "GPU workers of all engines")


def _datasets(overlay: _Overlaying, subject: Subject) -> Iterator[Overlay]:
    sft = subject.settings.sft
    if sft is None:
        return
    from rlsplit.planning.sft_checks import placed_datasets

    for name, path in placed_datasets(subject, sft):
        yield overlay("dataset", name.path, path, "the volume of datasets is mounted there")


def _broadcast_limit(
    overlay: _Overlaying, subject: Subject, broadcast: Broadcast, component: Component | None
) -> Iterator[Overlay]:
    """Both ends meet when the slower one has loaded."""
    if subject.shape.has_orchestrator and broadcast.timeout is not None and not has_own_timeout(broadcast, component):
        reason = "trainer and engines meet when the slower one has loaded"
        yield overlay("startup-limit", broadcast.timeout.path, _limit(subject), reason)


def _limit(subject: Subject) -> int:
    return subject.platform.startup_timeout_seconds


def _relative_paths(overlay: _Overlaying, subject: Subject) -> Iterator[Overlay]:
    for owner, path, place in moved_paths(subject):
        if owner == overlay.owner:
            yield overlay("relative-path", path.path, place, _IN_RUN_DIR)


def _secret_env(overlay: _Overlaying, subject: Subject) -> Iterator[Overlay]:
    env_vars: JsonObject = overlay.config.get("env_vars") or {}
    for name, value in sorted(env_vars.items()):
        if subject.is_secret(name, value):
            yield overlay("secret-env", ("env_vars", name), REMOVED, "the value is kept in the run's Secret")


def _with(node: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items = list(node)
        items[part] = _with(items[part], rest, value)
        return items
    table: JsonObject = node if is_table(node) else {}
    return {**table, part: _with(table.get(part), rest, value)}


def _without(node: Any, path: KeyPath) -> Any:
    part, rest = path[0], path[1:]
    if not is_table(node) or part not in node:
        return node
    if rest:
        return {**node, str(part): _without(node[str(part)], rest)}
    return {key: value for key, value in node.items() if key != part}
