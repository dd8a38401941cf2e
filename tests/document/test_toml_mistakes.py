"""Mistakes in TOML are told in the user's terms, each at its place, all at once, and none that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsplit.document import Source, read

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def told(text: str) -> list[str]:
    findings = read([Source(name="f", content=text)]).findings
    return [
        f"{finding.where.line}:{finding.where.column} {finding.message.removeprefix('not valid TOML: ')} ({finding.hint})"
        for finding in findings
        if finding.where
    ]


BARE = "a text must stand in quotes"
NO_NULL = 'TOML has no null (leave the key out; "None" in quotes is prime-rl\'s null)'
COLON = "a key and its value are joined by =, not by :"
MANY_LINES = 'write " at its end; a text of several lines needs three of them'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = True", "1:5 True is not a value of TOML (write true)"),
        ("a = [1, False]", "1:9 False is not a value of TOML (write false)"),
        ("a = None # x", f"1:5 None is no value: {NO_NULL}"),
        ("a = {b = null}", f"1:10 null is no value: {NO_NULL}"),
        ("a = yes", '1:5 yes is not a value of TOML (write true, or "yes" in quotes if it is a text)'),
        ("a = Off", '1:5 Off is not a value of TOML (write false, or "Off" in quotes if it is a text)'),
        ("a = -Infinity", "1:5 -Infinity is not a value of TOML (write -inf)"),
        ("a = NaN", "1:5 NaN is not a value of TOML (write nan)"),
        ("a = foo bar # x", f'1:5 {BARE} (write "foo bar")'),
        ("a = [foo, 1]", f'1:6 {BARE} (write "foo")'),
        ("a = /data/x", f'1:5 {BARE} (write "/data/x")'),
        ("a = ~/x", f'1:5 {BARE} (write "~/x")'),
        ("a = b\\c", f"1:5 {BARE} (write 'b\\c')"),
        ("a = it's", f'1:5 {BARE} (write "it\'s")'),
        ('a = x"', f'1:5 {BARE} (write "x")'),
        ("a = truer", f'1:5 {BARE} (write "truer")'),
        ("a = “x”", '1:5 “ is no quote of TOML (use straight quotes: "x")'),
        ("a = ‘x'", '1:5 ‘ is no quote of TOML (use straight quotes: "x")'),  # noqa: RUF001
        ("“a” = 1", "1:1 “ is no quote of TOML (use straight quotes)"),
        ('a = "x”', '1:5 the text that begins with this " is not closed (write " instead of ”)'),
        ("a = 05", '1:5 a number cannot begin with 0 (write 5, or "05" if it is a text)'),
        ("a = [-007.5]", '1:6 a number cannot begin with 0 (write -7.5, or "-007.5" if it is a text)'),
        ("a = .5", "1:5 a number needs a digit before its point (write 0.5)"),
        ("a = 5.", "1:5 a number needs a digit behind its point (write 5.0)"),
        ("a = 1,000,000", "1:5 a number has no separators but _ (write 1_000_000)"),
        ("a = 32k", '1:5 32k is no number (write a plain number, or a text in quotes: "32k")'),
        ("a = 1;", "1:6 a value ends with its line, without ; (remove the ;)"),
        ("a: b", f'1:2 {COLON} (write a = "b")'),
        ("[t]\na : 5 # x", f"2:3 {COLON} (write a = 5)"),
        ("a: True", f"1:2 {COLON} (write a = true)"),
        ('x = {"a": 1}', f"1:9 {COLON} (write a = 1)"),
        ("x = 1\na:\n b = 1", f"2:2 {COLON} (write [a] for a table)"),
        ("a := 1", "1:3 a key and its value are joined by =, not by := (write a = 1)"),
        ("a == 1", "1:4 there are two equals signs (write one)"),
        ("// x", "1:1 a comment begins with # (write # instead of //)"),
        ("a = 1 // x", "1:7 a comment begins with # (write # instead of //)"),
        ("a = [ // x\n1]", "1:7 a comment begins with # (write # instead of //)"),
        ("; x", "1:1 a comment begins with # (write # instead of ;)"),
        ('a = 1\nb = "x\nc = 1', f'2:5 the text that begins with this " is not closed ({MANY_LINES})'),
        ("b = 'x\ny", f"""1:5 the text that begins with this ' is not closed ({MANY_LINES.replace('"', "'")})"""),
        ('b = """x\n\ny', '1:5 the text that begins with this """ is not closed (write """ at its end)'),
        (
            'a = "C:\\dir\\"',
            '1:5 the text that begins with this " is not closed '
            "(a backslash before a quote makes it part of the text: put the text in '...', or double the backslash)",
        ),
        (
            'a = "C:\\Users"',
            "1:8 \\U means nothing in a text in double quotes "
            "(write 'C:\\Users' in single quotes, or \"C:\\\\Users\")",
        ),
        ('a = """x\n\\d"""', "2:1 \\d means nothing in a text in double quotes (double each backslash)"),
        ("a = 'it's'", """1:5 the text that begins here ends at its second ' (put the whole text in ", or in three ')"""),
        ("a =\nb = 1", "1:3 a has no value (write one behind the equals sign, or put # before the line)"),
        ("x = 1\na", "2:1 a has no value (write a = ..., or put # before the line)"),
        ("a b = 1", '1:1 a key cannot have a space (write a_b, or "a b" in quotes if the space belongs to it)'),
        ("export A=1", "1:1 export is the shell's (write the key alone)"),
        ("é = 1", '1:1 a key beyond a-z, 0-9, _ and - needs quotes (write "é")'),
        ("a = (1, 2)", "1:5 ( begins no value (write a list in brackets: [1, 2])"),
        ("a = 1 b = 2", "1:7 each key needs a line of its own (begin a new line here)"),
        ("a = [1 2]", "1:8 the items of a list need commas between them (write a comma before this)"),
        ("a = {b = 1 c = 2}", "1:12 the keys of an inline table need commas between them (write a comma before this)"),
        ("a = [1,,2]", "1:8 there is no item before this comma (remove the comma)"),
        ("a = [1, 2\nb = 3", "1:5 the list that begins here is not closed before line 2 (write ] behind its last item)"),
        ("a = [\n1,\n[b.c]\nd = 1", "1:5 the list that begins here is not closed before line 3 (write ] behind its last item)"),
        ("a = [1, 2\n", "1:5 the list that begins here is not closed before the end of the text (write ] behind its last item)"),
        (
            "a = {b = 1\n[c]",
            "1:5 the inline table that begins here is not closed before line 2 "
            "(write } behind its last key, or a comma between its keys)",
        ),
        ("[[a.b]\nc = 1", "1:1 the brackets of this header do not match (write [a.b] for a table, [[a.b]] for an item of a list)"),
        ("[]", "1:1 this header names no table (write a name in the brackets)"),
        ("a\u00a0= 1", "1:2 U+00A0 is a space that TOML does not have (write a plain space instead)"),
        (
            "a = 1\n<<<<<<< HEAD\nb = 1",
            "2:1 there is a merge conflict in this file (settle it: keep one side, and remove the lines of the markers)",
        ),
        (
            "[[a]]\nb = 1\n[a]\nb = 2",
            "3:2 the key is defined twice, first on line 1 "
            "(make one table of the two; if they are items of a list, write [[a]] both times)",
        ),
        ("a:\n  b: 1\n  c:\n    - 1", '1:1 this is YAML, not TOML (write tables as [a.b] and values as key = "value"; JSON is read, too)'),
    ],
)  # fmt: skip
def test_a_mistake_is_told_once_with_what_to_write(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_all_mistakes_come_at_once() -> None:
    text = 'a = True\nb: 1\n[t]\nc = 05\nd = "x\n[t]\n[t.u]\ne = foo\n[t.u]\n'
    assert [line.partition(" (")[0] for line in told(text)] == [
        "1:5 True is not a value of TOML",
        f"2:2 {COLON}",
        "4:5 a number cannot begin with 0",
        '5:5 the text that begins with this " is not closed',
        "6:2 the key is defined twice, first on line 3",
        f"8:5 {BARE}",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'a = "x\nmore words: here\nb = True',
        "a = [1, 2\nb = 3\nc = 05",
        "[[a]\nb = 1\n[a]\nb = 05",
        "a = (1\n2)\nb = 05",
    ],
)
def test_behind_a_mistake_with_an_unknown_end_nothing_is_guessed(text: str) -> None:
    assert len(told(text)) == 1


