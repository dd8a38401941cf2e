"""The command line, run whole: arguments, streams, exit codes, files."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
import yaml

from conftest import ROOT
from rlsplit.cli import main

SMALL = ROOT / "fixtures" / "reverse-text" / "rl.toml"
MISTAKES = ROOT / "fixtures" / "bad" / "ten-mistakes.toml"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    for name in ("NO_COLOR", "FORCE_COLOR", "WANDB_API_KEY", "HF_TOKEN", "PRIME_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object, stdin: bytes | None = None) -> tuple[int, str, str]:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


OLD_CONFIG = '# mine\n[wandb]\nproject = "p"\n'
NEW_CONFIG = '# mine\n[monitors.wandb]\nproject = "p"\n'


def test_migrate_rewrites_a_file_in_place(run, tmp_path: Path) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(OLD_CONFIG)
    file.chmod(0o640)
    code, out, err = run("migrate", file)
    assert (code, out) == (0, "")
    assert "migrate.default" in err
    assert file.read_text() == NEW_CONFIG
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["rl.toml"]
    assert run("migrate", file) == (0, "", "")


def test_migrate_shows_or_writes_elsewhere(run, tmp_path: Path) -> None:
    file, other = tmp_path / "rl.toml", tmp_path / "other.toml"
    file.write_text(OLD_CONFIG)
    other.write_text(OLD_CONFIG + 'api_key = "hunter2hunter2"\n')
    code, out, _ = run("migrate", file, other, "--diff")
    assert code == 0
    assert "-[wandb]\n+[monitors.wandb]\n" in out
    assert "hunter2" not in out
    assert run("migrate", file, "-o", tmp_path / "new.toml")[0] == 0
    assert (tmp_path / "new.toml").read_text() == NEW_CONFIG
    assert run("migrate", file, other, "-o", tmp_path / "folder")[0] == 0
    assert sorted(each.name for each in (tmp_path / "folder").iterdir()) == ["other.toml", "rl.toml"]
    assert run("migrate", "-", stdin=OLD_CONFIG.encode())[1] == NEW_CONFIG
    assert file.read_text() == OLD_CONFIG


def test_migrate_leaves_what_it_refuses(run, tmp_path: Path) -> None:
    file = tmp_path / "rl.toml"
    file.write_text("[wandb\n")
    assert run("migrate", file)[0] == 1
    assert file.read_text() == "[wandb\n"
    assert run("migrate", file, "--to", "v0.1.0")[0] == 1
    assert run("migrate", tmp_path / "none.toml")[0] == 2
    file.write_text(OLD_CONFIG)
    assert run("migrate", file, "--strict")[0] == 1
    assert file.read_text() == NEW_CONFIG


def test_a_good_config_is_silent(run) -> None:
    assert run("validate", SMALL) == (0, "", "")


def test_findings_go_to_standard_error_with_place_line_and_hint(run) -> None:
    code, out, err = run("validate", MISTAKES)
    assert (code, out) == (1, "")
    assert f"{MISTAKES}:4:1: error[B-03] max_steps: must be an integer" in err
    assert 'max_steps = "a few hundred"' in err
    assert "10 errors" in err
    assert "\x1b" not in err


LOCAL = """
run.name = "mine"
trainer.model.cp = 2
trainer.model.attn = "flash_attention_2"
trainer.model.impl = "custom"
orchestrator.train.source = [{env.id = "owner/a"}]
inference = {}
"""


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A config that prime-rl accepts and that no cluster can run."""
    (tmp_path / "local.toml").write_text(LOCAL, encoding="utf-8")
    return tmp_path / "local.toml"


def test_what_render_refuses_is_a_warning_until_a_cluster_is_named(run, local, tmp_path) -> None:
    code, out, err = run("validate", local)
    assert (code, out) == (0, "")
    assert f"{local}:3:15: warning[plan.trainer-parallel] trainer.model.cp" in err
    assert "trainer.model.cp = 2\n" in err
    assert "plan.env-name-path" not in err
    assert run("validate", local, "--strict")[0] == 1
    (tmp_path / "platform.toml").write_text('namespace = "rl"\n')
    code, _, err = run("validate", local, "--platform", tmp_path / "platform.toml")
    assert code == 1
    assert "error[plan.trainer-parallel]" in err
    assert run("validate", local, "--without-cluster") == (0, "", "")
    assert run("validate", local, "--without-cluster", "--platform", tmp_path / "platform.toml")[0] == 2


