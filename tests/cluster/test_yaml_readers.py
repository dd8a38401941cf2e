"""The emitted YAML, read back by every YAML reader at hand."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rlsplit.serialize import select, to_files, to_json, to_yaml

PROBES = [
    "1e6",
    "3e-6",
    "1e-5",
    "559e4",
    "0o7",
    "0o17",
    "0o1_7",
    "1e6_0",
    "08",
    "00e1",
    "y",
    "n",
    "Y",
    "N",
    "yes",
    "no",
    "on",
    "off",
    "true",
    "false",
    "True",
    "NULL",
    "null",
    "~",
    "+.5",
    "._1",
    ".5",
    "1e1000",
    "12e03",
    "1_000",
    "0x1F",
    "0b1",
    "12:30:45",
    "1:30",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "=",
    "<<",
    ".inf",
    "-.Inf",
    ".nan",
    "1.",
    "-0",
    "+1",
    "0",
    "!",
    "&",
    "*",
    "?",
    "-",
    ":",
    "|",
    ">",
    "%",
    "@",
    "`",
    "#",
    ",",
    "[",
    "]",
    "{",
    "}",
    "---",
    "...",
    "!!int",
    "&a",
    "*a",
    "#c",
    "key:value",
    "k:",
]
PROBES += [
    "",
    " ",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "- a",
    "a\nb",
    "a\nb\n",
    "a\nb\n\n",
    "\na\nb\n",
    " a\nb\n",
    "a \nb\n",
    "a\n\nb\n",
    "a\tb\nc\n",
    "a\r\nb\r\n",
    "\x00\x01\x1f\x7f\x80\x85\x9f\xa0",
    "\u2028\u2029\ufeff\ufffe\uffff",
    "é 数学 🚀 \U0010ffff",
    '"\\"',
    "'quoted'",
    "$(X) $$",
    "x" * 5000,
    "line\n" * 500,
]
KEYS = ["plain", "app.kubernetes.io/name", "y", "No", "null", "1", "1e6", "a b", "", "<<", "=", "é", "-", "k: v", "#"]

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
BLOCKS = st.lists(st.sampled_from(["a", " a", "a ", "", "#", "- b", "k: v", "$"])).map("\n".join)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | BLOCKS | st.sampled_from(PROBES)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
OBJECTS = st.lists(st.dictionaries(TEXT | st.sampled_from(KEYS), VALUES, max_size=5), min_size=1, max_size=3)

PROBE_OBJECT = {
    "probes": PROBES,
    "keys": {key: key for key in KEYS},
    "nested": [[], {}, [[1, [2, {"a": []}]]], [{"a": [{"b": "c"}, "d"]}], {"x": {"y": [-1, None, True]}}],
}


def _ruamel(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    return list(reader.load_all(io.StringIO(text)))


READERS = {
    "pyyaml": lambda text: list(yaml.load_all(text, yaml.SafeLoader)),
    "ruamel": _ruamel,
}
if yaml.__with_libyaml__:
    READERS["libyaml"] = lambda text: list(yaml.load_all(text, yaml.CSafeLoader))


@pytest.mark.parametrize("reader", READERS)
@given(objects=OBJECTS)
def test_what_is_written_is_read(reader: str, objects: list[dict[str, Any]]) -> None:
    assert READERS[reader](to_yaml(objects)) == objects


@pytest.mark.parametrize("reader", READERS)
def test_probes_keep_their_type(reader: str) -> None:
    assert READERS[reader](to_yaml([PROBE_OBJECT])) == [PROBE_OBJECT]


@given(objects=OBJECTS)
def test_text_is_the_same_every_time_and_ends_in_one_newline(objects: list[dict[str, Any]]) -> None:
    text = to_yaml(objects)
    assert text == to_yaml(objects)
    assert text.startswith("---\n")
    assert text.endswith("\n")
    assert "\r" not in text
    text.encode("utf-8")


JS = """
const fs = require('fs'); const text = fs.readFileSync('in.yaml', 'utf8');
const jsYaml = require('js-yaml'); const yaml = require('yaml');
const all = version => yaml.parseAllDocuments(text, {version}).map(d => {
  if (d.errors.length) throw d.errors[0]; return d.toJS(); });
const readings = {'js-yaml': jsYaml.loadAll(text), 'yaml 1.1': all('1.1'), 'yaml 1.2': all('1.2')};
console.log(JSON.stringify(readings));
"""


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with js-yaml and yaml installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("javascript")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), "js-yaml@4", "yaml@2"]
    try:
        installed = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer in time")
    if installed.returncode:
        pytest.skip(f"npm cannot install the YAML readers: {installed.stderr[-200:]}")
    return folder


def test_javascript_readers_read_the_same(javascript: Path) -> None:
    objects: list[dict[str, Any]] = [PROBE_OBJECT, *({"text": chr(code) * 2} for code in range(0x100))]
    (javascript / "in.yaml").write_text(to_yaml(objects), "utf-8")
    (javascript / "read.js").write_text(JS)
    command = ["node", "read.js"]
    result = subprocess.run(command, cwd=javascript, capture_output=True, text=True, check=True, timeout=60)
    for reader, reading in json.loads(result.stdout).items():
        assert reading == objects, reader


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", {1: 2}, {"a", "b"}, object(), "\ud83d", {"\udc00": 1}])
@pytest.mark.parametrize("writer", [to_yaml, to_json])
def test_what_is_not_plain_is_refused(writer: Any, value: object) -> None:
    with pytest.raises(TypeError):
        writer([{"a": [value]}])


def test_json_is_a_list_that_kubectl_takes() -> None:
    objects = [{"kind": "Secret", "metadata": {"name": "é"}}]
    assert json.loads(to_json(objects)) == {"apiVersion": "v1", "kind": "List", "items": objects}


def _object(kind: str, name: str, component: str | None = None) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component} if component else {}
    return {"kind": kind, "metadata": {"name": name, "labels": labels}}


SOME = [_object("Secret", "s"), _object("Job", "t", "trainer"), _object("Job", "o", "orchestrator")]


def test_selection() -> None:
    assert select(SOME) == SOME
    assert select(SOME, only="job") == SOME[1:]
    assert select(SOME, only="Job/o") == SOME[2:]
    assert select(SOME, only="Job/s") == []
    assert select(SOME, component="trainer") == [SOME[1]]


def test_a_folder_has_one_object_a_file_in_order_of_application() -> None:
    files = to_files(SOME * 40)
    names = [name for name in files if name != "Kustomization"]
    assert names == sorted(names)
    assert names[0] == "000-secret-s.yaml"
    assert [yaml.safe_load(files[name]) for name in names] == SOME * 40
    assert yaml.safe_load(files["Kustomization"])["resources"] == names


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_reads_the_folder(tmp_path: Path) -> None:
    objects = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"rate": "3e-6"}}]
    for name, text in to_files(objects).items():
        (tmp_path / name).write_text(text, "utf-8")
    command = ["kubectl", "kustomize", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert yaml.safe_load(result.stdout)["data"] == {"rate": "3e-6"}
