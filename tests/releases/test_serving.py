"""Which release a run is compiled for, what is said about it, and who shows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

import rlsplit
from rlsplit import api
from rlsplit import diff as differ
from rlsplit.cli import main
from rlsplit.compiler import Outcome, Target, compile_sources
from rlsplit.document import Source
from rlsplit.explaining import explain
from rlsplit.findings import ConfigError
from rlsplit.preview import as_html, as_markdown, previewed
from rlsplit.releases.release import NEWEST, V0_7_0, V0_8_0, Release, served
from rlsplit.rulebook import is_in, span_text
from rlsplit.schema import build
from rlsplit.schema_release import build_for

OF_V0_8_0 = """
[wandb]
project = "p"
[trainer]
[orchestrator]
[[orchestrator.train.source]]
env.taskset.id = "reverse-text"
[inference.parallel]
tp = 1
"""
OF_V0_7_0 = """
[trainer]
[orchestrator]
rollouts_per_example = 16
batch_size = 128
[[orchestrator.env]]
id = "reverse-text"
[inference]
"""
DIGEST = f"sha256:{'a' * 64}"


def compiled(text: str, named: str | None = None, tag: str = "main", **settings: Any) -> Outcome:
    mode, until = settings.pop("mode", "launcher"), settings.pop("until", "plan")
    platform = rlsplit.Platform(**settings) if settings else None
    target = Target(run=rlsplit.Run(id="run-1", image_tag=tag), platform=platform)
    source = Source(name="rl.toml", content=text)
    return compile_sources([source], mode=mode, until=until, target=target, release=named)


def release_of(outcome: Outcome) -> Release:
    assert outcome.config is not None, [str(finding) for finding in outcome.findings]
    return outcome.config.provenance.release


def about_releases(outcome: Outcome) -> dict[str, tuple[str, str, tuple[Any, ...]]]:
    found = [finding for finding in outcome.findings if finding.code.startswith("release.")]
    return {finding.code: (finding.severity, finding.about, finding.path) for finding in found}


# --- which release ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "pinned", "tag"),
    [
        ("v0.8.0", "v0.7.0", "main"),
        (None, "v0.8.0", "main"),
        (None, "60bc295", "my-own-build"),
        (None, None, "v0.8.0"),
        (None, None, "sha-60bc295"),
        ("60bc295", None, "nightly"),
    ],
)
def test_a_name_goes_before_the_platform_and_that_before_the_image_tag(
    named: str | None, pinned: str | None, tag: str
) -> None:
    outcome = compiled(OF_V0_8_0, named, tag, **({"release": pinned} if pinned else {}))
    assert release_of(outcome) == V0_8_0
    assert about_releases(outcome) == {}


def test_dev_tags_of_images_are_compiled_exactly() -> None:
    assert release_of(
        compiled(
            OF_V0_8_0.replace("[wandb]", "[monitors.wandb]").partition("[inference")[0],
            tag="v0.8.1.dev30",
            until="config",
        )
    )
    assert compiled(OF_V0_8_0.partition("[inference")[0], tag="v0.8.1.dev29", until="config").config is not None
    assert compiled(OF_V0_8_0.partition("[inference")[0], tag="v0.8.1.dev30", until="config").config is None


@pytest.mark.parametrize(
    ("settings", "tag", "said"),
    [
        ({}, "v9.0.0", ("notice", "run", ("imageTag",))),
        ({}, "nightly", ("notice", "run", ("imageTag",))),
        ({"release": "v9.0.0"}, "main", ("notice", "platform", ("platform", "release"))),
        ({"image_digest": DIGEST}, "v0.8.0", ("notice", "platform", ("platform", "image_digest"))),
    ],
)
def test_what_is_not_known_is_compiled_as_the_newest_and_says_so(
    settings: dict[str, Any], tag: str, said: tuple[str, str, tuple[Any, ...]]
) -> None:
    outcome = compiled("[trainer]\n[orchestrator]\n", tag=tag, until="config", **settings)
    assert release_of(outcome) is NEWEST
    assert about_releases(outcome) == {"release.unknown": said}
    (finding,) = [finding for finding in outcome.findings if finding.code == "release.unknown"]
    assert "559b447" in finding.message


def test_what_is_no_tag_has_one_finding_of_its_own() -> None:
    outcome = compiled("[trainer]\n[orchestrator]\n[trainer.data.fake]\n", tag="a tag")
    assert [finding.code for finding in outcome.findings] == ["plan.image-tag"]


def test_an_image_of_another_release_than_the_named_one_is_a_warning() -> None:
    outcome = compiled(OF_V0_8_0, "v0.8.0", "v0.7.0")
    assert about_releases(outcome) == {"release.image": ("warning", "run", ("imageTag",))}
    assert about_releases(compiled(OF_V0_8_0, "v0.8.0", "v0.7.0", image_digest=DIGEST)) == {}


def test_the_release_of_a_platform_is_checked_like_its_other_settings() -> None:
    assert rlsplit.Platform.from_toml('release = "v0.8.0"').release == "v0.8.0"
    old = rlsplit.Platform.from_toml('namespace = "a"\nrelease = "v0.6.0"')
    (refused,) = compile_sources([], target=Target(platform=old)).findings
    assert (refused.code, refused.severity, str(refused.where)) == ("release.too-old", "error", "platform.toml:2:1")
    with pytest.raises(ConfigError) as caught:
        rlsplit.Platform.from_toml('release = "the last one"')
    (finding,) = caught.value.findings
    assert finding.path == ("platform", "release")
    assert finding.where is not None


# --- a config of another release -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "release", "named"),
    [
        (OF_V0_8_0, None, "v0.8.0"),
        (OF_V0_7_0 + "gpu_memory_utilization = 0.5\n", None, "v0.7.0"),
        ('[trainer]\n[orchestrator]\n[monitors.wandb]\nproject = "p"\nname = "n"\n', "v0.8.0", "v0.8.1.dev67"),
        (
            '[trainer]\n[orchestrator]\n[orchestrator.student.model]\nname = "m"\n[orchestrator.student.client]\ntimeout = 3\n',
            "v0.8.0",
            "v0.6.0",
        ),
    ],
)
def test_a_config_of_another_release_says_so_first(text: str, release: str | None, named: str) -> None:
    first, *others = compiled(text, release, until="config").findings
    assert first.code == "release.other"
    assert first.message.startswith(f"this is a {named} config")
    assert {"B-01"} <= {finding.code for finding in others}
    assert first.hint is not None
    assert (f"--release {named}" in first.hint) == (named != "v0.6.0")
    assert ("rlsplit migrate" in first.hint) == (release is None or named == "v0.6.0")


def test_a_typo_or_one_old_key_says_nothing_of_releases() -> None:
    for text in (
        "[trainer]\nseqlen = 1\n[orchestrator]\ngroupsize = 1\n",
        "clean_output_dir = true\n[trainer]\n[orchestrator]\n",
    ):
        assert about_releases(compiled(text, until="config")) == {}


def test_shipped_configs_are_known_for_what_they_are(shared: Path) -> None:
    """All but those with a single key that is not of today; some are of both."""
    for release in ("v0.8.0", "v0.7.0"):
        paths = sorted((shared / "releases" / "conformance" / f"examples-{release}").glob("*.toml"))
        named = 0
        for path in paths:
            outcome = compiled(path.read_text(encoding="utf-8"), until="config")
            said = [finding for finding in outcome.findings if finding.code == "release.other"]
            assert all(finding.message.startswith(f"this is a {release} config") for finding in said)
            unknown = [finding for finding in outcome.findings if finding.code == "B-01"]
            assert said or len(unknown) < 2, path.name
            named += bool(said)
        assert named > 0.8 * len(paths)


# --- who shows it ----------------------------------------------------------------------------------------------


def test_findings_of_plans_speak_the_spelling_of_the_release() -> None:
    refused = compiled(
        OF_V0_7_0.replace('id = "reverse-text"', 'taskset.id = "a"\nharness.runtime.type = "docker"'), "v0.7.0"
    )
    (finding,) = [finding for finding in refused.findings if finding.severity == "error"]
    assert finding.code == "plan.docker-runtime"
    assert finding.path == ("orchestrator", "env", 0, "harness", "runtime", "type")
    assert finding.where is not None
    cleaned = compiled(f"clean_output_dir = true\n{OF_V0_8_0}", "v0.8.0")
    assert cleaned.plan is not None
    assert [note.path for note in cleaned.noted() if note.code == "plan.clean"] == [("clean_output_dir",)]


def test_values_are_explained_in_the_spelling_of_the_release() -> None:
    outcome = compiled(OF_V0_7_0, "v0.7.0", until="split")
    assert outcome.config is not None
    assert outcome.split is not None
    origins = {
        (origin.component, *origin.path): origin
        for origin in explain(outcome.split, outcome.config.provenance, outcome.document)
    }
    group_size = origins["orchestrator", "group_size"]
    assert (group_size.kind, group_size.value) == ("written", 16)
    assert group_size.where is not None
    assert group_size.where.line == OF_V0_7_0[: OF_V0_7_0.index("rollouts")].count("\n") + 1
    assert origins["orchestrator", "train", "env", 0, "id"].kind == "written"
    derived = origins["orchestrator", "train", "env", 0, "group_size"]
    assert (derived.kind, derived.inputs) == ("derived", ((("orchestrator", "rollouts_per_example"), 16),))
    assert origins["inference", "parallel", "tp"].kind == "default"
    assert origins["orchestrator", "max_inflight_rollouts"].kind == "derived"


def test_previews_name_release_and_commit() -> None:
    target = Target(run=rlsplit.Run(id="run-1", image_tag="v0.8.0"))
    outcome = compile_sources([Source(name="rl.toml", content=OF_V0_8_0)], until="plan", target=target)
    for page in (as_markdown, as_html):
        assert "v0.8.0 (60bc295)" in page(previewed(outcome, target))


def request_of(text: str, **more: Any) -> Any:
    body = {"config": tomli.loads(text), **more}
    return api.read_body(json.dumps(body).encode(), api.CreateTrainingRunRequest)


def run_of(request: Any, **more: Any) -> Any:
    given = {"run_id": "r", "job_id": "j", "token_value": "t", "platform": rlsplit.Platform(), **more}
    return api.compile_run(request, **given)


@pytest.mark.parametrize(("text", "release"), [(OF_V0_8_0, V0_8_0), (OF_V0_7_0, V0_7_0)])
def test_the_api_compiles_for_the_release_of_the_image(text: str, release: Release) -> None:
    run = run_of(request_of(text, imageTag=release.tag))
    assert isinstance(run, api.CompiledRun), run
    assert (run.row["release"], run.row["schema_commit"]) == (release.tag, release.commit)
    assert run.artifact["schema_commit"] == release.commit
    assert "release.not-hosted" in {finding.code for finding in run.warnings}
    key = "source" if release == V0_8_0 else "env"
    written = tomli.loads(text)["orchestrator"]
    assert run.artifact["components"]["orchestrator"]["train"][key] == (written.get("train") or {}).get(
        key, written.get("env")
    )
    assert isinstance(run_of(request_of(text, imageTag="nightly"), release=release.commit), api.CompiledRun)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ("clean_output_dir = true\n", "config.clean_output_dir"),
        ("", "config.trainer.data.fake"),
    ],
)
def test_hosted_refusals_stand_at_the_keys_of_the_release(more: str, param: str) -> None:
    text = more + (OF_V0_8_0 if more else OF_V0_8_0.partition("[inference")[0])
    outcome = run_of(request_of(text, imageTag="v0.8.0"))
    assert isinstance(outcome, api.ErrorResponse)
    assert [error.param for error in outcome.errors] == [param]


def test_a_run_that_continues_another_resumes_as_its_release_does() -> None:
    run = run_of(request_of(OF_V0_8_0, imageTag="v0.8.0", resumeFrom="older"))
    assert isinstance(run, api.CompiledRun), run
    assert run.split.trainer.sparse["ckpt"]["resume_step"] == -1
    assert run.plan.resume is not None
    assert run.plan.resume.is_required
    kept = run_of(request_of(f"ckpt.resume_step = 4\n{OF_V0_8_0}", imageTag="v0.8.0", resumeFrom="older"))
    assert kept.split.trainer.sparse["ckpt"]["resume_step"] == 4


# --- the command line, schemas and rules -----------------------------------------------------------------------


def test_every_command_takes_a_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rl.toml"
    file.write_text(OF_V0_8_0, encoding="utf-8")
    for command in (["validate"], ["split"], ["render", "--run-id", "r"], ["explain"]):
        assert main([*command, str(file), "--release", "v0.8.0"]) == 0, command
    assert 'image: "ghcr.io/primeintellect-ai/prime-rl:v0.8.0"' in capsys.readouterr().out
    assert main(["diff", str(file), str(file), "--release", "v0.8.0"]) == 0
    assert main(["render", str(file), "--image-tag", "v0.8.0"]) == 0
    assert main(["validate", str(file)]) == 1
    platform = tmp_path / "platform.toml"
    platform.write_text('release = "v0.8.0"\n', encoding="utf-8")
    assert main(["validate", str(file), "--platform", str(platform)]) == 0


def test_the_version_names_the_releases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    said = capsys.readouterr().out
    assert all(f"{release.tag} ({release.commit})" in said for release in (NEWEST, V0_8_0, V0_7_0))


@pytest.mark.parametrize("release", [V0_8_0, V0_7_0], ids=lambda release: release.tag)
def test_the_schema_of_a_release_takes_its_configs_and_no_later_keys(shared: Path, release: Release) -> None:
    schema = build_for(release)
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    paths = sorted((shared / "releases" / "conformance" / f"examples-{release.tag}").glob("*.toml"))
    for path in paths:
        assert [error.message for error in validator.iter_errors(tomli.loads(path.read_text(encoding="utf-8")))] == []
    for later in ({"monitors": {}}, {"inference": {"vllm": {}}}, {"run": {"name": "n"}}, {"resume": {}}):
        assert not validator.is_valid({"trainer": {}, "orchestrator": {}, **later}), later
    assert len(schema["$defs"]) > 50


def test_a_schema_of_an_older_release_says_what_its_fields_mean() -> None:
    schema = build_for(V0_8_0)
    assert schema["properties"]["wandb"] == build()["$defs"]["SharedMonitorsConfig"]["properties"]["wandb"]
    parallel = schema["$defs"]["InferenceConfig"]["properties"]["parallel"]
    assert set(parallel["properties"]) == {"tp", "dp"}
    assert all("description" in field for field in parallel["properties"].values())


def test_rules_tell_which_releases_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert span_text("O-01") == "since v0.8.1.dev43"
    assert span_text("V7-05") == "before v0.7.1.dev85"
    assert span_text("T-04") == "otherwise before v0.7.1.dev28"
    assert span_text("B-01") == span_text("plan.count") == ""
    assert [is_in("V8-14", release) for release in (V0_7_0, V0_8_0, NEWEST)] == [True, True, False]
    assert [is_in("T-04", release) for release in (V0_7_0, V0_8_0, NEWEST)] == [True, True, True]
    assert main(["rules", "V7-05", "--release", "v0.7.0"]) == 0
    assert "before v0.7.1.dev85" in capsys.readouterr().out
    assert main(["rules", "V7-05", "--release", "v0.8.0"]) == 2
    assert served("v0.8.0").release == V0_8_0


def test_a_diff_of_older_configs_matches_environments_by_name() -> None:
    target = Target(run=rlsplit.Run(id="run-1", image_tag="v0.7.0"))
    sides = [
        previewed(compile_sources([Source(name="rl.toml", content=text)], until="plan", target=target), target)
        for text in (OF_V0_7_0, OF_V0_7_0.replace('id = "reverse-text"', 'id = "reverse-text"\nmax_turns = 4'))
    ]
    found = differ.difference(*sides)
    (change,) = [change for change in found.components if change.component == "orchestrator"]
    assert [value.path for value in change.values] == [("train", "env", "reverse-text", "max_turns")]
