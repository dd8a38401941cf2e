"""RL runs, ``rl.toml``, as a kind of run."""

from __future__ import annotations

from functools import cache
from typing import Final

from rlsplit.config.hosted import HOSTED_CHECKS, eval_findings, set_aside, without_sources
from rlsplit.config.propagation import propagate
from rlsplit.config.run_kind import RootRules, RunKind
from rlsplit.config.sections.rl import RLConfig
from rlsplit.releases.release import Release
from rlsplit.releases.rules import input_checks, root_checks, root_derivations, section_rules


@cache
def _root_rules(release: Release) -> RootRules:
    return RootRules(inputs=input_checks(release), derivations=root_derivations(release), checks=root_checks(release))


RL: Final = RunKind(
    root=RLConfig,
    propagate=propagate,
    section_rules=section_rules,
    root_rules=_root_rules,
    set_aside=set_aside,
    without_aside=without_sources,
    aside_findings=eval_findings,
    way_checks={"hosted": HOSTED_CHECKS},
)
"""Trainer, orchestrator and inference, with environments that they train on."""
