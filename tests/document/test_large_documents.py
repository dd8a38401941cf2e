"""Large documents of every shape that could take more than linear time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from rlsplit.document import Source, read

SIZE = 1_000_000
LIMIT_S = 30
"""Far above what a slow machine needs (3 s), far below what anything quadratic takes."""

VALID: dict[str, Callable[[], str]] = {
    "keys": lambda: "".join(f"k{n} = {n}\n" for n in range(SIZE // 16)),
    "keys below a deep header": lambda: f"[{'.'.join('a' * 99)}]\n" + "".join(f"k{n}=1\n" for n in range(SIZE // 10)),
    "one string": lambda: f"a = '{'x' * SIZE}'",
    "one string of escapes": lambda: 'a = "' + "\\n" * (SIZE // 2) + '"',
    "one string of quotes": lambda: 'a = """' + '"x' * (SIZE // 2) + '"""',
    "one number": lambda: f"a = 0.{'1' * SIZE}",
    "comments": lambda: "#\n" * (SIZE // 2),
    "blank": lambda: " " * SIZE,
    "empty lines": lambda: "\r\n" * (SIZE // 2),
    "times": lambda: f"a = [{'07:32,' * (SIZE // 6)}]",
    "an inline table over many lines": lambda: "a = {" + "".join(f"k{n}=1,\n" for n in range(SIZE // 12)) + "}",
}

INVALID: dict[str, Callable[[], str | bytes]] = {
    "brackets": lambda: "a = " + "[" * SIZE,
    "braces": lambda: "a = " + "{a = " * (SIZE // 5),
    "a dotted key": lambda: "a." * (SIZE // 2) + "a = 1",
    "keys below a too deep header": lambda: f"[{'.'.join('a' * 999)}]\n" + "k = 1\n" * (SIZE // 6),
    "digits": lambda: "a = " + "9" * SIZE,
    "hexadecimal digits": lambda: "a = 0x" + "f" * SIZE,
    "an open string": lambda: 'a = "' + "x" * SIZE,
    "an open string of backslashes": lambda: 'a = "' + "\\" * SIZE,
    "an open long string": lambda: 'a = """' + '"x' * (SIZE // 2),
    "quotes": lambda: '"' * SIZE,
    "apostrophes": lambda: "'" * SIZE,
    "a word": lambda: "a" * SIZE,
    "words": lambda: "a " * (SIZE // 2),
    "dots": lambda: "." * SIZE,
    "a key twice": lambda: "".join(f"k{n} = {n}\n" for n in range(SIZE // 16)) + "k0 = 1",
    "a bad byte": lambda: b"#" * SIZE + b"\xff",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_large_documents_are_read_in_linear_time(text: Callable[[], str]) -> None:
    content = text()
    start = time.perf_counter()
    found = read([Source(name="f", content=content)])
    marks = len(found.marks)
    assert time.perf_counter() - start < LIMIT_S
    assert marks or not found.table
    assert all(finding.severity == "notice" for finding in found.findings)


@pytest.mark.parametrize("content", INVALID.values(), ids=INVALID)
def test_large_bad_documents_are_refused_in_linear_time(content: Callable[[], str | bytes]) -> None:
    given = content()
    start = time.perf_counter()
    found = read([Source(name="f", content=given)])
    assert time.perf_counter() - start < LIMIT_S
    (finding,) = found.findings
    assert finding.severity == "error"
    assert finding.where is not None
