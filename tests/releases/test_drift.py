"""A dump of prime-rl's config classes against the sections: nothing for the very commit, and every kind of difference."""

from __future__ import annotations

import ast
import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from rlsplit import schema_dump
from rlsplit.cli import main
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.tables.renderer_map import MODEL_RENDERER_MAP
from rlsplit.drift import drift, findings, stub, table_findings, validator_findings
from rlsplit.releases.release import KNOWN, Release

PACKAGE = '''
from pathlib import Path
from typing import Annotated, Literal, Optional, Union
from pydantic import BaseModel, Field, field_validator, model_validator

PARSERS = {"a.*": "one"}
_NAMES = ("x", "y")
limit = {"not": "a constant"}

class A(BaseModel):
    type: Literal["a"] = "a"
    size: int = Field(default=3, ge=1)

class B(BaseModel):
    type: Literal["b"] = "b"
    path: Optional[Path] = None

class Item(BaseModel):
    name: str

class Root(BaseModel):
    items: list[Item] = []
    named: dict[str, Item] = Field(default_factory=dict)
    choice: Annotated[Union[A, B], Field(discriminator="type")] = A()
    mode: Literal["fast", "slow"] | None = None

    @field_validator("mode")
    @classmethod
    def check_mode(cls, value):
        """What it checks."""
        if value == "slow":
            raise ValueError("too slow")
        return value

    @model_validator(mode="after")
    def check_all(self):
        if self.mode and not self.items:
            raise ValueError(f"no items for {self.mode}")
        return self
'''


def dumped(folder: Path, source: str = PACKAGE) -> Any:
    """Run the script alone, in a folder where rlsplit is not to be found."""
    (folder / "made_up.py").write_text(source, encoding="utf-8")
    script = folder / "schema_dump.py"
    script.write_bytes((ROOT / "src" / "rlsplit" / "schema_dump.py").read_bytes())
    done = subprocess.run(
        [sys.executable, str(script), "made_up:Root"], cwd=folder, capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


def test_the_script_runs_where_it_stands(tmp_path: Path) -> None:
    """What lies beside it has names of the standard library."""
    (tmp_path / "made_up.py").write_text(PACKAGE, encoding="utf-8")
    script = ROOT / "src" / "rlsplit" / "schema_dump.py"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, script, "made_up:Root"], env=env, capture_output=True, check=True, text=True)
    assert json.loads(done.stdout)["roots"] == ["Root"]
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, check=True, text=True)
    assert "python schema_dump.py" in shown.stdout


def test_the_script_needs_pydantic_alone() -> None:
    tree = ast.parse((ROOT / "src" / "rlsplit" / "schema_dump.py").read_text(encoding="utf-8"))
    named = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert named - sys.stdlib_module_names == {"pydantic", "pydantic_core"}


def test_a_dump_has_fields_tables_and_validators(tmp_path: Path) -> None:
    found = dumped(tmp_path)
    assert found["paths"]["items[].name"] == {"type": "str", "required": True}
    assert found["paths"]["named{}.name"] == {"type": "str", "required": True}
    assert found["paths"]["choice"]["type"] == "OneOf<type>(a:A | b:B)"
    assert found["paths"]["choice"]["default"] == {"type": "a", "size": 3}
    assert found["paths"]["choice<a>.size"] == {"type": "int", "required": False, "default": 3, "ge": 1}
    assert found["paths"]["choice<b>.path"]["type"] == "path | None"
    assert found["paths"]["mode"]["type"] == "Literal['fast','slow'] | None"
    assert found["tables"] == {"made_up.PARSERS": {"a.*": "one"}, "made_up._NAMES": ["x", "y"]}
    rows = found["validators"]["made_up.Root"]
    assert [(row["name"], row["mode"], row["position"]) for row in rows] == [
        ("check_mode", "after", 0),
        ("check_all", "after", 0),
    ]


