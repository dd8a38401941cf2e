"""Whatever is wrong with a source or an override is one finding, at its place, and nothing raises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsplit.document import Document, Source, read
from rlsplit.findings import Finding, Mark
from rlsplit.plain_data import MAX_DEPTH, MAX_FINDINGS

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"


def document(content: Any, *overrides: str) -> Document:
    return read([Source(name="f", content=content)], overrides)


def only(found: Document) -> Finding:
    (finding,) = found.findings
    return finding


def told(found: Document) -> list[str]:
    return [str(finding) for finding in found.findings]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\nb = falling\u2028", "f:2:5: error[document.syntax] b: not valid TOML: a text must stand in quotes (write \"falling\u2028\")"),
        (
            "a = 1\r\n\rb = 1",
            "f:2:1: error[document.syntax] not valid TOML: a carriage return without a newline behind it (save the file with newlines as line ends)",
        ),
        ("= 1", "f:1:1: error[document.syntax] not valid TOML: invalid statement"),
        ("a = 1\nb = 1\na = 2 # x", "f:3:1: error[document.redefined] a: the key is defined twice, first on line 1"),
        ("a = [\n1,\n]\n  a.'b' = 2", 'f:4:3: error[document.redefined] a.b: a is already defined on line 1'
         " and cannot be extended here"),
        ("[x.a]\n\n[ x . a ]", "f:3:3: error[document.redefined] x.a: the key is defined twice, first on line 1"
         " (make one table of the two; if they are items of a list, write [[x.a]] both times)"),
        ("a = {}\n[[a]]", "f:2:3: error[document.redefined] a: the key is defined twice, first on line 1"),
        ("a = { b = 1, b = 2 }", "f:1:14: error[document.redefined] a.b: the key is defined twice, first on line 1"),
        ("a = 1\na = { b = { c = 1 } }", "f:2:1: error[document.redefined] a: the key is defined twice,"
         " first on line 1"),
        ("[[a]]\nb = 1\n[[a]]\nb = 1\nb = [{ c = 1 }]", "f:5:1: error[document.redefined] a[1].b:"
         " the key is defined twice, first on line 4"),
    ],
)  # fmt: skip
def test_text_that_is_not_toml(text: str, message: str) -> None:
    found = document(text)
    assert told(found) == [message]
    assert found.table == {}


def test_a_defect_beside_a_defined_key_is_not_taken_for_a_redefinition() -> None:
    assert only(document("[a]\nb = 1\n[a.b.c] x")).code == "document.redefined"
    assert only(document("[a.b]\nb = 1\n[a] x")).code == "document.syntax"
    assert only(document("[[a]]\n[[a]] x")).code == "document.syntax"
    assert only(document("a.b = 1\na.c = ")).code == "document.syntax"


def invalid_corpus() -> list[Path]:
    return sorted((SHARED / "toml-corpus" / "invalid").rglob("*.toml"))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared is not here")
def test_the_corpus_is_there() -> None:
    assert len(invalid_corpus()) > 100


@pytest.mark.parametrize("file", invalid_corpus(), ids=lambda file: file.stem)
def test_every_invalid_document_of_the_corpus_gives_placed_errors(file: Path) -> None:
    found = document(file.read_bytes())
    assert found.findings
    assert not found.table
    for finding in found.findings:
        assert finding.severity == "error"
        assert finding.where is not None
        assert not finding.message.endswith(".")


@settings(deadline=None, max_examples=300)
@given(st.text("ab.=\"'\\[]{},#\n\r 1e+-:T\ufeff", max_size=30))
def test_no_text_raises(text: str) -> None:
    assert_readable_or_refused(text)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=20))
def test_no_bytes_raise(content: bytes) -> None:
    found = document(content)
    assert all(finding.where for finding in found.findings)


@settings(deadline=None, max_examples=200)
@given(st.text("a.=\"'[]{}0 1\\\n", max_size=12))
def test_no_override_raises(override: str) -> None:
    found = document("a = [{a = 1}]", override)
    assert all(finding.where for finding in found.findings)


def assert_readable_or_refused(text: str) -> None:
    found = document(text)
    assert all(finding.where for finding in found.findings)
    if text.removeprefix("\ufeff").lstrip(" \t\r\n").startswith("{"):
        return  # JSON
    try:
        tomli.loads(text.removeprefix("\ufeff"))
    except tomli.TOMLDecodeError:
        assert {finding.severity for finding in found.findings} == {"error"}
    else:
        assert all(finding.severity == "notice" for finding in found.findings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"a = 1\r\n\xc3\xa9 = \xff",
            "f:2:5: error[document.encoding] byte 0xff is not UTF-8 (save the file as UTF-8)",
        ),
        (b"\xef\xbb\xbf\xe2\x82", "f:1:1: error[document.encoding] byte 0xe2 is not UTF-8 (save the file as UTF-8)"),
        ("a = 1".encode("utf-16"), "f:1:1: error[document.encoding] byte 0xff is not UTF-8 (save the file as UTF-8)"),
        (
            "a = 1\nb = '\ud800'",
            "f:2:6: error[document.encoding] U+D800 is half of a character and cannot be written in UTF-8",
        ),
    ],
)
def test_content_that_is_not_utf_8(content: str | bytes, message: str) -> None:
    found = document(content)
    assert told(found) == [message]
    assert found.lines["f"]


def test_a_byte_order_mark_is_noticed_and_dropped() -> None:
    for content in ("\ufeffa = 1", b"\xef\xbb\xbfa = 1"):
        found = document(content)
        assert found.table == {"a": 1}
        assert told(found) == [
            "f:1:1: notice[document.byte-order-mark] the file begins with a byte order mark, which many TOML readers "
            "refuse (save the file as UTF-8 without it)"
        ]


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("a = {\nb = 1 }", 1, 6, "a newline within an inline table"),
        ("a = [{b = '}',\n c = 1 }]", 1, 15, "a newline within an inline table"),
        ("a = {b = [\n] # {\n}", 2, 6, "a newline within an inline table"),
        ("a = {b = 1, }", 1, 11, "a comma after the last key of an inline table"),
        ('a = "\\\\x\\e"', 1, 9, "the escape \\e in a string"),
        ('a = """\n"\\x41"""', 2, 2, "the escape \\x in a string"),
        ('"\\x41" = 1', 1, 2, "the escape \\x in a string"),
        ("a = 07:32", 1, 5, "a time without seconds"),
        ("a = [1979-05-27T07:32Z]", 1, 6, "a time without seconds"),
        ("a = 1979-05-27 07:32", 1, 16, "a time without seconds"),
    ],
)
def test_syntax_of_toml_1_1_is_noticed(text: str, line: int, column: int, what: str) -> None:
    found = document(text)
    assert found.table == tomli.loads(text)
    finding = only(found)
    assert (finding.code, finding.severity, finding.where) == ("document.toml-1.1", "notice", Mark("f", line, column))
    assert finding.message == f"{what} is TOML 1.1, which older TOML readers refuse"


