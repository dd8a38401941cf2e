"""The place of every key: by example, on the TOML corpus, and for whatever can be written."""

from __future__ import annotations

import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest
import tomli
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from toml_writing import names, paths, tables, written

from rlsplit.document import Document, Source, read
from rlsplit.findings import KeyPath, Mark

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")


def document(text: str) -> Document:
    return read([Source(name="f", content=text)])


def places(text: str) -> dict[KeyPath, tuple[int, int]]:
    return {path: (mark.line, mark.column) for path, mark in document(text).marks.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param("# a = 1\n\n \t\n", {}, id="comments and blanks"),
        pytest.param("a = 1\n  b=2", {("a",): (1, 1), ("b",): (2, 3)}, id="keys"),
        pytest.param(
            "a . b.'c' = 1", {("a",): (1, 1), ("a", "b"): (1, 5), ("a", "b", "c"): (1, 7)}, id="parts of a dotted key"
        ),
        pytest.param(
            "a.b = 1\na.c = 2",
            {("a",): (1, 1), ("a", "b"): (1, 3), ("a", "c"): (2, 3)},
            id="a dotted table stands at its first mention",
        ),
        pytest.param(
            '"a b" = 1\n\'"\' = 2\n"\\u00e9\\"" = 3\n"" = 4',
            {("a b",): (1, 1), ('"',): (2, 1), ('é"',): (3, 1), ("",): (4, 1)},
            id="quoted keys",
        ),
        pytest.param("[ a ]\nx = 1", {("a",): (1, 3), ("a", "x"): (2, 1)}, id="a header, within its brackets"),
        pytest.param(
            "[a.b]\nx = 1\n[a]\ny = 2",
            {("a",): (3, 2), ("a", "b"): (1, 4), ("a", "b", "x"): (2, 1), ("a", "y"): (4, 1)},
            id="an own header outranks an earlier mention",
        ),
        pytest.param(
            "[a]\n[a.b]\n[a.c]",
            {("a",): (1, 2), ("a", "b"): (2, 4), ("a", "c"): (3, 4)},
            id="a later mention moves nothing",
        ),
        pytest.param(
            "[[a]]\nx = 1\n[a.b]\n[[ a ]]\nx = 2\n[a.b]",
            {
                ("a",): (1, 3),
                ("a", 0): (1, 3),
                ("a", 0, "x"): (2, 1),
                ("a", 0, "b"): (3, 4),
                ("a", 1): (4, 4),
                ("a", 1, "x"): (5, 1),
                ("a", 1, "b"): (6, 4),
            },
            id="items of an array of tables stand at their headers",
        ),
        pytest.param(
            "[[a.b]]\n[[a.b]]\n[[a.b.c]]\n",
            {
                ("a",): (1, 3),
                ("a", "b"): (1, 5),
                ("a", "b", 0): (1, 5),
                ("a", "b", 1): (2, 5),
                ("a", "b", 1, "c"): (3, 7),
                ("a", "b", 1, "c", 0): (3, 7),
            },
            id="nested arrays of tables",
        ),
        pytest.param(
            "a = [1, [2],\n  # [3]\n  {b = 'x'},\n]",
            {("a",): (1, 1), ("a", 0): (1, 6), ("a", 1): (1, 9), ("a", 1, 0): (1, 10)}
            | {("a", 2): (3, 3), ("a", 2, "b"): (3, 4)},
            id="list items",
        ),
        pytest.param(
            "a = { b = 1, c.d = { } , 'e' = [ ] }",
            {("a",): (1, 1), ("a", "b"): (1, 7), ("a", "c"): (1, 14), ("a", "c", "d"): (1, 16), ("a", "e"): (1, 26)},
            id="inline tables",
        ),
        pytest.param(
            "a = { # }\n b = 1\n , c = 2,\n}\nd = 3",
            {("a",): (1, 1), ("a", "b"): (2, 2), ("a", "c"): (3, 4), ("d",): (5, 1)},
            id="inline tables of TOML 1.1",
        ),
        pytest.param(
            'a = """\nx = 1\n\\""" y"""""\nb = \'\'\'\ny = "\n\'\'\'\'\'\nc = "\\"" # "\nd = \'\\\'',
            {("a",): (1, 1), ("b",): (4, 1), ("c",): (7, 1), ("d",): (8, 1)},
            id="strings hide what looks like keys",
        ),
        pytest.param(
            "a = [1979-05-27 07:32:00Z, 1979-05-27, 07:32, -1e-10, +inf]\nb = 1979-05-27 # x\nc = true",
            {("a",): (1, 1), ("a", 0): (1, 6), ("a", 1): (1, 28), ("a", 2): (1, 40), ("a", 3): (1, 47)}
            | {("a", 4): (1, 55), ("b",): (2, 1), ("c",): (3, 1)},
            id="dates and numbers",
        ),
        pytest.param(
            "a = 1\r\n\r\nb = '''\r\n'''\r\n[c]\r\n",
            {("a",): (1, 1), ("b",): (3, 1), ("c",): (5, 2)},
            id="Windows newlines",
        ),
        pytest.param("a = '🙂\u2028\x85'\nb = 1", {("a",): (1, 1), ("b",): (2, 1)}, id="only newlines end lines"),
        pytest.param(
            "x = {'é🙂' = 1, b = 2}",
            {("x",): (1, 1), ("x", "é🙂"): (1, 6), ("x", "b"): (1, 16)},
            id="columns count characters",
        ),
    ],
)
def test_places(text: str, expected: dict[KeyPath, tuple[int, int]]) -> None:
    assert places(text) == expected
    assert set(expected) == set(paths(tomli.loads(text)))


