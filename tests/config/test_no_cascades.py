"""One mistake, one finding: rules that read what an unknown key may have meant stay silent, and no other rule does."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli
from builders import MINIMAL, compiled, errors, table
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checks import NO_INFERENCE, REFUSED, REFUSED_WHEN_HOSTED, REFUSED_WITHOUT_INFERENCE

from rlsplit.compiler import compile_sources
from rlsplit.config.reading.doubts import doubtful
from rlsplit.config.reading.problems import MOST_PROBLEMS
from rlsplit.config.resolve import resolve
from rlsplit.config.rl_kind import RL
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tree import sections
from rlsplit.document import Source
from rlsplit.plain_data import value_at
from rlsplit.words import words_of

DISAGGREGATED = """
[deployment]
type = "multi_node"
num_train_nodes = 1
num_infer_nodes = 5
[inference.deployment]
type = "disaggregated"
"""
OTHER_MODEL = """
trainer.model.name = "Qwen/Qwen3-8B"
orchestrator.model.name = "Qwen/Qwen3-8B"
"""

SILENT: list[tuple[str, list[str]]] = [
    ("inference.deployment.num_prefill_nodes", [DISAGGREGATED, "inference.deployment.num_prefill_nodes = 4"]),
    ("inference.deployment.decode_nodes", [DISAGGREGATED, "inference.deployment.decode_nodes = 4"]),
    ("inference.model", [OTHER_MODEL, 'inference.model = "Qwen/Qwen3-8B"']),
    ("inference.vllm_model", [OTHER_MODEL, 'inference.vllm_model = "Qwen/Qwen3-8B"']),
    ("orchestrator.eval.env", ['[[orchestrator.eval.env]]\nid = "math"']),
    ("orchestrator.eval.sources", ['[[orchestrator.eval.sources]]\nid = "math"']),
    ("orchestrator.eval.tasks", ['[[orchestrator.eval.tasks]]\nid = "math"']),
    ("trainer.seq_len", ["orchestrator.seq_len = 8192\ntrainer.seq_len = 8192"]),
    ("trainer.lora", ["trainer.lora.rank = 8\nweight_broadcast.type = 'nccl'\norchestrator.model.lora.rank = 8"]),
    ("orchestrator.batchsize", ["orchestrator.batchsize = 96\norchestrator.group_size = 96"]),
    ("deployment.infer_gpus", ["deployment.infer_gpus = 3\ninference.vllm.tensor_parallel_size = 3"]),
    ("deployment.num_train_nodes", ["deployment.num_train_nodes = 2\ndeployment.gpus_per_node = 1"]),
    ("trainer.max_step", ["trainer.max_step = 8\ntrainer.trace_path = 'x'"]),
    ("trainer.scheduler.warmup", ["max_steps = 5\n[trainer.scheduler]\ntype = 'cosine'\nwarmup = 2"]),
    (
        "trainer.optim.momentum",
        ["trainer.optim.momentum = 0.9\ntrainer.model = { full_offload = {}, optim_cpu_offload = false }"],
    ),
    ("trainer.model.attention", ["[trainer.model]\nimpl = 'hf'\nattention = 'x'\nattn_impl = 'flash_attention_2'"]),
    ("orchestrator.train.source[0].environment.id", ["[[orchestrator.train.source]]\nenvironment.id = 'x'"]),
]
"""An unknown key, and a config in which a rule would complain about the default of the field that it meant."""


@pytest.mark.parametrize(("path", "texts"), SILENT, ids=lambda value: value if isinstance(value, str) else "")
def test_a_rule_that_would_read_the_default_of_what_was_meant_is_silent(path: str, texts: list[str]) -> None:
    found = errors(compiled(*texts, base=MINIMAL.replace("max_steps = 100", "")).findings)
    assert {code for code, _ in found} == {"B-01"} or path.endswith("environment.id")


def test_a_misspelt_section_is_not_also_missing_when_hosted() -> None:
    found = compiled("infrence = {}", base=NO_INFERENCE, mode="hosted").findings
    assert errors(found) == [("B-01", "infrence")]


CASES = [
    *((rule, MINIMAL, texts, "launcher") for rule, _, texts in REFUSED),
    *((rule, MINIMAL, texts, "hosted") for rule, _, texts in REFUSED_WHEN_HOSTED),
    *((rule, NO_INFERENCE, texts, "launcher") for rule, _, texts in REFUSED_WITHOUT_INFERENCE if rule != "X-09c"),
]
UNRELATED = ["zzyzx", "a_newer_key", "frobnicate_with", "colour"]


def with_everywhere(config: dict[str, Any], key: str) -> dict[str, Any]:
    """The config with an unknown key in each of its tables that a section is read from."""
    read = resolve(config, RL).config
    assert read is not None
    config = copy.deepcopy(config)
    for path, section in sections(read):
        node = value_at(config, path)
        if isinstance(node, dict) and not section.keeps_unknown:
            node[key] = 1
    return config


@pytest.mark.parametrize("key", UNRELATED)
@pytest.mark.parametrize(("rule", "base", "texts", "mode"), CASES, ids=lambda value: value if len(value) < 8 else "")
def test_no_finding_is_lost_beside_a_key_that_has_nothing_to_do_with_it(
    rule: str, base: str, texts: list[str], mode: Any, key: str
) -> None:
    config = table(*texts, base=base)
    alone = resolve(config, RL, mode=mode).findings
    beside = resolve(with_everywhere(config, key), RL, mode=mode).findings
    assert {finding.code for finding in beside} >= {rule, "B-01"}
    keys = {(finding.code, finding.path) for finding in beside}
    assert {(finding.code, finding.path) for finding in alone} <= keys


def test_a_warning_puts_nothing_in_doubt() -> None:
    texts = [OTHER_MODEL, 'inference.model = "Qwen/Qwen3-8B"']
    assert ("X-09a", "inference.vllm.model") in errors(compiled(*texts, on_unknown="warn").findings)


def test_what_was_written_or_shared_is_never_in_doubt() -> None:
    texts = ["orchestrator.batchsize = 5\norchestrator.batch_size = 6\norchestrator.group_size = 4"]
    assert ("O-28", "orchestrator.batch_size") in errors(compiled(*texts).findings)
    shared = "[model]\nname = 'Qwen/Qwen3-8B'\n[orchestrator.model]\nname = 'x'\n[inference]\nmodel = 'y'"
    assert {"S-02", "B-01"} == {code for code, _ in errors(compiled(shared).findings)}


def test_the_nearest_sections_are_meant() -> None:
    config = RLConfig.model_validate({"trainer": {}, "orchestrator": {}, "inference": {}})
    placed = sections(config)
    table: dict[str, Any] = {"trainer": {"lr": 1}, "orchestrator": {"wandb_project": "x"}}
    # The key itself must be known to its section as an unknown one: doubts look at the sections only.
    assert doubtful(placed, table, [("trainer", "lr")]) == {("trainer", "optim", "lr")}
    assert ("orchestrator", "monitors") not in doubtful(placed, table, [("orchestrator", "prime_api")])


def test_of_many_unknown_keys_the_first_are_told_and_the_others_counted() -> None:
    many = {f"key_{n}": n for n in range(5000)}
    source = {"env": {"id": "e"}, **many}
    config = {"trainer": many, "orchestrator": {"train": {"source": [source, source]}}}
    told = [finding for finding in resolve(config, RL).findings if finding.code == "B-01"]
    [counted] = [finding for finding in resolve(config, RL).findings if finding.code == "document.too-many"]
    assert len(told) == MOST_PROBLEMS
    assert f"{3 * 5000 - MOST_PROBLEMS} more" in counted.message


# --- elements ----------------------------------------------------------------------------------------------------

GATES = 'curriculum.gates = { k = 1, n = { type = "advantage_range", z = "2", reject_min = 5 } }'
ELEMENTS: list[tuple[str, set[tuple[str, str]]]] = [
    (
        f'[[orchestrator.train.source]]\nenv.id = "e"\n{GATES}',
        {
            ("B-03", "orchestrator.train.source[0].curriculum.gates.k"),
            ("B-01", "orchestrator.train.source[0].curriculum.gates.n.z"),
            ("O-08", "orchestrator.train.source[0].curriculum.gates.n.reject_min"),
        },
    ),
    (
        'orchestrator.train.source = [1, { env.id = "agg", zz = 1 }, 2]',
        {
            ("B-03", "orchestrator.train.source[0]"),
            ("B-01", "orchestrator.train.source[1].zz"),
            ("O-11", "orchestrator.train.source[1].name"),
            ("B-03", "orchestrator.train.source[2]"),
        },
    ),
    (
        'orchestrator.eval.source = [{ env.id = "a", zz = 1 }, "x", { env = 3 }]',
        {
            ("B-01", "orchestrator.eval.source[0].zz"),
            ("B-03", "orchestrator.eval.source[1]"),
            ("B-03", "orchestrator.eval.source[2].env"),
        },
    ),
    (
        "[orchestrator.train.source]\nenv.id = 'e'",
        {("B-03", "orchestrator.train.source")},
    ),
]


@pytest.mark.parametrize(("text", "expected"), ELEMENTS)
def test_siblings_of_a_refused_element_are_read(text: str, expected: set[tuple[str, str]]) -> None:
    base = MINIMAL.replace('[[orchestrator.train.source]]\nenv.taskset.id = "reverse-text"', "[orchestrator]")
    assert set(errors(compiled(text, base=base).findings)) == expected


ELEMENT = st.sampled_from([1, "x", [], {"env": {"id": "e"}}, {"env": {"id": "f"}, "zz": 1}, {}, {"name": 3}, None])


@settings(max_examples=100, deadline=None)
@given(elements=st.lists(ELEMENT, max_size=6))
def test_every_element_is_judged_as_if_it_stood_alone(elements: list[Any]) -> None:
    def found(items: list[Any], offset: int) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        config = {"trainer": {}, "orchestrator": {"train": {"source": copy.deepcopy(items)}}}
        for finding in resolve(config, RL).findings:
            if finding.path[:3] == ("orchestrator", "train", "source") and len(finding.path) > 3:
                yield finding.code, (offset + int(finding.path[3]), *finding.path[4:])

    alone = {key for number, element in enumerate(elements) for key in found([element], number)}
    assert set(found(elements, 0)) == alone


# --- old configs -------------------------------------------------------------------------------------------------


def test_configs_of_older_releases_break_no_rule_about_what_they_renamed(shared: Path) -> None:
    """What is left are rules that the newest release has, and the older ones had not."""
    paths = sorted((shared / "releases" / "conformance").glob("examples-v0.*/*.toml"))
    assert len(paths) > 60
    left = set()
    for path in paths:
        source = Source(name=path.name, content=tomli.loads(path.read_text(encoding="utf-8")))
        left |= {finding.code for finding in compile_sources([source]).findings if finding.severity == "error"}
    assert left <= {"B-01", "B-03", "O-25", "T-02", "release.other"}


def test_names_are_words() -> None:
    assert words_of("numTrain-GPUs_perNode2") == {"num", "train", "gpu", "per", "node", "2"}
    assert words_of("prefill_nodes") == words_of("NodePrefill")
    assert words_of("") == frozenset()