def test_each_kind_of_newer_syntax_is_noticed_once() -> None:
    found = document("a = {\nb = 1,\n}\nc = {\n}\nd = 07:32\ne = [07:33]")
    assert [str(finding.where) for finding in found.findings] == ["f:1:6", "f:2:6", "f:6:5"]


@pytest.mark.parametrize(
    "text",
    [
        "a = {b = [\n1,\n], c = '''\n,}'''}",
        "a = [\n{b = 1},\n]",
        "a = '\\e' # {\n",
        'a = "\\\\e"\nb = """\n\\\n07:32"""',
        "a = 07:32:00\nb = 1979-05-27T07:32:00-07:30",
        'a."b{" = 1',
    ],
)
def test_syntax_of_toml_1_0_is_not_noticed(text: str) -> None:
    found = document(text)
    assert found.table == tomli.loads(text)
    assert not found.findings


BEYOND_64_BITS = "the integer does not fit into 64 bits (write it as a float or as a string)"


@pytest.mark.parametrize("spelled", [str(2**63), str(-(2**63) - 1), f"0x1{'0' * 16}", f"0b1{'0' * 64}"])
def test_integers_beyond_64_bits(spelled: str) -> None:
    assert told(document({"a": [int(spelled, 0)]})) == [f"error[document.integer] a[0]: {BEYOND_64_BITS}"]
    assert told(document(f"\na = [{spelled}]")) == [f"f:2:6: error[document.integer] a[0]: {BEYOND_64_BITS}"]
    assert told(document("", f"a=[{spelled}]")) == [f"--set:1:4: error[document.integer] a[0]: {BEYOND_64_BITS}"]
    assert document(f"a = [1, {spelled}, 3]").table == {"a": [1, None, 3]}


