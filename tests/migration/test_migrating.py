"""Configs of earlier releases become configs of later ones: what each rule does, what it says, and that files stay theirs."""

from __future__ import annotations

import pytest
import tomli

import rlsplit
from rlsplit.migration import Migration, migrate
from rlsplit.migration.migrating import RULES
from rlsplit.releases.changes import changes, keys

RENAMED = """\
# first line
seq_len = 2048    # tokens

[wandb]            # where it is logged
project = "p"

# how it trains
[orchestrator]
batch_size   = 64  # samples
rollouts_per_example = 8

[[orchestrator.train.env]]
taskset = { id = "gsm8k", split = "train" }   # kept as it is
max_turns = 4

[inference.parallel]
# two GPUs each
tp = 2
"""

RENAMED_TODAY = """\
# first line
seq_len = 2048    # tokens

[monitors.wandb]            # where it is logged
project = "p"

# how it trains
[orchestrator]
batch_size   = 64  # samples
group_size = 8

[[orchestrator.train.source]]
env.taskset = { id = "gsm8k", split = "train" }   # kept as it is
env.agent.max_turns = 4

[inference.vllm]
# two GPUs each
tensor_parallel_size = 2
"""


def moved(text: str, **settings: object) -> Migration:
    found = migrate(text, **settings)  # type: ignore[arg-type]
    assert not found.is_refused, found.findings
    tomli.loads(found.text)
    return found


def said(migration: Migration, code: str) -> list[str]:
    return [rlsplit.findings.dotted(each.path) for each in migration.findings if each.code == f"migrate.{code}"]


def test_keys_move_and_everything_else_stays() -> None:
    found = moved(RENAMED)
    assert found.text == RENAMED_TODAY
    assert found.from_release == "v0.7.0"
    assert not [each for each in found.findings if each.code in ("migrate.lost", "migrate.decide")]
    assert ("moved", ("wandb",), ("monitors", "wandb")) in [(e.kind, e.old, e.new) for e in found.edits]


def test_a_migrated_config_is_left_alone() -> None:
    again = moved(RENAMED_TODAY)
    assert (again.text, again.edits, again.findings) == (RENAMED_TODAY, (), ())


BARE = "[orchestrator]\nbatch_size = 8\n"

