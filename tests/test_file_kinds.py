"""A file of another kind gives one finding that says what it is; an rl.toml, however wrong, is never taken for one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

import rlsplit
from conftest import ROOT, conformance_cases
from rlsplit.cli import main
from rlsplit.compiler import compile_sources
from rlsplit.config.tables.other_roots import FORMER_KEYS
from rlsplit.document import Source, read
from rlsplit.file_kinds import KINDS, LORA, kind_findings, kinds_of
from rlsplit.findings import Finding

FIXTURES = ROOT / "fixtures"
COMPONENTS = ("trainer", "orchestrator", "inference")
ROOTS = {
    "trainer": "TrainerConfig",
    "orchestrator": "OrchestratorConfig",
    "inference": "InferenceConfig",
}


def names(table: dict[str, Any]) -> list[str]:
    return [kind.name for kind in kinds_of(table)]


def table(text: str) -> dict[str, Any]:
    return tomli.loads(text)


KNOWN = {
    "lora": [
        'model = "Qwen/Qwen3-4B"',
        'model = "Qwen/Qwen3-4B"\nmax_steps = 100\n[[env]]\nid = "a/b"\n[sampling]\nmax_tokens = 512',
        'batch_size = 128\nrollouts_per_example = 8\n[[env]]\nid = "a/b"',
        "env = []",
    ],
    "orchestrator": [
        "batch_size = 128",
        'group_size = 8\nseq_len = 2048\n[[train.source]]\nenv.id = "a"',
        'batch_size = 64\nrollouts_per_example = 8\n[model]\nname = "x"\n[sampling]\nmax_tokens = 3\n[[env]]\nid = "a"',
        '[client]\nbase_url = ["http://x/v1"]\n[[env]]\nid = "a"',
    ],
    "trainer": [
        '[loss]\ntype = "ipo"\n[optim]\nlr = 1e-6',
        "[model]\nfused_lm_head_token_chunk_size = 1024\n[data.fake]\nbatch_size = 2",
    ],
    "inference": [
        '[vllm]\nmodel = "x"\ntensor_parallel_size = 2',
        '[server]\nport = 8001\n[model]\nname = "x"\n[parallel]\ntp = 2',
        "gpu_memory_utilization = 0.9",
    ],
    "sft": [
        '[scheduler]\n[val.data]\nname = "org/set"',
        "[scheduler]\n[model]\n[optim]\nlr = 1e-5\n[eval]\ninterval = 5",
    ],
    "evals": ['model = "x"\n[eval]\ninterval = 3\n[online]\nmax_steps = 4'],
    "platform": [
        'namespace = "rl-runs"',
        'workload = "jobset"\nrdma_resource = { "rdma/ib" = 1 }\n[trainer.resources.requests]\ncpu = "32"',
        '[trainer.resources.requests]\ncpu = "32"\n[orchestrator.resources.requests]\ncpu = "4"',
    ],
    "pyproject": ['[project]\nname = "x"\n[tool.ruff]\nline-length = 120', '[build-system]\nrequires = ["hatchling"]'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in KNOWN.items() for text in texts])
def test_a_file_of_another_kind_gives_one_finding(name: str, text: str) -> None:
    assert names(table(text)) == [name]
    outcome = compile_sources([Source(name="given.toml", content=text)])
    [finding] = outcome.findings
    assert (finding.code, finding.severity) == ("config.kind", "error")
    assert finding.where is not None


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ('# a run\nmax_steps = 3\nmodel = "x"', ("model",), 3),
        ('output_dir = "x"\nseq_len = 8\nbatch_size = 8\ngroup_size = 4', ("batch_size",), 3),
        ("max_steps = 3\n[model]\nfused_lm_head_token_chunk_size = 8\n", ("model",), 2),
        ("[trainer.resources.limits]\n[orchestrator.resources.limits]", ("trainer",), 1),
    ],
)
def test_it_stands_at_a_key_that_tells_the_kind(text: str, key: tuple[str, ...], line: int) -> None:
    [finding] = compile_sources([Source(name="given.toml", content=text)]).findings
    assert finding.path == key
    assert finding.where is not None
    assert finding.where.line == line


def test_every_kind_has_an_example() -> None:
    assert KNOWN.keys() == {LORA.name, *(kind.name for kind in KINDS)} - {"rl"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rl", '[trainer]\n[orchestrator]\nbatch_size = 4\n[[orchestrator.train.source]]\nenv.id = "a"'),
        ("rl", "[data]\n[trainer.model]\nseq_len = 4\n[trainer.optim]\nlr = 1e-6"),
        ("lora", 'model = "x"\n[data]'),
        ("lora", '[data]\n[[env]]\nid = "a"'),
        ("orchestrator", "batch_size = 128\ngroup_size = 8"),
        ("platform", 'namespace = "rl-runs"'),
    ],
)
def test_another_kind_that_is_forced_to_be_sft_gives_one_finding(name: str, text: str) -> None:
    assert [kind.name for kind in kinds_of(table(text), "sft")] == [name]
    [finding] = compile_sources([Source(name="given.toml", content=text)], kind="sft").findings
    assert finding.code == "config.kind"
    assert "no sft.toml" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "[data]\nname = 3",
        "[model]\nseq_len = 'x'\n[wandb]\nproject = 'p'",
        "[data]\n[deployment]\nnum_infer_replicas = 2",
        "[data]\nseq_len = 8\nbatch_size = 8\n[inference]\n[inference.vllm]\ndtype = 'x'",
        "",
    ],
)
def test_an_sft_file_with_mistakes_is_one(text: str) -> None:
    assert kinds_of(table(text), "sft") == ()


def finding_of(text: str, file: str | None) -> Finding:
    [finding] = kind_findings(table(text), file)
    return finding


@pytest.mark.parametrize("name", COMPONENTS)
def test_the_hint_for_a_component_is_a_command_that_works(name: str, tmp_path: Path, capsys: Any) -> None:
    sparse = FIXTURES / "wordle-eval" / "expected" / "sparse" / f"{name}.toml"
    own, rest = tmp_path / f"{name}.toml", tmp_path / "rest.toml"
    content = sparse.read_text("utf-8")
    own.write_text(content, "utf-8")
    rest.write_text("".join(f"[{other}]\n" for other in COMPONENTS if other != name), "utf-8")
    hint = finding_of(content, str(own)).hint or ""
    assert f"--{name} @ {own}" in hint
    main(["validate", str(rest), f"--{name}", "@", str(own)])
    assert "config.kind" not in capsys.readouterr().out


def test_hints_name_the_file_where_it_has_a_name() -> None:
    text = KNOWN["platform"][0]
    assert finding_of(text, "cluster.toml").hint == "pass it as --platform cluster.toml, beside the run's rl.toml"
    assert "--platform FILE" in str(finding_of(text, "<stdin>").hint)
    assert "--platform FILE" in str(finding_of(text, None).hint)


def test_a_lora_run_loses_nothing_by_its_hint() -> None:
    hint = finding_of(KNOWN["lora"][1], None).hint or ""
    for place in ("[model] name", "[[orchestrator.train.source]]", "[orchestrator.train.sampling]", "group_size"):
        assert place in hint
    written = {"model": {"name": "Qwen/Qwen3-4B"}, "inference": {}, "monitors": {"wandb": {}}}
    trainer = {"optim": {"lr": 1e-6}, "model": {"lora": {}}}
    source = {"env": {"id": "a"}}
    orchestrator = {"batch_size": 8, "group_size": 8, "train": {"sampling": {"temperature": 1}, "source": [source]}}
    rlsplit.parse({**written, "trainer": trainer, "orchestrator": orchestrator})


def test_a_file_that_could_be_two_things_is_called_both() -> None:
    finding = finding_of("[optim]\nlr = 1e-6\n[scheduler]\n[model.ac]\nfreq = 1", "train.toml")
    assert "the trainer's own config, or the sft.toml" in finding.message
    assert "--trainer @ train.toml" in str(finding.hint)
    assert "train.toml with --sft" in str(finding.hint)


def test_hostile_names_stand_on_one_line() -> None:
    [finding] = kind_findings({"namespace": "x", "labels": {}, "\u202e\n": 1}, "a\u202e\nb.toml")
    assert (finding.message + str(finding.hint)).isprintable()


# --- an rl.toml, however wrong ---------------------------------------------------------------------------------------

MISTAKES = [
    "",
    "max_steps = 3",
    '[model]\nname = "x"',
    "[inference]\n[deployment]",
    "foo = 1",
    "trainer = 5",
    "trainer = {}\nbatch_size = 3\ngroup_size = 4\nalgo = {}",
    "orchestrator = {}\n[optim]\nlr = 1\nweight_decay = 0\nbetas1 = 0.9\n[loss]\n[scheduler]",
    'trainer = {}\norchestrator = {}\nmodel = "x"\n[[env]]\nid = "a"',
    'trainer = {}\norchestrator = {}\nnamespace = "x"\nworkload = "jobset"\nlabels = {}',
    "[trainer]\n[orchestrator]\n[data]\nname = 'x'\n[val]\n[tool.ruff]\n[project]",
    "[trainer.model]\nnmae = 'x'\n[orchestrator]\nnamespace = 'x'",
]


@pytest.mark.parametrize("text", MISTAKES)
def test_an_rl_toml_with_mistakes_is_left_to_the_ordinary_findings(text: str) -> None:
    assert names(table(text)) == []
    assert "config.kind" not in {finding.code for finding in compile_sources([Source(name="x", content=text)]).findings}


@pytest.mark.parametrize("path", sorted((FIXTURES / "bad").glob("*.toml")), ids=lambda path: path.name)
def test_a_bad_fixture_is_no_other_kind(path: Path) -> None:
    assert names(read([Source(name="x", content=path.read_bytes())]).table) == []


KEYS = st.sampled_from(sorted({key for kind in KINDS for key in kind.fields} | {"foo"}))
VALUES = st.recursive(
    st.one_of(st.integers(0, 9), st.text("ab", max_size=2)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
@settings(max_examples=300, deadline=None)
def test_whatever_is_at_its_root_a_run_with_both_components_is_an_rl_toml(wild: dict[str, Any]) -> None:
    """Both sections that an rl.toml requires are there, and one of them is fine."""
    assert names({**wild, "trainer": wild.get("trainer", 1), "orchestrator": {"train": {"source": []}}}) == []


@given(st.sampled_from(["reverse-text", "lora", "wordle-eval"]), KEYS, VALUES)
@settings(max_examples=50, deadline=None)
def test_what_is_accepted_is_never_refused_for_its_kind(fixture: str, key: str, value: Any) -> None:
    given_table = {**table((FIXTURES / fixture / "rl.toml").read_text("utf-8")), key: value}
    outcome = compile_sources([Source(name="x", content=given_table)], on_unknown="warn")
    assert "config.kind" not in {finding.code for finding in outcome.findings}


def test_no_conformance_case_is_another_kind(shared: Path) -> None:
    assert [case["id"] for case in conformance_cases(shared) if kinds_of(case["config"])] == []


def test_no_shipped_or_old_rl_toml_is_another_kind(shared: Path) -> None:
    old = contents(shared / "releases", "**/*.toml")
    assert len(old) > 200
    assert [
        path for path, content in {**old, **contents(shared / "conformance", "**/*.toml")}.items() if names(content)
    ] == []


def test_no_case_of_an_older_release_is_another_kind(shared: Path) -> None:
    files = sorted((shared / "releases" / "conformance").glob("cases-*.jsonl.gz"))
    assert files
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            assert [case["id"] for case in map(json.loads, lines) if kinds_of(case["config"])] == []


def test_sft_files_are_recognised(shared: Path) -> None:
    shipped = contents(shared / "sft" / "sft-examples", "*.toml")
    unknown = [path for path, content in shipped.items() if names(content) != ["sft"]]
    assert unknown == [path for path, content in shipped.items() if content.keys() == {"slurm"}]
    with gzip.open(shared / "sft" / "sft-cases-dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        accepted = [case["config"] for case in map(json.loads, lines) if case["launcher"]["ok"]]
    assert accepted
    assert [config for config in accepted if "data" in config and names(config) != ["sft"]] == []


def test_retired_and_sft_shapes_are_those_of_the_hosted_client(shared: Path) -> None:
    told = {"refused": ["lora"], "sft": ["sft"]}
    cases = json.loads((shared / "sft" / "sft-detect.json").read_text("utf-8"))
    clear = [case for case in cases if not case["flag"] and case["mode"] in told and not is_odd(case["config"])]
    assert clear
    assert [case for case in clear if names(case["config"]) != told[case["mode"]]] == []


def is_odd(config: dict[str, Any]) -> bool:
    """An environment in a table and no list: no file of any kind has had that."""
    return isinstance(config.get("env"), dict)


def contents(folder: Path, pattern: str) -> dict[str, dict[str, Any]]:
    found = {
        str(path.relative_to(folder)): tomli.loads(path.read_text("utf-8")) for path in sorted(folder.glob(pattern))
    }
    assert found
    return found


def test_former_keys_are_those_of_the_releases_field_tables(shared: Path) -> None:
    older = sorted((shared / "releases").glob("fields-v*.json"))
    assert len(older) == 4
    today = root_keys(shared / "releases" / "fields-559b447.json")
    for name, keys in FORMER_KEYS.items():
        assert keys == set().union(*(root_keys(path)[name] for path in older)) - today[name]


def root_keys(path: Path) -> dict[str, set[str]]:
    models = {model["model"]: model for model in json.loads(path.read_text("utf-8"))["models"]}
    return {name: {field["name"] for field in models[model]["fields"]} for name, model in ROOTS.items()}


def test_the_root_of_an_sft_file_is_complete(shared: Path) -> None:
    models = {m["model"]: m for m in json.loads((shared / "sft" / "sft-fields.json").read_text("utf-8"))["models"]}
    [sft] = [kind for kind in KINDS if kind.name == "sft"]
    assert set(sft.fields) == {field["name"] for field in models["SFTConfig"]["fields"]}


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("*/expected/sparse/*.toml")), ids=lambda path: f"{path.parts[-4]}-{path.stem}"
)
def test_the_config_of_a_component_is_recognised(path: Path) -> None:
    assert path.stem in names(tomli.loads(path.read_text("utf-8")))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rl", "[trainer]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id = 'a'\n"),
        ("rl", "[trainer]\nmodel.nmae = 'a'\n[orchestrator]\n"),
        ("sft", "[data]\nname = 'd'\n"),
        ("part", "[trainer.optim]\nlr = 1.0\n"),
        ("platform", "namespace = 'n'\n[trainer.resources.requests]\ncpu = '1'\n[orchestrator.resources.requests]\ncpu = '1'\n"),
        ("orchestrator", "batch_size = 128\n"),
        ("pyproject", "[project]\nname = 'p'\nversion = '1'\n"),
        ("other", "[package]\nname = 'p'\nedition = '2021'\n"),
        ("other", ""),
        ("broken", "[trainer\n"),
    ],
)  # fmt: skip
def test_the_command_names_the_kind(name: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "f.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["kind", str(file)]) == 0
    assert capsys.readouterr().out == f"{name} {file}\n"


@pytest.mark.parametrize(
    "path", [*FIXTURES.glob("*/rl.toml"), *FIXTURES.glob("*/sft.toml"), *FIXTURES.glob("*/platform.toml")]
)
def test_the_command_knows_every_fixture(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kind", str(path)]) == 0
    assert capsys.readouterr().out == f"{path.stem} {path}\n"
