"""Configurations compiled for previews: fixtures, edited ones, and one whose every name is hostile."""

from __future__ import annotations

from pathlib import Path

from goldens import FIXTURES, platform_of, run_id
from rlsplit.compiler import Target, compile_sources
from rlsplit.document import Source
from rlsplit.platform import Platform
from rlsplit.preview import Compiled
from rlsplit.preview import previewed as shown
from rlsplit.run import Run
from rlsplit.secrets import Secrets

HOSTILE_NAME = "\"]; <script>alert(1)</script> | `` ``` ~~~ [x](y) <!-- @org #1 {{7*7}} ${x} end %% \\|'&quot;\n</details>\u202e\x1b[2J"
SECRET = "hunter2-in-plain-text"


def fixture(name: str) -> Path:
    """A good fixture by its folder."""
    return FIXTURES / name / "rl.toml"


def previewed(content: str | Path, *, platform: Platform | None = None, secrets: Secrets | None = None) -> Compiled:
    """Compile a text or a fixture under a fixed run id."""
    source = Source(name="rl.toml", content=content if isinstance(content, str) else content.read_bytes())
    run = Run(id="run-1" if isinstance(content, str) else run_id(content), image_tag="sha-559b447")
    own = Platform(namespace="rl-runs") if isinstance(content, str) else platform_of(content, namespace="rl-runs")
    target = Target(run=run, platform=platform or own, secrets=secrets or Secrets())
    return shown(compile_sources([source], until="plan", target=target), target)


def hostile() -> str:
    """A config that is accepted although its names try to break out of everything."""
    name = toml_string(HOSTILE_NAME)
    harmless = toml_string(HOSTILE_NAME.replace("/", "-"))
    text = fixture("reverse-text").read_text(encoding="utf-8")
    text = text.replace('name = "reverse-text-smoke"', f"name = {name}")
    text = text.replace(
        '[[orchestrator.train.source]]\nname = "reverse-text"', f"[[orchestrator.train.source]]\nname = {harmless}"
    )
    text = text.replace('name = "Qwen/Qwen3-0.6B"', f'name = "Qwen/Qwen3-0.6B"\n[env_vars]\nGREETING = {name}')
    assert text.count("GREETING") == 1
    return text


def with_secrets(value: str = SECRET) -> str:
    """A config that carries secrets where users put them: in ``env_vars``."""
    text = fixture("reverse-text").read_text(encoding="utf-8")
    assert text.count("env.agent.runtime]") == 1
    text = text.replace(
        "env.agent.runtime]",
        f'env.agent.runtime.env]\nJUDGE_API_KEY = "{value}"\n[orchestrator.train.source.env.agent.runtime]',
    )
    text += f'\n[orchestrator.model.client.headers]\nX-Api-Key = "{value}"\n'
    return text + (
        f'\n[env_vars]\nROOT_API_KEY = "{value}"\n[trainer.env_vars]\nTRAINER_TOKEN = "{value}"\n'
        f'[orchestrator.env_vars]\nJUDGE_PASSWORD = "{value}"\n[inference.env_vars]\nENGINE_SECRET = "{value}"\n'
    )


def toml_string(text: str) -> str:
    """Spell any text as a TOML string."""
    return '"' + "".join(f"\\u{ord(char):04X}" if not char.isalnum() else char for char in text) + '"'
