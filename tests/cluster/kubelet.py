"""A small cluster: every pod of a run in a real bash at once, with the kubelet's probes and what the Job controller does.

Seconds are those of the pods' clock, which runs :data:`pods_in_bash.SCALE` times faster than the machine's. Stubs have the
time limits that prime-rl's components have, so that a run dies here of what it would die of there. Each pod has an
address of its own in 127.0.0.0/8.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pods_in_bash import SCALE, Sandbox, end_group

from rlsplit.manifests import render
from rlsplit.planning import RunPlan

PATIENCE = 60
"""Seconds of the machine after which a run that should have ended has failed; no test measures speed."""

SLACK = 10
"""Seconds of the machine that a pod may take to end, on top of its grace period."""

Part: TypeAlias = Mapping[str, Any]
"""What a component does: ``late``, ``fetch``, ``load``, ``runs`` [seconds of the pods], and ``code`` with which it ends.

``after`` is what some pod has to say before it starts, ``late`` counts from there.
"""

ASKING = """#!/bin/sh
address=$(cat "$STUB_HOSTS/$5" 2> /dev/null) || exit 1
exec /usr/bin/timeout "$1" bash -c "$4" "$address" "$6"
"""
"""Stands for ``timeout 5 bash -c SCRIPT HOST PORT``: knows the hosts of the pods that are there."""

PLAYER = """#!/usr/bin/env python3
import http.client, http.server, json, os, signal, socket, sys, threading, time
from urllib.parse import urlsplit

name, hosts, run = os.path.basename(sys.argv[0]), os.environ["STUB_HOSTS"], os.environ["RLSPLIT_RUN_DIR"]
part, ports = json.loads(os.environ["STUB_PART"]), json.loads(os.environ["STUB_PORTS"])
clock = lambda: time.monotonic() * SCALE
nap = lambda seconds: time.sleep(seconds / SCALE)
if name == "getent":
    sys.exit(not os.path.exists(os.path.join(hosts, sys.argv[2])))
path = os.path.join(os.environ["STUB_CALLS"], f"{time.time_ns()}-{os.getpid()}")
files = {a: open(a).read() for a in sys.argv[1:] if a.endswith(".json") and os.path.exists(a)}
with open(path + ".part", "w") as file:
    json.dump({"program": name, "argv": sys.argv[1:], "files": files}, file)
os.rename(path + ".part", path + ".call")
config = json.loads(next(iter(files.values()), "{}"))
if part.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        busy = self.path == "/liveness" and os.path.exists(run + "/meeting")
        self.send_response(503 if busy else 200)
        self.end_headers()
    def log_message(self, *args):
        pass

def serve(numbers):
    for number in numbers:
        server = http.server.ThreadingHTTPServer((os.environ["STUB_IP"], number), Answers)
        threading.Thread(target=server.serve_forever, daemon=True).start()

def answers(url, asks):
    try:
        address = open(os.path.join(hosts, urlsplit(url).hostname)).read()
        connection = socket.create_connection((address, urlsplit(url).port), 5)
        if asks:
            client = http.client.HTTPConnection(address, urlsplit(url).port, timeout=5)
            client.request("GET", "/health")
            return client.getresponse().status == 200
        connection.close()
        return True
    except OSError:
        return False

def until(limit, what, found):
    start = clock()
    while not found():
        if clock() - start > limit:
            print(f"{name} gave up on {what} after {limit} seconds", flush=True)
            sys.exit(3)
        nap(20)

def flag(wanted, default):
    return sys.argv[sys.argv.index(wanted) + 1] if wanted in sys.argv else default

if name == "hf":
    nap(part.get("fetch", 0))
    sys.exit()
if name != "orchestrator":
    nap(part.get("load", 0))
if name == "torchrun":
    serve([ports["metrics"]])
    open(run + "/met", "w").close()
if name == "inference":
    own = flag("--server.port", None)
    serve([int(own)] if own else [n for port, n in ports.items() if port.split("-")[0] in ("engine", "http")])
if name == "env-server":
    listening = socket.create_server((os.environ["STUB_IP"], ports["env"]))
if name == "vllm-router":
    workers = [word for word in sys.argv if word.startswith("http://")]
    for url in workers:
        until(int(flag("--worker-startup-timeout-secs", 0)), url, lambda: answers(url, True))
    serve([ports["http"]])
if name == "orchestrator":
    client = config["model"]["client"]
    for source in config["train"]["source"]:
        until(600, source["serve"]["address"], lambda: answers(source["serve"]["address"], False))
    for url in client["admin_base_url"]:
        until(client.get("wait_for_ready_timeout", 1800), url, lambda: answers(url, True))
    open(run + "/meeting", "w").close()
    until(config["weight_broadcast"].get("timeout", 1200), "the trainer", lambda: os.path.exists(run + "/met"))
    os.unlink(run + "/meeting")
if "runs" in part:
    nap(part["runs"])
    sys.exit(part.get("code", 0))
while True:
    signal.pause()
