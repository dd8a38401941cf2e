"""What a rule says it sets is what it sets, and every key that a rule can name is a key of the sections."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_type_hints

import pytest
import tomli
from builders import MINIMAL, MULTI_NODE, compiled, errors, table
from test_checks import (
    DISAGGREGATED,
    LLMD,
    NO_INFERENCE,
    REFUSED,
    REFUSED_WHEN_HOSTED,
    REFUSED_WITHOUT_INFERENCE,
    source,
)

from conftest import ROOT, SHARED, conformance_cases, sft_cases
from rlsplit.config import resolve, run_keys
from rlsplit.config.checks import INPUT_CHECKS, ROOT_CHECKS, SECTION_CHECKS, inputs, orchestrator, renderers, root
from rlsplit.config.checks import inference as inference_checks
from rlsplit.config.checks import sections as section_checks
from rlsplit.config.checks import trainer as trainer_checks
from rlsplit.config.checks.sections import checks_of
from rlsplit.config.derivations import root as root_derivations
from rlsplit.config.derivations import sections as section_derivations
from rlsplit.config.derivations.root import ROOT_DERIVATIONS
from rlsplit.config.derivations.sections import SECTION_DERIVATIONS, derivations_of
from rlsplit.config.keys import Key
from rlsplit.config.propagation import BLOCKS, CASCADE
from rlsplit.config.propagation import SHARED as SHARED_ROWS
from rlsplit.config.reading.locations import alternatives
from rlsplit.config.rl_kind import RL
from rlsplit.config.rules import EACH, Check, Derivation, Setting
from rlsplit.config.sections import roots
from rlsplit.config.sections.algorithms import AlgoConfig
from rlsplit.config.sections.base import EnvVarsSection, Section, UnreadableError
from rlsplit.config.sections.general_renderers import RendererConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sft import checks as sft_checks
from rlsplit.config.sft import derivations as sft_derivations
from rlsplit.config.sft import keys as sft_keys
from rlsplit.config.sft import section_checks as sft_section_checks
from rlsplit.config.sft.derivations import ROOT_DERIVATIONS as SFT_ROOT_DERIVATIONS
from rlsplit.config.sft.kind import SFT
from rlsplit.config.tree import inner_sections, is_section
from rlsplit.findings import KeyPath, dotted

DERIVING = [
    "trainer.model.ac = { mode = 'selective', targets = ['norm', 'norm'] }",
    "trainer.model = { ac_offloading = {}, ac = 'None' }",
    "inference.vllm.max_lora_rank = 100",
    "trainer.model = { ep = 2, ep_comm_backend = 'deepep' }",
    "trainer.model = { full_offload = true, optim_cpu_offload = false }",
    "trainer.model.lora = { rank = 100 }",
    "trainer.enable_router_replay = true",
    "trainer.model.cp = 2",
    "deployment = { num_train_gpus = 2, num_infer_gpus = 4 }",
    "inference = { router = { type = 'vllm-router' }, vllm = { data_parallel_size = 2 } }",
    "inference.vllm.headless = true",
    "inference.kv_cache_offload = { type = 'native', cpu = { num_bytes = 1 } }",
    "monitors = { wandb = {}, prime = {} }",
    "orchestrator.monitors = { wandb = { name = 'w' }, prime = {} }\ntrainer.monitors.wandb = {}",
    "orchestrator.eval.source = [{ env.id = 'a' }]",
    "orchestrator.algo = { type = 'sft', sampling.source = { name = 'm', base_url = 'http://h/v1' } }",
    "resume = {}",
    "trainer.weight_broadcast.type = 'nixl'\nweight_broadcast.type = 'nixl'" + MULTI_NODE,
    MULTI_NODE,
    MULTI_NODE + "nodes_per_fsdp_group = 1",
    MULTI_NODE + "[inference.vllm]\nenable_expert_parallel = true\ndata_parallel_size = 8",
    MULTI_NODE + LLMD,
    DISAGGREGATED,
]


def tables() -> Iterator[dict[str, Any]]:
    for text in DERIVING:
        yield table(text)
    for _, _, texts in (*REFUSED, *REFUSED_WHEN_HOSTED):
        yield table(*texts)
    for _, _, texts in REFUSED_WITHOUT_INFERENCE:
        yield table(*texts, base=NO_INFERENCE)
    unnamed = table(DERIVING[0])
    del unnamed["run"]
    yield unnamed
    for path in sorted([*ROOT.glob("fixtures/*/rl.toml"), *ROOT.glob("fixtures/bad/*.toml")]):
        with suppress(ValueError, RecursionError):
            yield tomli.loads(path.read_text(encoding="utf-8"))
    if SHARED.is_dir():
        yield from (case["config"] for case in conformance_cases(SHARED, chunk=0, of=6))


SFT_EVALS = """
run.name = "test"
[data]
[inference]
[[eval.source]]
env.id = "a"
"""
SFT_DERIVING = [
    SFT_EVALS,
    SFT_EVALS.replace('run.name = "test"', ""),
    SFT_EVALS + "[monitors.wandb]\n[deployment]\nnum_infer_gpus = 4\n[model.lora]\nrank = 100",
    SFT_EVALS + "[deployment]\ntype = 'multi_node'\nnum_infer_nodes = 2\nnodes_per_fsdp_group = 2",
    SFT_EVALS + "[slurm]\n[inference.slurm]\n[model]\nep = 2\nep_comm_backend = 'deepep'",
    "[data]\n[model]\nfull_offload = true\noptim_cpu_offload = false",
]


def sft_tables() -> Iterator[dict[str, Any]]:
    yield from map(tomli.loads, SFT_DERIVING)
    for path in sorted([*ROOT.glob("fixtures/*/sft.toml"), *ROOT.glob("fixtures/bad-sft/*.toml")]):
        yield tomli.loads(path.read_text(encoding="utf-8"))
    if SHARED.is_dir():
        yield from (case["config"] for case in sft_cases(SHARED, chunk=0, of=6))


@dataclass(frozen=True)
class Told:
    """What rules said of all these tables."""

    settings: set[tuple[str, str, KeyPath, type[Section]]]
    """Rule, its function, what it sets, on which section."""
    named: set[tuple[str, KeyPath, type[Section]]]


@pytest.fixture(scope="module")
def told() -> Told:
    found = Told(set(), set())
    patch = pytest.MonkeyPatch()

    def deriving(derivation: Derivation, section: Section, base: KeyPath, record: Any) -> None:
        def noting(given: Any) -> Iterator[Setting]:
            for setting in derivation.derive(given):
                found.settings.add((derivation.rule, derivation.derive.__name__, setting.path, type(section)))
                for path in (setting.path, *setting.of):
                    found.named.add((derivation.rule, path, type(section)))
                yield setting

        derive(Derivation(derivation.rule, noting, derivation.sets), section, base, record)

    def checking(check: Check, section: Section, base: KeyPath, record: Any) -> None:
        with suppress(UnreadableError):
            for refusal in check.refuse(section):
                for path in (refusal.path, *refusal.related):
                    found.named.add((check.rule, path, type(section)))
        judge(check, section, base, record)

    derive, judge = resolve._derive, resolve._check
    patch.setattr(resolve, "_derive", deriving)
    patch.setattr(resolve, "_check", checking)
    for given in tables():
        for mode in ("launcher", "hosted"):
            resolve.resolve(given, RL, mode=mode)  # type: ignore[arg-type]
    for given in sft_tables():
        for mode in ("launcher", "hosted"):
            resolve.resolve(given, SFT, mode=mode)  # type: ignore[arg-type]
    patch.undo()
    return found


def all_derivations() -> list[Derivation]:
    return [
        *ROOT_DERIVATIONS,
        *SFT_ROOT_DERIVATIONS,
        *(rule for rules in SECTION_DERIVATIONS.values() for rule in rules),
    ]


def matches(path: KeyPath, pattern: KeyPath) -> bool:
    """Whether a path is at or below a pattern."""
    return len(path) >= len(pattern) and all(
        isinstance(part, int) if wanted == EACH else part == wanted for part, wanted in zip(path, pattern, strict=False)
    )


def test_a_derivation_sets_nothing_but_what_it_names(told: Told) -> None:
    sets = {(rule.rule, rule.derive.__name__): rule.sets for rule in all_derivations()}
    unnamed = {
        (rule, dotted(path))
        for rule, name, path, _ in told.settings
        if not any(matches(path, pattern) for pattern in sets[rule, name])
    }
    assert not unnamed


def test_a_derivation_names_nothing_that_it_does_not_set(told: Told) -> None:
    idle = {
        (rule.rule, dotted(pattern))
        for rule in all_derivations()
        for pattern in rule.sets
        if not any(
            (rule.rule, rule.derive.__name__) == (found, name) and matches(path, pattern)
            for found, name, path, _ in told.settings
        )
    }
    assert not idle


def is_key(kind: type[Section], path: KeyPath) -> bool:
    """Whether a section has what a path names; below a table of no section, and where any key goes, everything is."""
    for end, part in enumerate(path):
        here = alternatives(kind, path[:end])
        if not any(map(is_section, here)):
            return bool(here) or end > 0
        if not alternatives(kind, path[: end + 1]) and not any(
            part in inner.model_fields or inner.keeps_unknown for inner in here if is_section(inner)
        ):
            return False
    return True


def test_every_key_that_a_rule_named_is_a_key(told: Told) -> None:
    assert {(rule, dotted(path)) for rule, path, kind in told.named if not is_key(kind, path)} == set()


def test_every_key_of_a_table_of_rules_is_a_key() -> None:
    paths = [
        path for row in (*SHARED_ROWS, CASCADE, *BLOCKS) if row.until is None for path in (row.source, *row.targets)
    ]
    paths += [value.path for value in vars(run_keys).values() if isinstance(value, Key)]
    assert len(paths) > 150
    assert [dotted(path) for path in paths if not is_key(RLConfig, path)] == []
    sft_paths = [value.path for value in vars(sft_keys).values() if isinstance(value, Key)]
    assert [dotted(path) for path in sft_paths if not is_key(SFTConfig, path)] == []
    roots_and_rules = ((RLConfig, ROOT_DERIVATIONS), (SFTConfig, SFT_ROOT_DERIVATIONS))
    for section, rules in (*roots_and_rules, *SECTION_DERIVATIONS.items()):
        for rule in rules:
            for path in rule.sets:
                indexed = tuple(0 if part == EACH else part for part in path)
                assert is_key(section, indexed), (rule.rule, dotted(path))


MODULES: list[ModuleType] = [
    inputs,
    root,
    section_checks,
    trainer_checks,
    orchestrator,
    renderers,
    inference_checks,
    root_derivations,
    section_derivations,
    sft_checks,
    sft_section_checks,
    sft_derivations,
]


def written_paths(module: ModuleType) -> Iterator[tuple[str, type[Section], KeyPath]]:
    """Every path that a function on sections spells out as a tuple of texts, with the section that it is read from."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.FunctionDef) or not node.args.args:
            continue
        hints = get_type_hints(getattr(module, node.name), localns=vars(roots))
        annotation = hints.get(node.args.args[0].arg)
        kinds = [annotation] if is_section(annotation) else getattr(annotation, "__args__", ())
        for path in spelled(node):
            for kind in kinds:
                if is_section(kind):
                    yield f"{module.__name__}.{node.name}", kind, path


