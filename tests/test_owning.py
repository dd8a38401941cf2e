"""``owned`` and ``rlsplit own``: a run's objects die with its workload; and rlsplit reads back what it wrote."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlsplit
from conftest import ROOT
from goldens import FIXTURES
from rlsplit.cli import main
from rlsplit.deserialize import from_text
from rlsplit.serialize import to_json, to_yaml

UID = "9b2c6b5e-0f0a-4d3e-9a51-0c9d3c6f2c11"
GOLDENS = sorted(FIXTURES.glob("*/expected/job*.yaml"))
assert len(GOLDENS) > 20

SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(st.characters(exclude_categories=["Cs"]))
SCALARS |= st.lists(st.text("ab #-:|", min_size=1)).map(lambda lines: "".join(f"{line}\n" for line in lines))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


@given(
    st.lists(
        st.builds(lambda more: {"metadata": {}, **more}, st.dictionaries(st.text("abc.-/ 1y"), VALUES, max_size=4)),
        min_size=1,
        max_size=4,
    )
)
def test_what_was_written_is_read_back(objects: list[dict[str, Any]]) -> None:
    objects = [{**item, "metadata": {}} for item in objects]
    assert from_text(to_yaml(objects)) == objects
    assert from_text(to_json(objects)) == objects


def test_characters_that_are_escaped_are_read_back() -> None:
    objects = [{"kind": "Job", "metadata": {"name": "a\U000e0001b\x1b\u202e\U000f0000"}}]
    assert from_text(to_yaml(objects)) == objects


@pytest.mark.parametrize("escape", [r"\Uffffffff", r"\U0001", r"\q"])
def test_escapes_of_others_are_refused(escape: str) -> None:
    with pytest.raises(rlsplit.ConfigError):
        from_text(f'---\nkind: "Job"\nmetadata:\n  name: "{escape}"\n')


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_objects_are_owned_by_the_workload(path: Path) -> None:
    objects = from_text(path.read_text(encoding="utf-8"))
    made = rlsplit.owned(objects, UID)
    kind = "JobSet" if path.stem == "jobset" else "Job"
    owner = next(item for item in made if "ownerReferences" not in item["metadata"])
    assert owner["kind"] == kind
    reference = {"apiVersion": owner["apiVersion"], "kind": kind, "name": owner["metadata"]["name"], "uid": UID}
    assert [item["metadata"].get("ownerReferences") for item in made if item is not owner] == [[reference]] * (
        len(objects) - 1
    )
    assert {item["kind"] for item in made} >= {"Secret", "PersistentVolumeClaim", "NetworkPolicy"}
    for before, after in zip(objects, made, strict=True):
        assert {**after, "metadata": {k: v for k, v in after["metadata"].items() if k != "ownerReferences"}} == before
    assert rlsplit.owned(made, UID) == made


def test_a_claim_may_be_left_to_itself() -> None:
    objects = from_text(GOLDENS[0].read_text(encoding="utf-8"))
    made = rlsplit.owned(objects, UID, keep_claim=True)
    free = {item["kind"] for item in made if "ownerReferences" not in item["metadata"]}
    assert free == {"PersistentVolumeClaim", "Job" if GOLDENS[0].stem != "jobset" else "JobSet"}


def test_a_namespace_is_not_owned() -> None:
    objects = [{"kind": "Namespace", "metadata": {"name": "n"}}, *from_text(GOLDENS[0].read_text(encoding="utf-8"))]
    assert "ownerReferences" not in rlsplit.owned(objects, UID)[0]["metadata"]


@pytest.mark.parametrize("uid", ["", "a b", 'x"', "x\n", "x" * 200])
def test_a_uid_that_no_server_gives_is_refused(uid: str) -> None:
    objects = from_text(GOLDENS[0].read_text(encoding="utf-8"))
    with pytest.raises(rlsplit.ConfigError) as refused:
        rlsplit.owned(objects, uid)
    assert [finding.code for finding in refused.value.findings] == ["objects.uid"]


def test_two_runs_or_none_have_no_owner() -> None:
    objects = from_text(GOLDENS[0].read_text(encoding="utf-8"))
    for listed in ([*objects, *objects], [item for item in objects if item["kind"] not in ("Job", "JobSet")]):
        with pytest.raises(rlsplit.ConfigError) as refused:
            rlsplit.owned(listed, UID)
        assert [finding.code for finding in refused.value.findings] == ["objects.no-owner"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: b\n",
        "---\na: b\n",
        "---\na: &x 1\n",
        '---\na: "b\n',
        '---\na: "\\q"\n',
        "---\n  a: 1\n",
        "---\na:\n",
        "---\na:\n- \n",
        "---\na: 1.5\n",
        "---\na: 1\n---\n",
        "{",
        "[]",
        "{}",
        '{"items": 3, "kind": "List"}',
        "---\n" + "a:\n" * 10 + "\t",
        "[" * 100_000,
    ],
)
def test_other_yaml_is_not_read(text: str) -> None:
    with pytest.raises(rlsplit.ConfigError) as refused:
        from_text(text)
    assert [finding.code for finding in refused.value.findings] == ["objects.unreadable"]


def test_the_command_takes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(ROOT / "fixtures" / "reverse-text" / "rl.toml")
    folder, file = tmp_path / "run", tmp_path / "run.yaml"
    assert main(["render", config, "--run-id", "r", "-o", str(folder)]) == 0
    capsys.readouterr()
    assert main(["render", config, "--run-id", "r"]) == 0
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    printed = []
    for written in (folder, file):
        assert main(["own", str(written), "--uid", UID]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(GOLDENS[0])
    assert main(["own", path, "--uid", UID]) == 0
    made = capsys.readouterr().out
    assert from_text(made) == rlsplit.owned(from_text(Path(path).read_text(encoding="utf-8")), UID)
    assert main(["own", path, "--uid", UID, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == from_text(made)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: b\n")))
    assert main(["own", "-", "--uid", "x y"]) == 1
    assert "error[objects.unreadable]" in capsys.readouterr().err
    assert main(["own", "no-such-file", "--uid", UID]) == 2
