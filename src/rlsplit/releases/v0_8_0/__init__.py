"""v0.8.0 (commit 60bc295, 2026-08-06), as it differs from the newest release."""

from __future__ import annotations

from typing import Final

from rlsplit.config.rules import keys
from rlsplit.releases.release import NEWEST
from rlsplit.releases.spoke import Move, Spoke, moves
from rlsplit.releases.v0_8_0.came import FIELDS, VARIANTS
from rlsplit.releases.v0_8_0.checks import ROOT_CHECKS, SECTION_CHECKS
from rlsplit.releases.v0_8_0.derivations import ROOT_DERIVATIONS, SECTION_DERIVATIONS
from rlsplit.releases.v0_8_0.sections import ENDS, SECTIONS


def _moves() -> tuple[Move, ...]:
    return (
        *moves(
            "clean_output_dir",
            "wandb",
            "{trainer,orchestrator}.wandb",
            "orchestrator.prime_monitor",
            "orchestrator.prime_monitor.run_name",
            "inference.model.name",
            "inference.model.{dtype,max_model_len,enforce_eager,trust_remote_code,chat_template}",
            "inference.model.{tool_call_parser,reasoning_parser,rope_scaling}",
            "inference.parallel.{tp,dp}",
            "inference.{enable_lora,max_loras,max_cpu_loras,max_lora_rank,lora_target_modules,enable_prefix_caching}",
            "inference.{gpu_memory_utilization,api_server_count,data_parallel_size_local}",
            "inference.{data_parallel_rpc_port,seed,enable_expert_parallel,all2all_backend,enable_eplb,enable_dbo}",
            "inference.enable_return_routed_experts",
        ),
        *moves(
            "file_monitor",
            "file_monitor.filename",
            "{trainer,orchestrator}.file_monitor",
            "{trainer,orchestrator}.file_monitor.filename",
            "inference.quantization",
            first="v0.8.0",
        ),
        Move(keys("inference.model.vlm"), keys("inference.vllm.vlm"), "v0.8.1.dev1"),
    )


SPOKE: Final = Spoke(
    until=NEWEST.tag,
    sections=SECTIONS,
    ends=ENDS,
    came=FIELDS,
    variants_came=VARIANTS,
    moves=_moves,
    dissolved=(keys("inference.model"), keys("inference.parallel")),
    derivations=SECTION_DERIVATIONS,
    checks=SECTION_CHECKS,
    root_derivations=ROOT_DERIVATIONS,
    root_checks=ROOT_CHECKS,
)