# fmt: off
RULED = [
    # what was written, the release, what is written today (a part), codes that are said
    ('[orchestrator.client]\nbase_url = ["http://a/v1"]\n', "v0.6.0", {"orchestrator.model.client.base_url": "http://a/v1"}, []),
    ('[orchestrator.client]\nbase_url = ["http://a", "http://b"]\n', "v0.8.0", {"orchestrator.model.client.admin_base_url": ["http://a", "http://b"]}, ["decide"]),
    ('[orchestrator.client]\nbase_url = ["http://a"]\nrouter_url = "http://r"\n', "v0.8.0", {"orchestrator.model.client.base_url": "http://r", "orchestrator.model.client.admin_base_url": ["http://a"]}, []),
    ('output_dir = "/data/runs/mine"\n', "v0.8.0", {"output_dir": "/data/runs", "run.name": "mine"}, ["decide"]),
    ('output_dir = "outputs"\n', "v0.8.0", {"output_dir": "outputs"}, []),
    ('output_dir = "/"\n', "v0.8.0", {"output_dir": "/"}, []),
    ('[ckpt]\nresume_step = 40\n', "v0.8.0", {"resume.step": 40, "ckpt": {}}, ["decide"]),
    ('[ckpt]\nresume_step = -1\n', "v0.8.0", {"resume": {}, "ckpt": {}}, ["decide"]),
    ('[ckpt]\nresume_step = 0\n', "v0.8.0", {"ckpt": {}}, []),
    ('clean_output_dir = true\n', "v0.8.0", {"clean": True}, ["decide"]),
    ('bench = true\n', "v0.8.0", {}, ["lost"]),
    ('bench = false\n', "v0.8.0", {}, ["idle"]),
    ('[weight_broadcast]\nport = 1\n', "v0.6.0", {"weight_broadcast.type": "filesystem"}, ["idle"]),
    ('[weight_broadcast]\nport = 1\n', "v0.7.0", {"weight_broadcast.type": "nccl", "weight_broadcast.port": 1}, []),
    ('[trainer.model]\nattn = "fa4"\n', "v0.7.0", {"trainer.model.attn": "flash_attention_4"}, []),
    ('[trainer.model]\nattn = "sdpa"\n', "v0.7.0", {"trainer.model": {}}, ["lost"]),
    ('[trainer.model]\nfp8 = true\n', "v0.7.0", {"trainer.model.quantization.type": "fp8"}, []),
    ('[trainer.model]\nfp8 = false # off\n', "v0.7.0", {"trainer.model": {}}, []),
    ('[trainer.model.ac]\ntargets = ["norm", "mamba"]\n', "v0.5.0", {"trainer.model.ac.targets": ["norm", "linear_attn"]}, []),
    ('[trainer.loss]\nipo_mask_low = 0.3\nipo_mask_high = 0.3\n', "v0.5.0", {"trainer.loss.type": "ipo", "trainer.loss.ipo_threshold": 0.3}, []),
    ('[trainer.loss]\nipo_mask_low = 0.1\nipo_mask_high = 0.3\n', "v0.5.0", {"trainer.loss.type": "ipo"}, ["lost"]),
    ('[trainer.loss]\ntype = "sft"\n', "v0.5.0", {"orchestrator.algo.type": "sft"}, ["lost"]),
    ('[orchestrator]\ntraining_mode = "opd"\nteacher = { model = { name = "t" }, client = { base_url = ["http://t"] } }\n', "v0.6.0", {"orchestrator.algo.type": "opd", "orchestrator.algo.teacher.name": "t", "orchestrator.algo.teacher.base_url": "http://t"}, []),
    ('[orchestrator]\ntraining_mode = "sft"\n[orchestrator.teacher.model]\nname = "t"\n', "v0.6.0", {"orchestrator.algo.sampling.source.name": "t", "orchestrator.algo.sampling.source.base_url": "http://localhost:8000/v1"}, []),
    ('[orchestrator.teacher_model]\nname = "t"\n', "v0.5.0", {}, ["lost"]),
    ('[orchestrator.advantage]\ntype = "default"\n', "v0.6.0", {}, []),
    ('[orchestrator.advantage]\ntype = "custom"\nimport_path = "x"\n', "v0.6.0", {}, ["lost"]),
    ('[orchestrator.advantage.length_penalty]\ncoef = 0.5\n', "v0.6.0", {"orchestrator.algo.length_penalty.num_output_tokens_weight": 0.5, "orchestrator.algo.length_penalty.num_turns_weight": 0.0}, ["decide"]),
    ('[orchestrator]\nmax_inflight_rollouts = 9\n', "v0.7.0", {"orchestrator.concurrency.max_inflight": 9}, ["decide"]),
    ('[orchestrator]\nbatch_size = 10\noversampling_factor = 1.5\n', "v0.8.0", {"orchestrator.concurrency.max_inflight": 15}, ["decide"]),
    ('[orchestrator]\nbatch_size = 10\ngroup_size = 32\noversampling_factor = 1.5\n', "v0.8.0", {"orchestrator.concurrency.max_inflight": 32}, ["decide"]),
    ('[[orchestrator.post_batch_filters]]\ntype = "zero_advantage"\n', "v0.8.0", {"orchestrator.train.filter_zero_advantages": True}, []),
    ('[[orchestrator.post_batch_filters]]\ntype = "gibberish"\nenforce = true\n', "v0.8.0", {"orchestrator.train.filter_zero_advantages": False}, ["decide", "lost"]),
    ('[[orchestrator.pre_batch_filters]]\ntype = "repetition"\n', "v0.8.0", {}, ["idle"]),
    ('[[orchestrator.pre_batch_filters]]\ntype = "zero_advantage"\nenforce = true\n[[orchestrator.train.source]]\nname = "a"\n', "v0.8.0", {"orchestrator.train.source.0.curriculum.gates.zero_advantage.type": "advantage_range"}, []),
    ('[orchestrator.buffer]\nenv_ratios = [0.3, 0.7]\n[[orchestrator.env]]\nname = "a"\n[[orchestrator.env]]\nname = "b"\n', "v0.5.0", {"orchestrator.train.source.0.ratio": 0.3, "orchestrator.train.source.1.ratio": 0.7}, []),
    ('[orchestrator.eval]\neval_base_model = true\n[[orchestrator.eval.env]]\nname = "a"\n', "v0.5.0", {"orchestrator.eval.skip_first_step": False}, []),
    ('[orchestrator.train]\nnum_workers = 3\n[[orchestrator.train.env]]\nname = "a"\n', "v0.6.0", {"orchestrator.train.source.0.serve.pool.num_workers": 3}, []),
    ('[[orchestrator.train.env]]\nname = "a"\nnum_workers = "auto"\ntimeout = 60\n', "v0.6.0", {"orchestrator.train.source.0.env.agent.timeout.rollout": 60}, []),
    ('[[orchestrator.train.env]]\ntaskset = { id = "x" }\ntimeout = { setup = 5 }\nmultiplex = 2\n', "v0.7.0", {"orchestrator.train.source.0.env.agent.timeout.setup": 5, "orchestrator.train.source.0.env.interception.type": "elastic"}, []),
    ('[[orchestrator.train.env]]\ntaskset = { id = "math-env-v1" }\nharness = { id = "default", runtime = { type = "docker" } }\n', "v0.7.0", {"orchestrator.train.source.0.env.taskset.id": "math-env", "orchestrator.train.source.0.env.agent.harness.id": "bash", "orchestrator.train.source.0.env.agent.runtime.type": "docker"}, []),
    ('[[orchestrator.train.env]]\ntaskset = { id = "own-v1" }\n', "v0.7.0", {"orchestrator.train.source.0.env.taskset.id": "own-v1"}, ["decide"]),
    ('[[orchestrator.train.env]]\nid = "own/thing@1.0"\nargs = { a = 1 }\n', "v0.7.0", {"orchestrator.train.source.0.name": "own/thing"}, ["environment", "lost"]),
    ('[[orchestrator.train.source]]\nlegacy = { id = "thing", args = { a = 1 } }\n', "v0.8.0", {"orchestrator.train.source.0.name": "thing"}, ["environment", "lost"]),
    ('[inference.vllm_extra]\nmax-num-seqs = 4\n[inference.model]\nmax_model_len = 8\n', "v0.8.0", {"inference.vllm.max_num_seqs": 4, "inference.vllm.max_model_len": 8}, []),
    ('[inference.deployment]\ntype = "disaggregated"\nnum_prefill_nodes = 4\nnum_prefill_replicas = 2\n', "v0.6.0", {"inference.deployment.prefill_nodes_per_replica": 2}, []),
    ('[inference.deployment]\ntype = "disaggregated"\nprefill_env_overrides = { A = 1 }\n', "v0.6.0", {"inference.deployment.prefill_env_vars.A": "1"}, []),
    ('max_model_len = 9\n', "v0.5.0", {}, ["idle"]),
    ('max_model_len = 9\n[inference]\n', "v0.5.0", {"inference.vllm.max_model_len": 9}, []),
    ('[model]\nname = "Qwen/Qwen3-0.6B"\n[inference.model]\nname = "Qwen/Qwen3-8B"\n', "v0.5.0", {"trainer.model.name": "Qwen/Qwen3-0.6B", "orchestrator.model.name": "Qwen/Qwen3-8B", "inference.vllm.model": "Qwen/Qwen3-8B"}, []),
    ('seq_len = 1\n[orchestrator]\nseq_len = 2\n', "v0.5.0", {"trainer.model.seq_len": 1, "orchestrator.seq_len": 2}, ["environment"]),
    ('max_steps = 1\n[trainer]\nmax_steps = 2\n', "v0.5.0", {"max_steps": 1, "trainer": {}}, ["idle"]),
    ('[wandb]\noffline = true\n', "v0.5.0", {"trainer.monitors.wandb.offline": True, "orchestrator.monitors.wandb.offline": True, "monitors.wandb": {}}, ["decide"]),
    (BARE, "v0.6.0", {"orchestrator.train.source.0.name": "reverse-text"}, ["environment"]),
    ('[model]\nname = "my/own"\n[wandb]\n', "v0.5.0", {"orchestrator.renderer.name": "default"}, ["decide"]),
    ('trainer_gpu_ids = [0, 1]\n', "v0.5.0", {"deployment.num_train_gpus": 2}, ["lost"]),
]
# fmt: on