MISTAKES = {
    "a1 = True": "a1 = true",
    "a1 = null": "a1 = 0",
    "a1: x": 'a1 = "x"',
    "a1 = 007": "a1 = 7",
    "a1 = [x, 1]": 'a1 = ["x", 1]',
    'a1 = "x': 'a1 = "x"',
    "a1 = “x”": 'a1 = "x"',
    "// x": "# x",
    "a1 = .5": "a1 = 0.5",
    'a1 = "\\d"': "a1 = '\\d'",
    "a1 = 1 // x": "a1 = 1 # x",
    "a1 =": "a1 = 1",
    "a1 = {b = 1 c = 2}": "a1 = {b = 1, c = 2}",
}
"""A line that is not TOML to what it should have been."""
TEXTS = sorted(path.read_text(encoding="utf-8") for path in FIXTURES.glob("*/rl.toml"))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_lines_with_mistakes_in_a_good_text_are_found_and_no_others(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(TEXTS)).split("\n")
    headers = [index for index, line in enumerate(lines) if line.startswith("[")]
    chosen = data.draw(st.lists(st.sampled_from(headers), unique=True, min_size=1, max_size=5))
    expected, mended = set(), list(lines)
    for shift, index in enumerate(sorted(chosen)):
        mistake = data.draw(st.sampled_from(sorted(MISTAKES)))
        lines.insert(index + shift + 1, mistake.replace("a1", f"zzz{shift}"))
        mended.insert(index + shift + 1, MISTAKES[mistake].replace("a1", f"zzz{shift}"))
        expected.add(index + shift + 2)
    tomli.loads("\n".join(mended))
    findings = read([Source(name="f", content="\n".join(lines))]).findings
    found = [finding.where.line for finding in findings if finding.where]
    assert sorted(set(found)) == found
    if not any(line.endswith(" =") or line.count('"') == 1 for line in lines):
        assert set(found) == expected
    assert set(found) <= expected
    assert found[0] == min(expected)


