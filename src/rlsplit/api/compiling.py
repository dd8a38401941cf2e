"""Compile a request: one pure call from the endpoint's body to everything that starts the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NoReturn

from rlsplit.api.checks import request_findings, run_of
from rlsplit.api.errors import error_response, in_order, of_config, of_plan
from rlsplit.api.misplaced import without_misplaced
from rlsplit.api.models import CreateDedicatedRunRequest, CreateDedicatedRunResponse, ErrorResponse
from rlsplit.config.resolve import Resolution, resolve_both
from rlsplit.config.sections.rl import RLConfig
from rlsplit.document import Source, read
from rlsplit.findings import ConfigError, Finding, has_errors
from rlsplit.manifests import render
from rlsplit.planning import RunPlan, plan
from rlsplit.planning.overlays import is_secret_env
from rlsplit.platform import Platform
from rlsplit.run import Run, Secrets, SecretText
from rlsplit.splitting import SCHEMA_COMMIT, JsonObject, Split, artifact, split

RESTATED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "H-05": frozenset({"plan.clean"}),
        "H-06": frozenset({"plan.disaggregated-inference"}),
        "H-07": frozenset(
            {"plan.no-inference-gpus", "plan.inference-required", "plan.loopback-base-url", "plan.no-rollouts"}
        ),
    }
)
"""Rule of the hosted platform to the findings of the plan that would say the same once more."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReading:
    """A request's config in both ways, and everything to say about it; a config with errors is None."""

    table: JsonObject
    """The config as plain data, without what the client should have taken out."""
    hosted: RLConfig | None
    launcher: RLConfig | None
    findings: tuple[Finding, ...]
    """Paths are the request's."""


def compile_run(
    request: CreateDedicatedRunRequest,
    *,
    run_id: str,
    job_id: str,
    token_value: str | SecretText,
    platform: Platform,
) -> CompiledRun | ErrorResponse:
    """Compile a request, or give the error body with every problem.

    Bad input is an expected outcome of an endpoint, so it is a value and not an exception. The config must pass both
    ways: the hosted platform's (whose result is ``artifact``) and the launcher's, which also checks environment sources
    (whose result becomes the pods). ``token_value`` is the run's PRIME_API_KEY.

    Problems of what the server itself gives come out the same way, with the params ``runId``, ``tokenValue`` and
    ``platform.<setting>``: some, such as an access mode, only show together with the config.
    """
    secrets = Secrets(wandb_api_key=request.wandb_api_key, hf_token=request.hf_token, prime_api_key=token_value)
    reading = read_config(request.config, run_id)
    checked = _united(reading.findings, request_findings(request))
    rendered = _rendered(reading.launcher, run_of(request, run_id), secrets, platform)
    findings = _united(checked, _news(rendered.findings, checked))
    if reading.hosted is None or rendered.split is None or rendered.plan is None or has_errors(findings):
        return error_response(findings, request.config)
    return CompiledRun(
        artifact=artifact(split(reading.hosted)),
        split=rendered.split,
        plan=rendered.plan,
        objects=rendered.objects,
        response=CreateDedicatedRunResponse.model_validate(
            {"runId": run_id, "jobId": job_id, "tokenValue": secrets.prime_api_key}
        ),
        row=_row(rendered.plan, job_id, reading.table),
        warnings=in_order(findings, request.config),
    )


def read_config(config: Mapping[str, Any], run_id: str | None) -> ConfigReading:
    """Read a config in both ways; what both say is said once."""
    rest, misplaced = without_misplaced(config)
    document = read([Source(name="config", content=rest)])
    given = (*misplaced, *document.findings)
    if has_errors(document.findings):
        return ConfigReading(table=document.table, hosted=None, launcher=None, findings=of_config(given))
    launcher, hosted = resolve_both(document.table, name_seed=run_id)
    return ConfigReading(
        table=document.table,
        hosted=_accepted(hosted),
        launcher=_accepted(launcher),
        findings=of_config(_united(given, launcher.findings, hosted.findings)),
    )


def _accepted(resolution: Resolution) -> RLConfig | None:
    return None if has_errors(resolution.findings) else resolution.config


def _united(*groups: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join groups of findings: a rule that an earlier group broke at the same key is not broken once more."""
    united: list[Finding] = []
    seen: set[tuple[str, object]] = set()
    for group in groups:
        new = [finding for finding in group if (finding.code, finding.path) not in seen]
        united += new
        seen |= {(finding.code, finding.path) for finding in new}
    return tuple(united)


def _news(findings: Iterable[Finding], known: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out what the plan says once more about a problem that has been told."""
    restated = frozenset(chain.from_iterable(RESTATED.get(finding.code, ()) for finding in known))
    return tuple(finding for finding in findings if finding.code not in restated)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    """What the launcher's way leads to, as far as it went."""

    split: Split | None = None
    plan: RunPlan | None = None
    objects: list[JsonObject] = field(repr=False)
    findings: tuple[Finding, ...]


def _rendered(config: RLConfig | None, run: Run, secrets: Secrets, platform: Platform) -> _Rendered:
    if config is None:
        return _Rendered(objects=[], findings=())
    parts = split(config)
    try:
        planned = plan(parts, run=run, platform=platform, secrets=secrets)
        objects = render(planned, secrets=secrets)
    except ConfigError as error:
        return _Rendered(objects=[], findings=of_plan(error.findings))
    return _Rendered(split=parts, plan=planned, objects=objects, findings=of_plan(planned.notes))


def _row(planned: RunPlan, job_id: str, config: JsonObject) -> JsonObject:
    return {
        "run_id": planned.run_id,
        "job_id": job_id,
        "name": planned.run_name,
        "team_id": planned.team_id,
        "image": planned.image,
        "image_tag": planned.image_tag,
        "schema_commit": SCHEMA_COMMIT,
        "config_sha256": _config_sha256(config, planned.platform),
        "namespace": planned.names.namespace,
        "base_name": planned.names.base,
        "run_dir": planned.run_dir,
        "gpus": planned.shape.gpus,
        "pods": planned.pod_count,
        "components": {pods.suffix: {"pods": pods.count, "gpus_per_pod": pods.gpus} for pods in planned.pods},
    }


def _config_sha256(config: JsonObject, platform: Platform) -> str:
    """Hash the config, whatever the order of its keys, without the ``env_vars`` that are moved to the Secret."""
    public: JsonObject = config
    for path in _ENV_TABLES:
        public = _without_secret_env(public, path, platform)
    return hashlib.sha256(json.dumps(public, sort_keys=True, default=str).encode("ascii")).hexdigest()


def _without_secret_env(table: JsonObject, path: tuple[str, ...], platform: Platform) -> JsonObject:
    if path:
        inner = table.get(path[0])
        return {**table, path[0]: _without_secret_env(inner, path[1:], platform)} if isinstance(inner, dict) else table
    env_vars = table.get("env_vars")
    if not isinstance(env_vars, dict):
        return table
    return {**table, "env_vars": {n: v for n, v in env_vars.items() if not is_secret_env(n, platform)}}
