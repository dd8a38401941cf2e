"""SFT runs, ``sft.toml``, as a kind of run."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rlsplit.config.run_kind import RunKind
from rlsplit.config.sections.evals import EvalsConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sft.before import propagate
from rlsplit.config.sft.checks import LAUNCHER_CHECKS
from rlsplit.config.sft.hosted import evals_findings, set_aside, without_evals
from rlsplit.config.sft.rules import root_rules, section_rules
from rlsplit.findings import Finding

_WORDS: Final = {"trainer.model": "model", "[orchestrator.eval.": "[eval."}
"""What rules that RL has, too, call by its place there."""


def _worded(finding: Finding) -> Finding:
    return replace(
        finding, message=_spelled(finding.message), hint=None if finding.hint is None else _spelled(finding.hint)
    )


def _spelled(text: str) -> str:
    for rl, sft in _WORDS.items():
        text = text.replace(rl, sft)
    return text


SFT: Final = RunKind(
    root=SFTConfig,
    propagate=propagate,
    section_rules=section_rules,
    root_rules=root_rules,
    set_aside=set_aside,
    without_aside=without_evals,
    aside_findings=evals_findings,
    way_checks={"launcher": LAUNCHER_CHECKS},
    components={"trainer": SFTConfig, "evals": EvalsConfig},
    worded=_worded,
)
"""A trainer on data, with evals beside it."""
