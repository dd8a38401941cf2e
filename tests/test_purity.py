"""Library code touches nothing but its arguments."""

from __future__ import annotations

import builtins
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

import rlsplit
from conftest import ROOT
from goldens import ABLE

FIXTURES = sorted((ROOT / "fixtures").glob("*/rl.toml"))
assert len(FIXTURES) >= 8


class Untouchable(dict[str, str]):
    """Stands for ``os.environ`` while nothing may read it."""

    def __getitem__(self, key: str) -> str:
        raise AssertionError(f"read environment variable {key}")

    def get(self, key: str, default: Any = None) -> Any:
        raise AssertionError(f"read environment variable {key}")

    def __contains__(self, key: object) -> bool:
        raise AssertionError(f"read environment variable {key}")


def compiled(text: str) -> str:
    config = rlsplit.parse(text)
    split = rlsplit.split(config)
    plan = rlsplit.plan(split, run=rlsplit.Run(id="pure"), platform=ABLE)
    return rlsplit.to_yaml(rlsplit.render(plan, secrets=rlsplit.Secrets(wandb_api_key="k")))


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def forbidden(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError(f"touched the outside: {arguments} {options}")

    for owner, names in {
        builtins: ("open", "input", "print"),
        os: ("open", "listdir", "stat", "scandir", "getcwd", "urandom", "system", "getenv"),
        socket: ("socket", "create_connection", "getaddrinfo"),
        subprocess: ("Popen", "run"),
        time: ("time", "time_ns", "monotonic", "localtime", "gmtime"),
        random: ("random", "randint", "getrandbits"),
    }.items():
        for name in names:
            monkeypatch.setattr(owner, name, forbidden)
    monkeypatch.setattr(os, "environ", Untouchable())
    yield
    monkeypatch.undo()


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.parent.name)
def test_a_compile_touches_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    expected = compiled(text)  # imports and builds what is built once
    request.getfixturevalue("sealed")
    again = compiled(text)
    monkeypatch.undo()
    assert again == expected


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_rlsplit_loads_neither_templates_nor_yaml_nor_the_command_line() -> None:
    modules = loaded_by("import rlsplit")
    assert not modules & {"jinja2", "yaml", "argparse", "pydantic", "rlsplit.cli", "rlsplit.startup"}


def test_parsing_and_splitting_load_no_templates() -> None:
    modules = loaded_by("import rlsplit; rlsplit.parse; rlsplit.split")
    assert not modules & {"jinja2", "yaml", "argparse", "rlsplit.cli", "rlsplit.startup", "rlsplit.manifests"}


def test_no_environment_package_is_imported() -> None:
    text = (ROOT / "fixtures" / "reverse-text" / "rl.toml").read_text(encoding="utf-8")
    modules = loaded_by(f"import rlsplit; rlsplit.split(rlsplit.parse({text!r}))")
    assert not modules & {"verifiers", "renderers", "prime_rl", "reverse_text", "torch"}


def test_the_public_names_exist() -> None:
    for name in rlsplit.__all__:
        assert getattr(rlsplit, name) is not None
    assert sorted(rlsplit.__all__) == rlsplit.__all__
    with pytest.raises(AttributeError, match="nothing_such"):
        rlsplit.nothing_such  # noqa: B018
