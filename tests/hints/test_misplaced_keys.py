"""An accepted config with one known key in the wrong place is told that one thing, and the right place."""

from __future__ import annotations

import copy
from typing import Any

import tomli
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import rlsplit
from goldens import good
from rlsplit.config.schema_index import ENTRY, ITEM, schema_index
from rlsplit.config.sections.rl import RLConfig

INDEX = schema_index(RLConfig)
GOOD = [tomli.loads(path.read_text(encoding="utf-8")) for path in good()]
PLAIN = sorted(
    name
    for name, places in INDEX.by_name.items()
    if all(place.kinds == {"scalar"} and ITEM not in place.path and ENTRY not in place.path for place in places)
)


def tables(table: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The tables of a config that are sections with keys of their own."""
    found = [path] if INDEX.variants(path) and not any(s.keeps_unknown for s in INDEX.variants(path)) else []
    for key, value in table.items():
        if isinstance(value, dict) and INDEX.variants((*path, key)):
            found += tables(value, (*path, key))
    return found


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.sampled_from(PLAIN), st.data())
def test_one_misplaced_key_is_one_finding(config: dict[str, Any], name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(tables(config)))
    assume(not any(name in section.model_fields for section in INDEX.variants(path)))
    changed = copy.deepcopy(config)
    node = changed
    for part in path:
        node = node[part]
    node[name] = 1
    outcome = rlsplit.compile_sources([rlsplit.Source(name="rl.toml", content=changed)])
    found = [finding for finding in outcome.findings if finding.severity == "error"]
    assert [(finding.code, finding.path) for finding in found] == [("B-01", (*path, name))]
    assert found[0].hint is not None
    assert any(".".join(place.path[:-1]) in found[0].hint for place in INDEX.by_name[name]) or name in found[0].hint
