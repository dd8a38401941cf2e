"""v0.7.0 (commit d334ea5, 2026-07-13), as it differs from v0.8.0."""

from __future__ import annotations

from typing import Final

from rlsplit.config.rules import keys
from rlsplit.releases.release import V0_8_0
from rlsplit.releases.spoke import Move, Spoke, moves
from rlsplit.releases.v0_7_0.came import FIELDS, VARIANTS
from rlsplit.releases.v0_7_0.rules import ROOT_CHECKS, ROOT_DERIVATIONS, SECTION_CHECKS, SECTION_DERIVATIONS
from rlsplit.releases.v0_7_0.sections import ENDS, SECTIONS


def _moves() -> tuple[Move, ...]:
    return (
        *moves(
            "orchestrator.{train,eval}.env",
            "inference.deployment.router",
            "inference.deployment.backend_port",
        ),
        Move(
            keys("orchestrator.max_inflight_rollouts"),
            keys("orchestrator.max_inflight_episodes"),
            "v0.7.1.dev77",
        ),
    )


SPOKE: Final = Spoke(
    until=V0_8_0.tag,
    sections=SECTIONS,
    ends=ENDS,
    came=FIELDS,
    variants_came=VARIANTS,
    moves=_moves,
    aliases={
        "train.env": "env",
        "train.sampling": "sampling",
        "max_completion_tokens": "max_tokens",
        "group_size": "rollouts_per_example",
        "pool.num_workers": "num_workers",
    },
    derivations=SECTION_DERIVATIONS,
    checks=SECTION_CHECKS,
    root_derivations=ROOT_DERIVATIONS,
    root_checks=ROOT_CHECKS,
)
