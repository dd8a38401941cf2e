"""What the pages tell people to paste works: settings, commands, the workflow, the hook, the start of the API example."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tomli
import yaml

import rlsplit
from conftest import ROOT
from rlsplit.cli import main
from rlsplit.starter import Choices, rl_text

DOCS = ROOT / "docs"
HAND_WRITTEN = [ROOT / "README.md", *(DOCS / f"{name}.md" for name in ("README", "cookbook", "releases", "api", "ci"))]
SCRIPTS = Path(sys.executable).parent
REPOSITORY: str = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]

CONFIG = rl_text(Choices())
REFUSED = CONFIG.replace("max_steps", "max_stepz")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


# --- settings and commands -------------------------------------------------------------------------------------


def sections() -> list[str]:
    return re.split(r"^## ", (DOCS / "cookbook.md").read_text("utf-8"), flags=re.MULTILINE)[1:]


RECIPES = [pytest.param(section, id=section.partition("\n")[0]) for section in sections()]


def pieces(section: str, name: str) -> list[str]:
    found: list[str] = re.findall(rf"^```toml\n# {re.escape(name)}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("section", RECIPES)
def test_recipes_are_accepted(section: str) -> None:
    for settings in pieces(section, "platform.toml"):
        rlsplit.Platform.from_toml(settings)
    for config in pieces(section, "rl.toml"):
        assert tomli.loads(config).keys().isdisjoint(tomli.loads(CONFIG))
        rlsplit.parse(f"{CONFIG}\n{config}")
    whole = re.findall(r"^```toml\n(.*)$", section, re.MULTILINE)
    assert set(whole) <= {"# platform.toml", "# rl.toml"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that commands in the pages name."""
    for name in ("rl.toml", "base.toml", "configs/a.toml", "configs/b.toml"):
        write(tmp_path / name, CONFIG)
    for name in ("platform.toml", "clusters/h200.toml", "clusters/a100.toml"):
        write(tmp_path / name, "")
    write(tmp_path / "large.toml", "max_steps = 1000\n[ckpt]\ninterval = 100\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def commands(text: str) -> list[str]:
    found = re.findall(r"^\$ (.*)$", "".join(re.findall(r"^```console\n(.*?)^```$", text, re.M | re.S)), re.MULTILINE)
    return [command for command in found if "rlsplit" in command]


def run(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", **variables}
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("section", RECIPES)
def test_commands_of_recipes_run(section: str, folder: Path) -> None:
    write(folder / "platform.toml", "\n".join(pieces(section, "platform.toml")[:1]))
    write(folder / "rl.toml", "\n".join([CONFIG, *pieces(section, "rl.toml")]))
    for command in commands(section):
        done = run(command.partition(" | kubectl")[0], folder)
        assert done.returncode == 0, (command, done.stderr)


def test_commands_about_releases_run(folder: Path) -> None:
    found = commands((DOCS / "releases.md").read_text("utf-8"))
    assert len(found) == 4
    for command in found:
        assert run(command, folder).returncode in (0, 1), command


def test_commands_in_text_are_understood() -> None:
    """Every ``rlsplit ...`` in code is a command that exists, with options that it has."""
    found = [c for path in HAND_WRITTEN for c in re.findall(r"`rlsplit (\w[^`|]*)`", path.read_text("utf-8"))]
    assert len(found) > 30
    for command in found:
        words = [word for word in re.sub(r"\\\|\S*|\[.*?\]|> \S+", "", command).split() if word != "..."]
        if words[0] in ("explain", "own", "diff", "migrate", "drift", "completion") and len(words) < 3:
            words = [words[0], "--help"]
        assert words[0] == "COMMAND" or understood(words), command


def understood(words: Sequence[str]) -> bool:
    from rlsplit.cli.arguments import parser

    try:
        parser().parse_args(words)
    except SystemExit as stop:
        return not stop.code
    return True


def test_topics_that_the_pages_name_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    for path in HAND_WRITTEN:
        for topic in re.findall(r"rlsplit doc ([\w.-]+)", path.read_text("utf-8")):
            if topic not in ("KEY", "platform.NAME"):
                assert main(["doc", topic]) == 0, topic
    capsys.readouterr()


# --- the workflow ----------------------------------------------------------------------------------------------

GH = """\
#!/usr/bin/env python3
import os, sys, pathlib
state = pathlib.Path(os.environ["GH_STATE"])
words = sys.argv[1:]
assert words[0] == "api" and os.environ["GH_TOKEN"] == "token", words
with (state / "calls").open("a") as calls:
    calls.write(" ".join(words) + "\\n")
body = state / "comment"
if "--jq" in words:
    assert words[1] == "repos/o/r/issues/7/comments", words
    print("99" if body.exists() else "", end="")
else:
    to = {"POST": "repos/o/r/issues/7/comments", "PATCH": "repos/o/r/issues/comments/99"}
    assert to[words[2]] == words[3], words
    body.write_text(pathlib.Path(words[5].removeprefix("body=@")).read_text())
"""
HERE = re.compile(r"\$\{\{ *(.*?) *\}\}")


def workflow() -> Any:
    (text,) = [block for block in blocks(DOCS / "ci.md", "yaml") if "jobs:" in block]
    return yaml.safe_load(text)


@dataclass
class Pull:
    """A repository with a pull request, and what its workflow has to do with."""

    folder: Path

    @property
    def temp(self) -> Path:
        return self.folder.parent / "temp"

    @property
    def state(self) -> Path:
        return self.folder.parent / "state"

    def git(self, *words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *words], cwd=self.folder, check=True, capture_output=True)

    def start(self, files: Mapping[str, str]) -> None:
        """Commit what the main branch has, and go to a branch of the pull request."""
        for folder in (self.folder, self.temp, self.state):
            folder.mkdir()
        write(self.folder.parent / "bin" / "gh", GH)
        (self.folder.parent / "bin" / "gh").chmod(0o755)
        self.git("init", "-q", "-b", "main")
        self.commit(files)
        self.git("update-ref", "refs/remotes/origin/main", "HEAD")
        self.git("checkout", "-q", "-b", "change")

    def commit(self, files: Mapping[str, str | None]) -> None:
        for name, text in files.items():
            if text is None:
                (self.folder / name).unlink()
            else:
                write(self.folder / name, text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x", "--allow-empty")

    def check(self) -> tuple[int, str, str]:
        """Run the steps of the workflow: exit code of the check, what it printed, the comment."""
        codes, printed = [], ""
        for step in workflow()["jobs"]["configs"]["steps"]:
            if "run" in step and not step["run"].startswith("pip "):
                done = self.step(step)
                codes.append(done.returncode)
                printed += done.stdout
                assert "Traceback" not in done.stderr, done.stderr
        check, comment = codes
        assert comment == 0
        body = self.state / "comment"
        return check, printed, body.read_text("utf-8") if body.exists() else ""

    def step(self, step: Any) -> subprocess.CompletedProcess[str]:
        values = {"github.token": "token", "github.event.number": "7"}
        given = {name: HERE.sub(lambda m: values[m[1]], str(text)) for name, text in step.get("env", {}).items()}
        return run(
            step["run"],
            self.folder,
            PATH=f"{self.folder.parent / 'bin'}{os.pathsep}{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            GITHUB_BASE_REF="main",
            GITHUB_REPOSITORY="o/r",
            GITHUB_STEP_SUMMARY=str(self.state / "summary"),
            RUNNER_TEMP=str(self.temp),
            GH_STATE=str(self.state),
            **given,
        )

    def calls(self) -> Sequence[str]:
        return (self.state / "calls").read_text("utf-8").splitlines()


@pytest.fixture
def pull(tmp_path: Path) -> Pull:
    return Pull(tmp_path / "repository")


OTHERS = {"pyproject.toml": '[project]\nname = "x"\n', "platform.toml": 'namespace = "rl"\n', "notes.md": "trainer\n"}
FASTER = CONFIG.replace("lr = 1e-6", "lr = 2e-6")


def test_the_workflow_says_what_a_change_means(pull: Pull) -> None:
    pull.start({"configs/math.toml": CONFIG, **OTHERS})
    pull.commit({"configs/math.toml": FASTER, **{name: f"{text}\n" for name, text in OTHERS.items()}})
    code, printed, comment = pull.check()
    assert (code, printed) == (0, "")
    assert comment.startswith("<!-- rlsplit -->\n### ")
    assert "| `optim.lr` | `1e-06` | `2e-06` |" in comment
    assert comment.count("\n### ") == 1
    assert "pyproject" not in comment


def test_the_workflow_comments_on_a_refused_config_and_fails(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG})
    pull.commit({"rl.toml": REFUSED, "new.toml": REFUSED})
    code, printed, comment = pull.check()
    assert code == 1
    assert re.findall(r"^::error.*?file=(?:\./)?(\w+\.toml),line=7", printed, re.MULTILINE) == ["new.toml", "rl.toml"]
    assert comment.count("`max_stepz`: is not a key of the root") == 2


def test_the_workflow_sees_deleted_renamed_and_new_files(pull: Pull) -> None:
    pull.start({"a.toml": CONFIG, "b c.toml": CONFIG.replace("100", "101"), **OTHERS})
    pull.commit({"a.toml": None, "b c.toml": None, "d/ü.toml": CONFIG.replace("100", "102"), "new.toml": FASTER})
    code, _, comment = pull.check()
    assert code == 0
    removed = re.findall(r"^### `(.*)` is removed$", comment, re.MULTILINE)
    renamed = re.findall(r"^`(.*)` is now `(.*)`\.$", comment, re.MULTILINE)
    assert len(removed) + len(renamed) == 2
    assert len(renamed) >= 1
    assert "| `max_steps` | `101` | `102` |" in comment or "`b c.toml`" not in comment


def test_the_workflow_keeps_one_comment(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG})
    pull.commit({"rl.toml": FASTER})
    pull.check()
    pull.commit({"rl.toml": CONFIG.replace("lr = 1e-6", "lr = 3e-6")})
    _, _, comment = pull.check()
    assert "`3e-06`" in comment
    assert "`2e-06`" not in comment
    pull.commit({"rl.toml": CONFIG})
    _, _, comment = pull.check()
    assert comment == "<!-- rlsplit -->\nNo config changes any more.\n"
    written = [call.split()[2] for call in pull.calls() if "--method" in call]
    assert written == ["POST", "PATCH", "PATCH"]


