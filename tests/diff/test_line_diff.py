"""Diffs of lines lead from one text to the other, and the work for them grows in line with the texts."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlsplit import line_diff
from rlsplit.compiler import Target, compile_sources
from rlsplit.diff import as_markdown, as_text, difference
from rlsplit.document import Source
from rlsplit.line_diff import pairs, unified
from rlsplit.preview import Compiled, previewed
from rlsplit.run import Run

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
LINES = st.lists(st.sampled_from([*"abcdefgh", "-a", "+a", "@@", ""]), max_size=80)


def applied(old: list[str], diff: list[str]) -> list[str]:
    """What a unified diff makes of a text; every line that it says is there must be there."""
    new: list[str] = []
    at = 0
    for line in diff[2:]:
        head = HUNK.fullmatch(line) if line.startswith("@@ -") else None
        if head:
            start = int(head[1]) - (head[2] != "0")
            new += old[at:start]
            at = start
            assert len(new) == int(head[3]) - (head[4] != "0")
            continue
        if line[0] in " -":
            assert old[at] == line[1:]
            at += 1
        if line[0] in " +":
            new.append(line[1:])
    return new + old[at:]


@given(old=LINES, new=LINES, short=st.sampled_from([0, 10, 200]))
def test_a_diff_leads_from_one_text_to_the_other(old: list[str], new: list[str], short: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_diff, "_SHORT", short)
        found = [*pairs(old, new)]
        assert all(old[i] == new[j] for i, j in found)
        assert all(i < k and j < m for (i, j), (k, m) in pairwise(found))
        diff = [*unified(old, new, "old", "new")]
        assert bool(diff) == (old != new)
        assert applied(old, diff) == new


@given(old=LINES, new=LINES)
def test_short_texts_differ_as_difflib_says(old: list[str], new: list[str]) -> None:
    if sum(map(len, (old, new))) > 150:
        old, new = old[:70], new[:70]
    assert [*unified(old, new, "a", "b")] == [*difflib.unified_diff(old, new, "a", "b", lineterm="")]


def test_one_line_that_changes_in_a_long_text_is_one_hunk() -> None:
    old = [f"{number // 3}" for number in range(3000)]
    new = [*old[:1501], "new", *old[1502:]]
    assert [*unified(old, new, "a", "b")] == [*difflib.unified_diff(old, new, "a", "b", lineterm="")]


# --- growth ----------------------------------------------------------------------------------------------------

HEAD = '[trainer]\n[inference]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id = "a"\n'
ARGUMENTS = "[orchestrator.train.source.env.taskset.args]\n"


def compiled(text: str) -> Compiled:
    target = Target(run=Run(id="growth"))
    return previewed(compile_sources([Source(name="t", content=text)], until="plan", target=target), target)


def values(count: int, value: int) -> str:
    return HEAD + ARGUMENTS + "".join(f"k{i} = {value if i % 2 else 0}\n" for i in range(count))


def tables(count: int, value: int) -> str:
    return HEAD + ARGUMENTS + "".join(f"k{i} = {{a = {value}, b = 0}}\n" for i in range(count))


def named_tables(count: int, value: int) -> str:
    rows = "".join(f'{{name = "n{i}", a = {value}}},' for i in range(count))
    return f"{HEAD}{ARGUMENTS}rows = [{rows}]\n"


def alike_tables(count: int, value: int) -> str:
    return f"{HEAD}{ARGUMENTS}rows = [{f'{{a = {value}, b = 0}},' * count}]\n"


def variables(count: int, value: int) -> str:
    return f"{HEAD}[env_vars]\n" + "".join(f'K{i} = "{value}-{i}"\n' for i in range(count))


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, those of C among them."""
    number = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number


@pytest.mark.parametrize("config", [values, tables, named_tables, alike_tables, variables], ids=lambda f: f.__name__)
def test_the_work_grows_in_line_with_what_differs(config: Callable[[int, int], str]) -> None:
    def work(count: int) -> int:
        old, new = compiled(config(count, 1)), compiled(config(count, 2))
        assert not difference(old, new).is_same

        def compare() -> None:
            found = difference(old, new)
            as_text(found)
            as_markdown(found)

        return calls(compare)

    assert work(800) < 2.5 * work(400)
