"""Compile a request: one pure call from the endpoint's body to everything that starts the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

from rlsplit.api.checks import is_label, request_findings, run_of, secrets_of
from rlsplit.api.errors import error_response, in_order, in_request
from rlsplit.api.misplaced import without_misplaced
from rlsplit.api.models import (
    CreateDedicatedRunRequest,
    CreateDedicatedRunResponse,
    CreateTrainingRunRequest,
    ErrorResponse,
)
from rlsplit.compiler import Outcome, Stage, Target, compile_sources, release_for
from rlsplit.document import Source
from rlsplit.findings import Finding, KeyPath, has_errors
from rlsplit.plain_data import is_mapping, is_table, value_at
from rlsplit.planning import RunPlan
from rlsplit.planning.run_checks import given_findings
from rlsplit.platform import Platform
from rlsplit.platform.rules import is_secret_env
from rlsplit.releases.image import Resuming, image_of
from rlsplit.secrets import SecretText, hidden
from rlsplit.splitting import JsonObject, Split, artifact, split

_ENV_TABLES: Final = ((), ("trainer",), ("orchestrator",), ("inference",))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CompiledRun:
    """Everything that a request becomes.

    Secrets stand in two places: in the Secret among ``objects``, and in the response, which shows its token only as
    :meth:`~rlsplit.api.CreateDedicatedRunResponse.wire`. ``artifact`` and ``split`` hold the config as it was sent,
    ``env_vars`` included. Therefore the repr shows none of these, and pickling or copying the whole raises TypeError;
    what may be stored is ``row``.
    """

    artifact: JsonObject
    """What is submitted for a hosted run (H-12): resolved components, environment sources as they were sent."""
    split: Split
    """What the pods read: sources typed and checked, environment servers listed."""
    plan: RunPlan
    objects: list[JsonObject]
    """Kubernetes objects in the order of application, the Secret with its values among them."""
    response: CreateDedicatedRunResponse
    row: JsonObject
    """What may be stored about the run: plain JSON data without any secret, config or environment variable."""
    warnings: tuple[Finding, ...]
    """Warnings and notices in the request's order; :func:`rlsplit.api.detail` spells each as the wire would."""

    def __repr__(self) -> str:
        shown = {key: self.row[key] for key in ("run_id", "job_id", "image", "gpus", "pods")}
        return f"CompiledRun({shown}, {len(self.objects)} objects, {len(self.warnings)} warnings)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a compiled run holds secrets and cannot be pickled or copied; store its row")


def compile_run(
    request: CreateDedicatedRunRequest,
    *,
    run_id: str,
    job_id: str,
    token_value: str | SecretText,
    platform: Platform,
    attempt: int = 1,
    release: str | None = None,
    project_dir: str = "/",
) -> CompiledRun | ErrorResponse:
    """Compile a request, or give the error body with every problem.

    Bad input is an expected outcome of an endpoint, so it is a value and not an exception. The config must pass both
    ways: the hosted platform's (whose result is ``artifact``) and the launcher's, which also checks environment sources
    (whose result becomes the pods). ``token_value`` is the run's PRIME_API_KEY.

    ``attempt`` counts the starts in one run directory, which a run with ``resumeFrom`` shares with an earlier one: the
    next number keeps its logs apart.

    ``release`` is the release of prime-rl in the image, by tag or commit, where the image tag does not name it; it also
    goes before ``platform.release``. ``project_dir`` is the folder that a relative ``slurm.project_dir`` of an SFT run
    is below in the artifact (C-09).

    Problems of what the server itself gives come out the same way, with the params ``runId``, ``tokenValue`` and
    ``platform.<setting>``: some, such as an access mode, only show together with the config.
    """
    secrets = secrets_of(request, token_value)
    target = Target(run=run_of(request, run_id, attempt), platform=platform, secrets=secrets)
    outcome, found = judged(request, target, until="objects", release=release, project_dir=project_dir)
    findings = in_request(request_findings(request, found))
    # Objects stay inside the outcome, which does not show them: a traceback with locals must not hold the Secret.
    if has_errors(findings) or not (outcome.hosted and outcome.split and outcome.plan and outcome.objects):
        return error_response(findings, request.config)
    return CompiledRun(
        artifact=artifact(split(outcome.hosted)),
        split=outcome.split,
        plan=outcome.plan,
        objects=outcome.objects,
        response=CreateDedicatedRunResponse.model_validate(
            {"runId": run_id, "jobId": job_id, "tokenValue": secrets.prime_api_key}
        ),
        row=_row(outcome.plan, job_id, outcome.document.table),
        warnings=in_order(findings, request.config),
    )


def judged(
    request: CreateDedicatedRunRequest,
    target: Target,
    *,
    until: Stage = "config",
    release: str | None = None,
    project_dir: str = "/",
) -> tuple[Outcome, tuple[Finding, ...]]:
    """Compile a request's config in both ways, and say what is wrong with it and with what comes beside it.

    Paths are the config's, or the wire names. A request that does not say its ``mode`` lets the config tell (SFT-01).
    """
    apart = without_misplaced(request.config, type(request).wire_fields())
    run = target.run
    if run.name is None and apart.name is not None and is_label(apart.name):
        run = replace(run, name=apart.name)
    if run.resume_from is not None:
        chosen = release_for(release, replace(target, run=run)).release
        apart = replace(apart, config=resuming(apart.config, image_of(chosen).resuming))
    given = given_findings(run, target.platform, target.secrets)
    sources = [Source(name="config", content=apart.config)]
    told = request.mode if isinstance(request, CreateTrainingRunRequest) else None
    outcome = compile_sources(
        sources,
        mode="both",
        until=until,
        target=replace(target, run=run),
        release=release,
        kind=told if "mode" in request.model_fields_set else None,
        project_dir=project_dir,
    )
    return outcome, (*apart.findings, *outcome.noted(), *(given if until == "config" else ()))


def resuming(config: Mapping[Any, Any], how: Resuming) -> dict[Any, Any]:
    """Let a config continue from the newest checkpoint, unless it says somewhere from which."""
    tables = (config, config.get("trainer"), config.get("orchestrator"))
    resumes = any(value_at(table, how.key) not in (None, "None") for table in tables)
    return dict(config) if resumes else _with(config, how.key, how.value)


def _with(table: Mapping[Any, Any], path: KeyPath, value: Any) -> dict[Any, Any]:
    """Put a value into a table, and the tables on its way; what is no table there is left for its own finding."""
    key, rest = path[0], path[1:]
    if not rest:
        return {**table, key: value}
    inner = table.get(key, {})
    return {**table, key: _with(inner, rest, value)} if is_mapping(inner) else dict(table)


def _row(planned: RunPlan, job_id: str, config: JsonObject) -> JsonObject:
    return {
        "run_id": planned.run_id,
        "job_id": job_id,
        "name": planned.run_name,
        "team_id": planned.team_id,
        "image": planned.image,
        "image_tag": planned.image_tag,
        "release": planned.release.tag,
        "schema_commit": planned.release.commit,
        "config_sha256": _config_sha256(config, planned.platform),
        "namespace": planned.names.namespace,
        "base_name": planned.names.base,
        "run_dir": planned.run_dir,
        "volume": planned.claim or planned.names.claim,
        "gpus": planned.shape.gpus,
        "pods": planned.pod_count,
        "components": {pods.suffix: {"pods": pods.count, "gpus_per_pod": pods.gpus} for pods in planned.pods},
    }


def _config_sha256(config: JsonObject, platform: Platform) -> str:
    """Hash the config, whatever the order of its keys, without the ``env_vars`` that are moved to the Secret.

    Whatever else looks like a secret is hidden first: nobody should be able to test guesses of it against the hash.
    """
    public: JsonObject = hidden(config)
    for path in _ENV_TABLES:
        public = _without_secret_env(public, path, platform)
    return hashlib.sha256(json.dumps(public, sort_keys=True, default=str).encode("ascii")).hexdigest()


def _without_secret_env(table: JsonObject, path: tuple[str, ...], platform: Platform) -> JsonObject:
    if path:
        inner = table.get(path[0])
        return {**table, path[0]: _without_secret_env(inner, path[1:], platform)} if is_table(inner) else table
    env_vars = table.get("env_vars")
    if not is_table(env_vars):
        return table
    return {**table, "env_vars": {n: v for n, v in env_vars.items() if not is_secret_env(n, v, platform)}}