def test_integers_that_python_refuses_to_read() -> None:
    digits = "9" * 5000
    for text in (
        f"# {digits}0\na = [{digits}]",
        f"'{digits}0' = 1\na = [+{digits[1:]}]",
        f"'' = '{digits}'\na = [{digits}x",
    ):
        assert told(document(text)) == [f"f:2:6: error[document.integer] {BEYOND_64_BITS}"]
    assert told(document("", f"a={digits}")) == [f"--set:1:3: error[document.integer] {BEYOND_64_BITS}"]
    assert told(document({"a": 16**5000})) == [f"error[document.integer] a: {BEYOND_64_BITS}"]


def test_the_largest_integers_pass() -> None:
    table = {"a": [2**63 - 1, -(2**63)]}
    assert document(f"a = {table['a']}").table == document(table).table == table


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return {"a": value}


def test_depth_up_to_the_limit_passes() -> None:
    for text in (f"a = {'[' * (MAX_DEPTH - 1)}{']' * (MAX_DEPTH - 1)}", ".".join("a" * MAX_DEPTH) + " = 1"):
        found = document(text)
        assert not found.findings
        assert len(found.marks) == max(len(path) for path in found.marks)
    assert not document(nested(MAX_DEPTH - 1)).findings


DEEP = [MAX_DEPTH + 1, 300, 1_000, 10_000, 100_000]


@pytest.mark.parametrize("depth", DEEP)
@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda depth: f"b = 1\na = {'[' * depth}{']' * depth}", id="arrays"),
        pytest.param(lambda depth: f"b = 1\n{'a = {' * depth}{'}' * depth}".replace("{}", "{ }"), id="inline tables"),
        pytest.param(lambda depth: f"b = 1\n[{'.'.join('a' * depth)}]\n[{'.'.join('a' * (depth + 1))}]", id="header"),
        pytest.param(lambda depth: f"b = 1\n{'.'.join('a' * (depth + 1))} = 1", id="dotted key"),
        pytest.param(lambda depth: f"b = 1\na = {{{'.'.join('a' * depth)} = 1}}", id="dotted key in a table"),
    ],
)
def test_text_that_nests_too_deeply(depth: int, spell: Any) -> None:
    finding = only(document(spell(depth)))
    assert finding.code == "document.too-deep"
    assert finding.where is not None
    assert finding.where.line >= 2
    assert len(finding.path) <= MAX_DEPTH


def test_brackets_that_nest_too_deeply_and_are_never_closed() -> None:
    assert str(only(document(f"b = 1\na = {'[' * 10_000}")).where) == "f:2:1"


@pytest.mark.parametrize("depth", DEEP)
def test_tables_that_nest_too_deeply(depth: int) -> None:
    finding = only(document(nested(depth)))
    assert finding.code == "document.too-deep"
    assert len(finding.path) == MAX_DEPTH


@pytest.mark.parametrize("depth", DEEP)
def test_overrides_that_nest_too_deeply(depth: int) -> None:
    for override in (".".join("a" * (depth + 1)) + "=1", f"a={'[' * depth}{']' * depth}"):
        finding = only(document("", override))
        assert finding.code == "document.too-deep"
        assert finding.where is not None
        assert finding.where.source == "--set"


