"""What a run may ask for beside its config: ids, tags, secrets and environment variables."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from rlsplit.findings import Finding, KeyPath, shown
from rlsplit.kubernetes import is_dns_subdomain, is_env_name, is_image_tag, is_label_value
from rlsplit.plain_data import SURROGATE
from rlsplit.planning.model import RunPlan
from rlsplit.planning.said import error
from rlsplit.planning.secret_checks import given_secret_findings
from rlsplit.planning.settings import RunSettings, Value
from rlsplit.planning.subject import env_tables
from rlsplit.platform import Platform
from rlsplit.platform.protected_env import is_protected_env
from rlsplit.run import Run
from rlsplit.secrets import RUN_SECRETS, SecretName, Secrets
from rlsplit.unsafe_variables import never_set

MAX_ENV_BYTES: Final = 100_000
"""Linux takes 131,071 bytes in one environment string."""
MAX_ENV_TABLE_BYTES: Final = 200_000
"""A Secret holds 1 MiB, which four tables and the run's own secrets must not exceed together."""

MAX_ENV_VARS: Final = 1_000
"""Each becomes an entry of every container that takes it, and a secret one a key of the Secret."""
MAX_ATTEMPT: Final = 1_000_000
"""The number is a part of a path."""

_RUN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,63}\Z")


def given_findings(run: Run, platform: Platform | None, secrets: Secrets | None) -> Iterator[Finding]:
    """Check what comes beside the config, whatever that says."""
    yield from platform.findings if platform else ()
    yield from run_findings(run)
    yield from secret_findings(secrets) if secrets else ()
    yield from given_secret_findings(platform, secrets) if platform and secrets else ()


def run_findings(run: Run) -> Iterator[Finding]:
    """Check the run's own settings; paths are the API's names."""
    for param, run_id in (("runId", run.id), ("resumeFrom", run.resume_from)):
        if run_id is not None and (not _RUN_ID.match(run_id) or run_id in (".", "..")):
            message = f"{shown(run_id)} cannot name a directory and a W&B run"
            yield _given("run-id", (param,), message, "1 to 63 letters, digits and ._-")
    if not 1 <= run.attempt <= MAX_ATTEMPT:
        yield _given("attempt", ("attempt",), f"is {shown(run.attempt)}", f"at least 1, at most {MAX_ATTEMPT}")
    if not is_image_tag(run.image_tag):
        message = f"{shown(run.image_tag)} is no image tag"
        yield _given("image-tag", ("imageTag",), message, "letters, digits and _.-, at most 128")
    if run.gpu_type is not None and not (run.gpu_type and is_label_value(run.gpu_type)):
        message = f"{shown(run.gpu_type)} cannot be the value of a node label"
        yield _given("gpu-type", ("gpuType",), message, "at most 63 letters, digits and inner ._-")
    if run.volume is not None and not is_dns_subdomain(run.volume):
        yield _given("volume", ("volume",), f"{shown(run.volume)} is no name of a volume claim")
    yield from _texts(run)


def _texts(run: Run) -> Iterator[Finding]:
    params = (
        ("name", run.name),
        ("teamId", run.team_id),
        ("sourceRef", run.source_ref),
        ("sourceRepo", run.source_repo),
    )
    for param, text in params:
        yield from _text((param,), text or "", "run")
        if text == "" and param != "name":
            yield _given("text", (param,), "is empty", "leave it out")


def run_name_findings(name: Value[str]) -> Iterator[Finding]:
    """Check a run name that came from the config."""
    yield from _text(name.key, name.value, "config")


def _text(path: KeyPath, text: str, about: Literal["config", "run"]) -> Iterator[Finding]:
    tell = _given if about == "run" else error
    if "\0" in text or SURROGATE.search(text):
        yield tell("text", path, "holds NUL or a lone surrogate", "write plain text")
    elif len(text.encode()) > MAX_ENV_BYTES:
        yield tell("text", path, f"is longer than {MAX_ENV_BYTES} bytes", "write less")


def secret_findings(secrets: Secrets) -> Iterator[Finding]:
    """Check the secrets' sizes; no message ever shows a value."""
    for name, value in secrets.items():
        path = (RUN_SECRETS[name].param,)
        text = value.reveal()
        if not text:
            yield _given("secret", path, "is empty", "leave it out")
        elif SURROGATE.search(text) or "\0" in text:
            yield _given("secret", path, "holds NUL or a lone surrogate")
        elif len(text.encode()) > MAX_ENV_BYTES:
            yield _given("secret", path, f"is longer than {MAX_ENV_BYTES} bytes, and reaches pods as a variable")


def late_secret_findings(plan: RunPlan, secrets: Secrets) -> Iterator[Finding]:
    """Check secrets that a plan first sees when it is rendered: as :func:`rlsplit.plan` does with those it is given."""
    yield from secret_findings(secrets)
    yield from given_secret_findings(plan.platform, secrets)
    taken = _variables_of(secrets.names())
    plain = {variable.name for pods in plan.containers for variable in pods.env}
    moved = {variable.name for pods in plan.containers for variable in pods.secret_env if variable.needs is None}
    for name in sorted(taken & (plain | moved)):
        yield _taken(("env_vars", name))


def env_findings(
    settings: RunSettings, secrets: Collection[SecretName], protected: Collection[str]
) -> Iterator[Finding]:
    """Check every ``env_vars`` table of the config, and that none sets what a given secret or the launcher sets."""
    taken = _variables_of(secrets)
    for _, table in env_tables(settings):
        if len(table.value) > MAX_ENV_VARS:
            message = f"holds {len(table.value)} variables, more than {MAX_ENV_VARS}"
            yield error("env-vars-size", table.key, message, "use files")
            continue
        for variable, value in table.value.items():
            yield from _variable((*table.key, variable), variable, value, taken, protected)
        if sum(len(variable) + len(value) for variable, value in table.value.items()) > MAX_ENV_TABLE_BYTES:
            yield error("env-vars-size", table.key, f"takes more than {MAX_ENV_TABLE_BYTES} bytes", "use files")


def _variables_of(secrets: Collection[SecretName]) -> set[str]:
    return {RUN_SECRETS[name].variable for name in secrets}


def _variable(
    path: KeyPath, name: str, value: str, taken: Collection[str], protected: Collection[str]
) -> Iterator[Finding]:
    if not is_env_name(name):
        message = f"{shown(name)} is no name of an environment variable"
        yield error("env-var-name", path, message, "letters, digits and '_', no digit first")
    elif is_protected_env(name, protected):
        yield error("env-var-protected", path, "only the launcher sets this variable", "leave it out")
    elif reason := never_set(name):
        yield error(
            "env-var-unsafe", path, f"no config may set this variable: {reason}", _INSTEAD.get(name, "leave it out")
        )
    elif name in taken:
        yield _taken(path)
    if "\0" in value or SURROGATE.search(value):
        yield error("env-var-value", path, "the value holds NUL or a lone surrogate")
    elif len(value.encode()) > MAX_ENV_BYTES:
        yield error("env-var-value", path, f"the value is longer than {MAX_ENV_BYTES} bytes", "use a file")


_INSTEAD: Final[Mapping[str, str]] = {
    "PRIME_RL_REF": "leave it out, and pass sourceRef beside the config",
    "PRIME_RL_REPO": "leave it out, and pass sourceRepo beside the config",
}


def _taken(path: KeyPath) -> Finding:
    return error("env-var-secret", path, "the run's own secret sets this variable", "give it in one place")


def _given(code: str, path: KeyPath, message: str, hint: str | None = None) -> Finding:
    """About what came beside the config."""
    return replace(error(code, path, message, hint), about="run")
