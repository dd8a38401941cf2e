"""Everything that is known about secrets: which a run may have, how their names look, and a text that hides itself.

One table for the Secret's keys, the pods' variables, the request's fields and the command line. One predicate for
names and one for values: what findings, excerpts, previews, diffs and explanations show, and what moves to the Secret,
follow them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import translate
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn

from rlsplit.components import ComponentName
from rlsplit.plain_types import is_list, is_table
from rlsplit.secret_names import NAMING, OPTION, is_secret_name, is_secret_option

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
                components=("trainer", "orchestrator", "evals"),
            ),
            RunSecret(
                name="hf_token",
                key="hf-token",
                variable="HF_TOKEN",
                param="hfToken",
                components=("trainer", "orchestrator", "evals", "inference", "prefill", "decode", "env-server"),
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

COVER: Final = "***"
"""Stands in a text for a part that looks like a secret."""

HIDDEN: Final = "(not shown)"
"""Stands in place of a value that looks like a secret."""

SECRET_PREFIXES: Final = (
    *("hf_", "sk-", "sk_live_", "sk_test_", "rk_live_", "rk_test_", "gsk_", "xai-", "nvapi-", "pplx-", "r8_"),
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "npm_", "pypi-", "dckr_pat_"),
    *("xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-", "SG.", "shpat_", "dop_v1_"),
    *("AKIA", "ASIA", "AIza", "ya29.", "eyJ", "wandb_v1_", "AGE-SECRET-KEY-", "lin_api_", "ntn_", "tgp_v1_"),
)
"""How values begin that services hand out as secrets."""

_KNOWN_VALUE: Final = re.compile(
    rf"(?<![A-Za-z0-9_-])(?:{'|'.join(map(re.escape, SECRET_PREFIXES))})[A-Za-z0-9_.+/=-]{{6,}}"
    r"|(?<=Bearer )[^\s\"']+|(?<=Basic )[A-Za-z0-9+/=]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END).){0,10000}",
    re.DOTALL,
)
_NAMED_VALUE: Final = r"\"(?:[^\"\\\n]|\\.){1,10000}\"?|'[^'\n]{1,10000}'?|[^\s\"',;&|})\]]+"
_OPTION: Final = re.compile(
    rf"(?<![\w-])--(?P<name>[A-Za-z][\w.-]{{0,100}})(?:=|[ \t]{{1,20}}(?!-))(?P<value>{_NAMED_VALUE})"
)
"""An option of a command line with its value."""
_MEMBER: Final = re.compile(
    rf"[\"'](?P<name>[\w.-]{{1,100}})[\"'] ?:\s{{0,20}}(?!true\b|false\b|null\b)"
    rf"(?P<value>\[[^\]]{{0,10000}}|\{{[^}}]{{0,10000}}|{_NAMED_VALUE})"
)
"""A key of JSON with its value, as far as one needs to look."""
_SIGNS_OF_JSON: Final = ('":', '" :', "':", "' :")
_BEGINNING: Final = re.compile(
    "|".join(map(re.escape, (*SECRET_PREFIXES, "Bearer ", "Basic ", "://", "--", *_SIGNS_OF_JSON))),
)
"""What a text has that holds a secret. Without a look behind, the search skips what no alternative begins with."""
_USERINFO: Final = re.compile(r"(?<=://)(?!git@)(?:[^/\s\"'@?#:]{0,200}:[^\s\"'@]{0,500}|[^/\s\"'@?#]{1,500})(?=@)")
_QUERY: Final = re.compile(r"(?<=://)([^\s\"'?#]{1,500}\?)[^\s\"'#]+")


def is_secret(path: Sequence[str | int]) -> bool:
    """Whether the value at a key path looks like a secret by a name on it, so that nobody is shown it."""
    above: str | int = ""
    for part in path:
        if isinstance(part, str) and is_secret_name(part) and not (isinstance(above, str) and above.endswith(NAMING)):
            return True
        above = part
    return False


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Find the parts of a text that look like secrets, whatever it stands under.

    That is what begins like one that services hand out, userinfo and query of URLs, and what a command line or JSON in
    it gives to a secret name. In order, not overlapping.
    """
    if _BEGINNING.search(text) is None:
        return []
    spans = [match.span() for match in _KNOWN_VALUE.finditer(text)]
    if "://" in text:
        spans += [match.span() for match in _USERINFO.finditer(text)]
        spans += [(match.end(1), match.end()) for match in _QUERY.finditer(text)]
    spans += [match.span("value") for match in _OPTION.finditer(text) if is_secret_option(match["name"])]
    spans += [match.span("value") for match in _MEMBER.finditer(text) if is_secret_name(match["name"])]
    return joined_spans(spans)


def joined_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join parts of a text that overlap or touch. In order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def is_secret_value(value: object) -> bool:
    """Whether a value looks like a secret whatever it is called."""
    return isinstance(value, str) and bool(secret_spans(value))