@pytest.mark.parametrize(("text", "tag", "wanted", "codes"), RULED, ids=[row[0].split("\n")[0] for row in RULED])
def test_rules(text: str, tag: str, wanted: dict[str, object], codes: list[str]) -> None:
    found = moved(text, from_release=tag)
    table = tomli.loads(found.text)
    for path, value in wanted.items():
        node: object = table
        for part in path.split("."):
            node = node[int(part)] if isinstance(node, list) else node[part]  # type: ignore[index]
        assert node == value, found.text
    named = ("lost", "idle", "decide", "environment")
    # A source that was there by default is said of every config before v0.7 that has none.
    beside = {"environment"} if "without a list" in str(found.findings) and text != BARE else set()
    assert {code for code in named if said(found, code)} - beside == set(codes) - beside, found.findings
    assert all(each.where or not each.path for each in found.findings)
    assert moved(found.text).text == found.text


def test_every_rule_belongs_to_a_row() -> None:
    assert RULES.keys() <= {".".join(keys(change.old)) for change in changes()}


@pytest.mark.parametrize(("tag", "folder"), [("v0.8.1.dev10", "runs"), ("v0.8.1.dev26", "runs/mine")])
def test_dev_tags_are_told_apart_by_the_first_tag_of_each_change(tag: str, folder: str) -> None:
    assert tomli.loads(moved('output_dir = "runs/mine"\n', from_release=tag).text)["output_dir"] == folder


