"""What happens to an ``sft.toml`` before it is read as sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rlsplit.config.propagation import Propagated, Shared, fill
from rlsplit.config.rules import Fill
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.sft import SFTMultiNodeDeploymentConfig, SFTSingleNodeDeploymentConfig
from rlsplit.plain_data import is_table, value_at
from rlsplit.releases.release import Release

MODEL_NAME: Final = Shared(("model", "name"), (("inference", "vllm", "model"),))
"""The one value that is written once and read twice (SFT-17)."""

NOT_OF_NODES: Final = frozenset({"num_train_gpus", "num_infer_gpus"})
"""Keys of a deployment that several machines do without, whatever they hold (SFT-18)."""

_LAYOUTS: Final[Mapping[str, type[Section]]] = {
    "single_node": SFTSingleNodeDeploymentConfig,
    "multi_node": SFTMultiNodeDeploymentConfig,
}


def propagate(table: Mapping[str, Any], release: Release) -> Propagated:
    """Hand the model's name to inference, drop GPU counts, and read second spellings (SFT-17, SFT-18, SFT-14)."""
    filled, fills = dict(table), list[Fill]()
    name = value_at(filled, MODEL_NAME.source)
    if name:
        fills += fill(filled, MODEL_NAME, name, "SFT-17")
    deployment = filled.get("deployment")
    if is_table(deployment):
        filled["deployment"] = _deployment(deployment, fills)
    return Propagated(table=filled, fills=tuple(fills), conflicts=())


def _deployment(written: Mapping[str, Any], fills: list[Fill]) -> dict[str, Any]:
    kind = written.get("type", "single_node")
    dropped = NOT_OF_NODES if kind == "multi_node" else frozenset[str]()
    deployment = {key: value for key, value in written.items() if key not in dropped}
    layout = _LAYOUTS.get(kind) if isinstance(kind, str) else None
    for spelling, field in layout.second_spellings.items() if layout else ():
        if spelling in deployment and field not in deployment:
            deployment[field] = deployment.pop(spelling)
            target, source = (("deployment", key) for key in (field, spelling))
            fills.append(Fill(target=target, source=source, value=deployment[field], rule="SFT-14"))
    return deployment
