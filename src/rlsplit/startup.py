"""Startup: one planned pod to the script that its container runs.

The scripts are the templates in ``templates/``, one per component and a few shared parts. A template can put three
kinds of value into a script: integers, words of harmless characters, and a config file's text inside a quoted
heredoc. Everything else is refused when the script is made, so no text of a user can reach the shell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import DictLoader, Environment, StrictUndefined

from rlsplit.plain_data import value_at
from rlsplit.planning.model import Pods, RunPlan
from rlsplit.planning.paths import CHECKPOINTS
from rlsplit.planning.ports import RENDEZVOUS_PORT
from rlsplit.releases.image import image_of
from rlsplit.template_files import template_files

_SETTLING: Final = 60
"""Seconds after which a failure counts for those that serve nobody: its mark may be of an earlier start."""
_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]*\Z")
_EXPANDED: Final = re.compile(r"\$(?=[$(]|[^\x00-\x7f])")


RL_MODULE: Final = "prime_rl.trainer.rl.train"
SFT_MODULE: Final = "prime_rl.trainer.sft.train"
"""What torchrun starts."""


class ConfigText(str):
    """A config file's text: goes into a script as it is, in a heredoc in which the shell expands nothing."""

    __slots__ = ()


def script(plan: RunPlan, pods: Pods, *, inline_config: bool) -> str:
    """Give the bash script of a component's pods; its config comes inside it or is mounted."""
    context = {**_shared(plan, pods, inline_config), **_SPECIFIC[pods.component](plan, pods)}
    return _ENVIRONMENT.get_template(pods.role.template).render(context)


def escape(text: str) -> str:
    """Write a string of ``args`` or a plain variable so that the kubelet's expansion gives the string back.

    The kubelet replaces ``$(NAME)``, makes ``$$`` one ``$``, and breaks the bytes of a non-ASCII character behind
    a ``$``: doubling such a ``$`` is its own escape ("Define Dependent Environment Variables").
    """
    return _EXPANDED.sub("$$", text) if "$" in text else text


def _word(value: object) -> str:
    """Let through what no shell expands; called on every value that a template writes."""
    if isinstance(value, ConfigText):
        return value
    if type(value) is int:
        return str(value)
    if isinstance(value, str) and _WORD.match(value):
        return value
    raise TypeError(f"a {type(value).__name__} with characters of the shell cannot appear in a startup script")


_INCLUDE: Final = re.compile(r'\{%\+? include "([^"]+)" %\}\n')


def _whole(text: str, parts: Mapping[str, str]) -> str:
    """Put shared parts in their places: Jinja's own include would copy every value for each, at each rendering."""
    return _INCLUDE.sub(lambda include: _whole(parts[include[1]], parts), text)


