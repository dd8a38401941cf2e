"""Run a rendered container's script in a real bash, as the kubelet would start it, with stub programs on PATH."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlsplit.manifests import render
from rlsplit.planning import RunPlan

PROGRAMS = ("torchrun", "inference", "orchestrator", "evals", "env-server", "vllm-router", "getent", "hf")
PATIENCE = 30
"""Seconds after which a script that should have ended has failed; no test measures speed."""

STUB = """#!/usr/bin/env python3
import json, os, signal, sys, time
name = os.path.basename(sys.argv[0])
keep = ("CUDA_VISIBLE_DEVICES", "VLLM_RPC_BASE_PATH")
call = {"program": name, "argv": sys.argv[1:], "env": {k: os.environ[k] for k in keep if k in os.environ}}
call["files"] = {a: open(a).read() for a in sys.argv[1:] if a.endswith(".json") and os.path.exists(a)}
folder = os.environ["STUB_CALLS"]
path = os.path.join(folder, f"{time.time_ns()}-{os.getpid()}")
with open(path + ".part", "w") as file:
    json.dump(call, file)
os.rename(path + ".part", path + ".call")
print("output of", name, flush=True)
command = " ".join([name, *sys.argv[1:]])
wanted = None
for words, end in json.loads(os.environ["STUB_ENDS"]).items():
    wanted = end if words in command else wanted
if wanted == "stay":
    signal.pause()
sys.exit(wanted or 0)
"""


def kubelet_expand(text: str, env: Mapping[str, str]) -> str:
    """Model of Kubernetes' own expansion, byte by byte."""
    data, out, at = text.encode(), bytearray(), 0
    while at < len(data):
        if data[at : at + 1] != b"$" or at + 1 == len(data):
            out += data[at : at + 1]
            at += 1
            continue
        after = data[at + 1 : at + 2]
        end = data.find(b")", at + 2) if after == b"(" else -1
        if after == b"$":
            out += b"$"
        elif after == b"(" and end >= 0:
            name = data[at + 2 : end].decode()
            out += env.get(name, f"$({name})").encode()
            at = end - 1
        else:
            out += b"$" + chr(after[0]).encode()  # a byte becomes a code point: non-ASCII text breaks
        at += 2
    return out.decode(errors="replace")


def containers(plan: RunPlan, **secrets: Any) -> dict[str, dict[str, Any]]:
    """Give every component's container, by suffix, in either form."""
    found: dict[str, dict[str, Any]] = {}
    for item in render(plan, **secrets):
        if item["kind"] == "Job":
            suffix = item["metadata"]["name"].removeprefix(f"{plan.names.base}-")
            found[suffix] = item["spec"]["template"]["spec"]["containers"][0]
        if item["kind"] == "JobSet":
            for job in item["spec"]["replicatedJobs"]:
                found[job["name"]] = job["template"]["spec"]["template"]["spec"]["containers"][0]
    return found


@dataclass
class Sandbox:
    """A place for one run: its directory, stub programs and what they were called with."""

    root: Path

    def __post_init__(self) -> None:
        for folder in ("bin", "calls", "run", "pod"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            stub = self.root / "bin" / program
            stub.write_text(STUB)
            stub.chmod(0o755)

    @property
    def run_dir(self) -> Path:
        return self.root / "run"

    def start(
        self, container: Mapping[str, Any], index: int = 0, stub_ends: Mapping[str, int | str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the container; ``stub_ends`` maps words of a stub's command line to how it ends."""
        env = self._env(container, index, stub_ends or {})
        args = [self._local(kubelet_expand(arg, env)) for arg in container["args"]]
        return subprocess.Popen(
            args,
            env=env,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def calls(self, program: str) -> list[dict[str, Any]]:
        """Give the calls of a stub so far, in order."""
        found = [json.loads(path.read_text()) for path in sorted((self.root / "calls").glob("*.call"))]
        return [call for call in found if call["program"] == program]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "nothing happened"
            time.sleep(0.02)

    def _local(self, text: str) -> str:
        return text.replace("/tmp/rlsplit", str(self.root / "pod"))

    def _env(self, container: Mapping[str, Any], index: int, ends: Mapping[str, int | str]) -> dict[str, str]:
        env: dict[str, str] = {}
        for variable in container["env"]:
            if "value" in variable:
                env[variable["name"]] = kubelet_expand(variable["value"], env)
        local = {
            "RLSPLIT_RUN_DIR": str(self.run_dir),
            "RLSPLIT_CONFIG_DIR": str(self.root / "pod"),
            "RLSPLIT_CKPT_DIR": str(self.run_dir / "checkpoints"),
            "RLSPLIT_POD_IP": "10.1.2.3",
            "JOB_COMPLETION_INDEX": str(index),
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "STUB_CALLS": str(self.root / "calls"),
            "STUB_ENDS": json.dumps(ends),
        }
        return {**env, **local}


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a script and for its log, which ends with it; then end what it left behind."""
    try:
        code = process.wait(PATIENCE)
        assert process.stdout is not None
        return code, process.stdout.read().decode(errors="replace")
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End the session that the script was started in: only processes of our own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def prepared_by_another_pod(run_dir: Path) -> Iterator[None]:
    """Renew the marker of trainer 0 in the background."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(0.05):
            (run_dir / ".prepared").touch()

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
