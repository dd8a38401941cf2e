"""Which release a document was written for."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import tomli

from conftest import SHARED
from rlsplit.config.release_fit import fitting_better
from rlsplit.config.schema_index import ENTRY, ITEM, schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.releases.changes import arrivals, change_of, release_order
from rlsplit.releases.fits import TAGS, best_release, fits, strangers
from rlsplit.releases.release import NEWEST, V0_7_0, V0_8_0
from rlsplit.releases.spokes import SPOKES


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("", NEWEST.tag),
        ("[trainer]\n[orchestrator]\nbatch_size = 8\n", NEWEST.tag),
        ("[brand_new]\nkey = 1\n", NEWEST.tag),
        ("[wandb]\nproject = 'p'\n", "v0.8.0"),
        ("[[orchestrator.train.env]]\ntaskset = { id = 'x' }\n", "v0.7.0"),
        ("[orchestrator.student.model]\nname = 'x'\n", "v0.6.0"),
        ("[orchestrator.buffer]\nseed = 1\n", "v0.5.0"),
        ("[monitors.wandb]\n[orchestrator]\nmax_inflight_episodes = 1\n", NEWEST.tag),
    ],
)
def test_the_release_with_most_of_the_keys_fits_best(text: str, tag: str) -> None:
    assert best_release(tomli.loads(text)).tag == tag


def test_a_fit_counts_the_keys_that_tell() -> None:
    table = tomli.loads("[wandb]\nproject = 'p'\n[inference.parallel]\ntp = 2\n[trainer]\n")
    best = best_release(table)
    assert (best.tag, best.foreign, fits(table)[-1].foreign) == ("v0.8.0", 0, 2)
    assert strangers(table, NEWEST.tag, "v0.8.0") == 2


def test_tags_between_releases_are_judged_by_the_tags_of_the_changes() -> None:
    table = tomli.loads("[wandb]\nproject = 'p'\n")
    change = change_of(("wandb", "project"))
    assert change is not None
    before, since = "v0.8.1.dev1", change.since
    found = {fit.tag: fit.foreign for fit in fits(table, before, since)}
    assert (found[before], found[since]) == (0, 1)


def test_files_of_a_release_are_not_said_to_be_of_another(shared: Any) -> None:
    for release in (V0_7_0, V0_8_0):
        file = SHARED / "releases" / "conformance" / f"cases-{release.tag}-dev.jsonl.gz"
        configs = [json.loads(line)["config"] for line in gzip.decompress(file.read_bytes()).splitlines()]
        assert [config for config in configs if fitting_better(config, release, "error")] == []
        assert sum(map(bool, (fitting_better(config, NEWEST, "error") for config in configs))) > len(configs) / 3


def test_odd_documents_fit_the_newest() -> None:
    for table in ({"wandb": 3, "orchestrator": [1, {"a": [[]]}]}, {"orchestrator": {"train": {"env": "x"}}}):
        assert fits(table)


def test_arrivals_are_no_old_places() -> None:
    assert arrivals()
    for path, since in arrivals().items():
        assert release_order(since) > release_order(TAGS[0])
        change = change_of(path)
        assert change is None or change.releases is None or release_order(since) <= release_order(change.releases[1])


def test_paths_came_when_the_sections_say_that_their_fields_did() -> None:
    """Two tables know it, of paths and of fields: of what both know, they say the same."""
    index, compared = schema_index(RLConfig), 0
    for spoke in SPOKES:
        for (base, name), tag in spoke.came.items():
            for place in index.by_name[name]:
                path = tuple(step for step in place.path if step not in (ITEM, ENTRY))
                if issubclass(place.section, base) and path in arrivals():
                    assert (path, arrivals()[path]) == (path, tag)
                    compared += 1
    assert compared > 20


def test_files_of_releases_fit_them(shared: Any) -> None:
    for tag in ("v0.7.0", "v0.8.0"):
        files = sorted((SHARED / "releases" / "conformance" / f"examples-{tag}").glob("*.toml"))
        found = [best_release(tomli.loads(file.read_text(encoding="utf-8"))).tag for file in files]
        assert sum(tag == each or each == NEWEST.tag for each in found) == len(files)