def test_two_spellings_of_one_key_are_told_apart() -> None:
    found = moved("[orchestrator]\nrollouts_per_example = 4\ngroup_size = 8\n", from_release="v0.7.0")
    assert tomli.loads(found.text) == {"orchestrator": {"group_size": 8}}
    assert said(found, "lost") == ["orchestrator.rollouts_per_example"]


def test_what_is_in_the_way_stays_and_is_said() -> None:
    found = migrate("monitors = 3\n[wandb]\nproject = 'p'\n", from_release="v0.8.0")
    assert "wandb" in tomli.loads(found.text)
    assert said(found, "decide") == ["wandb"]


def test_defaults_are_named_or_pinned() -> None:
    text = (
        "[trainer]\n[orchestrator]\nbatch_size = 32\n[inference]\n[[orchestrator.train.env]]\ntaskset = { id = 'x' }\n"
    )
    named = moved(text, from_release="v0.7.0")
    assert said(named, "default") == [
        "orchestrator.concurrency.max_inflight",
        "orchestrator.train.source[0].env.agent.runtime.type",
    ]
    (others,) = [each for each in named.findings if each.code == "migrate.defaults"]
    assert "trainer.model.attn" in others.message
    pinned = moved(text, from_release="v0.7.0", pin_defaults=True)
    table = tomli.loads(pinned.text)
    assert table["orchestrator"]["concurrency"]["max_inflight"] == 32
    assert table["orchestrator"]["train"]["source"][0]["env"]["agent"]["runtime"]["type"] == "subprocess"
    assert table["trainer"]["model"]["attn"] == "flash_attention_2"
    assert not [each for each in pinned.findings if each.code.startswith("migrate.default")]
    assert moved(pinned.text, pin_defaults=True).text == pinned.text


@pytest.mark.parametrize("goal", ["v0.7.0", "v0.8.0", "v0.8.1.dev10", "v0.8.1.dev30", None])
def test_any_later_release_may_be_the_goal(goal: str | None) -> None:
    text = (
        RENAMED.replace("tp = 2", "tp = 1").replace("[inference", "[trainer]\n[inference")
        + "[orchestrator.buffer]\nseed = 1\n"
    )
    found = moved(text, from_release="v0.6.0", to_release=goal)
    assert found.to_release == (goal or "v0.8.1.dev67")
    outcome = rlsplit.compile_sources([rlsplit.Source(name="rl.toml", content=found.text)], release=goal)
    assert outcome.config is not None, (found.text, outcome.findings)


@pytest.mark.parametrize(
    ("text", "settings", "code"),
    [
        ("a = ", {}, "document.syntax"),
        ('{"wandb": {}}', {}, "migrate.json"),
        ("a = 1\n", {"from_release": "x"}, "migrate.release"),
        ("a = 1\n", {"to_release": "v9.9.9"}, "migrate.release"),
        ("a = 1\n", {"from_release": "v0.8.0", "to_release": "v0.7.0"}, "migrate.backwards"),
        (b"\xff\xfe", {}, "document.encoding"),
    ],
)
def test_what_is_refused_is_left_as_it_is(text: str, settings: dict[str, str], code: str) -> None:
    found = migrate(text, **settings)  # type: ignore[arg-type]
    assert found.is_refused
    assert found.edits == ()
    assert isinstance(text, bytes) or found.text == text
    assert code in {each.code for each in found.findings}


def test_no_finding_tells_a_secret() -> None:
    text = '[orchestrator.prime_monitor]\nbase_url = "x"\n[orchestrator.client]\napi_key = "hunter2hunter2"\n'
    text += '[orchestrator.client.elastic]\ntoken = "hunter2hunter2"\n'
    found = migrate(text, from_release="v0.8.0")
    assert "hunter2" not in str(found.findings)
