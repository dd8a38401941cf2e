"""What the pages for contributors say is so."""

from __future__ import annotations

import importlib
import re
from types import FunctionType

import rlsplit
from conftest import ROOT
from rlsplit.version import __version__

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALK = re.findall(r"^\d\. .*$", PAGE, re.MULTILINE)
PATHS = re.findall(r"`((?:src|tests|templates|\.ci)/[\w./-]*|[\w/]+\.py|[a-z]+/|[A-Z]+\.md)`", PAGE)

THREE_NODES = """
trainer = {}
inference = {}
[deployment]
type = "multi_node"
num_train_nodes = 3
[[orchestrator.train.source]]
env.id = "word-count"
"""


def functions(line: str) -> list[object]:
    found = []
    for name in re.findall(r"`(rlsplit\.[\w.]+)`", line):
        module, _, function = name.rpartition(".")
        found.append(getattr(importlib.import_module(module), function))
    return found


def test_the_walk_names_functions_that_exist() -> None:
    assert len(WALK) == 5
    for line in WALK:
        named = functions(line)
        assert named, line
        assert all(isinstance(function, FunctionType) for function in named), line


def test_the_walk_is_what_happens() -> None:
    split = rlsplit.split(rlsplit.parse(THREE_NODES))
    assert split.deployment["num_train_nodes"] == 3
    assert split.orchestrator.resolved["num_train_workers"] == 24
    plan = rlsplit.plan(split, run=rlsplit.Run(id="walk"), platform=rlsplit.Platform())
    assert plan.shape.trainer_pods == 3
    (trainer,) = [o for o in rlsplit.render(plan) if o["kind"] == "Job" and o["metadata"]["name"].endswith("-trainer")]
    assert trainer["spec"]["completions"] == 3
    assert "--nnodes=3" in trainer["spec"]["template"]["spec"]["containers"][0]["args"][-1]


def test_the_files_that_the_page_names_exist() -> None:
    assert len(PATHS) > 30
    missing = {name for name in PATHS if not any((base / name).exists() for base in (ROOT, ROOT / "src" / "rlsplit"))}
    assert not missing


def test_the_page_stays_one_page() -> None:
    assert len(PAGE.splitlines()) <= 90


def test_the_changelog_knows_this_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$", changes, re.MULTILINE)
    assert titles[0] == ("Unreleased", "")
    assert titles[1][0] == __version__
    assert all(date for _, date in titles[1:])
    assert set(re.findall(r"^### (.*)$", changes, re.MULTILINE)) <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }
