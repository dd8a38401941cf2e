"""Secrets planted wherever a user may write one: shown by no command and no format, kept in the Secret alone.

What stands outside of ``env_vars`` is part of a component's config; there, in the pod's script, it has to be.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import rlsplit
from rlsplit import Platform, Run, Secrets, Source, Target, compile_sources, render, to_json, to_yaml
from rlsplit.api import CompiledRun, CreateDedicatedRunRequest, ErrorResponse, compile_run, detail, read_request
from rlsplit.cli import main
from rlsplit.compiler import Outcome
from rlsplit.config.sections.base import Section
from rlsplit.config.sections.rl import EnvServerConfig, RLConfig
from rlsplit.config.tree import inner_sections
from rlsplit.diff import as_html as diff_html
from rlsplit.diff import as_markdown as diff_markdown
from rlsplit.diff import as_text as diff_text
from rlsplit.diff import difference
from rlsplit.explaining import explain
from rlsplit.findings import KeyPath, dotted
from rlsplit.platform.settings import PlatformSettings
from rlsplit.preview import as_html, as_markdown, previewed
from rlsplit.reports import REPORTS, as_plain
from rlsplit.secret_names import is_secret_name
from rlsplit.secrets import holds_secret, is_secret_value, masked

MARK = "hunter"
"""Part of every planted secret, and of nothing else."""


def secret(number: int) -> str:
    return f"{MARK}{number:02}x"


@dataclass(frozen=True)
class Planted:
    """A value with a secret in it, at a key."""

    path: KeyPath
    value: Any


def variables(table: KeyPath, first: int, *spelled: tuple[str, str]) -> list[Planted]:
    return [
        Planted((*table, "env_vars", name), text.format(secret(first + number)))
        for number, (name, text) in enumerate(spelled)
    ]


MOVED = [
    *variables(
        (),
        0,
        ("DB_PASS", "{}"),
        ("GITHUB_PAT", "{}"),
        ("OPENAI_KEYS", "{}"),
        ("API_KEY_OPENAI", "{}"),
        ("DATABASE_URL", "postgres://u:{}@db.internal/x"),
        ("SENTRY_DSN", "https://{}@sentry.internal/1"),
        ("CALLBACK", "https://files.internal/up?sig={}"),
        ("PLAIN_HF", "hf_{}"),
        ("PLAIN_SK", "sk-{}"),
        ("SERVICE_AUTH", "{}"),
    ),
    *variables(
        ("trainer",),
        10,
        ("wandbApiKey", "{}"),
        ("SESSION_COOKIE", "{}"),
        ("AWS_ACCESS_KEY_ID", "{}"),
        ("PLAIN_GH", "ghp_{}"),
        ("PLAIN_PAT", "github_pat_{}"),
        ("smtp_password_2", "{}"),
    ),
    *variables(
        ("orchestrator",),
        16,
        ("JUDGE_TOKEN", "{}"),
        ("CREDENTIALS_JSON", "{}"),
        ("PLAIN_SLACK", "xoxb-{}"),
        ("PLAIN_LAB", "glpat-{}"),
        ("PLAIN_JWT", "eyJ{}.eyJ.sig"),
        ("GIT_REMOTE", "https://bot:{}@git.internal/a.git"),
    ),
    *variables(
        ("inference",),
        22,
        ("PLAIN_AWS", "AKIA{}"),
        ("VLLM_API_KEY", "{}"),
        ("MY_SECRET_NAME", "{}"),
        ("PASSPHRASE", "{}"),
    ),
]
"""Variables: moved to the Secret."""

SOURCE: KeyPath = ("orchestrator", "train", "source", 0)
CLIENT: KeyPath = ("orchestrator", "model", "client")
KEPT = [
    Planted((*CLIENT, "headers", "Authorization"), f"Bearer {secret(30)}"),
    Planted((*CLIENT, "headers", "X-Api-Key"), secret(31)),
    Planted((*CLIENT, "headers", "Cookie"), f"sid={secret(32)}"),
    Planted(("inference", "vllm", "api_key"), secret(33)),
    Planted(("inference", "vllm", "hf_token"), secret(34)),
    Planted(("inference", "vllm", "hf_overrides"), {"access_token": secret(35)}),
    Planted((*SOURCE, "env", "taskset", "api_key"), secret(36)),
    Planted((*SOURCE, "env", "args"), {"deep": [{"password": secret(37)}], "judges": [f"sk-{secret(38)}"]}),
    Planted((*SOURCE, "env", "judge_url"), f"https://u:{secret(39)}@judge.internal/v1"),
    Planted((*SOURCE, "env", "search_url"), f"https://search.internal/v1?q=1&code={secret(40)}"),
    Planted((*SOURCE, "env", "credentials"), {"user": secret(41), "id": 7}),
    Planted((*SOURCE, "env", "agent"), {"harness": {"env": {"OPENAI_API_KEY": secret(42)}}}),
    Planted((*SOURCE, "sampling", "extra_body", "auth"), [secret(43)]),
    Planted(("orchestrator", "eval", "source", 0, "env", "args"), {"githubToken": secret(44)}),
    Planted(("trainer", "loss"), {"type": "custom", "import_path": "m.f", "kwargs": {"wandb_key": secret(45), "a": 1}}),
    Planted(("orchestrator", "train", "sampling", "extra_body", "tool_secret"), secret(46)),
]
"""Values of a config that only the config can hold: they stay in the component's script."""

