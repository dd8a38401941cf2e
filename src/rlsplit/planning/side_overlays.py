"""Overlays on the configs of prefill and decode engines: both start from the split's ``inference``.

What differs between the two stands in their config files; only the rank and the address of an engine come with its
command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

from pydantic_core import to_jsonable_python

from rlsplit.components import ComponentName
from rlsplit.config.dumping import without_non_finite
from rlsplit.findings import KeyPath
from rlsplit.plain_data import is_table
from rlsplit.planning.limits import ENGINE_TIMEOUT, engine_limit
from rlsplit.planning.model import REMOVED, Overlay, OverlayName
from rlsplit.planning.settings import EngineSide, Inference
from rlsplit.planning.shape import EngineGroups
from rlsplit.planning.subject import Subject

BACKENDS: Final[dict[ComponentName, str]] = {"prefill": "deepep_high_throughput", "decode": "deepep_low_latency"}
"""How tokens go to the experts of other ranks: much at once, or little and soon."""
DECODE_GRAPHS: Final = {"cudagraph_mode": "FULL_DECODE_ONLY"}
"""CUDA graphs of engines that only generate."""
_GRAPHS: Final = "compilation_config"


class Overlaying(Protocol):
    """Makes an overlay on the config of one component."""

    def __call__(self, id: OverlayName, path: KeyPath, value: Any, reason: str) -> Overlay:  # noqa: A002, D102
        ...


def override_key(written: str) -> str:
    """Spell a vLLM argument as its key (I-01)."""
    return written.replace("-", "_")


def side_overlays(
    overlay: Overlaying, subject: Subject, inference: Inference, side: EngineSide, group: EngineGroups
) -> Iterator[Overlay]:
    """What holds for the engines of one side; later overlays win."""
    yield from _backend(overlay, group.component)
    yield from _graphs(overlay, side, group.component)
    yield from _overrides(overlay, side)
    yield from _ranks(overlay, inference, group)
    yield from _variables(overlay, subject, inference, side)


def side_backend(inference: Inference, component: ComponentName) -> str:
    """The way of tokens to experts that the engines of one side end up with."""
    written = {override_key(key): value for key, value in inference.sides[component].overrides.value.items()}
    return str(written.get("all2all_backend", BACKENDS[component]))


def _backend(overlay: Overlaying, component: ComponentName) -> Iterator[Overlay]:
    reason = f"{component} engines send tokens to experts in their own way"
    yield overlay("side-backend", ("vllm", "all2all_backend"), BACKENDS[component], reason)


def _graphs(overlay: Overlaying, side: EngineSide, component: ComponentName) -> Iterator[Overlay]:
    """Prefill engines keep the default; whoever writes decode's own table decides alone."""
    if component == "decode" and _GRAPHS not in map(override_key, side.overrides.value):
        for key, value in DECODE_GRAPHS.items():
            yield overlay("side-graphs", ("vllm", _GRAPHS, key), value, "decode engines only generate")


def _overrides(overlay: Overlaying, side: EngineSide) -> Iterator[Overlay]:
    reason = f"{side.overrides.key[-1]} has it"
    for key, value in side.overrides.value.items():
        plain = without_non_finite(to_jsonable_python(value), lambda _: None)
        is_renamed = override_key(key) != key
        for path, leaf in [((), plain)] if is_renamed else _leaves(plain, ()):
            yield overlay("side-overrides", ("vllm", override_key(key), *path), leaf, reason)


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """What is not a table, with its path: set one by one, tables merge."""
    if is_table(value) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path, value


def _ranks(overlay: Overlaying, inference: Inference, group: EngineGroups) -> Iterator[Overlay]:
    sizes: dict[KeyPath, int] = {
        inference.data_parallel.path: group.ranks,
        inference.data_parallel_local: 1,
        inference.api_servers: 1,
        inference.rpc_port.path: inference.rpc_port.value,
    }
    for path, size in sizes.items():
        yield overlay("engine-ranks", path, size, "each engine is one process of its own")


def _variables(overlay: Overlaying, subject: Subject, inference: Inference, side: EngineSide) -> Iterator[Overlay]:
    """The side's own variables win over those of inference, and these over the root's."""
    table, own, below = inference.env_vars.path, side.env_vars.value, inference.env_vars.value
    for name, value in sorted(subject.settings.env_vars.value.items()):
        if name not in below and name not in own and not subject.is_secret(name, value):
            reason = "inference puts its defaults over the pod's environment, but not over its own env_vars"
            yield overlay("root-env-vars", (*table, name), value, reason)
    for name, value in sorted(own.items()):
        if not subject.is_secret(name, value):
            yield overlay("side-env-vars", (*table, name), value, f"{side.env_vars.key[-1]} has it")
        elif name in below and not subject.is_secret(name, below[name]):
            yield overlay("secret-env", (*table, name), REMOVED, "the value is kept in the run's Secret")
    limit = engine_limit(subject, inference)
    if limit is not None and ENGINE_TIMEOUT not in own:
        reason = "inference puts its own limit over the pod's environment"
        yield overlay("startup-limit", (*table, ENGINE_TIMEOUT), limit, reason)
