"""How the names of secrets look: of keys, variables, headers, and of options of command lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from rlsplit.words import words_of

SECRET_WORDS: Final = frozenset(
    (
        *("auth", "authorization", "cookie", "credential", "key", "pass", "passphrase", "passwd", "password", "pat"),
        *("pwd", "secret", "token"),
    )
)
"""Words, anywhere in a name, that tell of a secret; plurals are the same word."""

_SECRET_ENDINGS: Final = ("key", "token", "password", "passwd", "secret")
"""What a word is secret by that was written together: ``apikey``, ``HFTOKEN``."""

_ORDINARY_WORDS: Final = frozenset(["donkey", "hockey", "hotkey", "jockey", "keykey", "monkey", "turkey", "whiskey"])

_COUNTING: Final = frozenset(
    ["budget", "count", "len", "length", "limit", "max", "min", "n", "num", "number", "per", "size", "total"]
)
_KINDS_OF_TOKENS: Final = frozenset(
    (
        *("batch", "bos", "chunk", "completion", "context", "eos", "logprob", "mask", "output", "pad", "prompt"),
        *("reasoning", "special", "stop", "thinking", "unk"),
    )
)
_PASSING: Final = frozenset(["at", "count", "fraction", "k", "num", "rate", "threshold", "through"])
_PUBLIC_COMPANY: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"token": _COUNTING | _KINDS_OF_TOKENS, "key": _COUNTING, "pass": _PASSING}
)
"""A secret word, and those beside which it means something else: ``max_tokens``, ``keys_per_page``, ``pass_rate``."""

PUBLIC_NAMES: Final = frozenset(
    (
        *("demo_key", "enable_token_export", "non_cached_tokens"),
        *("existing_secret", "image_pull_secrets", "secret_env_patterns", "secret_keys", "topology_key"),
    )
)
"""Declared fields of prime-rl's sections and of the platform that have such a word, and hold no secret."""

_NAME_OF_VARIABLE: Final = "_var"
"""Ending of names of fields that name an environment variable, and do not hold its value."""

NAMING: Final = ("_from_env", "_from_state")
"""Endings of names of tables whose values name what holds a header's value."""


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether the value of a key, variable or header looks like a secret by its name.

    A word of the name is one of :data:`SECRET_WORDS`, the name is no declared field's, and it neither names a variable
    (``api_key_var``) nor counts tokens or keys.
    """
    if _MAY_BE_SECRET.search(name.lower()) is None:
        return False  # nearly all names; to take them apart would be most of the work
    if name in PUBLIC_NAMES or name.lower().endswith(_NAME_OF_VARIABLE):
        return False
    words = words_of(name)
    return any(_is_secret_word(word) and not words & _PUBLIC_COMPANY.get(word, _NOTHING) for word in words)


_NOTHING: Final = frozenset[str]()
_MAY_BE_SECRET: Final = re.compile("|".join(map(re.escape, sorted({*SECRET_WORDS, *_SECRET_ENDINGS}))))
"""Every word that makes a name secret is a piece of the name in lower case."""


def _is_secret_word(word: str) -> bool:
    return word in SECRET_WORDS or (word.endswith(_SECRET_ENDINGS) and word not in _ORDINARY_WORDS)


OPTION: Final = "--"
"""What options of command lines begin with."""


@lru_cache(maxsize=4096)
def is_secret_option(name: str) -> bool:
    """Whether the value of an option, named without its dashes, looks like a secret."""
    return is_secret_name(name) and not name.endswith(NAMING_OPTIONS)


NAMING_OPTIONS: Final = ("-from-env", "_from_env")
"""Endings of options that name variables, or tell to read them: ``--secrets-from-env``."""