PLANTED = [*MOVED, *KEPT]
COUNT = 26 + 17
"""Of the secrets in them."""


def put(table: dict[str, Any], path: KeyPath, value: Any) -> None:
    node: Any = table
    for part, following in pairwise(path):
        node = node[part] if isinstance(part, int) else node.setdefault(part, [{}] if following == 0 else {})
    node[path[-1]] = value


def config(*planted: Planted) -> dict[str, Any]:
    table: dict[str, Any] = {
        "run": {"name": "quiet"},
        "trainer": {},
        "orchestrator": {
            "train": {"source": [{"env": {"taskset": {"id": "reverse-text"}}}]},
            "eval": {"source": [{"env": {"id": "wordle"}}]},
        },
        "inference": {},
    }
    for one in planted or PLANTED:
        put(table, one.path, one.value)
    return table


@pytest.fixture
def table() -> dict[str, Any]:
    return config()


GIVEN = Secrets(wandb_api_key=f"{MARK}-wandb", hf_token=f"{MARK}-hf", prime_api_key=f"{MARK}-prime")
TARGET = Target(run=Run(id="run-1"), secrets=GIVEN)


def compiled(table: Mapping[str, Any], target: Target = TARGET, **options: Any) -> Outcome:
    text = tomli_w.dumps(table)
    return compile_sources([Source(name="rl.toml", content=text)], until="objects", target=target, **options)


def strings(value: Any) -> str:
    return json.dumps(value)


def test_there_are_enough_of_them() -> None:
    text = strings([one.value for one in PLANTED])
    assert sum(secret(number) in text for number in range(60)) == text.count(MARK) == COUNT >= 40


def test_variables_are_in_the_secret_and_nothing_else_of_them_in_any_object(table: dict[str, Any]) -> None:
    outcome = compiled(table)
    assert outcome.objects is not None
    [kept] = [item for item in outcome.objects if item["kind"] == "Secret"]
    data = {base64.b64decode(value).decode() for value in kept["data"].values()}
    assert {one.value for one in MOVED} <= data
    others = strings([item for item in outcome.objects if item is not kept])
    for one in MOVED:
        assert one.value[-6:] not in others, one.path
    assert others.count(MARK) >= 17


def test_what_only_a_config_can_hold_is_in_scripts_and_mounted_configs_alone(table: dict[str, Any]) -> None:
    plan = compiled(table).plan
    assert plan is not None
    for pods in plan.pods:
        assert MARK not in strings([(variable.name, variable.value) for variable in pods.env])
    texts = {pods.suffix: pods.config.text for pods in plan.pods if pods.config}
    assert {name for name, text in texts.items() if MARK in text} == {
        "trainer",
        "orchestrator",
        "inference",
        "env-0-reverse-text",
        "env-1-wordle",
    }


