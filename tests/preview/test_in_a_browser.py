"""Pages and flowcharts in a real Chromium, where there is one: no console message, no request, nothing for axe to say.

Needs ``chromium`` and ``node`` on the path, and ``npm install playwright-core axe-core mermaid`` in the checkout
(or a ``NODE_PATH`` that has them).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from previews import fixture, hostile, previewed

import rlsplit.diff
from conftest import ROOT
from goldens import FIXTURES, good
from rlsplit.preview import Compiled, as_html
from rlsplit.preview.mermaid import flowchart
from rlsplit.preview.topology import topology

PACKAGES = ("playwright-core", "axe-core", "mermaid")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing() -> str | None:
    """What the browser tests lack."""
    if CHROMIUM is None or shutil.which("node") is None:
        return "chromium or node is not installed"
    code = f"for (const name of {json.dumps(PACKAGES)}) require.resolve(name)"
    found = subprocess.run(["node", "-e", code], cwd=ROOT, env=environment(), capture_output=True, check=False)
    return None if found.returncode == 0 else f"npm packages are missing: npm install {' '.join(PACKAGES)}"


def environment() -> dict[str, str]:
    places = [str(ROOT / "node_modules"), os.environ.get("NODE_PATH", "")]
    return {**os.environ, "NODE_PATH": os.pathsep.join(filter(None, places)), "CHROMIUM": CHROMIUM or ""}


def chart(run: Compiled) -> str:
    assert run.planned is not None
    return flowchart(topology(run.planned.plan))


def test_pages_and_flowcharts_in_chromium() -> None:
    lack = missing()
    if lack:
        pytest.skip(lack)
    runs = {path.parent.name: previewed(path) for path in good()} | {"hostile": previewed(hostile())}
    refused = previewed(FIXTURES / "bad" / "ten-mistakes.toml")
    other = (
        fixture("multi-node-dense").read_text(encoding="utf-8").replace("num_train_nodes = 4", "num_train_nodes = 6")
    )
    found = rlsplit.diff.difference(runs["multi-node-dense"], previewed(other))
    pages = {name: as_html(run) for name, run in runs.items()}
    pages |= {"refused": as_html(refused), "diff": rlsplit.diff.as_html(found)}
    charts = {f"{name}.mermaid": chart(run) for name, run in runs.items()}
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("browse.cjs"))],
        input=json.dumps({"pages": pages, "closely": ["large", "hostile", "refused", "diff"], "charts": charts}),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: [] for name in (*pages, *charts)}