def spelled(function: ast.FunctionDef) -> Iterator[KeyPath]:
    for call in ast.walk(function):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Refusal", "Setting"):
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            for node in (inner for argument in arguments for inner in ast.walk(argument)):
                if isinstance(node, ast.Tuple) and node.elts and all(map(is_text, node.elts)):
                    yield tuple(ast.literal_eval(node))


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.removeprefix("rlsplit.config."))
def test_every_key_that_a_rule_spells_out_is_a_key(module: ModuleType) -> None:
    found = list(written_paths(module))
    assert found or module in (inputs, root, root_derivations, renderers, sft_checks, sft_derivations)
    unknown = [(where, dotted(path)) for where, kind, path in found if not any(is_key(k, path) for k in family(kind))]
    assert unknown == []


def family(kind: type[Section]) -> Iterator[type[Section]]:
    """A section and those that its rules serve, too."""
    yield kind
    for inner in kind.__subclasses__():
        yield from family(inner)


# --- rules are looked up along the class hierarchy ----------------------------------------------------------------


def test_a_new_kind_has_the_rules_of_its_base() -> None:
    class NewAlgo(AlgoConfig):
        """An algorithm that no table lists."""

    class NewRenderer(RendererConfig):
        """A renderer that no table lists."""

    class NewComponent(EnvVarsSection):
        """A component that no table lists."""

    assert [check.rule for check in checks_of(NewAlgo)] == ["O-03"]
    assert [check.rule for check in checks_of(NewRenderer)] == ["R-01"]
    assert [check.rule for check in checks_of(NewComponent)] == ["B-10"]
    assert derivations_of(NewAlgo) == ()