@pytest.mark.parametrize(
    ("old", "new", "is_same"),
    [
        ('"""What it checks."""', '"""What it checks, in other words."""', True),
        ('"too slow"', '"much too slow"', True),
        ('f"no items for {self.mode}"', '"no items"', True),
        ('value == "slow"', 'value == "fast"', False),
        ("not self.items", "self.items", False),
    ],
)
def test_fingerprints_see_what_a_validator_does(old: str, new: str, is_same: bool, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, after = dumped(tmp_path / "a"), dumped(tmp_path / "b", PACKAGE.replace(old, new))
    assert (validator_findings(before, after) == ()) is is_same
    assert len(validator_findings(before, {**after, "validators": {}})) == 2


@pytest.mark.parametrize("release", KNOWN, ids=lambda release: release.tag)
def test_the_sections_are_those_of_the_release(release: Release, shared: Path) -> None:
    name = release.commit if release.tag.count("dev") else release.tag
    dump = json.loads((shared / "releases" / f"fields-{name}.json").read_text(encoding="utf-8"))
    assert [str(each) for each in findings(drift(dump, release), release)] == []


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    return {
        "paths": schema_dump.paths_of(RLConfig),
        "tables": {"renderers.base.MODEL_RENDERER_MAP": dict(MODEL_RENDERER_MAP)},
    }


def test_every_kind_of_difference_is_told(own: dict[str, Any]) -> None:
    assert drift(own) == ()
    assert table_findings(own) == ()
    dump = copy.deepcopy(own)
    paths = dump["paths"]
    paths["trainer.model.brand_new"] = {"type": "int", "required": False, "default": 1}
    del paths["orchestrator.env_server_base_port"]
    paths["trainer.dist_timeout"] = paths.pop("trainer.dist_timeout_seconds")
    paths["trainer.model.cp"] = {**paths["trainer.model.cp"], "default": 2, "ge": 1}
    found = {each.kind: each for each in drift(dump)}
    assert found["added"].path == ("trainer", "model", "brand_new")
    assert found["removed"].path == ("orchestrator", "env_server_base_port")
    assert (found["renamed"].old, found["renamed"].path) == (
        ("trainer", "dist_timeout_seconds"),
        ("trainer", "dist_timeout"),
    )
    assert found["changed"].path == ("trainer", "model", "cp")
    assert "default was 1 and is 2" in found["changed"].told
    assert {"T-04"} & set(found["changed"].rules) or found["changed"].rules
    assert [each.code for each in findings(found.values())] == [
        "drift.removed",
        "drift.renamed",
        "drift.added",
        "drift.changed",
    ]
    rows = [json.loads(line.rstrip(",")) for line in stub(found.values(), "v0.9.0").splitlines()]
    assert {"old": "trainer.dist_timeout_seconds", "new": ["trainer.dist_timeout"]}.items() <= rows[1].items()
    assert rows[-1] == {"came": ["trainer.model.brand_new"], "since": "v0.9.0"}
    dump["tables"]["renderers.base.MODEL_RENDERER_MAP"]["my/model"] = "default"
    assert [each.code for each in table_findings(dump)] == ["drift.table"]


def test_the_command(own: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(own))
    assert main(["drift", str(file)]) == 0
    changed = copy.deepcopy(own)
    del changed["paths"]["dry_run"]
    file.write_text(json.dumps(changed))
    assert main(["drift", str(file)]) == 1
    assert "drift.removed" in capsys.readouterr().err
    assert main(["drift", str(file), "--stub", "--tag", "v0.9.0"]) == 1
    assert json.loads(capsys.readouterr().out.strip().rstrip(","))["old"] == "dry_run"
    assert main(["drift", str(file), "--release", "nonsense"]) == 2
    file.write_text("[]")
    assert main(["drift", str(file)]) == 2
    file.write_text("{")
    assert main(["drift", str(file)]) == 2