def test_a_byte_order_mark_takes_no_column() -> None:
    assert places("\ufeffa = 1") == {("a",): (1, 1)}
    assert read([Source(name="f", content=b"\xef\xbb\xbfa = 1")]).marks[("a",)] == Mark("f", 1, 1)


def corpus() -> list[Path]:
    return sorted((SHARED / "toml-corpus" / "valid").rglob("*.toml"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
def test_the_corpus_is_there() -> None:
    assert len(corpus()) > 100


@pytest.mark.parametrize("file", corpus(), ids=lambda file: file.stem)
def test_corpus_has_a_place_for_every_key(file: Path) -> None:
    assert_every_key_is_placed(file.read_bytes().decode())


@settings(deadline=None, max_examples=150)
@given(tables, st.integers(0, 2**32))
def test_every_key_is_placed_however_it_is_written(table: dict[str, Any], seed: int) -> None:
    text = written(table, Random(seed))
    assert document(text).table == table
    assert_every_key_is_placed(text)


@settings(deadline=None, max_examples=100)
@given(tables, st.booleans())
def test_every_key_is_placed_as_tomli_w_writes_it(table: dict[str, Any], multiline: bool) -> None:
    assert_every_key_is_placed(tomli_w.dumps(table, multiline_strings=multiline))


@settings(deadline=None, max_examples=50)
@given(st.lists(names, min_size=1, max_size=3, unique=True), st.integers(0, 2**32))
def test_every_key_is_placed_below_a_prefix(prefix: list[str], seed: int) -> None:
    found = read([Source(name="f", content=written({"a": [{"b": 1}]}, Random(seed)), prefix=tuple(prefix))])
    assert set(found.marks) == set(paths(found.table))
    assert found.marks[(prefix[0],)] == Mark("f", 1, 1)


def assert_every_key_is_placed(text: str) -> None:
    found = document(text)
    assert set(found.marks) == set(paths(tomli.loads(text)))
    assert len(found.marks) == len(set(found.marks))
    for path, mark in found.marks.items():
        behind = found.lines["f"][mark.line - 1][mark.column - 1 :]
        if isinstance(path[-1], str):
            assert key_at(behind) == path[-1]
        else:
            assert behind[0] not in " \t,]#"


def key_at(text: str) -> str:
    match = KEY.match(text)
    assert match
    (key,) = tomli.loads(f"{match[0]} = 1")
    return key


def test_marks_are_a_mapping() -> None:
    marks = document("a = [1]").marks
    assert marks == {("a",): Mark("f", 1, 1), ("a", 0): Mark("f", 1, 6)}
    assert len(marks) == 2
    assert () not in marks
    assert ("a", 0, "b") not in marks
    assert repr(marks) == (
        "Marks({('a',): Mark(source='f', line=1, column=1), ('a', 0): Mark(source='f', line=1, column=6)})"
    )


def test_documents_compare_copy_and_pickle() -> None:
    sources = [Source(name="f", content="a.b = 1"), Source(name="g", content="c = 2", prefix=("a",))]
    found = read(sources, ["a.d=3"])
    assert found == read(sources, ["a.d=3"])
    assert found != read(sources, ["a.d= 3"])
    assert pickle.loads(pickle.dumps(found)) == found == copy.deepcopy(found)


def test_marks_do_not_depend_on_later_changes_of_the_table() -> None:
    found = read([Source(name="f", content="a.b = 1"), Source(name="g", content="a.c = 2")], ["a.b=3"])
    found.table.clear()
    assert set(found.marks) == {("a",), ("a", "b"), ("a", "c")}


def test_marks_may_be_asked_for_by_many_threads_at_once() -> None:
    text = "".join(f"[t{number}]\nx = [{{y = 1}}]\n" for number in range(500))
    marks = document(text).marks
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: len(marks), range(8)))
    assert set(counts) == {2000}
