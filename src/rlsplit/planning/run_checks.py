"""What a run may ask for beside its config: ids, tags, secrets and environment variables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import is_dns_subdomain, is_env_name, is_label_value
from rlsplit.planning.environment import SECRET_VARIABLES
from rlsplit.planning.model import RunPlan
from rlsplit.platform.rules import is_protected_env
from rlsplit.run import Run, SecretName, Secrets
from rlsplit.splitting import Split

MAX_ENV_BYTES: Final = 100_000
"""Linux takes 131,071 bytes in one environment string."""
MAX_ENV_TABLE_BYTES: Final = 200_000
"""A Secret holds 1 MiB, which four tables and the run's own secrets must not exceed together."""

_RUN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,63}\Z")
_IMAGE_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

SECRET_PARAMS: Final[Mapping[SecretName, str]] = {
    "wandb_api_key": "wandbApiKey",
    "hf_token": "hfToken",
    "prime_api_key": "primeApiKey",
}
"""Secret to its name in the API's request."""


def run_findings(run: Run) -> Iterator[Finding]:
    """Check the run's own settings; paths are the API's names."""
    if run.id is not None and (not _RUN_ID.match(run.id) or run.id in (".", "..")):
        message = f"{shown(run.id)} cannot name a directory and a W&B run"
        yield _error("run-id", ("runId",), message, "1 to 63 letters, digits and ._-")
    if run.attempt < 1:
        yield _error("attempt", ("attempt",), f"is {run.attempt}", "at least 1")
    if not _IMAGE_TAG.match(run.image_tag):
        message = f"{shown(run.image_tag)} is no image tag"
        yield _error("image-tag", ("imageTag",), message, "letters, digits and _.-, at most 128")
    if run.gpu_type is not None and not (run.gpu_type and is_label_value(run.gpu_type)):
        message = f"{shown(run.gpu_type)} cannot be the value of a node label"
        yield _error("gpu-type", ("gpuType",), message, "at most 63 letters, digits and inner ._-")
    if run.volume is not None and not is_dns_subdomain(run.volume):
        yield _error("volume", ("volume",), f"{shown(run.volume)} is no name of a volume claim")
    yield from _texts(run)


def _texts(run: Run) -> Iterator[Finding]:
    params = (
        ("name", run.name),
        ("teamId", run.team_id),
        ("sourceRef", run.source_ref),
        ("sourceRepo", run.source_repo),
    )
    for param, text in params:
        yield from _text((param,), text or "")
        if text == "" and param != "name":
            yield _error("text", (param,), "is empty", "leave it out")


def run_name_findings(run_name: str) -> Iterator[Finding]:
    """Check a run name that came from the config."""
    yield from _text(("run", "name"), run_name)


def _text(path: KeyPath, text: str) -> Iterator[Finding]:
    if "\0" in text or _SURROGATE.search(text):
        yield _error("text", path, "holds NUL or a lone surrogate", "write plain text")
    elif len(text.encode()) > MAX_ENV_BYTES:
        yield _error("text", path, f"is longer than {MAX_ENV_BYTES} bytes", "write less")


def secret_findings(secrets: Secrets) -> Iterator[Finding]:
    """Check the secrets' sizes; no message ever shows a value."""
    for name, value in secrets.items():
        path = (SECRET_PARAMS[name],)
        text = value.reveal()
        if not text:
            yield _error("secret", path, "is empty", "leave it out")
        elif _SURROGATE.search(text) or "\0" in text:
            yield _error("secret", path, "holds NUL or a lone surrogate")
        elif len(text.encode()) > MAX_ENV_BYTES:
            yield _error("secret", path, f"is longer than {MAX_ENV_BYTES} bytes, and reaches pods as a variable")


def late_secret_findings(plan: RunPlan, secrets: Secrets) -> Iterator[Finding]:
    """Check secrets that a plan is rendered with: their sizes, and that no ``env_vars`` sets the same name."""
    yield from secret_findings(secrets)
    taken = {name for name, secret, _ in SECRET_VARIABLES if secret in secrets.names()}
    plain = {variable.name for pods in plan.pods for variable in pods.env}
    moved = {variable.name for pods in plan.pods for variable in pods.secret_env if variable.needs is None}
    for name in sorted(taken & (plain | moved)):
        yield _taken(("env_vars", name))


def env_findings(split: Split, secrets: Collection[SecretName]) -> Iterator[Finding]:
    """Check every ``env_vars`` table of the config, and that none sets what a given secret sets."""
    taken = {name for name, secret, _ in SECRET_VARIABLES if secret in secrets}
    tables: list[tuple[KeyPath, Mapping[str, str]]] = [(("env_vars",), split.launch.env_vars)]
    components = (("trainer", split.trainer), ("orchestrator", split.orchestrator), ("inference", split.inference))
    for name, component in components:
        if component is not None:
            tables.append(((name, "env_vars"), component.resolved.get("env_vars") or {}))
    for path, table in tables:
        for variable, value in table.items():
            yield from _variable((*path, variable), variable, value, taken)
        if sum(len(variable) + len(value) for variable, value in table.items()) > MAX_ENV_TABLE_BYTES:
            yield _error("env-vars-size", path, f"takes more than {MAX_ENV_TABLE_BYTES} bytes", "use files")


def _variable(path: KeyPath, name: str, value: str, taken: Collection[str]) -> Iterator[Finding]:
    if not is_env_name(name):
        message = f"{shown(name)} is no name of an environment variable"
        yield _error("env-var-name", path, message, "letters, digits and '_', no digit first")
    elif is_protected_env(name):
        yield _error("env-var-protected", path, "only the launcher sets this variable", "leave it out")
    elif name in taken:
        yield _taken(path)
    if "\0" in value or _SURROGATE.search(value):
        yield _error("env-var-value", path, "the value holds NUL or a lone surrogate")
    elif len(value.encode()) > MAX_ENV_BYTES:
        yield _error("env-var-value", path, f"the value is longer than {MAX_ENV_BYTES} bytes", "use a file")


def _taken(path: KeyPath) -> Finding:
    return _error("env-var-secret", path, "the run's own secret sets this variable", "give it in one place")


def _error(code: str, path: KeyPath, message: str, hint: str | None = None) -> Finding:
    return Finding(code=f"plan.{code}", path=path, message=message, hint=hint)
