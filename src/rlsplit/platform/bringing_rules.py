"""Rules about what operators bring along: Secrets and ServiceAccounts that are there already."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rlsplit.findings import Finding
from rlsplit.platform.judging import Format, Rule, conflict, finding, misfit, own_keys
from rlsplit.platform.settings import PlatformSettings

_SECRET_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")
_KEY_FORM: Final = Format(
    "a key of a Secret: letters, digits and -._, at most 253",
    lambda text: bool(_SECRET_KEY.match(text)) and text not in (".", ".."),
)


def _existing_secret(platform: PlatformSettings) -> Iterator[Finding]:
    if platform.existing_secret is not None and not platform.secret_keys:
        hint = 'write secret_keys = { hf_token = "<key>" }'
        yield finding("conflict", ("existing_secret",), "needs secret_keys, which say what it holds", hint)
    if platform.existing_secret is None and platform.secret_keys:
        yield conflict("secret_keys", "has no effect without existing_secret")
    for name, key in platform.secret_keys.items():
        yield from misfit(("secret_keys", name), key, _KEY_FORM)


def _service_account(platform: PlatformSettings) -> Iterator[Finding]:
    yield from own_keys(("service_account_annotations",), platform.service_account_annotations)
    if platform.service_account is not None and platform.service_account_annotations:
        message = "annotates the run's own ServiceAccount, and service_account names another one"
        yield conflict("service_account_annotations", message)


BRINGING_RULES: Final[tuple[Rule, ...]] = (_existing_secret, _service_account)