def test_the_workflow_says_nothing_where_no_config_changes(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG, **OTHERS})
    pull.commit({"pyproject.toml": "", "platform.toml": None})
    assert pull.check() == (0, "", "")


def test_the_workflow_passes_over_clusters_and_parts_and_takes_sft(pull: Pull) -> None:
    cluster = "[trainer.resources.requests]\ncpu = '1'\n[orchestrator.resources.requests]\ncpu = '1'\n"
    sft = "max_steps = 1\nmodel.name = 'Qwen/Qwen3-0.6B'\n[data]\nname = 'd'\n"
    pull.start({"words.toml": sft})
    pull.commit(
        {"words.toml": sft.replace("1", "2", 1), "here.toml": cluster, "large.toml": "[trainer.optim]\nlr = 1.0\n"}
    )
    code, printed, comment = pull.check()
    assert (code, printed) == (0, "")
    assert "| `max_steps` | `1` | `2` |" in comment
    assert comment.count("\n### ") == 1


def test_the_workflow_tells_of_a_config_that_is_no_toml_any_more(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG})
    pull.commit({"rl.toml": f"{CONFIG}\n[oops"})
    code, printed, _ = pull.check()
    assert code == 1
    assert printed.startswith("::error file=")


def test_the_workflow_bears_odd_names_and_links(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG})
    names = ["--help.toml", "a`b`.toml", "x\n::error::y.toml", "$(touch owned).toml"]
    pull.commit(dict.fromkeys(names, CONFIG))
    (pull.folder / "link.toml").symlink_to("/etc/hostname")
    pull.commit({})
    code, printed, _ = pull.check()
    assert code == 0
    assert (pull.state / "summary").read_text("utf-8").count("### ✅") == len(names)
    assert not (pull.folder / "owned").exists()
    assert not re.search("^::error::", printed, re.MULTILINE)