def test_each_of_them_gets_a_notice_at_its_key(table: dict[str, Any]) -> None:
    outcome = compiled(table)
    assert outcome.plan is not None
    noted = {note.path for note in outcome.plan.notes if note.code == "plan.secret-in-config"}
    expected = {
        *(one.path for one in KEPT if isinstance(one.value, str)),
        ("inference", "vllm", "hf_overrides", "access_token"),
        (*SOURCE, "env", "args", "deep", 0, "password"),
        (*SOURCE, "env", "args", "judges", 0),
        (*SOURCE, "env", "credentials"),
        (*SOURCE, "env", "agent", "harness", "env", "OPENAI_API_KEY"),
        (*SOURCE, "sampling", "extra_body", "auth"),
        ("orchestrator", "eval", "source", 0, "env", "args", "githubToken"),
        ("trainer", "loss", "kwargs", "wandb_key"),
    }
    # The group's sampling is inherited by its sources.
    assert noted - {(*SOURCE, "sampling", "extra_body", "tool_secret")} == expected
    placed = [note for note in outcome.noted() if note.code == "plan.secret-in-config"]
    assert all(note.where is not None and note.where.line > 1 for note in placed)


def test_a_plain_config_gets_no_notice() -> None:
    public = Planted((*SOURCE, "env", "args"), {"max_tokens": 5, "monkey": "x", "keys_per_page": 3, "pass_rate": 0.5})
    named = Planted((*CLIENT, "headers_from_env"), {"Authorization": "JUDGE_AUTH"})
    plan = compiled(config(public, named)).plan
    assert plan is not None
    assert not [note for note in plan.notes if note.code == "plan.secret-in-config"]


TOLD_BESIDE: dict[str, Any] = {
    "an item after an option": ["-v", "--api-key", "hunter01x", "--n", "5", "--token", "--x", "--max-tokens", "7"],
    "an item that is an option": ["--api-key=hunter01x"],
    "a text with an option": "serve --api-key hunter01x --port 8000",
    "a text with a quoted option": "serve --api-key 'hunter01x hunter02x' --port 8000",
    "JSON in a text": '{"n": 1, "api_key": "hunter01x", "b": 2}',
    "a list of JSON in a text": '{"api_keys": ["a", "hunter01x"]}',
    "a table with name and value": [{"name": "API_KEY", "value": "hunter01x"}, {"name": "N", "value": "seen"}],
    "a table with key and value": {"key": "API_KEY", "value": ["hunter01x"]},
    "a list of pairs": [["Authorization", "hunter01x"], ["Accept", "seen"]],
}
"""Secrets that only what stands beside them tells of."""


@pytest.mark.parametrize("name", TOLD_BESIDE)
def test_what_stands_beside_a_value_tells_of_a_secret(
    name: str, run: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    at = (*SOURCE, "env", "args", "opts")
    content = config(Planted(at, TOLD_BESIDE[name]))
    outcome = compiled(content)
    texts = shown_texts(outcome, compiled(changed(content)))
    files = {"{file}": tmp_path / "rl.toml", "{other}": tmp_path / "other.toml"}
    files["{file}"].write_text(tomli_w.dumps(content, multiline_strings=True), encoding="utf-8")
    files["{other}"].write_text(tomli_w.dumps(changed(content)), encoding="utf-8")
    for command in COMMANDS:
        texts[" ".join(command)] = "".join(run(*(files.get(word, word) for word in command)))
    assert [form for form, text in texts.items() if MARK in text] == []
    noted = [note.path for note in outcome.noted() if note.code == "plan.secret-in-config"]
    assert {path[: len(at)] for path in noted} == {at}


def test_what_is_beside_no_secret_name_is_shown() -> None:
    public = [
        ["--max-tokens", "5", "--tokenizer-mode", "auto", "--api-key"],
        *('--secrets-from-env all', '{"max_tokens": 5, "use_auth": true}', "a -- key b", "prompt--token x"),
        *([{"name": "temperature", "value": "x"}], [["token", "a", "b"]], ["key", "value"], {"value": "a"}),
    ]  # fmt: skip
    for value in public:
        assert not holds_secret(("a",), value), value


# --- what is shown -----------------------------------------------------------------------------------------------


def changed(table: dict[str, Any]) -> dict[str, Any]:
    """The same with every planted secret changed."""
    return json.loads(strings(table).replace(MARK, f"{MARK}Z"))  # type: ignore[no-any-return]


def shown_texts(outcome: Outcome, other: Outcome) -> dict[str, str]:
    subject, second = previewed(outcome, TARGET), previewed(other, TARGET)
    found = difference(subject, second)
    assert outcome.config is not None
    assert outcome.split is not None
    assert outcome.plan is not None
    origins = explain(outcome.split, outcome.config.provenance, outcome.document, outcome.plan)
    redacted = render(outcome.plan, secrets=GIVEN, redact=True)
    return {
        **{f"report {name}": report(outcome.noted(), outcome.document.lines) for name, report in REPORTS.items()},
        "html": as_html(subject),
        "markdown": as_markdown(subject),
        "diff text": diff_text(found),
        "diff markdown": diff_markdown(found),
        "diff html": diff_html(found),
        "explain": "\n".join(map(str, origins)) + repr(origins),
        "redacted": to_yaml(redacted) + to_json(redacted),
        "outcome": repr(outcome),
        "config": repr(outcome.config) + str(outcome.config) + repr(outcome.config.provenance),
        "split": repr(outcome.split),
        "plan": repr(outcome.plan),
        "document": repr(outcome.document) + repr(Source(name="x", content="A_KEY = 'hunter'")),
        "subject": repr(subject),
        "difference": repr(found),
        "run id": rlsplit.plan(outcome.split, run=Run(), platform=Platform()).run_id,
    }


def test_no_text_for_people_shows_one(table: dict[str, Any]) -> None:
    texts = shown_texts(compiled(table), compiled(changed(table)))
    assert [name for name, text in texts.items() if MARK in text] == []
    assert "DB_PASS" in texts["html"]


def test_a_run_id_that_is_made_of_the_config_tells_nothing_of_them(table: dict[str, Any]) -> None:
    ids = set()
    for content in (table, changed(table)):
        outcome = compiled(content, Target(secrets=GIVEN))
        assert outcome.plan is not None
        ids.add(outcome.plan.run_id)
    assert len(ids) == 1


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    for name, value in (("WANDB_API_KEY", "wandb"), ("HF_TOKEN", "hf"), ("PRIME_API_KEY", "prime")):
        monkeypatch.setenv(name, f"{MARK}-{value}")

    def run(*arguments: object) -> tuple[str, str]:
        main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return captured.out, captured.err

    return run


COMMANDS: list[tuple[str, ...]] = [
    *(("validate", "{file}", "--report", form) for form in REPORTS),
    ("validate", "{file}", "--report", "sarif", "--mode", "hosted"),
    *(("render", "{file}", "--notes", "--redact", "--format", form) for form in ("yaml", "json", "markdown", "html")),
    ("render", "{file}", "--redact", "--notes", "--secrets-from-env"),
    ("render", "{file}", "--secrets-from-env", "--format", "html"),
    ("explain", "{file}"),
    ("migrate", "{file}", "--from", "v0.8.0", "--diff"),
    ("explain", "{file}", "--changed-only", "--without-cluster"),
    *(("diff", "{file}", "{other}", "--format", form) for form in ("text", "markdown", "html")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_one(
    command: tuple[str, ...], run: Callable[..., tuple[str, str]], table: dict[str, Any], tmp_path: Path
) -> None:
    files = {"{file}": tmp_path / "rl.toml", "{other}": tmp_path / "other.toml"}
    files["{file}"].write_text(tomli_w.dumps(table), encoding="utf-8")
    files["{other}"].write_text(tomli_w.dumps(changed(table)), encoding="utf-8")
    out, err = run(*(files.get(word, word) for word in command))
    assert MARK not in out
    assert MARK not in err
    assert out or err or command[0] == "validate"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_rendering_prints_them_in_the_secret_and_in_scripts(
    form: str, run: Callable[..., tuple[str, str]], table: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(tomli_w.dumps(table), encoding="utf-8")
    out, err = run("render", file, "--notes", "--format", form, "--secrets-from-env")
    assert MARK not in err
    for one in MOVED:
        assert one.value[-6:] not in out
    assert base64.b64encode(MOVED[0].value.encode()).decode() in out


def test_splitting_prints_the_components_own_configs(
    run: Callable[..., tuple[str, str]], table: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(tomli_w.dumps(table), encoding="utf-8")
    out, err = run("split", file)
    assert MARK not in err
    assert MARK in out
    assert f"{MARK}-hf" not in out


# --- findings ----------------------------------------------------------------------------------------------------

BASE = "[trainer]\n[orchestrator]\n"
REFUSED = {
    "a list": f'{BASE}[env_vars]\nHF_TOKEN = ["hunter01x"]',
    "a list of several lines": f'{BASE}[env_vars]\nOPENAI_KEYS = [\n  "hunter01x",\n  "hunter02x",\n]',
    "a number": f"{BASE}[env_vars]\nDB_PASS = 1\nA = 'hunter'",
    "a table": f'{BASE}[env_vars]\nHF_TOKEN = {{ value = "hunter01x" }}',
    "an unquoted value": f"{BASE}[env_vars]\nHF_TOKEN = hunter01x",
    "an unquoted known value": f"{BASE}[env_vars]\nX = sk-hunter01x",
    "an unclosed quote": f'{BASE}[env_vars]\nDB_PASS = "hunter01x',
    "a quote inside": f'{BASE}[env_vars]\nDB_PASS = "a"hunter01x"',
    "a missing comma": f'{BASE}[env_vars]\nOPENAI_KEYS = [\n  "hunter01x"\n  "hunter02x"\n]',
    "an inline table": f'{BASE}env_vars = {{ A = "b", API_KEY = "hunter01x" "c" }}',
    "a misplaced key": f'wandb_api_key = "hunter01x"\n{BASE}',
    "an unknown key": '[trainer]\napi_key = "hunter01x"\n[orchestrator]',
    "an unknown table": f'{BASE}[secrets]\nopenai = "hunter01x"',
    "a known value in an unknown key": f'{BASE}[trainer.frob]\nx = "hf_hunter01x"',
    "a protected variable": f'{BASE}[env_vars]\nWANDB_RUN_ID = "hf_hunter01x"',
    "a url in a conflict": '[trainer.monitors.wandb]\nproject = "https://hunter01x@w/"\n[monitors.wandb]\nproject = "y"'
    "\n[orchestrator]",
    "a bad choice": f'{BASE}[log]\nlevel = "sk-hunter01x"',
    "a tag": '[trainer.optim]\ntype = "ghp_hunter01x"\n[orchestrator]',
    "a second definition": f'{BASE}[env_vars]\nDB_PASS = "hunter01x"\nDB_PASS = "hunter02x"',
    "a colon": f"{BASE}[env_vars]\nDB_PASS: hunter01x",
    "curly quotes": f"{BASE}[env_vars]\nDB_PASS = \u201chunter01x\u201d",
    "a bad escape": f'{BASE}[env_vars]\nDB_PASS = "C:\\hunter01x"',
    "a bad number": f"{BASE}[env_vars]\nDB_PASS = 05-hunter01x",
    "a second sign": f'{BASE}[env_vars]\nDB_PASS == "hunter01x"',
    "a comment behind": f'{BASE}[env_vars]\nDB_PASS = "a" // hunter01x',
    "single quotes inside": f"{BASE}[env_vars]\nDB_PASS = 'a'hunter01x'",
    "yaml": "trainer: {}\nenv_vars:\n  DB_PASS: hunter01x\n",
    "json": '{"trainer": {}, "env_vars": {"DB_PASS": ["hunter01x"]}}',
    "json, broken": '{"trainer": {}, "env_vars": {"DB_PASS": hunter01x}}',
    "a comment": f"{BASE}[env_vars]\nX = # was hf_hunter01x",
    "a header below a secret table": f'{BASE}[auth]\nuser = "hunter01x',
    "a bad url": f'{BASE}[inference]\n[orchestrator.model.client]\nbase_url = ["http://u:hunter01x@h/v1"]',
    "a source that is no table": f'{BASE}[orchestrator.train]\nsource = ["sk-hunter01x"]',
    "a header of a client": f'{BASE}[orchestrator.model.client.headers]\nAuthorization = ["Bearer hunter01x"]',
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_refusal_shows_one(name: str, run: Callable[..., tuple[str, str]], tmp_path: Path) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(REFUSED[name], encoding="utf-8")
    outcome = compile_sources([Source(name="rl.toml", content=REFUSED[name])], until="objects")
    assert outcome.findings
    texts = {form: report(outcome.findings, outcome.document.lines) for form, report in REPORTS.items()}
    texts["str"] = "\n".join(map(str, outcome.findings)) + repr(outcome.findings) + repr(outcome)
    texts["wire"] = "\n".join(detail(finding).model_dump_json() for finding in outcome.findings)
    for form in REPORTS:
        texts[f"validate {form}"] = "".join(run("validate", file, "--report", form))
    texts["render"] = "".join(run("render", file))
    texts["page"] = "".join(run("render", file, "--format", "html"))
    assert [form for form, text in texts.items() if MARK in text] == []


@pytest.mark.parametrize(
    "override", ["env_vars.DB_PASS=[hunter01x", "trainer.api_key=hunter01x", 'env_vars.X=["sk-hunter01x"]', "API_KEY"]
)
def test_no_finding_about_an_override_shows_one(
    override: str, run: Callable[..., tuple[str, str]], table: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(tomli_w.dumps(table), encoding="utf-8")
    assert MARK not in "".join(run("validate", file, "--set", override, "--set", "trainer.modl=1"))


FLAGS = [
    "--api-key=hunter2",
    "--tokn=hunter2",
    "--trainer_optim_lr=hunter2",
    "--sett=hunter2",
    "-phunter2",
    "-p=hunter2",
]


@pytest.mark.parametrize("flag", FLAGS)
def test_no_unknown_option_shows_its_value(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["validate", "rl.toml", flag])
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = "".join(capsys.readouterr())
    assert code == 2
    assert flag[:2] in told
    assert MARK not in told


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("env_vars.TOKEN hunter2", "env_vars.TOKEN ***"),
        ("env_vars.PLAIN: hunter2", "env_vars.PLAIN ***"),
        ('env_vars.PLAIN "a=hunter2"', "env_vars.PLAIN ***"),
        ("=hunter2", "***"),
        ("a.b", "a.b"),
    ],
)
def test_of_an_override_without_a_sign_the_first_word_is_shown(
    override: str, shown: str, run: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(tomli_w.dumps(config()), encoding="utf-8")
    for form in REPORTS:
        assert MARK not in "".join(run("validate", file, "--set", override, "--report", form))
    assert f"1 | {shown}\n" in run("validate", file, "--set", override)[1]


def test_the_place_in_a_covered_line_is_still_marked() -> None:
    text = f'{BASE}[trainer.env_vars]\nA = "https://u:hunter01x@h/" # ok\nDB_PASS = "hunter", B = 1'
    found = compile_sources([Source(name="rl.toml", content=text)])
    report = as_plain(found.findings, found.document.lines)
    line, caret = report.splitlines()[1:3]
    assert line.endswith("DB_PASS = ***, B = 1")
    assert caret.index("^") <= len(line)


# --- the API -----------------------------------------------------------------------------------------------------


def requested(table: Any) -> CreateDedicatedRunRequest | ErrorResponse:
    return read_request({"config": table, "wandbApiKey": f"{MARK}-w", "hfToken": f"{MARK}-h"})


def test_no_answer_of_the_endpoint_shows_one(table: dict[str, Any]) -> None:
    request = requested(table)
    assert isinstance(request, CreateDedicatedRunRequest)
    run = compile_run(request, run_id="run-1", job_id="job-1", token_value=f"{MARK}-t", platform=Platform())
    assert isinstance(run, CompiledRun), run
    assert MARK not in repr(run) + strings(run.row) + repr(run.warnings) + repr(run.plan) + repr(run.split)
    assert MARK not in "".join(detail(finding).model_dump_json() for finding in run.warnings)
    other = requested(changed(table))
    assert isinstance(other, CreateDedicatedRunRequest)
    again = compile_run(other, run_id="run-1", job_id="job-1", token_value="t", platform=Platform())
    assert isinstance(again, CompiledRun)
    assert again.row["config_sha256"] == run.row["config_sha256"]


def test_no_refusal_of_the_endpoint_shows_one(table: dict[str, Any]) -> None:
    for path in (("trainer", "zz"), ("env_vars", "DB_PASS"), ("orchestrator", "train", "source", 0, "zz")):
        put(table, path, [f"sk-{secret(1)}"])
    request = requested(table)
    assert isinstance(request, CreateDedicatedRunRequest)
    refused = compile_run(request, run_id="run-1", job_id="job-1", token_value=f"{MARK}-t", platform=Platform())
    assert isinstance(refused, ErrorResponse)
    assert MARK not in refused.model_dump_json() + repr(refused)


# --- the predicates ----------------------------------------------------------------------------------------------

SECRET_NAMES = [
    *("OPENAI_KEYS", "GITHUB_PAT", "DB_PASS", "API_KEY_OPENAI", "HF_TOKEN", "hfToken", "x-api-key", "Authorization"),
    *("apikey", "OPENAIKEY", "SecretName", "cookie", "AUTH", "credentialsFile", "DB_PASSWORD_2", "KEY", "signing.key"),
    *("AWS_ACCESS_KEY_ID", "MODAL_TOKEN_ID", "TOKENS", "passphrase", "PWD", "accessToken", "wandb_api_key"),
]
PUBLIC = [
    *(
        "monkey",
        "keys_per_page",
        "num_keys",
        "max_tokens",
        "token_budget",
        "max_new_tokens",
        "eos_token",
        "pad_token_id",
    ),
    *("TOKENIZERS_PARALLELISM", "tokenizer", "pass_rate", "pass_at_k", "compass", "author", "pattern", "keyboard"),
    *("api_key_var", "judge_token_var", "bypass", "path", "hockey", "", "secretary", "MAX_COMPLETION_TOKENS"),
]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_is_secret_by_a_word_in_it(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", PUBLIC)
def test_other_names_are_not(name: str) -> None:
    assert not is_secret_name(name)


def test_no_declared_field_is_taken_for_a_secret() -> None:
    """A field that holds a secret would have to be told apart here; prime-rl has none, and names variables instead."""
    fields = {name for section in sections() for name in section.model_fields}
    assert len(fields) > 300
    assert [name for name in sorted(fields) if is_secret_name(name)] == []


def sections() -> set[type[Any]]:
    found: set[type[Any]] = {PlatformSettings}
    pending: list[type[Section]] = [RLConfig, EnvServerConfig]
    while pending:
        section = pending.pop()
        if section not in found:
            found.add(section)
            pending.extend(inner_sections(section))
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:p@h", "postgres://***@h"),
        ("postgres://u:p/q@h/db", "postgres://***@h/db"),
        ("https://token@h/x", "https://***@h/x"),
        ("https://h/x?a=1#b", "https://h/x?***#b"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("use sk-abcdefgh, please", "use ***, please"),
        ("task-abcdefgh risk-adjusted", "task-abcdefgh risk-adjusted"),
        ("Bearer abc.def", "Bearer ***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "***-----END RSA PRIVATE KEY-----"),
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("a --api-key=x1 --hf-token 'y z' -n 1", "a --api-key=*** --hf-token *** -n 1"),
        ('{"n": 1, "api_key": "x", "b": true}', '{"n": 1, "api_key": ***, "b": true}'),
        ("use --secrets-from-env or --set KEY=VALUE", "use --secrets-from-env or --set KEY=VALUE"),
    ],
)
def test_a_value_is_secret_by_how_it_looks(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert is_secret_value(text) == (text != shown)


LONG = [
    "--a" * 10**5,
    ".--a" * 10**5,
    '"k":' * 10**5,
    '"key": "' * 10**5,
    '"key":\\"' * 10**5,
    '" :' * 10**5,
    "--key=" * 10**5,
]


@pytest.mark.parametrize("text", ["a" * 10**6, "://" * 10**5, "a://b:" * 10**5, "://x?" * 10**5, "sk-" * 10**5, *LONG])
def test_a_large_text_is_looked_at_in_time_that_grows_with_its_length(text: str) -> None:
    masked(text)


def test_globs_of_a_platform_replace_the_judgement() -> None:
    platform = Platform(secret_env_patterns=["MINE_*"])
    target = Target(run=Run(id="run-1"), platform=platform, secrets=GIVEN)
    table = config(Planted(("env_vars", "MINE_A"), "hunter01x"), Planted(("env_vars", "DB_PASS"), "hunter02x"))
    plan = compiled(table, target).plan
    assert plan is not None
    assert {value.reveal() for value in plan.secret_env_values.values()} == {"hunter01x"}
    assert "hunter02x" in {variable.value for pods in plan.pods for variable in pods.env}
    assert MARK not in repr(plan) + to_yaml(render(plan, secrets=GIVEN, redact=True))


def test_standard_input_is_covered_too(run: Callable[..., tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(REFUSED["a list"].encode())))
    out, err = run("validate", "-")
    assert "***" in out + err
    assert MARK not in out + err


KEYS = ["sk-hunter2hunterhunter2hunter", "hf_Hunter9hunter", "--api-key=hunter", "https://u:hunter@h/"]


@pytest.mark.parametrize("key", KEYS)
def test_a_secret_that_is_written_as_a_key_is_in_no_path(
    key: str, run: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    bad, good, other = (tmp_path / name for name in ("bad.toml", "good.toml", "other.toml"))
    put_below = (*SOURCE, "env", "args")
    good.write_text(tomli_w.dumps(config(Planted(put_below, {key: "a"}))), encoding="utf-8")
    other.write_text(tomli_w.dumps(config(Planted(put_below, {}))), encoding="utf-8")
    planted = (Planted((*at, key), "a") for at in (("env_vars",), ("trainer",), ("orchestrator", "env_vars")))
    bad.write_text(tomli_w.dumps(config(*planted)), encoding="utf-8")
    told = "".join("".join(run("validate", file, "--report", form)) for form in REPORTS for file in (good, bad))
    assert "***" in told
    assert MARK not in told.lower()
    assert MARK not in "".join(run("explain", good)).lower()
    for form in ("text", "markdown", "html"):
        assert MARK not in run("diff", good, other, "--format", form)[0].lower()
    for form in ("yaml", "json", "markdown", "html"):
        assert MARK not in run("render", good, "--redact", "--notes", "--format", form)[0].lower()


def test_one_secret_key_in_place_of_another_is_a_difference(
    run: Callable[..., tuple[str, str]], tmp_path: Path
) -> None:
    files = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for file, key in zip(files, KEYS, strict=False):
        file.write_text(tomli_w.dumps(config(Planted((*SOURCE, "env", "args"), {key: "a"}))), encoding="utf-8")
    assert "***" in run("diff", *files)[0]


@pytest.mark.parametrize("key", ["hf_overrides", "npm_config_registry", "sk-learn-2", "hf_model2"])
def test_a_key_of_plain_words_is_in_its_path(key: str) -> None:
    assert dotted(("vllm", key)) == f"vllm.{key}"


def test_paths_are_spelled(table: dict[str, Any]) -> None:
    assert dotted(KEPT[0].path) == "orchestrator.model.client.headers.Authorization"
