"""``rlsplit doc``: keys, settings and codes, however they are written, and what was likely meant."""

from __future__ import annotations

import json

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from rlsplit import schema_file
from rlsplit.cli import main
from rlsplit.manual import UnknownTopicError, topic_text
from rlsplit.manual.keys import tables
from rlsplit.manual.lookup import all_paths
from rlsplit.manual.pages import WIDTH
from rlsplit.manual.rules import rules_of
from rlsplit.manual.types import type_text
from rlsplit.rulebook import as_text, entries, entry


def test_a_key_is_shown_with_all_that_is_known_of_it() -> None:
    assert topic_text("inference.vllm.tensor_parallel_size").startswith(
        "inference.vllm.tensor_parallel_size  (rl.toml)\n"
        "\n"
        "GPUs that share one engine by splitting each layer.\n"
        "\n"
        "Type:      integer\n"
        "Default:   1\n"
        "Releases:  since v0.8.1.dev1, before as inference.parallel.tp\n"
        "\n"
        "Rules, explained by `rlsplit doc CODE`:\n"
    )
    assert "plan.tensor-parallel" in topic_text("inference.vllm.tensor_parallel_size")


def test_a_setting_is_shown_with_and_without_the_name_of_its_file() -> None:
    assert topic_text("platform.gang") == topic_text("gang")
    assert 'Type:      "volcano" or "coscheduling", or "None"' in topic_text("platform.gang")
    assert "Type:      integer, at least 60, at most 2147483647" in topic_text("startup_timeout_seconds")


@pytest.mark.parametrize("code", [entry.code for entry in entries()])
def test_every_code_is_a_topic(code: str) -> None:
    found = entry(code)
    assert found is not None
    assert topic_text(code).startswith(as_text(found))
    assert topic_text(code.upper()).startswith(as_text(found))


def test_a_code_that_is_a_setting_too_shows_both() -> None:
    assert topic_text("platform.dns").endswith(topic_text("dns"))


@pytest.mark.parametrize("of", ["rl", "platform"])
def test_every_key_is_a_topic(of: str) -> None:
    for path in all_paths(of):  # type: ignore[arg-type]
        text = topic_text(path if of == "rl" else f"platform.{path}")
        assert f"{path.partition('.')[0]}" in text.partition("  (")[0], path
        assert max(map(len, text.splitlines())) <= max(WIDTH, len(path) + 30), path


@pytest.mark.parametrize(
    "topic",
    [
        "orchestrator.train.source[0].group_size",
        "orchestrator.train.source[].group_size",
        "[orchestrator.train.source].group_size",
        "--orchestrator.train.source.group_size",
        " orchestrator.train.source.group_size",
    ],
)
def test_a_path_is_understood_however_it_is_written(topic: str) -> None:
    assert topic_text(topic) == topic_text("orchestrator.train.source.group_size")


def test_keys_of_one_variant_say_so() -> None:
    assert 'Only with: type = "muon"' in topic_text("trainer.optim.mu")
    assert "Only with" not in topic_text("trainer.optim.lr")
    assert topic_text("deployment").count("Keys with type = ") == 4


def test_a_key_of_an_older_release_tells_where_it_is() -> None:
    text = topic_text("wandb.project")
    assert text.startswith("wandb.project is monitors.wandb.project since prime-rl v0.8.1.dev30.\n")
    assert topic_text("monitors.wandb.project") in text
    assert topic_text("wandb.shared") == "wandb.shared is gone since prime-rl v0.6.0: it is always shared.\n"


def test_a_name_alone_is_shown_or_its_places_are() -> None:
    assert topic_text("lr") == topic_text("trainer.optim.lr")
    assert topic_text("type").startswith("type stands at several places:\n  trainer.model.quantization.type")


def test_without_a_topic_the_roots_are_listed() -> None:
    text = topic_text(None)
    for table in ("RLConfig",):
        assert all(f"  {key.name} " in text for key in tables("rl")[table].keys)
    assert "platform.toml:" in text


@pytest.mark.parametrize(
    ("topic", "meant"),
    [
        ("trainer.optm.lr", "trainer.optim.lr"),
        ("trainer.model.lora.rnk", "trainer.model.lora.rank"),
        ("inference.vllm.tensor_parallel", "inference.vllm.tensor_parallel_size"),
        ("platform.gagn", "platform.gang"),
        ("platfrom.gang", "platform.gang"),
        ("tensor_paralel_size", "inference.vllm.tensor_parallel_size"),
        ("T-4", "T-04"),
        ("plan.coutn", "plan.count"),
    ],
)
def test_a_near_miss_is_told(topic: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doc", topic]) == 2
    assert capsys.readouterr().err == f'rlsplit: no key, setting or code "{topic}"; did you mean {meant}?\n'


@given(st.text(max_size=40) | st.lists(st.sampled_from(["trainer", "optim", "[", "]", ".", "lr", "-"])).map("".join))
def test_any_text_gives_a_page_or_one_line(topic: str) -> None:
    said = said_of(topic)
    assert said
    assert "\x1b" not in said


def said_of(topic: str) -> str:
    try:
        return topic_text(topic)
    except UnknownTopicError as error:
        return str(error)


def test_types_say_choices_bounds_and_tables() -> None:
    assert type_text({"type": "integer", "minimum": 1, "maximum": 9}) == "integer, at least 1, at most 9"
    assert type_text({"anyOf": [{"type": "string"}, {"enum": [None, "None"]}]}) == 'text or `"None"`'
    assert type_text({"enum": ["a", "b", "c"]}) == '`"a"`, `"b"` or `"c"`'
    assert type_text({"type": "array", "items": {"type": "integer", "minimum": 1}}) == "list of integers, at least 1"
    assert type_text({"type": "object", "additionalProperties": {"type": "string"}}) == "table of texts"


def test_defaults_and_obligations_are_those_of_the_schema() -> None:
    definitions = json.loads(schema_file.text())["$defs"]
    for name in definitions:
        for key in tables("rl")[name].keys:
            schema = definitions[name]["properties"][key.name]
            assert key.is_required == (key.name in definitions[name].get("required", ()))
            if not key.holds and "default" in schema:
                assert tomli.loads(f"x = {key.default}")["x"] == (
                    schema["default"] if schema["default"] is not None else "None"
                )


def test_rules_of_keys_are_known_on_both_sides() -> None:
    codes = {entry.code for entry in entries()}
    for of in ("rl", "platform"):
        touched = rules_of(of)  # type: ignore[arg-type]
        spots = {(name, key.name) for name, table in tables(of).items() for key in table.keys}  # type: ignore[arg-type]
        assert touched.keys() <= spots
        assert {code for found in touched.values() for code in found} <= codes
    assert {"T-03", "T-04", "X-19"} <= set(rules_of("rl")["TrainerModelConfig", "cp"])
    assert "platform.conflict" in rules_of("platform")["PlatformSettings", "queue_name"]