_FILES: Final = template_files()
_ENVIRONMENT: Final = Environment(
    loader=DictLoader({name: _whole(text, _FILES) for name, text in _FILES.items()}),
    undefined=StrictUndefined,
    finalize=_word,
    autoescape=False,  # the output is a script; finalize is stricter than any quoting
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.clear()  # a script sees its own values only, which also spares Jinja a copy of them


def _shared(plan: RunPlan, pods: Pods, inline_config: bool) -> dict[str, Any]:
    """What every script may need. In the job form pods watch for the end of the run, which nobody else tells them."""
    config, platform = pods.config, plan.platform
    driver = plan.settings.driver
    is_server = pods.component not in ("trainer", driver)
    # A sidecar is ended by the kubelet, once the container that it stands beside has ended.
    is_sidecar = pods.env_server is not None and pods.env_server.local_port is not None
    watches = platform.workload == "job" and (len(plan.pods) > 1 or plan.pod_count > 1) and not is_sidecar
    return {
        "component": pods.component,
        "has_orchestrator": plan.shape.has_orchestrator,
        "driver": driver,
        # Evals go on after the trainer, and need their servers until then.
        "outlives_trainer": is_server and plan.settings.sft is not None,
        "watches": watches,
        "supervised": watches or pods.component == "trainer",
        "many": False,
        "is_endless": False,
        "startup_seconds": platform.startup_timeout_seconds,
        "is_server": is_server,
        "drain_seconds": platform.drain_seconds if is_server else _SETTLING,
        "grace_seconds": platform.component(pods.component).grace_seconds,
        "domain": plan.names.domain,
        "log_to_volume": plan.platform.log_to_volume,
        "own_log_dir": pods.component == "trainer",
        "config": ConfigText(config.text.removesuffix("\n")) if config and inline_config else None,
        "config_file": config.file if config else None,
        "prefetch": plan.prefetch,
        "has_rdma": plan.has_rdma and pods.role.has_gpus,
    }


def _trainer(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    folder = image_of(plan.release).orchestrator_folder
    return {
        "log_dir": "/trainer",
        "guards_checkpoints": plan.shape.has_orchestrator or plan.settings.sft is not None,
        "saves_progress": plan.shape.has_orchestrator and plan.settings.sft is None,
        "module": RL_MODULE if plan.settings.sft is None else SFT_MODULE,
        "orchestrator_folder": folder,
        "resume": plan.resume,
        "ckpt_apart": plan.ckpt_dir != "/".join(part for part in (plan.run_dir, folder, CHECKPOINTS) if part),
        "nodes": pods.count,
        "gpus": pods.gpus,
        "master": pods.hosts[0] if pods.count > 1 else "localhost",
        "rendezvous_port": RENDEZVOUS_PORT,
        "run_id": plan.run_id,
        "ranks_filter": ",".join(str(rank) for rank in plan.ranks_filter),
    }


def _orchestrator(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    # The newest checkpoint, if that is what the run continues from, is known in the pod only.
    finds_step = plan.settings.sft is not None and plan.resume is not None and plan.resume.step is None
    servers = [_server(plan, pods) for pods in plan.pods if pods.role.is_waited_for]
    return {"log_dir": "", "servers": servers, "finds_step": finds_step}


def _server(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """What the orchestrator waits for: ports that answer ``/health``, or that accept where nothing speaks HTTP."""
    answering = [port.number for port in pods.ports if port.name.partition("-")[0] in ("engine", "http")]
    return {
        "suffix": pods.suffix,
        "host_prefix": plan.names.host_prefix(pods.suffix),
        "count": pods.count,
        "ask": "healthy" if answering else "accepts",
        "ports": answering or [port.number for port in pods.ports],
    }


def _inference(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    return {
        "log_dir": "/inference",
        "engines": plan.shape.engines,
        "many": plan.shape.engines > 1,
        "nodes": plan.shape.nodes_per_replica,
        "tensor_parallel": plan.shape.tensor_parallel,
        "is_group": plan.shape.expert_parallel,
        "nixl_port": None,
        "arguments": image_of(plan.release).engine_arguments,
        "port": pods.ports[0].number,
        "host_prefix": plan.names.host_prefix(pods.suffix),
    }


def _disaggregated(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    """Prefill or decode engines: as those of expert parallelism, and each has a side channel besides."""
    assert pods.groups is not None
    assert pods.config is not None
    backend = value_at(pods.config.sparse, ("vllm", "all2all_backend"))
    return {
        **_inference(plan, pods),
        "nodes": pods.groups.nodes,
        "is_group": pods.groups.ranks > 1,
        "nixl_port": plan.platform.nixl_port,
        "is_endless": True,  # also of one engine alone the end is a failure, whatever it says
        "pods_per_replica": pods.groups.pods_per_replica,
        "nodes_per_replica": plan.shape.nodes_per_replica,
        "nodes_before": pods.groups.before,
        "packages": ("nixl", "deep_ep") if str(backend).startswith("deepep_") else ("nixl",),
        "locks_memory": value_at(pods.config.sparse, ("kv_cache_offload",)) is not None,
    }


def _router(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    return {
        "log_dir": "/inference",
        "policy": plan.router_policy,
        "port": pods.port("http"),
        "metrics_port": pods.port("router-metrics"),
        "workers": tuple(zip(plan.shape.engine_places(), plan.worker_urls, strict=True)),
        "is_disaggregated": bool(plan.shape.groups),
    }


def _env_server(plan: RunPlan, pods: Pods) -> dict[str, Any]:
    assert pods.env_server is not None
    return {
        "log_dir": f"/envs/{pods.env_server.id.split}",
        "log_file": pods.env_server.segment,
        "reads_cache": any(variable.name == "RLSPLIT_SHARED_CACHE" for variable in pods.env),
    }


_SPECIFIC: Final = {
    "trainer": _trainer,
    "orchestrator": _orchestrator,
    "evals": _orchestrator,
    "inference": _inference,
    "prefill": _disaggregated,
    "decode": _disaggregated,
    "router": _router,
    "env-server": _env_server,
}
