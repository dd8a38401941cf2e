"""Every check, each with a smallest config that it refuses and nothing else does."""

from __future__ import annotations

import pytest
from builders import MINIMAL, MULTI_NODE, compiled, errors

from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS
from rlsplit.config.hosted import HOSTED_CHECKS

NO_INFERENCE = """
run.name = "test"
max_steps = 100
trainer = {}
orchestrator = {}
"""
VLM = """
[trainer.model]
vlm = { vision_encoder_attr = "v", language_model_attr = "l" }
impl = "custom"
optimization_dtype = "bfloat16"
reduce_dtype = "bfloat16"
"""
LLMD = """
[inference]
router = { type = "llm-d" }
[inference.deployment]
type = "multi_node"
num_nodes = 1
"""
DISAGGREGATED = """
[deployment]
type = "multi_node"
num_train_nodes = 1
[inference.deployment]
type = "disaggregated"
"""
HF = 'trainer.model = { impl = "hf", attn = "flash_attention_2" }'


def source(*lines: str) -> str:
    return '[[orchestrator.train.source]]\nenv.taskset.id = "reverse-text"\n' + "\n".join(lines)


REFUSED: list[tuple[str, str, list[str]]] = [
    ("B-10", "env_vars.PRL_RUN_ID", ['env_vars.PRL_RUN_ID = "x"']),
    ("B-10", "trainer.env_vars.CUDA_VISIBLE_DEVICES", ['trainer.env_vars.CUDA_VISIBLE_DEVICES = "0"']),
    ("B-10", "orchestrator.env_vars.WANDB_RUN_ID", ['orchestrator.env_vars.WANDB_RUN_ID = "x"']),
    ("B-10", "inference.env_vars.PRL_RUN_NAME", ['inference.env_vars.PRL_RUN_NAME = "x"']),
    (
        "B-10",
        "inference.deployment.prefill_env_vars.PRL_RUN_ID",
        [DISAGGREGATED, 'inference.deployment.prefill_env_vars.PRL_RUN_ID = "x"'],
    ),
    ("T-01", "trainer.model.trust_remote_code", ['trainer.model = { trust_remote_code = true, impl = "custom" }']),
    ("T-02", "trainer.model.impl", [VLM, 'trainer.model.impl = "auto"']),
    ("T-03", "trainer.model.cp_style", [VLM, "trainer.model.cp = 2"]),
    ("T-04", "trainer.model.impl", [HF, "trainer.model.cp = 2"]),
    ("T-06", "trainer.model.ac.mode", [HF, 'trainer.model.ac.mode = "selective"']),
    ("T-07", "trainer.model.fsdp_cpu_offload", ["trainer.model.fsdp_cpu_offload = true"]),
    ("T-08", "trainer.model.full_offload", ["trainer.model.full_offload = true"]),
    ("T-09", "trainer.model.attn", ['trainer.model.impl = "hf"']),
    ("T-10", "trainer.model.quantization", [HF, 'trainer.model.quantization.type = "fp8"']),
    ("T-11", "trainer.model.ep", ['trainer.model = { ep = 1, ep_comm_backend = "deepep" }']),
    (
        "T-12",
        "trainer.model.quantization",
        ['trainer.model = { ep_comm_backend = "deepep", quantization = { type = "mxfp8" } }'],
    ),
    ("T-13", "trainer.model.ac.targets", ['trainer.model.ac = { mode = "selective", targets = [] }']),
    (
        "T-21",
        "trainer.optim.type",
        ["trainer.model = { full_offload = true, optim_cpu_offload = false }", 'trainer.optim.type = "sgd"'],
    ),
    ("T-23", "trainer.model.optimization_dtype", [VLM, 'trainer.model.reduce_dtype = "float32"']),
    (
        "T-24",
        "trainer.model.vlm.freeze_vision_encoder",
        [VLM, "trainer.model.lora = {}", "trainer.model.vlm.freeze_vision_encoder = false"],
    ),
    ("T-25", "trainer.trace_path", ['trainer.trace_path = "t"']),
    ("T-26", "trainer.scheduler", ['trainer.scheduler = { type = "linear", warmup_steps = 0, decay_steps = 0 }']),
    ("T-26", "trainer.scheduler", ['trainer.scheduler = { type = "linear", warmup_steps = 99 }']),
    ("T-26", "trainer.scheduler", ['trainer.scheduler = { type = "cosine", warmup_steps = 100 }']),
    (
        "T-27",
        "trainer.model.fsdp_cpu_offload",
        ["trainer.model = { fsdp_cpu_offload = true, optim_cpu_offload = false }", 'trainer.optim.type = "muon"'],
    ),
    (
        "T-28",
        "trainer.weight_broadcast.type",
        ["trainer.model.lora = {}", 'trainer.weight_broadcast.type = "nccl"'],
    ),
    ("T-30", "trainer.model.ep", [HF, "trainer.model.ep = 2"]),
    ("T-31", "trainer.enable_router_replay", [HF, "trainer.enable_router_replay = true"]),
    ("O-01", "orchestrator.concurrency.initial_inflight", ["orchestrator.concurrency.initial_inflight = 2000"]),
    ("O-01", "orchestrator.concurrency.min_inflight", ["orchestrator.concurrency.min_inflight = 2000"]),
    (
        "O-02",
        "orchestrator.algo.teacher.base_url",
        ['orchestrator.algo = { type = "opd", teacher = { name = "m" } }'],
    ),
    (
        "O-03",
        "orchestrator.algo.sampling.source",
        ['orchestrator.algo = { type = "rae", sampling.source = { name = "m", base_url = "http://h/v1" } }'],
    ),
    ("O-03", "orchestrator.algo.sampling.source", ['orchestrator.algo.type = "sft"']),
    ("O-05", "orchestrator.algo.roles", ['orchestrator.algo = { type = "echo", roles = {} }']),
    (
        "O-07",
        "orchestrator.train.source[0].curriculum.sampler.pools",
        [source('curriculum.sampler = { type = "difficulty_pool", pools = {} }')],
    ),
    (
        "O-07",
        "orchestrator.train.source[0].curriculum.sampler.pools",
        [source('curriculum.sampler = { type = "difficulty_pool", pools.a = { threshold = 1, weight = 0 } }')],
    ),
    (
        "O-08",
        "orchestrator.train.source[0].curriculum.gates.g.reject_min",
        [source("curriculum.gates.g.reject_min = 1")],
    ),
    ("O-10", "orchestrator.train.source[0].env", ["[[orchestrator.train.source]]\nname = 'x'"]),
    ("O-11", "orchestrator.train.source[0].name", [source('name = "agg"')]),
    ("O-12", "orchestrator.train.source", [source() + "\n" + source()]),
    ("O-13", "orchestrator.eval.source", ["[orchestrator.eval]"]),
    (
        "O-24",
        "orchestrator.train.source[0].env",
        ['orchestrator.algo = { type = "hierarchical_grpo", episode_agents = ["a"] }'],
    ),
    ("O-25", "orchestrator.renderer.name", ['model.name = "unknown/model"']),
    ("O-26", "orchestrator.batch_size", ["orchestrator = { batch_size = 1, token_batch_size = 1 }"]),
    ("O-28", "orchestrator.batch_size", ["orchestrator.group_size = 7"]),
    ("O-29", "orchestrator.concurrency.max_inflight", ["orchestrator = { batch_size = 2048, group_size = 2048 }"]),
    (
        "R-01",
        "orchestrator.renderer.thinking_retention",
        ['orchestrator.renderer = { name = "glm-5", clear_thinking = false, thinking_retention = "tool_cycle" }'],
    ),
    (
        "R-02",
        "orchestrator.renderer.preserve_all_thinking",
        ['orchestrator.renderer = { name = "default", preserve_all_thinking = true }'],
    ),
    (
        "R-03",
        "orchestrator.renderer.reasoning_effort",
        ['orchestrator.renderer = { name = "inkling", reasoning_effort = 1 }'],
    ),
    ("I-22", "inference.vllm.max_lora_rank", ["inference.vllm.max_lora_rank = 513"]),
    (
        "I-30",
        "inference.kv_cache_offload.cpu",
        ['inference.kv_cache_offload = { type = "native", disk = { path = "/d" } }'],
    ),
    (
        "I-31",
        "inference.router.scorers.magic",
        [MULTI_NODE, LLMD, "inference.router.scorers.magic = 1"],
    ),
    ("I-40", "inference.slurm", ['inference.deployment.type = "multi_node"']),
    (
        "I-41",
        "inference.router.type",
        [MULTI_NODE, LLMD, "inference.vllm.enable_return_routed_experts = true"],
    ),
    ("I-42", "inference.router", ['inference.router.type = "llm-d"']),
    (
        "I-44",
        "inference.vllm.enable_prefix_caching",
        [
            'inference.kv_cache_offload = { type = "native", cpu = { num_bytes = 1 } }',
            "inference.vllm.enable_prefix_caching = false",
        ],
    ),
    ("I-45", "inference.vllm.tensor_parallel_size", [DISAGGREGATED, "inference.vllm.tensor_parallel_size = 0"]),
    ("C-01", "monitors.wandb.offline", ["monitors.wandb.offline = true"]),
    ("C-02", "resume.step", ['resume = { step = 1, dir = "x/step_1" }']),
    ("C-03", "resume.dir", ['resume.dir = "x/one"']),
    ("C-04", "deployment.num_train_gpus", ["deployment.num_train_gpus = 8"]),
    (
        "X-01",
        "deployment.num_infer_nodes",
        [MULTI_NODE, 'inference.deployment = { type = "multi_node", num_nodes = 2 }'],
    ),
    ("X-02", "slurm", [MULTI_NODE, 'slurm = "None"']),
    ("X-02", "deployment.num_infer_nodes", [MULTI_NODE, "deployment.num_infer_nodes = 0"]),
    (
        "X-03",
        "trainer.weight_broadcast.type",
        ['trainer.weight_broadcast.type = "nccl"', "deployment.num_infer_gpus = 0", "trainer.data.fake = {}"],
    ),
    (
        "X-04",
        "weight_broadcast.quantize_in_weight_transfer",
        ['weight_broadcast = { type = "nccl", quantize_in_weight_transfer = true }'],
    ),
    ("X-06", "trainer.output_dir", ['trainer.output_dir = "elsewhere"']),
    ("X-09a", "inference.vllm.model", ['orchestrator.model.name = "Qwen/Qwen3-4B"']),
    ("X-09b", "orchestrator.tokenizer.chat_template", ['orchestrator.tokenizer.chat_template = "t"']),
    ("X-09d", "trainer.model.seq_len", ["orchestrator.seq_len = 4096"]),
    ("X-09e", "trainer.ckpt", ["trainer.ckpt = {}"]),
    ("X-09e", "orchestrator.ckpt.interval", ["trainer.ckpt = {}", "orchestrator.ckpt.interval = 3"]),
    ("X-09e", "orchestrator.resume", ["trainer.resume = {}"]),
    ("X-09f", "orchestrator.monitors.wandb", ["orchestrator.monitors.wandb = {}"]),
    ("X-10", "weight_broadcast.type", ["trainer.model.lora = {}", 'weight_broadcast.type = "nccl"']),
    ("X-11", "orchestrator.rollout_transport.type", ['orchestrator.rollout_transport.type = "filesystem"']),
    ("X-12", "inference.vllm.enable_eplb", ["inference.vllm.enable_eplb = true"]),
    (
        "X-13",
        "orchestrator.model.lora.rank",
        ["trainer.model.lora.rank = 8", "orchestrator.model.lora.rank = 16"],
    ),
    ("X-15", "inference.router.type", [MULTI_NODE, LLMD, "trainer.enable_router_replay = true"]),
    ("X-16", "inference.router", [MULTI_NODE, 'inference.router = "None"']),
    (
        "X-17",
        "inference.kv_cache_offload",
        [
            "trainer.enable_router_replay = true",
            'inference.kv_cache_offload = { type = "native", cpu = { num_bytes = 1 } }',
        ],
    ),
    (
        "X-18",
        "inference.kv_cache_offload.type",
        ['inference.kv_cache_offload = { type = "mooncake", cpu = { num_bytes = 1 } }'],
    ),
    ("X-19", "trainer.model.cp", [MULTI_NODE, "trainer.model.cp = 0"]),
    ("X-19", "deployment.nodes_per_fsdp_group", [MULTI_NODE, "deployment.nodes_per_fsdp_group = 0"]),
    ("X-19", "deployment.nodes_per_fsdp_group", [MULTI_NODE, "deployment.nodes_per_fsdp_group = 3"]),
    ("X-19", "deployment.num_infer_gpus", ["deployment.num_infer_gpus = 3", "inference.vllm.tensor_parallel_size = 2"]),
    (
        "X-19",
        "inference.vllm.data_parallel_size",
        [MULTI_NODE, "inference.vllm = { enable_expert_parallel = true, data_parallel_size = 4 }"],
    ),
    (
        "X-19",
        "inference.vllm.tensor_parallel_size",
        [MULTI_NODE, "inference.vllm = { enable_expert_parallel = true, tensor_parallel_size = 3 }"],
    ),
    (
        "X-19",
        "inference.vllm.data_parallel_size_local",
        [
            MULTI_NODE,
            "inference.vllm = { enable_expert_parallel = true, data_parallel_size = 8, data_parallel_size_local = 2 }",
        ],
    ),
    ("X-20", "deployment.num_infer_nodes", [DISAGGREGATED, "deployment.num_infer_nodes = 3"]),
    ("X-20", "deployment.num_infer_replicas", [DISAGGREGATED, "deployment.num_infer_replicas = 1000000"]),
]

