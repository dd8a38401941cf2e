"""Attacks by names: of runs, sources and environments, which become names of objects, labels, paths and hosts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from splits import make

from rlsplit import Platform, Run, render
from rlsplit.planning import plan

LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?\Z")
VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")

NAMES = {
    "dots": "../../etc/passwd",
    "slashes": "a/b/c",
    "quotes": "a'\"`$(touch x)`",
    "newlines": "a\nrunAsUser: 0\nb",
    "yaml": "- x: {a: &b *b}",
    "capitals": "ALL CAPS",
    "other letters": "\u540d\u524d",
    "dashes": "-" * 80,
    "long": "x" * 250,
    "blank": " ",
    "a dot": "..",
    "a template": "{{ 7 * 7 }} {% raw %}",
    "an expansion": "$(RLSPLIT_RUN_DIR) $$ $(",
    "a kubernetes name": "kube-system",
    "the trainer's": "trainer",
}


def objects(form: str, name: str, names: list[str]) -> list[dict[str, Any]]:
    train = [{"name": n, "env": {"taskset": {"id": "a"}}} for n in names]
    split = make(train=train)
    return render(plan(split, run=Run(id="r", name=name), platform=Platform.from_mapping({"workload": form})))


@pytest.mark.parametrize("form", ["job", "jobset"])
@pytest.mark.parametrize("what", NAMES)
def test_no_name_of_an_object_holds_what_a_user_wrote(what: str, form: str) -> None:
    found = objects(form, NAMES[what], [NAMES[what], f"{NAMES[what]}x"])
    names = [(item["kind"], item["metadata"]["name"]) for item in found]
    assert len(set(names)) == len(names)
    for item in found:
        assert LABEL.match(item["metadata"]["name"])
        assert item["metadata"]["namespace"] == "default"
        for key, value in item["metadata"]["labels"].items():
            assert VALUE.match(value), (key, value)


@pytest.mark.parametrize("what", NAMES)
def test_two_runs_of_one_name_share_no_object(what: str) -> None:
    def names(run_id: str) -> set[tuple[str, str]]:
        planned = plan(make(), run=Run(id=run_id, name=NAMES[what]), platform=Platform())
        return {(item["kind"], item["metadata"]["name"]) for item in render(planned)}

    assert not names("r1") & names("r2")


def test_sources_whose_names_read_alike_stay_apart() -> None:
    names = ["math", "Math", "math!", "owner/math", "math/", "m-a-t-h", "math.", "math-1", "math-0"]
    found = objects("job", "run", names)
    servers = [
        item["metadata"]["name"] for item in found if item["kind"] == "Job" and "-env-" in item["metadata"]["name"]
    ]
    assert len(set(servers)) == len(names)
