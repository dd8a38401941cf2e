"""How planning says something: findings with codes ``plan.<what>``, at a key of the user or of the platform."""

from __future__ import annotations

from rlsplit.findings import Finding, KeyPath, Severity


def error(
    code: str, path: KeyPath, message: str, hint: str | None = None, *, related: tuple[KeyPath, ...] = ()
) -> Finding:
    """Refuse what stands at a key."""
    return Finding(code=f"plan.{code}", path=path, message=message, hint=hint, related=related)


def note(code: str, path: KeyPath, message: str, hint: str | None = None, severity: Severity = "notice") -> Finding:
    """Say what is worth knowing of a key, or with ``warning`` what a person must look after."""
    return Finding(code=f"plan.{code}", severity=severity, path=path, message=message, hint=hint)


def on_platform(code: str, setting: KeyPath, message: str, hint: str) -> Finding:
    """Warn of a setting of the platform that a person should change for such runs."""
    path: KeyPath = ("platform", *setting)
    return Finding(code=f"plan.{code}", severity="warning", about="platform", path=path, message=message, hint=hint)
