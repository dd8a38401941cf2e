"""The difference of two configs is what changed, at each level, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from goldens import ABLE, FIXTURES, good, sft
from rlsplit.compiler import Target, compile_sources
from rlsplit.diff import COMPARED_RUN_ID, Difference, as_html, as_markdown, as_text, difference
from rlsplit.diff.changes import ABSENT, Change, changes
from rlsplit.document import Source
from rlsplit.findings import dotted
from rlsplit.preview import Compiled, previewed
from rlsplit.run import Run
from rlsplit.secrets import Secrets


def side(content: str | bytes, *, run: Run | None = None, name: str = "rl.toml") -> Compiled:
    target = Target(
        run=run or Run(id=COMPARED_RUN_ID),
        platform=ABLE,
        secrets=Secrets(hf_token="t"),
    )
    return previewed(compile_sources([Source(name=name, content=content)], until="plan", target=target), target)


def text_of(name: str) -> str:
    return (FIXTURES / name / "rl.toml").read_text(encoding="utf-8")


def edited(name: str, *edits: tuple[str, str]) -> Difference:
    """Compare a fixture with itself after replacing texts, each of which must be there once."""
    old = new = text_of(name)
    for before, after in edits:
        assert new.count(before) == 1, before
        new = new.replace(before, after)
    return difference(side(old), side(new))


def settings(found: Difference) -> dict[str, tuple[object, object]]:
    return {
        f"{component.component}: {dotted(change.path)}": (change.old, change.new)
        for component in found.components
        for change in component.values
    }


def planned(found: Difference) -> dict[str, tuple[object, object]]:
    return {f"{'+'.join(fact.roles)}: {fact.what}": (fact.old, fact.new) for fact in found.facts}


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_a_config_does_not_differ_from_itself(path: Path) -> None:
    found = difference(side(path.read_bytes()), side(path.read_bytes(), name="other.toml"))
    assert found.is_same
    assert not found.is_refused
    assert not found.documents_differ
    assert not found.moves
    assert as_text(found) == "No difference.\n"
    assert "No difference" in as_markdown(found)
    assert "No difference" in as_html(found)


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_any_two_fixtures_compare(path: Path) -> None:
    every = [*good(), *sft()]
    other = every[(every.index(path) + 1) % len(every)]
    found = difference(side(path.read_bytes()), side(other.read_bytes()))
    assert not found.is_same
    assert len(as_markdown(found)) <= 65_000
    assert as_text(found)
    assert as_html(found)


def test_a_comment_or_another_order_changes_no_run() -> None:
    found = edited("reverse-text", ("max_steps = 30\nseq_len = 1024\n", "# why\nseq_len = 1024\nmax_steps = 30\n"))
    assert found.is_same
    assert found.documents_differ
    assert as_text(found) == "The documents differ, the run does not.\n"


def test_a_value_moved_to_its_shared_key_changes_no_run() -> None:
    spread = (
        text_of("reverse-text")
        .replace("seq_len = 1024\n", "")
        .replace("[orchestrator]\n", "[orchestrator]\nseq_len = 1024\n")
    )
    spread = spread.replace("[trainer.optim]", "[trainer.model]\nseq_len = 1024\n[trainer.optim]")
    found = difference(side(spread), side(text_of("reverse-text")))
    assert found.is_same, as_text(found)
    moved = {f"{move.component}.{dotted(move.path)}" for move in found.moves}
    assert {"trainer.model.seq_len", "orchestrator.seq_len"} <= moved
    text = as_text(found)
    assert text.startswith("The documents differ, the run does not.\n")
    assert "orchestrator.seq_len: written at rl.toml:" in text
    assert "now from the shared seq_len at rl.toml:" in text


def test_two_more_training_nodes() -> None:
    found = edited("multi-node-dense", ("num_train_nodes = 4", "num_train_nodes = 6"))
    assert found.headline == "+16 GPUs, +2 pods, trainer 4 -> 6 pods"
    assert planned(found) == {"run: GPUs": (64, 80), "run: pods": (13, 15), "trainer: pods": (4, 6)}
    assert settings(found) == {
        "trainer: model.dp_replicate": (2, 3),
        "orchestrator: num_train_workers": (16, 24),
    }
    kinds = [change.title.partition("/")[0] for change in found.objects]
    assert kinds == ["PodDisruptionBudget", "Job", "Job"]
    assert "-  parallelism: 4\n+  completions: 6\n" in found.objects[1].diff
    assert as_text(found).startswith("The runs differ: +16 GPUs, +2 pods, trainer 4 -> 6 pods.\n")


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("reverse-text", "lr = 3e-6", "lr = 4e-6", {"trainer: optim.lr": (3e-06, 4e-06)}),
        ("reverse-text", "group_size = 8", "group_size = 16", {
            "orchestrator: train.source.reverse-text.group_size": (8, 16),
            "orchestrator: group_size": (8, 16),
        }),
        ("lora", "rank = 32", "rank = 16", None),
        ("nixl", "timeout = 900", "timeout = 901", {
            "trainer: weight_broadcast.timeout": (900, 901),
            "orchestrator: weight_broadcast.timeout": (900, 901),
        }),
        ("large", "gpu_memory_utilization = 0.88", "gpu_memory_utilization = 0.9", {
            "inference: vllm.gpu_memory_utilization": (0.88, 0.9),
        }),
    ],
)  # fmt: skip
def test_one_mutation_is_the_one_thing_that_changed(
    name: str, before: str, after: str, expected: dict[str, tuple[object, object]] | None
) -> None:
    found = edited(name, (before, after))
    assert found.headline == ""
    assert found.facts == ()
    assert settings(found)
    assert expected is None or settings(found) == expected
    assert {change.title.partition("/")[0] for change in found.objects} == {"Job"}


def test_another_port_is_told_by_plan_and_objects() -> None:
    found = edited("wordle-eval", ("port = 8000", "port = 8080"))
    assert planned(found)["inference: port http"] == (8000, 8080)
    assert planned(found)["connections: Orchestrator to Inference: generation"] == ("8000", "8080")


def test_another_name_renames_nothing_else() -> None:
    found = edited("reverse-text", ('name = "reverse-text-smoke"', 'name = "another"'))
    assert planned(found) == {"run: name": ("reverse-text-smoke", "another")}
    assert found.objects == ()
    assert not found.is_same


def test_an_environment_that_is_put_first_is_one_that_is_added() -> None:
    source = '[[orchestrator.train.source]]\nname = "first"\nenv.taskset.id = "reverse-text"\n\n'
    old = text_of("multi-env-algos")
    new = old.replace("# 1. Math", f"{source}# 1. Math")
    found = difference(side(old), side(new))
    assert found.headline == "+1 pod, environment train/first added"
    added = [change for change in found.components if change.kind == "added"]
    assert [change.component for change in added] == ["environment train/first"]
    told = settings(found)
    assert told["orchestrator: train.source.first.env.taskset.id"] == (ABSENT, "reverse-text")
    assert not any(".ratio" in key or ".algo" in key for key in told if ".first." not in key)


def test_new_findings_are_told() -> None:
    found = edited("reverse-text", ("[trainer.optim]", '[slurm]\njob_name = "x"\n[trainer.optim]'))
    assert [finding.code for finding in found.new_findings] == ["plan.slurm"]
    assert "plan.slurm" in as_text(found)


def test_a_refused_side_shows_its_findings() -> None:
    refused = side("max_stepz = 1\n", name="new.toml")
    for found in (difference(side(text_of("lora")), refused), difference(refused, side(text_of("lora")))):
        assert found.is_refused
        assert not found.is_same
        for text in (as_text(found), as_markdown(found), as_html(found)):
            assert "max_stepz" in text
            assert "refused with" in text
        assert "1 | max_stepz = 1\n" in as_markdown(found)


def test_secrets_are_told_to_change_and_never_shown() -> None:
    def with_key(value: str) -> str:
        tables = "".join(f'[{table}]\nMY_API_KEY = "{value}"\n' for table in ("env_vars", "trainer.env_vars"))
        return f"{text_of('reverse-text')}\n{tables}"

    found = difference(side(with_key("hunter2-old")), side(with_key("hunter2-new")))
    assert not found.is_same
    assert [fact.what for fact in found.facts] == ["variable MY_API_KEY"] * len(found.facts)
    for text in (as_text(found), as_markdown(found), as_html(found)):
        assert "hunter2" not in text
        assert "MY_API_KEY" in text
        assert "another ***" in text or "another &#42;" in text
    appeared = difference(side(text_of("reverse-text")), side(with_key("hunter2")))
    assert "hunter2" not in as_text(appeared) + as_markdown(appeared) + as_html(appeared)


def test_a_secret_in_a_config_is_told_to_change_and_never_shown() -> None:
    def with_header(value: str) -> str:
        return f'{text_of("reverse-text")}\n[orchestrator.model.client.headers]\nX-Api-Key = "{value}"\nX-Team = "rl"\n'

    found = difference(side(with_header("hunter2-old")), side(with_header("hunter2-new")))
    assert list(settings(found)) == ["orchestrator: model.client.headers.X-Api-Key"]
    assert found.objects == ()
    appeared = difference(side(text_of("reverse-text")), side(with_header("hunter2-new")))
    for text in (form(one) for form in (as_text, as_markdown, as_html) for one in (found, appeared)):
        assert "hunter2" not in text
        assert "X-Api-Key" in text
        assert "***" in text or "&#42;" in text


def test_sides_are_compared_under_one_id_and_name() -> None:
    run = Run(id=None)
    found = difference(side(text_of("lora"), run=run), side(text_of("lora").replace("4e-5", "5e-5"), run=run))
    assert {change.kind for change in found.objects} == {"changed"}
    assert found.facts == ()
    named = Run(id="mine", name="given")
    found = difference(side(text_of("lora"), run=named), side(text_of("lora"), run=named))
    assert found.is_same
    assert found.old.planned is not None
    assert found.old.planned.plan.run_id == "mine"


def test_comparing_leaves_its_input_alone() -> None:
    old, new = side(text_of("lora"), run=Run(id="a")), side(text_of("lora"), run=Run(id="b"))
    before = [repr(s.planned.plan) for s in (old, new) if s.planned]
    difference(old, new)
    assert [repr(s.planned.plan) for s in (old, new) if s.planned] == before


def test_hostile_values_stay_where_they_are() -> None:
    nasty = '"</pre><script>\\u202e\\u001b[2J` ``` | \\n"'
    found = edited("reverse-text", ("[trainer.optim]", f"[env_vars]\nPLAIN = {nasty}\n[trainer.optim]"))
    assert "\x1b" not in as_text(found) + as_markdown(found)
    assert "<script>" not in as_html(found)
    assert "\u202e" not in as_text(found) + as_markdown(found) + as_html(found)


def test_plain_data_compares_by_value_and_type() -> None:
    assert list(changes({"a": 1, "b": [1]}, {"b": [1], "a": 1})) == []
    assert list(changes({"a": 1}, {"a": True})) == [Change(path=("a",), old=1, new=True)]
    assert list(changes({"a": None}, {})) == [Change(path=("a",), old=None, new=ABSENT)]


def test_named_tables_compare_by_name_and_tell_their_order() -> None:
    old = [{"name": "a", "x": 1}, {"name": "b", "x": 2}, {"name": "c"}]
    new = [{"name": "c"}, {"name": "a", "x": 1}, {"name": "d"}]
    assert list(changes(old, new, ("s",))) == [
        Change(path=("s", "b", "name"), old="b", new=ABSENT),
        Change(path=("s", "b", "x"), old=2, new=ABSENT),
        Change(path=("s", "d", "name"), old=ABSENT, new="d"),
        Change(path=("s", "order"), old=["a", "c"], new=["c", "a"]),
    ]


def test_tables_are_told_key_by_key_wherever_they_come_and_go() -> None:
    same = [{"name": "a", "x": 1}, {"name": "a", "x": 2}]
    told = list(changes({"s": same}, {"s": [same[0], {"name": "a", "x": 3, "y": {"z": [1]}}]}))
    assert told == [
        Change(path=("s", 1, "x"), old=2, new=3),
        Change(path=("s", 1, "y", "z"), old=ABSENT, new=[1]),
    ]
    assert list(changes({}, {"t": {}, "u": [{"a": None, "b": 1}]})) == [
        Change(path=("t",), old=ABSENT, new={}),
        Change(path=("u", 0, "b"), old=ABSENT, new=1),
    ]
    assert list(changes({"t": {"x": None}}, {})) == [Change(path=("t", "x"), old=None, new=ABSENT)]


def test_a_component_that_comes_has_content_and_what_is_new_in_the_picture_is_marked() -> None:
    source = '[[orchestrator.train.source]]\nname = "first"\nenv.taskset.id = "reverse-text"\n\n'
    old = text_of("multi-env-algos")
    found = difference(side(old), side(old.replace("# 1. Math", f"{source}# 1. Math")))
    text = as_markdown(found)
    heading = "#### Config: environment train/first (added)\n\n"
    assert text.partition(heading)[2].startswith("| key | old | new |")
    assert re.search(r"^  style n\d+ fill:", text, re.MULTILINE)
    assert as_html(found).count('env-server changed"') == 2
    assert '" changed"' not in as_html(difference(side(old), side(old)))


def test_colours_and_one_line_for_the_verdict() -> None:
    source = '[trainer]\n[inference]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id = "a"\n'
    more = '[[orchestrator.train.source]]\nenv.taskset.id = "b"\nname = "x\\n::error::\\u001b[2J"\n'
    found = difference(side(source), side(source + more))
    plain, painted = as_text(found), as_text(found, colour=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    assert "\x1b[32m+" in painted
    assert plain.split("\n")[0].endswith(".")
    assert "\n::" not in plain