REFUSED_WITHOUT_INFERENCE: list[tuple[str, str, list[str]]] = [
    ("X-02", "inference", [MULTI_NODE]),
    ("X-02", "trainer.data.fake", [MULTI_NODE, "deployment.num_infer_nodes = 0"]),
    ("X-09a", "trainer.model.name", ['orchestrator.model.name = "Qwen/Qwen3-4B"']),
    ("X-09c", "orchestrator.max_steps", ["trainer.max_steps = 1", "orchestrator.max_steps = 2"]),
]

REFUSED_WHEN_HOSTED: list[tuple[str, str, list[str]]] = [
    ("H-01", "k8s", ["k8s.namespace = 'x'"]),
    ("H-05", "clean", ["clean = true"]),
    ("H-06", "inference.deployment.type", [DISAGGREGATED]),
    ("H-07", "trainer.data.fake", ["deployment.num_infer_gpus = 0"]),
    ("B-03", "orchestrator.eval.interval", ["orchestrator.eval.interval = 0"]),
    ("B-01", "orchestrator.eval.intervall", ["orchestrator.eval.intervall = 1"]),
    ("B-03", "orchestrator.eval", ["orchestrator.eval = 1"]),
]


@pytest.mark.parametrize(("rule", "path", "texts"), REFUSED)
def test_a_rule_refuses_at_its_key(rule: str, path: str, texts: list[str]) -> None:
    assert errors(compiled(*texts).findings) == [(rule, path)]