def test_the_workflow_keeps_what_a_comment_cannot_hold_for_the_summary(pull: Pull) -> None:
    pull.start({"rl.toml": CONFIG})
    pull.commit({f"{n}.toml": CONFIG.replace("100", str(200 + n)) for n in range(4)})
    _, _, comment = pull.check()
    assert len(comment) < 65_536
    left = re.search(r"^And (\d) more, in the summary of the job\.$", comment, re.MULTILINE)
    assert left
    assert comment.count("\n### ") + int(left[1]) == 4
    assert (pull.state / "summary").read_text("utf-8").count("### ") >= 4


def test_the_workflow_installs_from_the_main_branch() -> None:
    (install,) = [
        step["run"] for step in workflow()["jobs"]["configs"]["steps"] if step.get("run", "").startswith("pip")
    ]
    assert install == f'pip install "rlsplit @ git+{REPOSITORY}@main"'
    assert workflow()["permissions"] == {"contents": "read", "pull-requests": "write"}


def test_every_address_of_the_repository_is_that_of_the_metadata() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
    texts = {page: page.read_text("utf-8") for page in pages}
    found = {
        (page.name, address)
        for page, text in texts.items()
        for address in re.findall(r"https?://[\w./-]+/rlsplit(?:\.git)?(?![\w-])", text)
    }
    assert {name for name, _ in found} >= {"README.md", "ci.md", "api.md"}
    assert {address for _, address in found} == {REPOSITORY}
    assert all(f"{REPOSITORY}@main" in text for text in texts.values() if f"git+{REPOSITORY}" in text)


