"""``rlsplit init``: files to begin with are right as they are, and nothing that is there is overwritten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

import rlsplit
from rlsplit.cli import main
from rlsplit.platform import PlatformSettings
from rlsplit.starter import Choices, SftChoices, platform_text, rl_text, sft_text

NOT_ALONE = {"ttl_seconds_after_finished", "topology_mode"}
"""Settings that are refused beside a workload that they have no effect on, even with their default."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--nodes", "2"],
        ["--nodes", "5", "--model", "Qwen/Qwen3-30B-A3B", "--env", "primeintellect/Word_Count"],
        ["--model", "an-org/a-model-that-no-table-knows"],
        ["--model", "/data/models/mine"],
    ],
    ids=" ".join,
)
def test_a_new_config_validates_and_renders(words: list[str], here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *words]) == 0
    assert capsys.readouterr().out == "wrote rl.toml; next: rlsplit validate rl.toml\n"
    assert main(["validate", "rl.toml"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["render", "rl.toml"]) == 0
    assert 'kind: "Job"' in capsys.readouterr().out
    config = tomli.loads((here / "rl.toml").read_text("utf-8"))
    given_values = dict(zip(words[::2], words[1::2], strict=True))
    assert config["model"]["name"] == given_values.get("--model", Choices().model)
    assert config["orchestrator"]["train"]["source"][0]["env"]["taskset"]["id"] == given_values.get(
        "--env", Choices().env
    )
    layout = config["deployment"]
    nodes = layout.get("num_train_nodes", 1) + layout.get("num_infer_nodes", 0)
    assert nodes == int(given_values.get("--nodes", 1))


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.integers(1, 64))
def test_any_choice_is_written_as_it_was_made(model: str, env: str, nodes: int) -> None:
    config = tomli.loads(rl_text(Choices(model=model, env=env, nodes=nodes)))
    assert config["model"]["name"] == model
    assert config["orchestrator"]["train"]["source"][0]["env"]["taskset"]["id"] == env


@pytest.mark.parametrize("of", ["rl", "platform"])
def test_a_file_that_is_there_stays(of: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{of}.toml"
    (here / name).write_text("mine", encoding="utf-8")
    assert main(["init", of]) == 2
    assert capsys.readouterr() == ("", f"rlsplit: {name} is there already; -o FILE writes another one\n")
    assert (here / name).read_text("utf-8") == "mine"
    (here / "link.toml").symlink_to(here / "elsewhere.toml")
    assert main(["init", of, "-o", "link.toml"]) == 2
    assert not (here / "elsewhere.toml").exists()
    assert main(["init", of, "-o", "no/folder.toml"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_config_may_go_elsewhere(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "-o", "-"]) == 0
    assert capsys.readouterr().out == rl_text(Choices())
    assert main(["init", "-o", "other.toml"]) == 0
    assert (here / "other.toml").read_text("utf-8") == rl_text(Choices())
    assert [path.name for path in here.iterdir()] == ["other.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nodes", "0"], "--nodes must be at least 1"),
        (
            ["--env", ""],
            "no run can be made of this: orchestrator.train.source[0].env names no environment;"
            ' write env.id = "..." or env.taskset.id = "..."',
        ),
        (["platform", "--env", "x"], "--model and --env and --data and --nodes are for an rl.toml or an sft.toml"),
    ],
)
def test_choices_that_make_no_run_are_refused(
    words: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *words]) == 2
    assert capsys.readouterr().err == f"rlsplit: {said}\n"
    assert list(here.iterdir()) == []


def test_a_new_platform_file_says_nothing_until_a_sign_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "platform"]) == 0
    assert main(["validate", "--platform", "platform.toml"]) == 0
    assert capsys.readouterr().err == ""
    assert tomli.loads(platform_text()) == {}
    settings = tomli.loads(switched_on())
    assert settings.keys() == PlatformSettings.model_fields.keys()
    assert (
        rlsplit.Platform.from_mapping({k: v for k, v in settings.items() if k not in NOT_ALONE}) == rlsplit.Platform()
    )


def switched_on() -> str:
    return re.sub(r"^#(?! )", "", platform_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("line", re.findall(r"^#(\w+ = .*)$", platform_text().partition("#[")[0], re.MULTILINE))
def test_each_setting_is_its_default(line: str) -> None:
    name = line.partition(" ")[0]
    if name in NOT_ALONE:
        with pytest.raises(rlsplit.ConfigError, match=r"needs|has no effect"):
            rlsplit.Platform.from_toml(line)
    else:
        assert rlsplit.Platform.from_toml(line) == rlsplit.Platform()


@pytest.mark.parametrize(("nodes", "pods"), [(1, 1), (3, 3)])
def test_an_sft_file_validates_and_renders(
    nodes: int, pods: int, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--sft", "--nodes", str(nodes), "--data", "me/My_Data", "--model", "Qwen/Qwen3-4B"]) == 0
    assert capsys.readouterr().out == "wrote sft.toml; next: rlsplit validate sft.toml\n"
    assert main(["validate", "sft.toml"]) == 0
    outcome = rlsplit.compile_sources(
        [rlsplit.Source(name="f", content=(here / "sft.toml").read_text("utf-8"))], until="plan"
    )
    assert outcome.plan is not None
    assert outcome.plan.pod_count == pods
    assert outcome.plan.run_name == "my-data"
    assert main(["init", "--sft"]) == 2
    assert main(["init", "--sft", "--env", "x", "-o", "-"]) == 2
    assert main(["init", "--data", "x", "-o", "-"]) == 2


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_any_choice_of_an_sft_file_is_written_as_it_was_made(model: str, data: str) -> None:
    config = tomli.loads(sft_text(SftChoices(model=model, data=data)))
    assert config["model"]["name"] == model
    assert config["data"]["name"] == data
