"""rlsplit behind the interface of the conformance data."""

from __future__ import annotations

from typing import Any, cast

from rlsplit.compiler import compile_sources
from rlsplit.config.kinds import kind_of
from rlsplit.config.rules import KindName, Mode
from rlsplit.document import Source
from rlsplit.file_kinds import LORA, kinds_of
from rlsplit.findings import Finding
from rlsplit.splitting import Component, split

AUTOMATIC_NAME_SUFFIX = "00000000"


def rlsplit_split(
    config: dict[str, Any], mode: str, kind: str = "rl", release: str | None = None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Split in resolved form, or the places of all refusals."""
    return _split(config, mode, "resolved", kind, release)


def rlsplit_sparse(
    config: dict[str, Any], mode: str, kind: str = "rl", release: str | None = None
) -> dict[str, Any] | list[dict[str, Any]]:
    """Split in sparse form, or the places of all refusals."""
    return _split(config, mode, "sparse", kind, release)


def rlsplit_detect(config: dict[str, Any], flag: bool) -> str:
    """Which kind of run a document is taken for: ``rl``, ``sft`` or ``refused``."""
    kind = "sft" if flag else kind_of(config)
    return "refused" if kinds_of(config, kind) == (LORA,) else kind


def _split(
    config: dict[str, Any], mode: str, form: str, kind: str, release: str | None
) -> dict[str, Any] | list[dict[str, Any]]:
    sources = [Source(name="case", content=config)]
    outcome = compile_sources(sources, mode=cast(Mode, mode), kind=cast(KindName, kind), release=release)
    if outcome.config is None:
        return [place for finding in outcome.findings for place in _places(finding)]
    result = split(outcome.config)

    def shown(component: Component | None) -> dict[str, Any] | None:
        return None if component is None else cast("dict[str, Any]", getattr(component, form))

    parts: dict[str, Any] = {
        "trainer": shown(result.trainer),
        "orchestrator": shown(result.orchestrator),
        "inference": shown(result.inference),
        "deployment": result.deployment,
    }
    if kind == "sft":
        parts["evals"] = shown(result.evals)
    if mode == "launcher":
        parts["env_servers"] = [
            {"split": server.split, "name": server.name, "config": shown(server.config)}
            for server in result.env_servers
        ]
    return parts


def _places(finding: Finding) -> list[dict[str, Any]]:
    """All places of one finding: the key itself, those it takes part with, and where prime-rl attaches the rule.

    prime-rl reports a rule at its section, or at the root with an empty location, where rlsplit names the key.
    """
    if finding.severity != "error":
        return []
    paths = [finding.path, *finding.related, *([finding.scope] if finding.scope is not None else [])]
    return [{"loc": list(path), "type": finding.code} for path in dict.fromkeys(paths)]
