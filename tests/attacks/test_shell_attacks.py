"""Attacks on the shell: variables that change what bash does before or while it runs a startup script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pods_in_bash import Sandbox, containers, finish, prepared_by_another_pod
from splits import RUN, make, make_refused, planned

import rlsplit
from rlsplit.planning import plan
from rlsplit.planning.run_checks import never_set
from rlsplit.platform import Platform

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on this machine")

COMMANDS = ("mkdir", "cat", "tee", "printf", "sed", "sort", "tail", "ls", "rm", "touch", "sleep", "seq", "kill")
FUNCTIONS = {
    f"BASH_FUNC_{name}%%": "() { /usr/bin/touch $MARKER; }" for name in (*COMMANDS, "set", "[", "exec", "trap")
}
OTHERS = {
    "BASH_ENV": "$(touch $MARKER)",
    "ENV": "$(touch $MARKER)",
    "SHELLOPTS": "noexec",
    "BASHOPTS": "extdebug:failglob",
    "PS4": "$(touch $MARKER)",
    "PS0": "$(touch $MARKER)",
    "PROMPT_COMMAND": "touch $MARKER",
    "IFS": "/",
    "CDPATH": "/",
    "GLOBIGNORE": "*",
    "EXECIGNORE": "*",
    "BASH_XTRACEFD": "1",
    "HISTFILE": "/dev/null",
    "HISTCONTROL": "x",
    "MAIL": "/etc/passwd",
    "MAILCHECK": "0",
    "MAILPATH": "/etc/passwd?$(touch $MARKER)",
    "INPUTRC": "/etc/passwd",
    "TIMEFORMAT": "$(touch $MARKER)",
    "FIGNORE": "x",
    "OPTIND": "$(touch $MARKER)",
    "RANDOM": "1",
    "SECONDS": "x[$(touch $MARKER)]",
    "LINENO": "x[$(touch $MARKER)]",
    "DIRSTACK": "x",
    "COLUMNS": "x[$(touch $MARKER)]",
    "PPID": "1",
    "UID": "0",
    "EUID": "0",
    "BASH_ARGV0": "x",
    "node": "x[$(touch $MARKER)]",
    "logs": "/nowhere",
    "code": "0",
    "last": "9",
    "engines": "1",
    "dir": "/",
}
VARIABLES = {**FUNCTIONS, **OTHERS}


def test_the_attacks_work_on_a_bash_that_is_started_plainly(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    function = {"BASH_FUNC_mkdir%%": "() { /usr/bin/touch $MARKER; }"}
    for variables in ({"BASH_ENV": "$(touch $MARKER)"}, function):
        marker.unlink(missing_ok=True)
        env = {"PATH": os.environ["PATH"], "MARKER": str(marker), **variables}
        subprocess.run(["/bin/bash", "-c", f"mkdir -p {tmp_path}/a"], env=env, check=True)
        assert marker.exists()
    env = {"PATH": os.environ["PATH"], "SHELLOPTS": "noexec"}
    assert subprocess.run(["/bin/bash", "-c", "exit 3"], env=env, check=False).returncode == 0


def _without_shells(box: Sandbox) -> Sandbox:
    """Leave no script of bash on PATH that takes the variable up by itself: neither a stub nor an interpreter's wrapper."""
    for stub in (box.root / "bin").iterdir():
        first, _, rest = stub.read_text().partition("\n")
        if "python" in first:
            stub.write_text(f"#!{sys.executable}\n{rest}")
        else:
            stub.unlink()
    return box


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_reaches_a_startup_script(name: str, tmp_path: Path) -> None:
    """Whatever the list of refused names forgets: the script is run with the variable, and does what it always does."""
    assert len(VARIABLES) >= 40
    planned_run = planned(make())
    marker = tmp_path / "marker"
    for suffix in ("inference",):
        container = containers(planned_run)[suffix]
        hostile = {"name": name, "value": VARIABLES[name].replace("$(", "$$(")}
        box = _without_shells(Sandbox(tmp_path / suffix))
        env = [*container["env"], {"name": "MARKER", "value": str(marker)}, hostile]
        with prepared_by_another_pod(box.run_dir):
            code, output = finish(box.start({**container, "env": env}))
        program = "torchrun" if suffix == "trainer" else suffix
        assert code == 0, output
        assert len(box.calls(program)) == 1, output
        assert not marker.exists()


@pytest.mark.parametrize("table", ["root", "trainer", "orchestrator", "inference"])
@pytest.mark.parametrize("name", [name for name in VARIABLES if never_set(name) or "%" in name])
def test_a_config_cannot_set_what_the_shell_reads(name: str, table: str) -> None:
    variables = {"env_vars": {name: "x"}}
    split = make_refused(**(variables if table == "root" else {table: variables}))  # type: ignore[arg-type]
    with pytest.raises(rlsplit.ConfigError) as refused:
        plan(split, run=RUN, platform=Platform())
    path = ("env_vars", name) if table == "root" else (table, "env_vars", name)
    [finding] = [finding for finding in refused.value.findings if finding.path == path]
    assert finding.code in ("plan.env-var-unsafe", "plan.env-var-name")


@pytest.mark.parametrize(
    "name",
    ["NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "PRIME_RL_REF", "PRIME_RL_REPO", "A\nB", "A\x1b[2J"],
)
def test_a_config_cannot_set_what_the_image_reads_nor_hide_a_name(name: str) -> None:
    with pytest.raises(rlsplit.ConfigError) as refused:
        plan(make_refused(env_vars={name: "all"}), run=RUN, platform=Platform())
    assert [finding.path for finding in refused.value.findings] == [("env_vars", name)]
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("name", ["BASH_ENV", "SHELLOPTS", "IFS"])
def test_neither_can_a_platform_file(name: str) -> None:
    for component in ("trainer", "orchestrator", "inference", "router", "env_server"):
        with pytest.raises(rlsplit.ConfigError) as refused:
            Platform.from_mapping({component: {"env": {name: "x"}}})
        assert [finding.code for finding in refused.value.findings] == ["platform.env-unsafe"]