# --- the hook --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ROOT / "README.md", DOCS / "ci.md"], ids=["README", "ci"])
def test_the_hook_is_one_of_this_repository(path: Path) -> None:
    (text,) = [block for block in blocks(path, "yaml") if block.startswith("repos:")]
    (repository,) = yaml.safe_load(text)["repos"]
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    assert (repository["repo"], repository["rev"]) == (REPOSITORY, "main")
    assert [hook["id"] for hook in repository["hooks"]] == list(hooks)


def test_the_hook_checks_the_files_it_is_given(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert re.search(hook["files"], "configs/rl.toml")
    assert not re.search(hook["files"], "platform.toml")
    assert run(f"{hook['entry']} rl.toml configs/a.toml", folder).returncode == 0
    write(folder / "rl.toml", REFUSED)
    assert run(f"{hook['entry']} rl.toml configs/a.toml", folder).returncode == 1


# --- the API example -------------------------------------------------------------------------------------------


def test_the_api_example_starts_and_answers(folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    (folder / "rl.toml").unlink()
    (server,) = [block for block in blocks(ROOT / "README.md", "python") if "FastAPI(" in block]
    write(folder / "server.py", server)
    start, ask, mistake = blocks(DOCS / "api.md", "bash")
    install, serve = start.splitlines()
    assert install == f'pip install "rlsplit @ git+{REPOSITORY}@main" fastapi uvicorn'
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = f"trap 'kill %1' EXIT\n{serve}\n{ask}\necho\n{mistake}".replace("8000", port)
    done = run(f"set -m\n{script}", folder)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(answers) == 2, (done.stdout, done.stderr)
    assert answers[0]["runId"]
    assert {error["param"] for error in answers[1]["errors"]} >= {"config.trainer.model.seqlen"}