""".replace("SCALE", str(SCALE))

_ADDRESSES = (f"127.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250}.{n}" for n in itertools.cycle(range(1, 255)))


@dataclass
class Pod:
    """One pod of the run."""

    suffix: str
    index: int
    host: str
    spec: Mapping[str, Any]
    part: Part
    box: Sandbox
    process: subprocess.Popen[bytes] | None = None
    code: int | None = None
    """Exit code of its container, 128 and more for signals; None while it runs."""
    killed_by: str | None = None
    """The probe that failed too often."""

    @property
    def name(self) -> str:
        return f"{self.suffix}-{self.index}"

    @property
    def container(self) -> Mapping[str, Any]:
        container: Mapping[str, Any] = self.spec["containers"][0]
        return container

    @property
    def output(self) -> str:
        return (self.box.root / "output").read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Tell the container's first process, as the kubelet does."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def vanish(self) -> None:
        """End every process of the pod at once, with its node or out of memory."""
        if self.process is not None:
            end_group(self.process)


@dataclass
class Cluster:
    """The pods of one run, started together; ``parts`` say by pod, component or ``*`` what the stubs do."""

    plan: RunPlan
    root: Path
    parts: Mapping[str, Part]
    controls_jobs: bool = True
    """Whether the Job controller ends the other pods of a failed Job; not before it knows that a node is gone."""
    pods: list[Pod] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Cluster:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        (self.root / "hosts").mkdir()
        self.pods += [
            self._pod(item["metadata"]["name"].removeprefix(f"{self.plan.names.base}-"), index, item["spec"])
            for item in render(self.plan)
            if item["kind"] == "Job"
            for index in range(item["spec"]["completions"])
        ]
        self.threads += [threading.Thread(target=self._live, args=(pod,)) for pod in self.pods]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        for pod in self.pods:
            pod.vanish()
        for thread in self.threads:
            thread.join()

    @property
    def run_dir(self) -> Path:
        return self.root / "run"

    def pod(self, name: str) -> Pod:
        return next(pod for pod in self.pods if pod.name == name)

    def wait_for(self, program: str, pod: str) -> None:
        """Wait until a pod has started its component."""
        self.until(lambda: bool(self.pod(pod).box.calls(program)), f"{pod} has not started {program}")

    def until(self, condition: Any, failing: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{failing}: {self.report()}"
            time.sleep(0.05)

    def codes(self, but: str | None = None) -> dict[str, int | None]:
        """Wait for the end of all pods, but perhaps one, and give their exit codes."""
        pods = [pod for pod in self.pods if pod.name != but]
        self.until(lambda: all(pod.code is not None for pod in pods), "not all pods have ended")
        return {pod.name: pod.code for pod in pods}

    def report(self) -> str:
        """What every pod said last."""
        return "\n".join(f"{pod.name} {pod.code} {pod.killed_by}: {pod.output[-800:]}" for pod in self.pods)

    def _pod(self, suffix: str, index: int, job: Mapping[str, Any]) -> Pod:
        planned = self.plan.component(suffix)
        assert planned is not None
        part = {**self.parts.get(planned.component, {}), **self.parts.get(f"{suffix}-{index}", {})}
        box = Sandbox(self.root / f"{suffix}-{index}", PLAYER, ASKING, self.run_dir)
        (box.root / "output").touch()
        return Pod(suffix, index, planned.hosts[index], job["template"]["spec"], part, box)

    def _live(self, pod: Pod) -> None:
        """Start a pod, probe it, and clean up behind its first process."""
        while (said := pod.part.get("after")) and not any(said in other.output for other in self.pods):
            if self.is_over.wait(0.1):
                return
        if self.is_over.wait(pod.part.get("late", 0) / SCALE):
            return
        address = next(_ADDRESSES)
        ports = {port["name"]: port["containerPort"] for port in pod.container.get("ports", ())}
        (self.root / "hosts" / pod.host).write_text(address)
        more = {
            "STUB_HOSTS": str(self.root / "hosts"),
            "STUB_IP": address,
            "STUB_PORTS": json.dumps(ports),
            "STUB_PART": json.dumps(pod.part),
        }
        with (pod.box.root / "output").open("wb") as output:
            pod.process = pod.box.start_with(pod.container, pod.index, more, output)
        for name in ("startupProbe", "livenessProbe"):
            if name in pod.container:
                self._probe(pod, pod.process, name, address, ports)
        code = self._wait(pod.process)
        end_group(pod.process)
        pod.code = 128 - code if code < 0 else code
        if pod.code and self.controls_jobs:
            for other in self.pods:
                if other.suffix == pod.suffix and other is not pod:
                    threading.Thread(target=self._delete, args=(other,)).start()

    def _probe(
        self, pod: Pod, process: subprocess.Popen[bytes], name: str, address: str, ports: Mapping[str, int]
    ) -> None:
        """Ask until a startup probe succeeds, or while a liveness probe does."""
        probe, failures = pod.container[name], 0
        while process.poll() is None and not self.is_over.wait(0.1 + probe["periodSeconds"] / SCALE):
            is_well = _answers(address, ports[probe["httpGet"]["port"]], probe["httpGet"]["path"])
            if is_well and name == "startupProbe":
                return
            failures = 0 if is_well else failures + 1
            if failures >= probe["failureThreshold"] and process.poll() is None:
                pod.killed_by = name
                self._delete(pod)
                return

    def _delete(self, pod: Pod) -> None:
        """TERM, and KILL after the grace period, which is longer here since the machine may be busy."""
        pod.signal(signal.SIGTERM)
        deadline = time.monotonic() + SLACK + pod.spec["terminationGracePeriodSeconds"] / SCALE
        while pod.process is not None and pod.process.poll() is None and not self.is_over.wait(0.05):
            if time.monotonic() > deadline:
                pod.vanish()
                return

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        while process.poll() is None:
            self.is_over.wait(0.05)
        return process.returncode


def _answers(address: str, port: int, path: str) -> bool:
    """The machine may be busy: a probe waits longer than it would."""
    client = http.client.HTTPConnection(address, port, timeout=10)
    try:
        client.request("GET", path)
        return client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