def masked(text: str) -> str:
    """Spell a text with ``***`` for its parts that look like secrets."""
    parts: list[str] = []
    at = 0
    for start, end in secret_spans(text):
        parts += (text[at:start], COVER)
        at = end
    return "".join([*parts, text[at:]])


_WORDS: Final = re.compile(r"[a-z]+(?:[_-][a-z]+)*(?:[_-]?[0-9]{1,2})?\Z")
"""A key of plain words, which is no secret though one may begin like it: ``hf_overrides``."""


@lru_cache(maxsize=4096)
def covered_key(key: str) -> str:
    """Spell a key as it may be shown: a secret may be written where it belongs behind a key."""
    return key if _WORDS.match(key) else masked(key)


def is_secret_variable(name: str, value: object = "") -> bool:
    """Whether a variable or a header looks like a secret, by its name or by its value, as far as that is known."""
    return is_secret_name(name) or is_secret_value(value)


def hidden(
    value: Any,
    hide: Callable[[Any], Any] = lambda _: HIDDEN,
    path: Sequence[str | int] = (),
    looks_secret: Callable[[str], bool] = is_secret_value,
    show_key: Callable[[str], str] = covered_key,
) -> Any:
    """Copy plain data with every value hidden that looks like a secret, by a name on its path or by itself.

    ``looks_secret`` is :func:`is_secret_value`, or remembers what that said; ``show_key`` spells the keys.
    """
    above, key = ("", "", *path)[-2:]
    return _Hiding(hide, looks_secret, show_key).of(value, above, key)


@dataclass(frozen=True, slots=True)
class _Hiding:
    hide: Callable[[Any], Any]
    looks_secret: Callable[[str], bool]
    show_key: Callable[[str], str]

    def of(self, value: Any, above: str | int, key: str | int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if (isinstance(value, str) and self.looks_secret(value)) or is_secret_key(above, key):
            return self.hide(value)
        if is_table(value):
            shown = {self.show_key(name): self.of(item, key, name) for name, item in value.items()}
            return self._beside(shown, value, key) if "value" in value else shown
        if is_list(value):
            items = [self.of(item, key, 0) for item in value]
            return self._beside(items, value, key)
        return value

    def _beside(self, shown: Any, value: Any, key: str | int) -> Any:
        """Hide what is a secret by what stands beside it."""
        for name in _named_beside(value, key):
            item = value[name]
            if not (item is None or isinstance(item, bool)):
                shown[name] = self.hide(item)
        return shown


def _named_beside(value: Any, key: str | int) -> Collection[str | int]:
    """Which items of a table or list look like secrets by what stands beside them.

    That is what follows an option, ``["--api-key", ...]``; the ``value`` of a table whose ``name`` or ``key`` is one;
    and the second of a pair in a list of pairs, whose first is a name.
    """
    if is_table(value):
        names = (value.get("name"), value.get("key"))
        return ("value",) if any(isinstance(name, str) and is_secret_name(name) for name in names) else ()
    if len(value) == 2 and isinstance(key, int) and isinstance(value[0], str) and is_secret_name(value[0]):
        return (1,)
    options = [number for number, item in enumerate(value) if item.__class__ is str and item[:2] == OPTION]
    if not options:
        return ()  # nearly all lists
    follow = {number + 1 for number in options if is_secret_option(value[number][2:])}
    return follow.difference(options, (len(value),))


@lru_cache(maxsize=4096)
def is_secret_key(above: str | int, key: str | int) -> bool:
    """Whether the value of a key in the table ``above`` looks like a secret by these two names."""
    return is_secret((above, key))


def secret_paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Find what :func:`hidden` hides and is not empty, by its path below ``path``."""
    above, key = ("", "", *path)[-2:]
    if _is_nothing(value):
        return
    if (isinstance(value, str) and secret_spans(value)) or is_secret_key(above, key):
        yield path
    elif is_table(value):
        beside = _named_beside(value, key) if "value" in value else ()
        for name, item in value.items():
            if name in beside and not _is_nothing(item):
                yield (*path, name)
            elif item.__class__ not in _NEVER_SECRET or is_secret_key(key, name):
                yield from secret_paths(item, (*path, name))
    elif is_list(value):
        beside = _named_beside(value, key)
        for index, item in enumerate(value):
            if index in beside and not _is_nothing(item):
                yield (*path, index)
            else:
                yield from secret_paths(item, (*path, index))


def _is_nothing(value: Any) -> bool:
    return value is None or isinstance(value, bool) or value in ("", [], {})


_NEVER_SECRET: Final = frozenset([int, float, bool, type(None)])
"""Types whose values look like a secret by their names alone."""


def holds_secret(path: Sequence[str | int], value: Any) -> bool:
    """Whether a value, or anything in it, looks like a secret."""
    found: list[Any] = []
    hidden(value, found.append)
    return bool(found) or (not (value is None or isinstance(value, bool)) and is_secret(path))


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
