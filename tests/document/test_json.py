"""JSON is read like TOML: same tables, same places, and every fault a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

import rlsplit
from rlsplit.document import Document, Source, read
from rlsplit.findings import Mark
from rlsplit.plain_data import MAX_DEPTH

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def document(content: str | bytes, *more: Source) -> Document:
    return read([Source(name="f", content=content), *more])


def told(text: str) -> list[str]:
    return [str(finding).replace("error[document.", "[") for finding in document(text).findings]


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/rl.toml")), ids=lambda path: path.parent.name)
def test_a_config_as_json_compiles_to_the_same(path: Path) -> None:
    table = tomli.loads(path.read_text(encoding="utf-8"))
    as_json = rlsplit.parse(json.dumps(table, indent=2), run_id="x")
    assert as_json == rlsplit.parse(path.read_bytes(), run_id="x")


def test_what_a_split_writes_as_json_is_read_again() -> None:
    table = {"trainer": {"max_steps": None}, "orchestrator": {}, "inference": None}
    assert document(json.dumps(table)).table == table


def test_findings_point_at_the_lines_of_the_json() -> None:
    text = '{\n  "max_step": 1,\n  "trainer": {"optim": {\n    "lr": "x"}},\n  "orchestrator": {"train": {"source": [\n  1]}}}'
    outcome = rlsplit.compile_sources([Source(name="rl.json", content=text)])
    places = {rlsplit.findings.dotted(finding.path): finding.where for finding in outcome.findings}
    assert places["max_step"] == Mark("rl.json", 2, 3)
    assert places["trainer.optim.lr"] == Mark("rl.json", 4, 5)
    assert places["orchestrator.train.source[0]"] == Mark("rl.json", 6, 3)


def test_json_and_toml_compose() -> None:
    found = document('{"a": {"b": 1, "c": 2}}', Source(name="g", content="c = 3", prefix=("a",)))
    assert found.table == {"a": {"b": 1, "c": 3}}
    assert found.marks["a", "b"] == Mark("f", 1, 8)
    assert found.marks["a", "c"] == Mark("g", 1, 1)
    attached = read([Source(name="f", content='{"x": 1}', prefix=("a",))])
    assert attached.table == {"a": {"x": 1}}
    assert attached.marks["a", "x"] == Mark("f", 1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "a": 2}', "f:1:10: [redefined] a: the key is defined twice, first on line 1"),
        ('{"a": {"\\u0062": 1,\n"b": 2}}', "f:2:1: [redefined] a.b: the key is defined twice, first on line 1"),
        ('{"a": NaN}', '1:7: [syntax] a: not valid JSON: NaN is not JSON (write null, or "nan" in quotes)'),
        ('{"a": [-Infinity]}', '1:8: [syntax] a: not valid JSON: an infinity is not JSON (write "inf" or "-inf" in quotes)'),
        ('{"a": None}', "1:7: [syntax] a: not valid JSON: this is not JSON's null (write null)"),
        ('{"a": True}', "1:7: [syntax] a: not valid JSON: True is not JSON (write true)"),
        ('{"a": [1,]}', "1:10: [syntax] a: not valid JSON: a value is missing (remove the comma before, or write a value)"),
        ('{"a": 1,}', '1:9: [syntax] not valid JSON: a key is missing (write a key in double quotes, or remove the comma before: "a": 1)'),
        ("{'a': 1}", '1:2: [syntax] not valid JSON: a text stands in double quotes (write " instead)'),
        ("{a: 1}", '1:2: [syntax] not valid JSON: a key or } is missing (write keys in double quotes: "a": 1)'),
        ('{"a" = 1}', "1:6: [syntax] a: not valid JSON: a colon is missing (write : between a key and its value)"),
        ('{"a": 1\n"b": 2}', "2:1: [syntax] not valid JSON: a comma or } is missing (write a comma between two keys, or } to close the table)"),
        ('{"a": 1} x', "1:10: [syntax] not valid JSON: there is more behind the table (remove what stands behind the table)"),
        ('{ // x\n}', "1:3: [syntax] not valid JSON: JSON has no comments (remove it)"),
        ('{"a": 1, # x\n}', "1:10: [syntax] not valid JSON: JSON has no comments (remove it)"),
        ('{"a": 05}', "1:7: [syntax] a: not valid JSON: the number is not JSON (write it like 5 or 0.5)"),
        ('{"a": "x\n"}', '1:7: [syntax] a: not valid JSON: the text that begins here is not closed in its line (write " at its end)'),
        ('{"a": "\\d"}', "1:7: [syntax] a: not valid JSON: a backslash or control character in this text means nothing (double it, or write \\n or \\t)"),
        ('{"a": [1', "1:9: [syntax] a: not valid JSON: a comma or ] is missing at the end of the text; the table of line 1 is open"
         " (write a comma between two items, or ] to close the list)"),
        ('{"a": 18446744073709551616}', "1:2: [integer] a: the integer does not fit into 64 bits (write it as a float or as a string)"),
        ('{"a": ' + "9" * 5000 + "}", "1:7: [integer] the integer does not fit into 64 bits (write it as a float or as a string)"),
        ('{"a": "\\ud800"}', "1:2: [surrogate] a: the text holds half of a character (a lone surrogate)"),
    ],
)  # fmt: skip
def test_faults_are_findings_with_places(text: str, expected: str) -> None:
    assert told(text) == [expected if expected.startswith("f:") else f"f:{expected}"]
    assert document(text).table == {}


def test_keys_that_are_there_twice_and_what_is_no_json_come_at_once() -> None:
    assert [line.partition(" ")[0] for line in told('{"a": 1,\n"a": 2,\n"a": 3, "b": nope}')] == [
        "f:2:1:",
        "f:3:1:",
        "f:3:14:",
    ]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 10_000, 100_000])
def test_json_that_nests_too_deeply(depth: int) -> None:
    for text in ('{"a": ' + "[" * depth + "]" * depth + "}", '{"a": ' * depth + "1" + "}" * depth, '{"a": ' * depth):
        (finding,) = document(text).findings
        assert finding.code == "document.too-deep"
        assert finding.where is not None


def test_a_value_in_json_is_not_repeated() -> None:
    for text in ('{"token": sk-abc123}', '{"env_vars": {"HF_TOKEN": \'abc123\'}}', '{"a": "abc123', '{"a": abc123}'):
        assert not any("abc123" in line for line in told(text))


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\"\\é\n", max_size=3), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.text('ab"\\é\n', max_size=3), JSON, max_size=3), st.sampled_from([None, 1]), st.booleans())
def test_every_json_table_is_read_with_the_place_of_every_key(table: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(table, indent=indent, ensure_ascii=ascii_only)
    found = document(text)
    assert found.table == table
    assert not found.findings
    lines = text.split("\n")
    paths = set()
    for path, mark in found.marks.items():
        paths.add(path)
        if isinstance(path[-1], str):
            spelled = json.dumps(path[-1], ensure_ascii=ascii_only)
            assert lines[mark.line - 1].startswith(spelled, mark.column - 1)
    assert paths == set(walked(table))


def walked(value: Any, path: tuple[Any, ...] = ()) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from walked(item, (*path, key))


@settings(deadline=None, max_examples=300)
@given(st.text('ab"\\[]{},:#\n\r 1e+-.tn\x00', max_size=30).map(lambda text: "{" + text))
def test_no_json_raises_and_what_python_refuses_is_refused(text: str) -> None:
    found = document(text)
    try:
        json.loads(text)
    except ValueError:
        assert found.findings
        assert found.findings[0].severity == "error"
    assert all(finding.where for finding in found.findings)
