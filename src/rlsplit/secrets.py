"""Everything that is known about secrets: which a run may have, how their names look, and a text that hides itself.

One table for the Secret's keys, the pods' variables, the request's fields and the command line; one predicate
for names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import translate
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal, NoReturn

from rlsplit.components import ComponentName
from rlsplit.findings import KeyPath

SecretName = Literal["wandb_api_key", "hf_token", "prime_api_key"]
"""Field of :class:`Secrets`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSecret:
    """One secret that a run may have."""

    name: SecretName
    key: str
    """Key in the run's Secret; those of W&B and Hugging Face are prime-rl's own chart's."""
    variable: str
    """Environment variable that brings it to the pods, and that ``--secrets-from-env`` reads."""
    param: str
    """What findings call it: its name in the API's request."""
    components: tuple[ComponentName, ...]
    """Whose pods get it."""


RUN_SECRETS: Final[Mapping[SecretName, RunSecret]] = MappingProxyType(
    {
        secret.name: secret
        for secret in (
            RunSecret(
                name="wandb_api_key",
                key="wandb-api-key",
                variable="WANDB_API_KEY",
                param="wandbApiKey",
                components=("trainer", "orchestrator"),
            ),
            RunSecret(
                name="hf_token",
                key="hf-token",
                variable="HF_TOKEN",
                param="hfToken",
                components=("trainer", "orchestrator", "inference", "env-server"),
            ),
            RunSecret(
                name="prime_api_key",
                key="prime-api-key",
                variable="PRIME_API_KEY",
                param="primeApiKey",
                components=("orchestrator", "env-server"),
            ),
        )
    }
)
"""Every secret, in the order of the Secret's keys."""

SECRET_WORDS: Final = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS")
"""Endings of names of environment variables and headers whose values are secret."""

SECRET_GLOBS: Final = tuple(f"*{word}" for word in SECRET_WORDS)
"""The same as globs: what a platform moves to the Secret unless it says otherwise."""

_HOLDERS: Final = ("env_vars", "headers", "env")
"""Endings of the names of tables that hold environment variables and headers."""


def is_secret(path: KeyPath) -> bool:
    """Whether the value of a key looks like a secret, so that no message and no preview spells it out."""
    return any(
        isinstance(name, str) and name.upper().endswith(SECRET_WORDS)
        for parent, name in pairwise(path)
        if isinstance(parent, str) and parent.endswith(_HOLDERS)
    )


def is_secret_variable(name: str) -> bool:
    """Whether a pod's variable looks like a secret by its name."""
    return is_secret(("env", name))


def matches_any(name: str, globs: tuple[str, ...]) -> bool:
    """Whether a name fits one of the globs, without regard to case."""
    return _any_of(globs).match(name.upper()) is not None


@lru_cache(maxsize=64)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    """Globs as one pattern for a text in upper case; without any it matches nothing."""
    return re.compile("|".join(translate(glob.upper()) for glob in globs) or r"(?!)")


class SecretText:
    """A text that shows itself only through :meth:`reveal`: not in ``repr``, ``str``, logs or pickles."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself; called where the run's Secret is built, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "SecretText('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and self._text == other._text

    def __hash__(self) -> int:
        return hash((SecretText, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __deepcopy__(self, memo: object) -> SecretText:
        return self


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Secrets:
    """The secret values of one run. They end up in its Secret, referenced by key, and nowhere else."""

    wandb_api_key: SecretText | None
    """W&B key, for the trainer and the orchestrator."""
    hf_token: SecretText | None
    """Hugging Face token, for every component but the router."""
    prime_api_key: SecretText | None
    """Token of the platform's run monitor, for the orchestrator and the environment servers."""

    def __init__(
        self,
        *,
        wandb_api_key: str | SecretText | None = None,
        hf_token: str | SecretText | None = None,
        prime_api_key: str | SecretText | None = None,
    ) -> None:
        object.__setattr__(self, "wandb_api_key", _wrapped(wandb_api_key))
        object.__setattr__(self, "hf_token", _wrapped(hf_token))
        object.__setattr__(self, "prime_api_key", _wrapped(prime_api_key))

    def __repr__(self) -> str:
        return f"Secrets({', '.join(f'{name}=***' for name, _ in self.items())})"

    def items(self) -> Iterator[tuple[SecretName, SecretText]]:
        """Give the secrets that have a value, in the order of the Secret's keys."""
        for name in RUN_SECRETS:
            value: SecretText | None = getattr(self, name)
            if value is not None:
                yield name, value

    def names(self) -> frozenset[SecretName]:
        """Tell which secrets have a value."""
        return frozenset(name for name, _ in self.items())


def _wrapped(value: str | SecretText | None) -> SecretText | None:
    return SecretText(value) if isinstance(value, str) else value


assert tuple(RUN_SECRETS) == tuple(field.name for field in fields(Secrets))  # one list of names