def test_notices_are_told_when_asked(run) -> None:
    assert "notice[plan.derived-run-id]" in run("validate", SMALL, "--notes")[2]
    assert "notice[plan.env-name-path]" in run("validate", SMALL, "--notes", "--set", NAMED)[2]


NAMED = 'orchestrator.train.source[0].name="a/b"'


def test_a_hosted_config_needs_no_server_of_its_own(run, tmp_path) -> None:
    assert run("validate", SMALL, "--mode", "hosted") == (0, "", "")
    (tmp_path / "platform.toml").write_text("")
    err = run("validate", SMALL, "--mode", "hosted", "--platform", tmp_path / "platform.toml")[2]
    assert "warning[plan.env-unserved]" in err


def test_the_settings_of_a_cluster_are_checked_alone(run, tmp_path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('namespace = "rl"\n')
    assert run("validate", "--platform", file) == (0, "", "")
    file.write_text('namespace = "rl"\ntolerations = []\n[trainer]\ngrace_seconds = "x"\n')
    code, out, err = run("validate", "--platform", file)
    assert (code, out) == (1, "")
    assert err == (
        f"{file}:2:1: error[platform.unknown-key] platform.tolerations: is not a key of platform\n"
        "    2 | tolerations = []\n"
        "        ^\n"
        "  hint: it belongs to [trainer], or to [orchestrator], or to [inference], or to one of 4 other tables: tolerations\n"
        f'{file}:4:1: error[platform.type] platform.trainer.grace_seconds: must be an integer, not "x"\n'
        '    4 | grace_seconds = "x"\n'
        "        ^\n"
        "2 errors\n"
    )
    code, _, err = run("validate", MISTAKES, "--platform", file)
    assert "12 errors" in err
    code, _, err = run("render", SMALL, "--platform", file)
    assert code == 1
    assert "    2 | tolerations = []\n" in err
    assert json.loads(run("validate", "--platform", file, "--report", "json")[1])[0]["code"] == "platform.unknown-key"


def test_checking_without_a_cluster_loads_nothing_of_planning() -> None:
    program = (
        "import sys; from rlsplit.cli import main; main(sys.argv[1:]);"
        "print([m for m in sys.modules if m.startswith(('rlsplit.planning', 'rlsplit.platform', 'rlsplit.splitting'))])"
    )
    command = [sys.executable, "-c", program, "validate", str(SMALL), "--without-cluster"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_colour_is_forced_and_forbidden(run, monkeypatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("validate", MISTAKES)[2]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("validate", MISTAKES)[2]


def test_what_would_be_fixed_has_the_colours_of_a_diff(run, monkeypatch, tmp_path) -> None:
    text = (
        SMALL.read_text(encoding="utf-8").replace("max_steps", "max_stepz") + "\n[ckpt]\nkeep-last = 3\nwait = True\n"
    )
    (tmp_path / "rl.toml").write_text(text, encoding="utf-8")
    plain = run("validate", "--diff", tmp_path / "rl.toml")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = run("validate", "--diff", tmp_path / "rl.toml")[1]
    assert "\x1b[32m+max_steps" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    told = run("validate", "--fix", tmp_path / "rl.toml")[2]
    lines = [int(line.split(":")[1]) for line in told.splitlines() if ": fixed: " in line]
    assert len(lines) > 1
    assert lines == sorted(lines)


def test_files_are_checked_each_on_its_own(run) -> None:
    code, _, err = run("validate", SMALL, MISTAKES, SMALL)
    assert code == 1
    assert str(SMALL) not in err


def test_files_compose_in_both_spellings(run, tmp_path) -> None:
    (tmp_path / "more.toml").write_text("max_steps = 7\n")
    for files in ([SMALL, tmp_path / "more.toml"], ["@", SMALL, "@", tmp_path / "more.toml"]):
        code, out, _ = run("split", *files, "--component", "trainer")
        assert code == 0
        assert tomli.loads(out)["max_steps"] == 7


def test_a_file_is_attached_below_a_key(run, tmp_path) -> None:
    (tmp_path / "t.toml").write_text("dist_timeout_seconds = 5\n")
    for words in (["--trainer", "@", tmp_path / "t.toml"], ["--attach", f"trainer={tmp_path / 't.toml'}"]):
        out = run("split", SMALL, *words, "--component", "trainer")[1]
        assert tomli.loads(out)["dist_timeout_seconds"] == 5


def test_overrides_win(run) -> None:
    out = run(
        "split", SMALL, "--set", "max_steps=3", "--set", "trainer.matmul_precision=highest", "--component", "trainer"
    )[1]
    assert tomli.loads(out)["max_steps"] == 3
    assert tomli.loads(out)["matmul_precision"] == "highest"
    code, _, err = run("validate", SMALL, "--set", "max_steps=many")
    assert code == 1
    assert "--set" in err


def test_standard_input(run) -> None:
    code, out, _ = run("split", "-", "--component", "trainer", "--format", "json", stdin=SMALL.read_bytes())
    assert code == 0
    assert json.loads(out)["output_dir"]
    code, _, err = run("validate", "-", stdin=b"trainer = 1")
    assert code == 1
    assert "<stdin>:1:1: error" in err


def test_split_prints_and_writes_the_same(run, tmp_path) -> None:
    whole = json.loads(run("split", SMALL, "--form", "resolved", "--format", "json")[1])
    assert run("split", SMALL, "--form", "resolved", "--format", "json", "-o", tmp_path) == (0, "", "")
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")}
    server = whole["env_servers"][0]
    assert written == {"trainer.json", "orchestrator.json", "inference.json", f"envs/train/{server['name']}.json"}
    for name in ("trainer", "orchestrator", "inference"):
        assert json.loads((tmp_path / f"{name}.json").read_text()) == whole[name]


def test_the_hosted_artifact(run) -> None:
    code, out, _ = run("split", SMALL, "--mode", "hosted", "--artifact")
    artifact = json.loads(out)
    assert code == 0
    assert artifact["contract_version"] == 4
    assert set(artifact["components"]) == {"trainer", "orchestrator", "inference"}


def test_render_prints_yaml_and_json_of_the_same_objects(run) -> None:
    code, text, err = run("render", SMALL, "--run-id", "r")
    assert (code, err) == (0, "")
    documents = list(yaml.safe_load_all(text))
    listing = json.loads(run("render", SMALL, "--run-id", "r", "--format", "json")[1])
    assert listing["items"] == documents
    assert {"Job", "Service", "PersistentVolumeClaim"} <= {document["kind"] for document in documents}


def test_render_writes_a_folder_and_selects(run, tmp_path) -> None:
    assert run("render", SMALL, "-o", tmp_path)[0] == 0
    names = sorted(path.name for path in tmp_path.glob("*.yaml"))
    assert names[0].startswith("00-")
    jobs = list(yaml.safe_load_all(run("render", SMALL, "--only", "Job", "--component", "trainer")[1]))
    assert [job["kind"] for job in jobs] == ["Job"]
    assert run("render", SMALL, "--only", "Pony")[0] == 2


def test_secrets_come_from_the_environment_only_when_asked(run, monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_plainly-secret")
    assert "Secret" not in {d["kind"] for d in yaml.safe_load_all(run("render", SMALL)[1])}
    out = run("render", SMALL, "--secrets-from-env")[1]
    assert "hf_plainly-secret" not in out
    assert "aGZfcGxhaW5seS1zZWNyZXQ=" in out
    assert "aGZfcGxhaW5seS1zZWNyZXQ=" not in run("render", SMALL, "--secrets-from-env", "--redact")[1]


def test_platform_settings_and_their_mistakes(run, tmp_path) -> None:
    (tmp_path / "platform.toml").write_text('namespace = "rl"\nworkload = "jobset"\n')
    out = run("render", SMALL, "--platform", tmp_path / "platform.toml")[1]
    assert {d["metadata"]["namespace"] for d in yaml.safe_load_all(out)} == {"rl"}
    (tmp_path / "platform.toml").write_text('namespaces = "rl"\n')
    code, out, err = run("render", SMALL, "--platform", tmp_path / "platform.toml")
    assert (code, out) == (1, "")
    assert f"{tmp_path / 'platform.toml'}:1:1: error[" in err
    assert "platform.namespaces" in err
    (tmp_path / "platform.toml").write_text("namespace = ")
    assert run("render", SMALL, "--platform", tmp_path / "platform.toml")[0] == 1


def test_what_cannot_run_says_why_in_one_line(run, tmp_path) -> None:
    for arguments in (
        ["validate", tmp_path / "absent.toml"],
        ["validate", tmp_path],
        ["split"],
        ["split", SMALL, "--component", "x"],
    ):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("rlsplit: ")
        assert err.count("\n") == 1
    assert run("frobnicate")[0] == 2
    assert run("render", SMALL, "--attempt", "soon")[0] == 2


def test_help_teaches(run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in ("render", "split", "validate"):
        assert command in out
        code, text, _ = run(command, "--help")
        assert code == 0
        assert "example:" in text
        assert "Exit codes" in text
    assert run("--version")[1].startswith("rlsplit ")


def test_warnings_pass_unless_strict(run, tmp_path) -> None:
    arguments = ["validate", SMALL, "--set", "trainer.model.ep_comm_backend=deepep"]
    code, _, err = run(*arguments)
    assert code == 0
    assert "warning[T-20]" in err
    assert run(*arguments, "--strict")[0] == 1


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m rlsplit render {SMALL} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout == "---\n"
    assert done.stderr == ""


def test_the_module_runs_from_another_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rlsplit", "validate", str(MISTAKES)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout == ""


def test_explain_says_where_a_value_comes_from(run) -> None:
    large = ROOT / "fixtures" / "large" / "rl.toml"
    code, out, err = run("explain", large, "orchestrator.num_train_workers")
    assert (code, err) == (0, "")
    assert out.startswith("orchestrator.num_train_workers = 32")
    assert "derived by X-19: 32 = 16 nodes x 8 GPUs // cp 4" in out
    trainer = run("explain", large, "--component", "trainer", "--changed-only")[1].splitlines()
    assert all(line.startswith("trainer.") for line in trainer)
    assert any("set for the cluster by overlay run-directory" in line for line in trainer)
    assert not any("# default" in line for line in trainer)
    plain = run("explain", large, "--component", "trainer", "--without-cluster")[1]
    assert "# default" in plain
    assert "set for the cluster" not in plain
    assert run("explain", large, "trainer.nothing")[0] == 2


def test_explain_knows_keys_as_they_were_written(run, tmp_path) -> None:
    base, more = tmp_path / "base.toml", tmp_path / "trainer.toml"
    base.write_text(
        'seq_len = 2048\n[trainer]\n[inference]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id = "a"\n'
    )
    more.write_text("optim.lr = 3e-5\n")
    shared = run("explain", base, "seq_len")[1]
    assert "trainer.model.seq_len = 2048" in shared
    assert "orchestrator.seq_len = 2048" in shared
    assert "optim" not in shared
    code, _, err = run("explain", base, "lr")
    assert (code, err) == (2, "rlsplit: no value there; did you mean trainer.optim.lr?\n")
    key = "trainer.optim.lr"
    for words in (["@", base, "--trainer", "@", more, key], [base, key, "--attach", f"trainer={more}"]):
        code, out, err = run("explain", *words)
        assert (code, err) == (0, "")
        assert out.startswith("trainer.optim.lr = 3e-05")
        assert "written at" in out
    code, out, _ = run("explain", base, more, "optim")
    assert code == 1


def test_explain_tells_two_platforms_apart(run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"one": 'mount_path = "/a"', "two": 'mount_path = "/b"', "bad": "mounts = 1"}.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    code, out, err = run("explain", SMALL, "--platform", "one.toml..two.toml", "--run-id", "x")
    assert (code, err) == (0, "")
    head, old, new, *_ = out.splitlines()
    assert head == "trainer.output_dir"
    assert old.startswith('  one.toml: "/a/runs/x"  # set for the cluster by overlay run-directory: ')
    assert new.startswith('  two.toml: "/b/runs/x"  # set for the cluster by overlay run-directory: ')
    assert "max_steps" not in out
    assert run("explain", SMALL, "--platform", "one.toml", "--platform", "two.toml", "--run-id", "x")[1] == out
    both = ["--platform", "one.toml..two.toml", "--run-id", "x"]
    assert run("explain", SMALL, "trainer.output_dir", *both)[1] == f"{head}\n{old}\n{new}\n"
    assert run("explain", SMALL, "trainer.max_steps", *both)[1].startswith("trainer.max_steps = ")
    for name, text in {"three.toml": "", "four.toml": "drain_seconds = 7"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert run("explain", SMALL, "--platform", "three.toml..four.toml")[1].startswith("Every component reads the same")
    code, out, err = run("explain", SMALL, "--platform", "one.toml", "--platform", "bad.toml")
    assert (code, out) == (1, "")
    assert "bad.toml:1:1: error[platform.unknown-key]" in err
    code, out, err = run("explain", SMALL, "--platform", "one.toml", "--without-cluster")
    assert (code, out) == (2, "")


def test_explain_shows_no_parent_beside_its_child(run) -> None:
    for path in sorted((ROOT / "fixtures").glob("*/rl.toml")):
        keys = [line.partition(" = ")[0] for line in run("explain", path)[1].splitlines()]
        assert not {key for key in keys if any(other.startswith(f"{key}.") for other in keys)}, path


def test_explain_hides_what_looks_like_a_secret(run, tmp_path) -> None:
    text = SMALL.read_text(encoding="utf-8") + '\n[trainer.env_vars]\nMY_API_KEY = "plainly-secret"\n'
    (tmp_path / "rl.toml").write_text(text, encoding="utf-8")
    for more in ([], ["--without-cluster"]):
        code, out, err = run("explain", tmp_path / "rl.toml", *more)
        assert code == 0
        assert "plainly-secret" not in out + err


def test_rules_are_listed_and_looked_up(run) -> None:
    listed = run("rules")[1].splitlines()
    assert len(listed) > 240
    assert len({line.split()[0] for line in listed}) == len(listed)
    code, out, _ = run("rules", "t-04")
    assert code == 0
    assert out.startswith(
        "T-04 refuses (otherwise before v0.7.1.dev28)\n\nContext parallelism needs the custom implementation.\n\nWhy: "
    )
    assert "\n\nMend: " in out
    assert out.endswith('    impl = "hf"\n    attn = "flash_attention_2"\n    cp = 2\n')
    assert run("rules", "X-09*")[1].splitlines() == run("rules", "x-09")[1].splitlines()
    assert [line.split()[0] for line in run("rules", "x-09")[1].splitlines()] == [f"X-09{part}" for part in "abcdef"]


def test_an_unknown_code_is_answered_with_the_nearest(run) -> None:
    for given, meant in (("plan.cuont", "plan.count"), ("T-4", "T-04"), ("platform.fromat", "platform.format")):
        code, out, err = run("rules", given)
        assert (code, out) == (2, "")
        assert f"did you mean {meant}?" in err
    assert run("rules", "Q" * 10_000)[0] == 2


def test_the_schema_is_printed(run) -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    code, out, _ = run("schema", "platform")
    assert code == 0
    assert json.loads(out)["title"] == "rlsplit platform.toml"
    assert run("schema", "pony")[0] == 2


def test_completion_for_each_shell(run) -> None:
    for shell in ("bash", "zsh", "fish"):
        code, out, _ = run("completion", shell)
        assert code == 0
        assert "rlsplit" in out


def test_completion_completes(tmp_path: Path) -> None:
    """As the shell asks: the line and the place of the cursor in the environment, answers on descriptor 8."""
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": "rlsplit va",
        "COMP_POINT": "10",
    }
    script = f"{sys.executable} -m rlsplit 8>{tmp_path / 'words'}"
    subprocess.run(["bash", "-c", script], env=environment, check=True)
    assert (tmp_path / "words").read_text().split() == ["validate"]


def test_reports_for_machines(run, tmp_path) -> None:
    code, out, err = run("validate", MISTAKES, SMALL, "--report", "json")
    assert (code, err) == (1, "")
    assert len(json.loads(out)) == 10
    assert run("validate", SMALL, "--report", "json") == (0, "[]\n", "")
    code, out, _ = run("validate", MISTAKES, "--report", f"sarif={tmp_path / 'report.sarif'}")
    assert (code, out) == (1, "")
    assert len(json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"]) == 10
    assert run("validate", MISTAKES, "--report", "github")[1].count("\n") == 10
    assert run("validate", MISTAKES, "--report", "xml")[0] == 2


def test_the_pre_commit_hook_runs_a_command_that_exists(run) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *arguments = hook["entry"].split()
    assert program == "rlsplit"
    assert run(*arguments, SMALL) == (0, "", "")


def test_diff_of_two_files(run, tmp_path) -> None:
    assert run("diff", SMALL, SMALL)[0] == 0
    (tmp_path / "new.toml").write_text(SMALL.read_text(encoding="utf-8").replace("max_steps = 30", "max_steps = 31"))
    code, out, err = run("diff", SMALL, tmp_path / "new.toml")
    assert (code, err) == (1, "")
    assert "max_steps: 30 -> 31" in out
    for form in ("markdown", "html"):
        assert "max_steps" in run("diff", SMALL, tmp_path / "new.toml", "--format", form)[1]
    code, out, _ = run("diff", SMALL, MISTAKES)
    assert code == 2
    assert "B-03" in out


def test_diff_with_a_git_revision(run, tmp_path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    text = SMALL.read_text(encoding="utf-8")
    config = tmp_path / "rl.toml"
    config.write_text(text, encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    assert run("diff", "--git", "HEAD", config)[0] == 0
    config.write_text(text.replace("max_steps = 30", "max_steps = 31"), encoding="utf-8")
    code, out, _ = run("diff", "--git", "HEAD", config)
    assert code == 1
    assert "max_steps: 30 -> 31" in out
    assert run("diff", "--git", "no-such-revision", config)[0] == 2
    assert run("diff", config)[0] == 2


def test_previews_of_good_and_bad_configs(run, tmp_path) -> None:
    code, out, err = run("render", SMALL, "--format", "markdown")
    assert (code, err) == (0, "")
    assert "```mermaid" in out
    assert run("render", SMALL, "--format", "html", "-o", tmp_path) == (0, "", "")
    assert "<svg" in (tmp_path / "preview.html").read_text(encoding="utf-8")
    code, out, _ = run("render", MISTAKES, "--format", "markdown")
    assert code == 1
    assert "B-03" in out


def test_diff_takes_bases_attachments_and_two_platforms(run, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    texts = {
        "base": '[trainer]\n[inference]\n[orchestrator]\n[[orchestrator.train.source]]\nenv.taskset.id = "a"\n',
        "a": "max_steps = 1\n",
        "b": "max_steps = 2\n",
        "t": "optim.lr = 3e-5\n",
        "one": 'namespace = "one"\n',
        "two": 'namespace = "two"\n',
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    code, out, _ = run("diff", "a.toml", "b.toml", "--base", "base.toml", "--attach", "trainer=t.toml")
    assert code == 1
    assert "max_steps: 1 -> 2" in out
    assert "optim" not in out
    assert run("diff", "a.toml", "a.toml", "--base", "base.toml")[0] == 0
    code, out, _ = run("diff", "base.toml", "--platform", "one.toml..two.toml")
    assert code == 1
    assert 'run: namespace: "one" -> "two"' in out
    assert run("diff", "base.toml", "--platform", "../" + tmp_path.name + "/one.toml..two.toml")[0] == 1
    assert run("diff", "base.toml", "--platform", "one.toml", "--platform", "two.toml") == (code, out, "")
    pages = run("diff", "base.toml", "--platform", "one.toml..two.toml", "--format", "markdown")[1]
    assert "`base.toml on one.toml` to `base.toml on two.toml`" in pages
    assert run("diff", "base.toml", "--platform", "one.toml")[0] == 2
    assert run("diff", "base.toml", *(["--platform", "one.toml"] * 3))[0] == 2
    assert run("diff", "base.toml", "--objects", "x.yaml", "--platform", "one.toml..two.toml")[0] == 2
    assert run("diff", "base.toml")[0] == 2