def test_headers_and_keys_that_are_deep_only_together() -> None:
    half = ".".join("a" * (MAX_DEPTH // 2 + 1))
    finding = only(document(f"[{half}]\n{half} = 1"))
    assert finding.code == "document.too-deep"
    assert finding.where is not None
    assert finding.where.line == 2


def test_dots_elsewhere_are_no_depth() -> None:
    text = f"# {'.' * 500}\na = '{'a.' * 500}'\nb = '''\n[{'a.' * 500}a]\n'''"
    assert not document(text).findings


def test_tables_that_contain_themselves() -> None:
    table: dict[str, Any] = {"a": {}, "b": []}
    table["a"]["c"] = table
    table["b"] += [1, table["b"]]
    found = document(table)
    assert told(found) == [
        "error[document.cycle] a.c: the value contains itself",
        "error[document.cycle] b[1]: the value contains itself",
    ]
    assert found.table == {"a": {}, "b": [1, None]}


def test_tables_that_contain_the_same_value_twice() -> None:
    shared = {"x": [1]}
    found = document({"a": shared, "b": [shared, shared]})
    assert found.table == {"a": {"x": [1]}, "b": [{"x": [1]}, {"x": [1]}]}
    assert found.table["a"] is not found.table["b"][0]


def test_a_value_that_unfolds_beyond_all_bounds() -> None:
    value: Any = "x" * 1000
    for _ in range(50):
        value = [value, value]
    found = document({"a": value})
    assert told(found) == ["error[document.too-large] the document is larger than 8 MiB"]
    assert found.table == {}


def test_a_document_that_is_too_large() -> None:
    for content in ("#" * (8 * 2**20 + 1), b"#" * (8 * 2**20 + 1)):
        assert told(document(content)) == ["f:1:1: error[document.too-large] the document is larger than 8 MiB"]
    assert only(document({"a": "x" * (8 * 2**20)})).code == "document.too-large"
    assert only(document("", "a=" + "x" * (8 * 2**20))).code == "document.too-large"
    assert not document("#" * (8 * 2**20)).findings


def test_findings_without_end_are_cut_short() -> None:
    found = document({"a": [2**64] * 5000})
    assert len(found.findings) == MAX_FINDINGS + 1
    assert found.findings[-1].code == "document.integer"
    assert "document.too-many" in {finding.code for finding in found.findings}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a", "--set:1:1: error[document.override] an override must be a dotted key, an equals sign and a value"),
        ("=1", "--set:1:1: error[document.override] an override must be a dotted key, an equals sign and a value"),
        ("a.b..c=1", "--set:1:5: error[document.override] an override must be a dotted key, an equals sign and a value"),
        ("a[x]=1", "--set:1:1: error[document.override] an override must be a dotted key, an equals sign and a value"),
        ("l[2]=1", "--set:1:2: error[document.override] l[2]: there is no such item"),
        ("l[0].x[1]=1", "--set:1:7: error[document.override] l[0].x[1]: there is no such item"),
        ("m[0].x=1", "--set:1:1: error[document.override] m: there is no such list"),
        ("t[0]=1", "--set:1:2: error[document.override] t[0]: there is no such item"),
        ("a='\ud800'", "--set:1:4: error[document.encoding] U+D800 is half of a character and cannot be written in UTF-8"),
        ("a.b={x = 99999999999999999999}", "--set:1:6: error[document.integer] a.b.x: the integer does not fit into 64 bits"),
    ],
)  # fmt: skip
def test_overrides_that_cannot_be_applied(override: str, message: str) -> None:
    found = document("l = [{x = [0]}, 1]\nt = {}", "l[1]=2", override, "last=3")
    assert found.table["l"] == [{"x": [0]}, 2]
    assert found.table["last"] == 3
    assert only(found).where is not None
    assert str(only(found)).startswith(message.replace("--set:1", "--set:2"))


def test_all_problems_of_all_sources_come_at_once() -> None:
    found = read(
        [
            Source(name="2", content="a = 1\na = 2"),
            Source(name="3", content=b"\xff", prefix=("t",)),
            Source(name="1", content="b = 1"),
            Source(name="4", content={"c": {1, 2}, "d": 4}),
        ],
        ["e", "f=1"],
    )
    assert found.table == {"b": 1, "d": 4, "f": 1}
    assert [(finding.code, finding.where and finding.where.source) for finding in found.findings] == [
        ("document.override", "--set"),
        ("document.redefined", "2"),
        ("document.encoding", "3"),
        ("document.type", None),
    ]


def test_findings_in_a_source_are_placed_in_it_even_if_a_later_one_wins() -> None:
    found = read([Source(name="1", content=f"[a]\nb = {2**64}"), Source(name="2", content="a = 1")])
    assert only(found).where == Mark("1", 2, 1)
    assert found.table == {"a": 1}
