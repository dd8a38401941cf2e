"""What a table may hold, and what becomes of everything else."""

from __future__ import annotations

import copy
import enum
import math
from collections import ChainMap, OrderedDict
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from rlsplit import plain_data
from rlsplit.findings import KeyPath
from rlsplit.plain_data import plain

UTC = timezone.utc


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError


class Whole(int):
    def __int__(self) -> int:
        raise RuntimeError


class Fraction(float):
    def __float__(self) -> float:
        raise RuntimeError


class Colour(str, enum.Enum):
    RED = "red"


class Day(date):
    pass


class Moment(datetime):
    pass


class Hour(time):
    pass


class NoZone(tzinfo):
    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError

    def dst(self, _: datetime | None) -> timedelta:
        raise RuntimeError

    def tzname(self, _: datetime | None) -> str:
        raise RuntimeError


class Pair(NamedTuple):
    x: int
    y: int


NO_ZONE = NoZone()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (True, True),
        (Text("a"), "a"),
        (Colour.RED, "red"),
        (Whole(7), 7),
        (Fraction(0.5), 0.5),
        (math.inf, math.inf),
        ("\x00\x1b\u202e", "\x00\x1b\u202e"),
        (date(2026, 1, 2), date(2026, 1, 2)),
        (Day(2026, 1, 2), date(2026, 1, 2)),
        (Moment(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)),
        (Hour(1, 2, 3, 4), time(1, 2, 3, 4)),
        ((1, (2,)), [1, [2]]),
        (Pair(1, 2), [1, 2]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (MappingProxyType({"a": ChainMap({"b": 1})}), {"a": {"b": 1}}),
        ([], []),
        ({}, {}),
    ],
)
def test_plain_values_become_their_plain_types(given: Any, expected: Any) -> None:
    copied, findings = plain({"x": given})
    assert not findings
    assert copied == {"x": expected}
    assert shape(copied["x"]) == shape(expected)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return type(value), [(type(key), key, shape(item)) for key, item in value.items()]
    return type(value), [shape(item) for item in value] if isinstance(value, list) else None


def test_not_a_number_passes() -> None:
    copied, findings = plain({"x": math.nan})
    assert not findings
    assert math.isnan(copied["x"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"x", "error[document.type] x: a document cannot hold a value of type bytes"),
        ({1}, "error[document.type] x: a document cannot hold a value of type set"),
        (1j, "error[document.type] x: a document cannot hold a value of type complex"),
        (Decimal(1), "error[document.type] x: a document cannot hold a value of type Decimal"),
        (object(), "error[document.type] x: a document cannot hold a value of type object"),
        (int, "error[document.type] x: a document cannot hold a value of type type"),
        ("a\udfff", "error[document.surrogate] x: the text holds half of a character (a lone surrogate)"),
        ({"y": {"\ud800": 1}}, "error[document.surrogate] x.y: a key holds half of a character (a lone surrogate)"),
        ({"y": {1: 2}}, "error[document.key] x.y: every key must be a string, not a value of type int"),
        ({None: 2}, "error[document.key] x: every key must be a string, not null"),
        ({("a",): 2}, "error[document.key] x: every key must be a string, not a value of type tuple"),
    ],
)
def test_anything_else_is_a_finding_and_left_out(given: Any, message: str) -> None:
    copied, findings = plain({"x": given, "z": [1, given, 3]})
    assert [str(finding) for finding in findings] == [message, message.replace(" x", " z[1]", 1)]
    assert copied["z"][0] == 1
    assert copied["z"][2] == 3
    assert shape(copied) == shape(copy.deepcopy(copied))


def test_places_of_what_is_left_out() -> None:
    copied, findings = plain({"a": b"", "b": {"c": b"", 1: 1, "d": 1}, "e": [b"", 1]})
    assert copied == {"b": {"d": 1}, "e": [None, 1]}
    assert [finding.path for finding in findings] == [("a",), ("b", "c"), ("b",), ("e", 0)]


def test_paths_begin_where_the_table_will_stand() -> None:
    _, findings = plain({"x": [b""], 1: 1}, ("a", "b"))
    assert [finding.path for finding in findings] == [("a", "b", "x", 0), ("a", "b")]


def test_the_input_is_neither_changed_nor_shared() -> None:
    given = {"a": {"b": [1, {"c": b"x"}], 1: 2}}
    before = copy.deepcopy(given)
    copied, _ = plain(given)
    copied["a"]["b"][1]["new"] = True
    copied["a"]["b"].append(4)
    assert given == before


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates()
    | st.sampled_from([2**63 - 1, 2**63, -(2**63), Text("a"), Whole(7), b"", "\ud800", "é"])
    | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.sampled_from([1, "\ud800", Text("k"), "é"]), inner)
    ),
)


@pytest.mark.slow
@over(st.dictionaries(st.text(), ANYTHING), st.sampled_from([(), ("a", 0)]))
def test_a_copy_is_plain_and_what_it_lacks_is_told(given: dict[str, Any], at: KeyPath) -> None:
    copied, findings = plain(given, at)
    assert plain(copied, at) == (copied, ())
    assert repr(plain(copied, at)[0]) == repr(copied)
    assert bool(findings) == (repr(as_lists(given)) != repr(copied))


def as_lists(value: Any) -> Any:
    """Plain data in its plain types, tuples being lists."""
    if isinstance(value, (list, tuple)):
        return [as_lists(item) for item in value]
    if isinstance(value, dict):
        return {str.__str__(k) if isinstance(k, str) else k: as_lists(item) for k, item in value.items()}
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if type(value) is Whole else value


@pytest.mark.parametrize("levels", [98, 99, 100, 101])
@pytest.mark.parametrize("at", [(), ("a", "b")])
def test_a_copy_has_at_most_so_many_levels(levels: int, at: KeyPath) -> None:
    given: Any = {}
    for _ in range(levels - 1 - len(at)):
        given = {"a": given, "b": ["text"]}
    copied, findings = plain(given, at)
    # The list at the bottom stands beside the last table, and takes a level as that does.
    assert (copied == given) == (not findings) == (levels <= plain_data.MAX_DEPTH)


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_a_copy_has_at_most_such_a_size(excess: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"key": ["some text", 1, {"é": "é", "inner": True}], "last": ""}
    size = 4 + 3 * 2 + 9 + 2 + 1 + 6 + 5
    monkeypatch.setattr(plain_data, "MAX_BYTES", size + excess)
    assert plain(given) == ((given, ()) if excess >= 0 else ({}, (plain_data.TOO_LARGE,)))


class Rows(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


class Table(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError

    def __iter__(self) -> Any:
        raise RuntimeError


def test_what_a_subclass_overrides_is_never_called() -> None:
    given = Table(rows=Rows([1, Table(a=2)]), pair=(3,))
    assert plain(given) == ({"rows": [1, {"a": 2}], "pair": [3]}, ())
    copied, found = plain({"now": datetime(2026, 1, 1, tzinfo=NO_ZONE), "then": datetime(2026, 1, 1, tzinfo=UTC)})
    assert copied == {"then": datetime(2026, 1, 1, tzinfo=UTC)}
    assert [(finding.code, finding.path) for finding in found] == [("document.type", ("now",))]
