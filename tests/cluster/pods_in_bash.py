"""Run a rendered container's script in a real bash, as the kubelet would start it, with stub programs on PATH."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rlsplit.manifests import render
from rlsplit.planning import RunPlan

PROGRAMS = ("torchrun", "inference", "orchestrator", "evals", "env-server", "vllm-router", "getent", "hf")
IMAGE_PACKAGES = ("nixl", "deep_ep")
"""What an image for prefill and decode holds; scripts only ask whether it is there."""
PATIENCE = 30
"""Seconds after which a script that should have ended has failed; no test measures speed."""

SCALE = 300
"""How many times faster the clock of pods runs than that of the machine."""

LEAST_SLEEP = 60
"""Milliseconds of the machine that every ``sleep`` takes."""

CLOCK = {
    "sleep": """#!/bin/sh
ms=$(($1 * 1000 / {scale}))
[ "$ms" -ge {least} ] || ms={least}
exec {sleep} "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
""",
    "date": """#!/bin/sh
echo $(($({date} +%s%3N) * {scale} / 1000))
""",
}
"""The programs by which scripts know the time; ``date`` is only asked for seconds. Loops do not spin."""

FOUND = """#!/bin/sh
exit 0
"""
"""Stands for ``timeout`` in a pod that runs alone: whomever it asks for answers."""

STUB = """#!/usr/bin/env python3
import json, os, signal, sys, time
name = os.path.basename(sys.argv[0])
keep = ("CUDA_VISIBLE_DEVICES", "VLLM_RPC_BASE_PATH", "UCX_NET_DEVICES", "GLOO_SOCKET_IFNAME", "NCCL_IB_HCA")
keep += ("VLLM_NIXL_SIDE_CHANNEL_HOST", "VLLM_NIXL_SIDE_CHANNEL_PORT")
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
    stub: str = STUB
    """What stands for the components' programs."""
    asking: str = FOUND
    """What stands for ``timeout``, under which scripts ask other pods."""
    shared: Path | None = None
    """The run's directory, if the pod shares it with others."""

    def __post_init__(self) -> None:
        for folder in ("bin", "calls", "run", "pod"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        if self.shared is None:  # a pod that runs alone finds the others of its group
            (self.run_dir / ".groups.1").mkdir(exist_ok=True)
            for index, component in itertools.product(range(16), ("inference", "prefill", "decode")):
                (self.run_dir / ".groups.1" / f"{component}-{index}").touch()
        for package in IMAGE_PACKAGES:
            (self.root / "image" / package).mkdir(parents=True, exist_ok=True)
        real = {program: shutil.which(program) for program in CLOCK}
        clock = {program: text.format(scale=SCALE, least=LEAST_SLEEP, **real) for program, text in CLOCK.items()}
        for program, text in {**dict.fromkeys(PROGRAMS, self.stub), **clock, "timeout": self.asking}.items():
            stub = self.root / "bin" / program
            stub.write_text(text)
            stub.chmod(0o755)

    @property
    def run_dir(self) -> Path:
        return self.shared or self.root / "run"

    def start(
        self, container: Mapping[str, Any], index: int = 0, stub_ends: Mapping[str, int | str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the container; ``stub_ends`` maps words of a stub's command line to how it ends."""
        return self.start_with(container, index, {"STUB_ENDS": json.dumps(stub_ends or {})}, subprocess.PIPE)

    def start_with(
        self, container: Mapping[str, Any], index: int, more: Mapping[str, str], output: int | IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start the container with more variables, in a session of its own."""
        env = {**self._env(container, index), **more}
        return subprocess.Popen(
            [self._local(kubelet_expand(arg, env)) for arg in container["args"]],
            env=env,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
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

    def _env(self, container: Mapping[str, Any], index: int) -> dict[str, str]:
        env: dict[str, str] = {}
        for variable in container["env"]:
            if "value" in variable:
                env[variable["name"]] = kubelet_expand(variable["value"], env)
        local = {
            "RLSPLIT_RUN_DIR": str(self.run_dir),
            "RLSPLIT_CONFIG_DIR": str(self.root / "pod"),
            "RLSPLIT_CKPT_DIR": str(self.run_dir / "checkpoints"),
            "HF_HOME": str(self.root / "cache"),
            "RLSPLIT_POD_IP": "10.1.2.3",
            "JOB_COMPLETION_INDEX": str(index),
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "image"),
            "STUB_CALLS": str(self.root / "calls"),
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