@pytest.mark.parametrize(("rule", "path", "texts"), REFUSED_WITHOUT_INFERENCE)
def test_a_rule_refuses_without_inference(rule: str, path: str, texts: list[str]) -> None:
    base = NO_INFERENCE.replace("max_steps = 100\n", "") if rule == "X-09c" else NO_INFERENCE
    assert errors(compiled(*texts, base=base).findings) == [(rule, path)]


@pytest.mark.parametrize(("rule", "path", "texts"), REFUSED_WHEN_HOSTED)
def test_a_rule_refuses_when_hosted(rule: str, path: str, texts: list[str]) -> None:
    assert errors(compiled(*texts, mode="hosted").findings) == [(rule, path)]


def test_the_world_of_an_in_memory_broadcast_is_not_empty() -> None:
    texts = ["deployment.num_infer_gpus = 0", "inference.vllm.tensor_parallel_size = 0", "trainer.data.fake = {}"]
    assert errors(compiled(*texts).findings) == [("X-10", "inference.vllm.tensor_parallel_size")]


def test_the_base_of_these_tests_is_accepted() -> None:
    assert compiled().findings == ()
    assert errors(compiled(MULTI_NODE).findings) == []
    assert compiled(mode="hosted").findings == ()
    assert compiled(base=NO_INFERENCE).findings == ()
    assert MINIMAL.count("[inference]") == 1


def test_every_check_is_tested() -> None:
    in_code = {check.rule for checks in SECTION_CHECKS.values() for check in checks}
    in_code |= {check.rule for check in (*INPUT_CHECKS, *ROOT_CHECKS, *HOSTED_CHECKS)}
    tested = {rule for rule, _, _ in (*REFUSED, *REFUSED_WITHOUT_INFERENCE, *REFUSED_WHEN_HOSTED)}
    assert in_code <= tested
