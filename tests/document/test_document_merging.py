"""Several sources and overrides become one table, and every key stands where its winner was written (P-01)."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from toml_writing import paths, tables

from rlsplit.document import Document, Source, read
from rlsplit.findings import KeyPath, Mark


def merged(*contents: str | Mapping[str, Any], overrides: tuple[str, ...] = ()) -> Document:
    """Sources ``1``, ``2``, ... and overrides, without findings."""
    found = read([Source(name=str(i), content=content) for i, content in enumerate(contents, 1)], overrides)
    assert not found.findings
    return found


def marks(found: Document) -> dict[KeyPath, str]:
    return {path: str(mark) for path, mark in found.marks.items()}


def test_nothing_is_an_empty_document() -> None:
    assert read([]) == merged() == Document(table={}, marks={}, lines={}, findings=())


def test_tables_merge_key_by_key_and_later_wins() -> None:
    found = merged("[a]\nx = 1\ny = 2\n[a.b]\nz = 3", "[a]\ny = 4\nb.w = 5")
    assert found.table == {"a": {"x": 1, "y": 4, "b": {"z": 3, "w": 5}}}
    assert marks(found) == {
        ("a",): "1:1:2",
        ("a", "x"): "1:2:1",
        ("a", "y"): "2:2:1",
        ("a", "b"): "1:4:4",
        ("a", "b", "z"): "1:5:1",
        ("a", "b", "w"): "2:3:3",
    }


@pytest.mark.parametrize(
    ("earlier", "later", "table"),
    [
        ("a = [1, 2]", "a = [3]", {"a": [3]}),
        ("[[a]]\nb = 1", "[[a]]\nc = 2", {"a": [{"c": 2}]}),
        ("a.b = 1", "a = 2", {"a": 2}),
        ("a = 1", "a.b = 2", {"a": {"b": 2}}),
        ("a = [{b = 1}]", "a.b = 2", {"a": {"b": 2}}),
        ("a.b = 1", "a = {}", {"a": {"b": 1}}),
        ("a = true", "a = 1", {"a": 1}),
    ],
)
def test_anything_but_two_tables_is_replaced_whole(earlier: str, later: str, table: dict[str, Any]) -> None:
    found = merged(earlier, later)
    assert found.table == table
    assert set(found.marks) == set(paths(table))


def test_null_replaces_and_is_replaced() -> None:
    assert merged({"a": {"b": 1}}, {"a": None}).table == {"a": None}
    assert merged({"a": None}, {"a": {"b": 1}}).table == {"a": {"b": 1}}


def test_keys_keep_the_order_in_which_they_came() -> None:
    found = merged("c = 1\na.z = 1\nb = 1", "a = {y = 1, x = 1}\nc = 2\nd = 1")
    assert list(found.table) == ["c", "a", "b", "d"]
    assert list(found.table["a"]) == ["z", "y", "x"]


def test_a_prefix_attaches_a_source_below_it() -> None:
    found = read([Source(name="t", content="x = 1\n[y]\nz = 2", prefix=("a", "b"))])
    assert found.table == {"a": {"b": {"x": 1, "y": {"z": 2}}}}
    assert found.marks[("a", "b", "y", "z")] == Mark("t", 3, 1)
    assert found.marks[("a", "b")] == found.marks[("a",)] == Mark("t", 1, 1)


def test_sources_with_a_prefix_come_after_those_without() -> None:
    found = read(
        [
            Source(name="1", content="x = 1", prefix=("a",)),
            Source(name="2", content="x = 2", prefix=("a",)),
            Source(name="3", content="a.x = 3\na.y = 3"),
        ],
        ["a.z=4"],
    )
    assert found.table == {"a": {"x": 2, "y": 3, "z": 4}}
    assert {path: mark.source for path, mark in found.marks.items()} == {
        ("a",): "3",
        ("a", "x"): "2",
        ("a", "y"): "3",
        ("a", "z"): "--set",
    }


def test_a_prefix_replaces_what_is_no_table() -> None:
    found = read([Source(name="1", content="a = 1"), Source(name="2", content="", prefix=("a",))])
    assert found.table == {"a": {}}
    assert found.marks == {("a",): Mark("2", 1, 1)}


def test_tables_are_taken_everywhere_but_have_no_places() -> None:
    found = merged("[a]\nx = {y = 1}\nz = 1", {"a": {"x": None}, "b": [{"c": 1}]}, "[b]\nd = 1", {"a": {"w": 1}})
    assert found.table == {"a": {"x": None, "z": 1, "w": 1}, "b": {"d": 1}}
    assert set(found.marks) == {("a",), ("a", "z"), ("b",), ("b", "d")}
    assert set(found.lines) == {"1", "3"}


def test_a_key_that_a_text_adds_to_a_table_has_a_place_and_so_has_the_way_to_it() -> None:
    found = merged({"a": {"b": {"x": 1}}}, "[a]\nb.c = 1")
    assert marks(found) == {("a",): "2:1:2", ("a", "b"): "2:2:1", ("a", "b", "c"): "2:2:3"}


def test_lines_are_those_of_each_text() -> None:
    found = merged("a = 1\r\nb = '\u2028'\n", "# c", overrides=("a=2", "c=3"))
    assert found.lines == {"1": ("a = 1", "b = '\u2028'", ""), "2": ("# c",), "--set": ("a=2", "c=3")}


@pytest.mark.parametrize(
    ("override", "table"),
    [
        ("a=1", {"a": 1}),
        ("  a . b = 1  ", {"a": {"b": 1}}),
        ('"a.b".\'=\'="x"', {"a.b": {"=": "x"}}),
        ('"\\u00e9"=1', {"é": 1}),
        ("a=1.5", {"a": 1.5}),
        ("a=true", {"a": True}),
        ("a=[1, 'x']", {"a": [1, "x"]}),
        ("a=[\r\n1,\r\n]", {"a": [1]}),
        ("a={b = 1}", {"a": {"b": 1}}),
        ("a=Qwen/Qwen3-8B", {"a": "Qwen/Qwen3-8B"}),
        ("a=True", {"a": "True"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=", {"a": ""}),
        ("a='", {"a": "'"}),
        ("a=[1", {"a": "[1"}),
        ("a=1, 2", {"a": "1, 2"}),
        ("a=1,", {"a": "1,"}),
        ("a=1 # one", {"a": "1 # one"}),
        ("a=#1", {"a": "#1"}),
        ("a=1\nb = 2", {"a": "1\nb = 2"}),
        ("a=1]\nb = [2", {"a": "1]\nb = [2"}),
        ("a.b.c=1", {"a": {"b": {"c": 1}}}),
    ],
)
def test_an_override_is_a_key_and_a_toml_value_or_else_a_text(override: str, table: dict[str, Any]) -> None:
    found = merged(overrides=(override,))
    assert found.table == table
    assert set(found.marks) == set(paths(table))


def test_overrides_merge_like_sources_one_after_the_other() -> None:
    found = merged("[a]\nx = 1\ny = [1]", overrides=("a.x=2", "a={z = {w = 3}}", "a.y=4", "a.x=5"))
    assert found.table == {"a": {"x": 5, "y": 4, "z": {"w": 3}}}
    assert marks(found) == {
        ("a",): "1:1:2",
        ("a", "x"): "--set:4:3",
        ("a", "y"): "--set:3:3",
        ("a", "z"): "--set:2:4",
        ("a", "z", "w"): "--set:2:9",
    }


def test_an_override_reaches_into_lists() -> None:
    found = merged(
        "[[a.b]]\nx = 1\n[[a.b]]\nx = [[2], 3]", overrides=("a.b[1].x[0][0]=4", "a.b[0]={y = 5}", "a . b[0].z.w = 6")
    )
    assert found.table == {"a": {"b": [{"x": 1, "y": 5, "z": {"w": 6}}, {"x": [[4], 3]}]}}
    assert found.marks[("a", "b", 0)] == Mark("1", 1, 5)
    assert found.marks[("a", "b", 0, "y")] == Mark("--set", 2, 9)
    assert found.marks[("a", "b", 1, "x", 0, 0)] == Mark("--set", 1, 12)
    assert set(found.marks) == set(paths(found.table))


def test_an_item_that_is_no_table_is_replaced() -> None:
    found = merged("a = [1, {b = 2}]", overrides=("a[0].c=3", "a[1]=4"))
    assert found.table == {"a": [{"c": 3}, 4]}
    assert set(found.marks) == set(paths(found.table))


@settings(deadline=None, max_examples=60)
@given(tables, tables)
def test_merging_shares_nothing_and_changes_nothing(earlier: dict[str, Any], later: dict[str, Any]) -> None:
    before = copy.deepcopy((earlier, later))
    found = merged(earlier, later)
    assert (earlier, later) == before
    inputs = set(containers(earlier)) | set(containers(later))
    assert not inputs & set(containers(found.table))
    assert merged(earlier, later, later).table == found.table
    assert merged({}, earlier).table == merged(earlier, earlier).table == earlier


def containers(value: Any) -> list[int]:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return [] if below is None else [id(value), *(found for inner in below for found in containers(inner))]


@pytest.mark.parametrize("content", [None, 1, ["a = 1"], bytearray(b"")])
def test_content_of_another_type_is_a_misuse(content: Any) -> None:
    with pytest.raises(TypeError, match="content must be"):
        read([Source(name="f", content=content)])


@pytest.mark.parametrize("overrides", ["a=1", [1], [b"a=1"]])
def test_overrides_of_another_type_are_a_misuse(overrides: Any) -> None:
    with pytest.raises(TypeError, match="overrides must be"):
        read([], overrides)
