"""A render beside stored objects: what the server added is no difference, what would change is, and secrets stay hidden."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from goldens import good
from rlsplit.cli import main
from rlsplit.diff import stored_changes

CONFIG = """\
max_steps = 5
[env_vars]
MY_API_KEY = "plainly-secret"
PLAIN = "seen"
[trainer]
[inference]
[orchestrator]
[[orchestrator.train.source]]
name = "a"
env.taskset.id = "a"
env.taskset.args = { password = "also-secret" }
"""


HEAD = "kind: A\nmetadata: {name: a}\na: "
"""An object in YAML that rlsplit does not write, up to a value."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("rl.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def rendered(config: str | Path = "rl.toml", *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "rlsplit", "render", str(config), "--format", "json", "--run-id", "r", *options]
    listed: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["items"]
    return listed


def stored(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a server would give: with its own fields and defaults."""
    for item in objects:
        item["metadata"] |= {"uid": "u", "resourceVersion": "1", "generation": 1, "namespace": "default"}
        item["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "creationTimestamp": "2026-01-01T00:00:00Z"}
        item["status"] = {"phase": "x"}
        if item["kind"] == "Service":
            item["spec"] |= {"clusterIPs": ["None"], "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
        spec = item.get("spec", {}).get("template", {}).get("spec")
        if spec:
            spec |= {"schedulerName": "default-scheduler"}
            for container in spec["containers"]:
                container |= {"terminationMessagePath": "/dev/termination-log"}
    return objects


def diff(objects: object, form: str = "json") -> int:
    text = json.dumps({"kind": "List", "items": objects}) if form == "json" else yaml.safe_dump_all(objects)
    Path("stored").write_text(text, encoding="utf-8")
    return main(["diff", "--objects", "stored", "rl.toml", "--run-id", "r"])


def applied(platform: str) -> list[dict[str, Any]]:
    Path("platform.toml").write_text(platform, encoding="utf-8")
    return rendered("rl.toml", "--platform", "platform.toml")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_the_server_added_is_no_difference(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = diff(stored(rendered()), form)
    assert (code, capsys.readouterr().out) == (0, "No difference.\n")


SETTINGS_OF_USERS = {
    "a node selector": ('[trainer]\nnode_selector = {status = "x"}', 'status: "x"'),
    "a label": ('labels = {status = "x"}', 'status: "x"'),
    "an annotation": ('annotations = {uid = "x", type = "ClusterIP"}', 'type: "ClusterIP"'),
    "an annotation of pods": ('[trainer.pod_annotations]\ntype = "ClusterIP"', 'type: "ClusterIP"'),
    "the node of a patch": ('[trainer.pod_patch.spec]\nnodeName = "n1"', 'nodeName: "n1"'),
}
"""What is called like a server's field, and is none."""


@pytest.mark.parametrize("is_served", [False, True])
@pytest.mark.parametrize("name", SETTINGS_OF_USERS)
def test_what_a_user_named_like_a_field_of_the_server_is_compared(
    name: str, is_served: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    platform, line = SETTINGS_OF_USERS[name]
    objects = applied(platform)
    assert diff(stored(objects) if is_served else objects) == 1
    assert line in {shown[1:].strip() for shown in capsys.readouterr().out.splitlines() if shown.startswith("-")}


def test_what_a_server_fills_in_is_compared_where_none_had_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    objects = applied('storage_class = "nfs"')
    assert diff(objects) == 1
    assert '-  storageClassName: "nfs"' in capsys.readouterr().out
    assert diff(stored(objects)) == 0


def config_map(value: str, **metadata: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "q", **metadata}, "data": {"k": value}}


def test_objects_of_one_name_in_two_namespaces_are_both_compared(capsys: pytest.CaptureFixture[str]) -> None:
    other = {"apiVersion": "serving.knative.dev/v1", "kind": "ConfigMap", "metadata": {"name": "q", "namespace": "b"}}
    assert diff([*rendered(), config_map("v1", namespace="a"), config_map("v2", namespace="b"), other]) == 1
    out = capsys.readouterr().out
    assert out.startswith("3 objects would change:\n  ConfigMap/q in a (removed)\n  ConfigMap/q in b (removed)\n")
    assert '-  k: "v1"' in out
    assert '-  k: "v2"' in out


def test_objects_beside_each_other_by_namespace_and_else_by_name() -> None:
    stored = [config_map(name, namespace=name) for name in ("a", "b", "c")]
    wanted = [config_map("b", namespace="b"), config_map("a")]
    changes = stored_changes(stored, wanted)
    assert [(change.title, change.kind) for change in changes] == [
        ("ConfigMap/q in a", "changed"),
        ("ConfigMap/q in c", "removed"),
    ]
    assert '-  namespace: "a"' in changes[0].diff
    assert stored_changes([config_map("old"), config_map("new")], [config_map("new")]) == ()


PLAIN = [path for path in good() if not path.with_name("platform.toml").is_file()]


@pytest.mark.parametrize("path", PLAIN[:4], ids=lambda path: path.parent.name)
def test_an_earlier_render_of_the_same_config(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rl.toml").write_bytes(path.read_bytes())
    assert main(["render", "rl.toml", "--run-id", "r"]) == 0
    Path("stored").write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml", "--run-id", "r"]) == 0


def test_what_would_change_is_shown_and_secrets_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    objects = stored(rendered())
    objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old"}, "data": {"token": "t0p"}})
    text = CONFIG.replace("= 5", "= 6").replace("plainly-secret", "other-secret").replace("also-", "another-")
    Path("rl.toml").write_text(text, encoding="utf-8")
    assert diff(objects) == 1
    out = capsys.readouterr().out
    assert '"max_steps": 6' in out
    assert "ConfigMap/old (removed)" in out
    for secret in ("plainly-secret", "other-secret", "also-secret", "another-secret", "t0p"):
        assert secret not in out
        assert base64.b64encode(secret.encode()).decode() not in out


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "a: [",
            "a: 1",
            "- 1",
            "[]",
            "{",
            "!!python/object:os.system {}",
            "a: &x [*x]",
            "a: &x {<<: *x}",
            "? [a]",
        ),
        *(f"{HEAD}{value}" for value in ("!!bool x", '!!int ""', "!!float y", "!!python/name:os.system", "{<<: 1}")),
        *('{"metadata":{}}', '{"kind": "A", "metadata": {}}', '{"kind": "A", "metadata": {"name": 1}}'),
        r'{"kind": "A", "metadata": {"name": "\ud800"}}',
        r'{"kind": "A", "metadata": {"name": "a"}, "a": "\ud800"}',
        *(f'{{"kind": "A", "metadata": {{"name": "a"}}, "a": {"[" * n}{"]" * n}}}' for n in (900, 90_000)),
        f"{HEAD}{'[' * 900}{']' * 900}",
        f"{HEAD}{9**50}",
    ],
    ids=lambda content: content[-40:],
)
def test_what_holds_no_objects(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("stored").write_text(content, encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.count("holds no objects") <= 1
    assert "error[" not in told


@pytest.mark.parametrize("part", ['data": 5', 'data": [5]', 'stringData": 7', 'data": {"hunter": 1}, "stringData": "h'])
def test_a_secret_of_any_form_is_compared_and_not_shown(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    end = '"' if part.endswith("h") else ""
    text = f'{{"kind": "Secret", "metadata": {{"name": "s"}}, "{part}{end}}}'
    Path("stored").write_text(text, encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml"]) == 1
    assert '-data: "(not shown)"' in capsys.readouterr().out


@pytest.mark.parametrize("value", ["0.5", "NaN", "Infinity", "1e400"])
def test_numbers_that_only_other_objects_have_are_compared(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f'{{"kind": "A", "metadata": {{"name": "a"}}, "name": "n", "API_KEY": "hunter2", "a": {value}}}'
    Path("stored").write_text(text, encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml"]) == 1
    out = capsys.readouterr().out
    assert f"-a: {float(value)!r}" in out
    assert "hunter2" not in out


def test_other_yaml_is_read_as_servers_do(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"{HEAD}2026-01-01\nb: &x {{c: yes, 1: 0x10}}\nd: {{<<: [*x, {{c: no}}], e: !!str 5, f: 1.5}}\n---\n"
    Path("stored").write_text(text, encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml"]) == 1
    out = capsys.readouterr().out.replace("\n-", "\n")
    assert 'a: "2026-01-01"\nb:\n  c: true\n  "1": 16\nd:\n  c: true\n  "1": 16\n  e: "5"\n  f: 1.5\n' in out


BOMBS = {
    "of items": "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(9)),
    "of merged tables": "\n".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}' if n else '{x: y}'] * 10)}]}}" for n in range(9)
    ),
    "of long texts": f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 10_000)}]",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_aliases_repeat_no_more_than_is_allowed(bomb: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("stored").write_text(f"kind: A\nmetadata: {{name: a}}\n{BOMBS[bomb]}\n", encoding="utf-8")
    assert main(["diff", "--objects", "stored", "rl.toml"]) == 2
    assert capsys.readouterr().err == "rlsplit: stored repeats more than 500000 characters by aliases\n"


def test_a_refused_config_counts_as_2() -> None:
    objects = rendered()
    Path("rl.toml").write_text("x = 1", encoding="utf-8")
    assert diff(objects) == 2
    assert os.path.exists("stored")