@pytest.mark.parametrize(
    "text",
    [
        "token = sk-abc123",
        "[env_vars]\nHF_TOKEN = {}",
        "env_vars = {{DB_PASSWORD = {}}}",
        "[env_vars]\nHF_TOKEN: {}",
        "[env_vars]\nHF_TOKEN = “{}”",
        '[env_vars]\nHF_TOKEN = "{}\\d"',
        '[env_vars]\nHF_TOKEN = "{}',
        "[env_vars]\nHF_TOKEN = 05{}",
        "[env_vars]\nHF_TOKEN = 5{}",
        "[env_vars]\nHF_TOKEN = 'it's {}'",
        "[env_vars]\nHF_TOKEN {}",
        "[env_vars]\nHF_TOKEN {} = 1",
        "url = https://me:{}@host/",
        "x = [hf_{}]",
        "x: ghp_{}",
    ],
)
def test_what_may_be_secret_is_not_repeated(text: str) -> None:
    for finding in read([Source(name="f", content=text.format("abc123"))]).findings:
        assert "abc123" not in str(finding)


@pytest.mark.parametrize("path", ['"C:\\temp"', '"..\\new\\runs"', '"D:\\results\\new"'])
def test_a_path_whose_backslashes_became_other_characters_is_noticed(path: str) -> None:
    (notice,) = read([Source(name="f", content=f"a = [1, {path}]")]).findings
    assert (notice.code, notice.severity) == ("document.escape", "notice")
    assert notice.hint == "write the path in single quotes, or double each backslash"


@pytest.mark.parametrize("text", ["'C:\\temp'", '"C:\\\\temp"', '"a:\\tb\\n c"', '"done.\\n"', '"x\\ty"', '"C:/temp"'])
def test_other_texts_with_tabs_are_not_noticed(text: str) -> None:
    findings = read([Source(name="f", content=f"a = {text}")]).findings
    assert not findings or text == '"a:\\tb\\n c"'


def test_a_large_text_with_a_mistake_is_not_read_over_and_over() -> None:
    tables = [f"[t{number}]\na = 1\n" for number in range(20_000)]
    for text in ("a = True\n" * 20_000, "".join([*tables, "b = True\n"]), "".join(tables) * 2):
        findings = read([Source(name="f", content=text)]).findings
        assert 1 <= len(findings) <= 20
