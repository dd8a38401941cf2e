"""The Markdown preview says what runs, fits into a comment, and cannot be broken out of."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from previews import HOSTILE_NAME, SECRET, fixture, hostile, previewed, with_secrets

from goldens import bad, good, sft
from rlsplit.findings import Finding
from rlsplit.preview import as_markdown
from rlsplit.preview.markdown_blocks import COMMENT_LIMIT, Block, code, escaped, fenced, finding_list, fitted, table
from rlsplit.secrets import Secrets

GITHUB_LIMIT = 65_536


def outside_of_fences(text: str) -> list[str]:
    """Lines that GitHub reads as Markdown; fails where a fence is left open."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        opened = re.match(r" {0,2}(`{3,})", line)
        if fence:
            fence = "" if line.strip() == fence else fence
        elif opened:
            fence = opened[1]
        else:
            lines.append(line)
    assert not fence
    return lines


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_every_fixture_has_a_preview_that_fits(path: Path) -> None:
    run = previewed(path)
    text = as_markdown(run)
    assert len(text) <= COMMENT_LIMIT < GITHUB_LIMIT
    assert run.planned is not None
    plan = run.planned.plan
    assert text.startswith("### ✅ Accepted")
    assert f"{plan.shape.gpus} GPU" in text
    assert plan.image in text
    assert "```mermaid\nflowchart TB\n" in text
    assert "config trainer" in text or "Config of trainer" in text
    lines = outside_of_fences(text)
    assert sum(line.startswith("<details>") for line in lines) == sum(line == "</details>" for line in lines)


def test_the_roles_of_a_multi_node_run() -> None:
    text = as_markdown(previewed(fixture("multi-node-expert-parallel")))
    assert "| role | pods | GPUs per pod | GPUs | ports | image |" in text
    assert "| Inference | 4 | 8 | 32 | engines 8100-8103, expert group 13345 |" in text
    assert "| Trainer | 8 | 8 | 64 | rendezvous 29500, weights 29501, metrics 8000 |" in text
    flow = escaped("weights: Trainer -> Inference, pulled over NCCL")
    assert f"| Inference | Trainer | {flow} | 29501 |" in text


def prose(text: str) -> str:
    """What GitHub looks through for mentions, references and links: all but code, with entities read."""
    body = re.sub(r"<code>.*?</code>|`[^`]+`", "", "\n".join(outside_of_fences(text)))
    return html.unescape(body)


LIVE = [
    "@org/team",
    "#17",
    "org/repo#17",
    "GH-17",
    "https://example.org",
    "www.example.org",
    "me@example.org",
    "559b447",
]


@pytest.mark.parametrize("word", LIVE)
def test_nothing_that_a_config_says_is_live(word: str) -> None:
    assert word not in prose(f"{escaped(f'is no {word} of, {word}')}\n")
    assert html.unescape(escaped(word)) == f"<code>{word}</code>"
    finding = Finding(code="a", message=f'is "{word}"', hint=f"not {word}", path=("env_vars", word))
    assert word not in prose(finding_list([finding]))


def test_no_name_is_live_in_a_preview_or_a_refusal() -> None:
    refused = fixture("reverse-text").read_text(encoding="utf-8").replace("[trainer", '["@org/team #17".trainer', 1)
    for content in (hostile(), f'"@org/team" = 1\n{refused}'):
        text = prose(as_markdown(previewed(content)))
        assert not re.search(r"@org|#1", text)


def test_a_refusal_shows_its_lines_and_no_secret() -> None:
    text = fixture("reverse-text").read_text(encoding="utf-8")
    text += f'\n[trainer.env_vars]\nAPI_KEY = "{SECRET}"\nCUDA_VISIBLE_DEVICES = "```"\n'
    preview = as_markdown(previewed(text))
    line = len(text.splitlines())
    assert f'  ````\n  {line} | CUDA_VISIBLE_DEVICES = "```"\n  {" " * len(str(line))} | ^\n  ````\n' in preview
    assert SECRET not in preview
    outside_of_fences(preview)


@pytest.mark.parametrize("path", bad(), ids=lambda path: path.stem)
def test_a_refused_config_shows_its_findings_only(path: Path) -> None:
    run = previewed(path)
    text = as_markdown(run)
    assert len(text) <= COMMENT_LIMIT
    if run.is_refused:
        assert text.startswith("### ❌ Refused: ")
        assert "#### Findings" in text
        assert "mermaid" not in text


def test_hostile_names_stay_where_they_are() -> None:
    run = previewed(hostile())
    assert not run.is_refused, run.findings
    lines = outside_of_fences(as_markdown(run))
    for line in lines:
        assert "<script" not in line
        assert "[x](y)" not in re.sub(r"`[^`]*`", "", line)
        assert "@org" not in re.sub(r"`[^`]*`", "", line)
        assert "\u202e" not in line
        assert "\x1b" not in line
    assert all(line.count("|") in (0, 3, 5, 7) for line in lines if line.startswith("|"))


def test_secrets_are_nowhere() -> None:
    secrets = Secrets(wandb_api_key="wandb-hunter2", hf_token="hf-hunter2", prime_api_key="prime-hunter2")
    run = previewed(with_secrets(), secrets=secrets)
    assert not run.is_refused, run.findings
    text = as_markdown(run)
    assert "(not shown)" in text
    assert SECRET not in text
    assert "hunter2" not in text
    assert "ROOT_API_KEY" in text


def test_a_long_preview_leaves_out_whole_sections_and_says_so() -> None:
    text = as_markdown(previewed(fixture("large")))
    assert "**Left out**" in text
    assert "`Job/" in text.splitlines()[-1]
    outside_of_fences(text)


def test_blocks_that_do_not_fit_are_named_and_later_ones_kept() -> None:
    blocks = [Block("one", "1" * 200 + "\n"), Block("two", "2" * 900 + "\n"), Block("three", "3" * 100 + "\n")]
    text = fitted("head\n", blocks, 700)
    assert len(text) <= 700
    assert "1" * 200 in text
    assert "2" * 900 not in text
    assert "3" * 100 in text
    assert text.endswith("characters: `two`.\n")


def test_a_run_of_many_environments_fits() -> None:
    text = fixture("reverse-text").read_text(encoding="utf-8")
    for number in range(300):
        text += f'\n[[orchestrator.train.source]]\nname = "e{number}"\nenv.taskset.id = "x"\n'
    preview = as_markdown(previewed(text))
    assert COMMENT_LIMIT - 10_000 < len(preview) <= COMMENT_LIMIT
    assert re.search(r" and \d+ more\.\n\Z", preview)


def test_many_findings_end_with_how_many_more() -> None:
    few = finding_list([Finding(code="a", message="m")] * 3)
    assert few.count("\n") == 3
    many = finding_list([Finding(code="a", message="m|*" * 300)] * 4000)
    assert len(many) < 30_000
    assert re.search(r"- and 3,9\d\d more\n\Z", many)


@pytest.mark.parametrize("body", ["plain\n", "```\nx\n```\n", "````` five\n", "`\n"])
def test_a_fence_is_longer_than_any_in_its_text(body: str) -> None:
    text = fenced(body, "yaml")
    fence = text.split("yaml")[0]
    assert set(fence) == {"`"}
    assert fence not in body
    assert text.endswith(f"\n{fence}\n")


def test_code_is_a_code_span_where_that_can_hold_it() -> None:
    assert code("a-b_c") == "`a-b_c`"
    assert code("<b> @x") == "`<b> @x`"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert code("a`b") == "<code>a&#96;b</code>"
    assert code("") == "<code></code>"
    assert "\n" not in code("a\nb")


def test_running_text_is_no_markup() -> None:
    assert escaped("see num_train_nodes: 3 (of 4)") == "see num_train_nodes: 3 (of 4)"
    assert not set(re.sub("</?code>", "", escaped(HOSTILE_NAME))) & set("<>[]`|@*~$\n")


def test_columns_of_numbers_are_aligned_right() -> None:
    assert table(("a", "b"), [("x", "1"), ("y", "22")]) == "| a | b |\n| --- | --: |\n| x | 1 |\n| y | 22 |\n"


def test_the_life_of_a_run_is_told() -> None:
    text = as_markdown(previewed(fixture("multi-node-expert-parallel")))
    assert "Start and end" in text
    assert re.search(r"\| Orchestrator \| waits for trainer 0, then at most 4200 s for inference, router, env-0-", text)
    assert "| End | servers end 60 s after the trainer" in text
    assert "kubectl delete job,svc,secret,configmap,networkpolicy,pdb,serviceaccount -n" in text
    assert "kubectl delete pvc -n" in text