def reachable(section: type[Section], seen: set[type[Section]]) -> set[type[Section]]:
    if section not in seen:
        seen.add(section)
        for inner in inner_sections(section):
            reachable(inner, seen)
    return seen


def test_every_section_with_variables_says_so() -> None:
    every = reachable(RLConfig, set())
    assert len(every) > 100
    for section in every:
        fields = tuple(name for name in section.model_fields if name.endswith("env_vars"))
        assert fields == (section.env_var_fields if issubclass(section, EnvVarsSection) else ())


def test_every_listed_section_is_one_that_a_run_has() -> None:
    every = reachable(RLConfig, set())
    for listed in (*SECTION_CHECKS, *SECTION_DERIVATIONS):
        assert any(issubclass(section, listed) for section in every), listed


def test_own_checks_come_after_those_of_base_classes() -> None:
    assert [check.rule for check in checks_of(RLConfig)] == ["B-10"]
    for section in reachable(RLConfig, set()):
        bases = [base for base in reversed(section.__mro__) if base in SECTION_CHECKS]
        assert checks_of(section) == tuple(check for base in bases for check in SECTION_CHECKS[base])
    assert {check.rule for check in (*INPUT_CHECKS, *ROOT_CHECKS)}


@pytest.mark.parametrize(
    ("texts", "base", "expected"),
    [
        (
            ['trainer.model.lora.rank = "x"', 'orchestrator.model.name = "Qwen/Qwen3-4B"'],
            NO_INFERENCE,
            [("B-03", "trainer.model.lora.rank"), ("X-09a", "trainer.model.name")],
        ),
        (
            ['orchestrator.train.sampling.temperature = "x"', source() + "\n" + source()],
            MINIMAL,
            [("B-03", "orchestrator.train.sampling.temperature"), ("O-12", "orchestrator.train.source")],
        ),
    ],
)
def test_a_derivation_that_cannot_tell_hides_only_what_it_sets(
    texts: list[str], base: str, expected: list[tuple[str, str]]
) -> None:
    assert sorted(errors(compiled(*texts, base=base).findings)) == expected
