"""Run: what is chosen for one run and not for the whole cluster, and the secrets that come with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final, Literal, NoReturn

SecretName = Literal["wandb_api_key", "hf_token", "prime_api_key"]

SECRET_KEYS: Final[Mapping[SecretName, str]] = MappingProxyType(
    {"wandb_api_key": "wandb-api-key", "hf_token": "hf-token", "prime_api_key": "prime-api-key"}
)
"""Field of :class:`Secrets` to key in the run's Secret; the first two are those of prime-rl's own chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One start of one run."""

    id: str | None = None
    """Names the run's directory, its objects and its W&B run: at most 63 of ``[A-Za-z0-9._-]``.

    None derives one from a hash of the name and the config, so that a changed config is another run.
    """
    name: str | None = None
    """Display name; None takes the config's."""
    attempt: int = 1
    """Number of this start of the run, from 1; going on from a checkpoint is the next attempt."""
    image_tag: str = "main"
    """Tag of the prime-rl image."""
    team_id: str | None = None
    """Owning team, for an annotation."""
    gpu_type: str | None = None
    """Value of the node label ``Platform.gpu_type_label`` that GPU pods ask for; None asks for nothing."""
    volume: str | None = None
    """Existing PersistentVolumeClaim for this run; wins over ``Platform.existing_claim``."""
    source_ref: str | None = None
    """Commit, branch or tag of prime-rl that the image checks out before it starts (``PRIME_RL_REF``)."""
    source_repo: str | None = None
    """Repository of ``source_ref`` (``PRIME_RL_REPO``); None leaves the image's own."""


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
        for name in SECRET_KEYS:
            value: SecretText | None = getattr(self, name)
            if value is not None:
                yield name, value

    def names(self) -> frozenset[SecretName]:
        """Tell which secrets have a value."""
        return frozenset(name for name, _ in self.items())


def _wrapped(value: str | SecretText | None) -> SecretText | None:
    return SecretText(value) if isinstance(value, str) else value


assert tuple(SECRET_KEYS) == tuple(field.name for field in fields(Secrets))  # one list of names
