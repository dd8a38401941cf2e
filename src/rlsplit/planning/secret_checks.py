"""Where a run's secrets come from: with the request, moved out of ``env_vars``, or from a Secret that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from rlsplit.findings import Finding
from rlsplit.planning.said import error
from rlsplit.planning.subject import Subject, env_tables
from rlsplit.platform import Platform
from rlsplit.secrets import RUN_SECRETS, SecretName, Secrets

MAX_SECRET_KEY: Final = 253
"""Longest key of a Secret."""


def known_secrets(platform: Platform, secrets: Secrets | None) -> frozenset[SecretName] | None:
    """Give the secrets that a run has; None: not known until it is rendered."""
    if platform.existing_secret is not None:
        return frozenset(platform.secret_keys)
    return None if secrets is None else frozenset(secrets.names())


def given_secret_findings(platform: Platform, secrets: Secrets) -> Iterator[Finding]:
    """Refuse secrets that come with the request where the platform has its own Secret."""
    if platform.existing_secret is None:
        return
    for name in RUN_SECRETS:
        if name in secrets.names():
            message = f"the platform takes secrets from its own Secret {platform.existing_secret}"
            finding = error("secret-elsewhere", (RUN_SECRETS[name].param,), message, "leave it out")
            yield replace(finding, about="run")


def moved_secret_findings(subject: Subject) -> Iterator[Finding]:
    """Check that what looks like a secret in ``env_vars`` can be moved to the run's Secret."""
    elsewhere = subject.platform.existing_secret
    for _, table in env_tables(subject.settings):
        for name, value in table.value.items():
            if not subject.is_secret(name, value):
                continue
            key = subject.secret_keys[name, value]
            if elsewhere is not None:
                message = f"looks like a secret, and no Secret is rendered beside {elsewhere}"
                hint = "keep it there, and bring it to the pods with pod_patch: env with valueFrom.secretKeyRef"
                yield error("secret-elsewhere", (*table.key, name), message, hint)
            elif len(key) > MAX_SECRET_KEY:
                message = f"its key in the Secret would have {len(key)} characters, of at most {MAX_SECRET_KEY}"
                yield error("secret-key", (*table.key, name), message, "give the variable a shorter name")
