"""The README's server in a process of its own, and clients for it; run as a script it puts the server under load.

python tests/api/api_service.py 20
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from api_requests import GOOD, config, small

PATH = "/api/v1/training/runs"
BEARER = {"Authorization": "Bearer a-token"}
CLIENTS = 50
READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A running server: where it is, its process, and what it has printed."""

    url: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def printed(self) -> str:
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")

    def resident_kib(self) -> int | None:
        """Memory of the process; None where there is no /proc."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        except OSError:
            return None
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@contextmanager
def served() -> Iterator[Service]:
    """Start the server on a free port of loopback and wait until it answers."""
    with socket.socket() as listening, tempfile.TemporaryFile() as output:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1024)
        command = [sys.executable, "-m", "uvicorn", "server:app", "--fd", str(listening.fileno())]
        process = subprocess.Popen(
            [*command, "--no-access-log"],
            cwd=Path(__file__).parent,
            pass_fds=[listening.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        service = Service(f"http://127.0.0.1:{listening.getsockname()[1]}", process, output)
        try:
            wait_until_ready(service)
            yield service
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert service.process.poll() is None, service.printed()
        try:
            httpx.get(f"{service.url}/openapi.json", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server is not ready after {READY_SECONDS} s: {service.printed()}")


@dataclass(slots=True)
class Tally:
    """What the clients got."""

    statuses: Counter[int] = field(default_factory=Counter)
    mixed_up: list[str] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    slowest: float = 0.0


def good_body(number: int) -> dict[str, Any]:
    return {"config": config(GOOD[number % len(GOOD)]), "name": f"run {number}", "hfToken": f"token-{number}"}


def bad_body(marker: str, number: int) -> tuple[dict[str, Any], list[str]]:
    """A body whose problems only it can have, and their params."""
    table = small(**{marker: number})
    table["trainer"] = {"model": {f"{marker}_too": 1}}
    return {"config": table}, [f"config.trainer.model.{marker}_too", f"config.{marker}"]


async def client(url: str, number: int, requests: int | None, until: float, tally: Tally) -> None:
    """Send good and bad bodies in turn, and check each answer against its own request."""
    async with httpx.AsyncClient(headers=BEARER, timeout=60) as http:
        sent = 0
        while sent < requests if requests is not None else time.monotonic() < until:
            marker = f"only_of_{number}_{sent}"
            bad, wanted = bad_body(marker, number)
            is_good = (number + sent) % 2 == 0
            start = time.monotonic()
            answer = await http.post(f"{url}{PATH}", json=good_body(number + sent) if is_good else bad)
            tally.slowest = max(tally.slowest, time.monotonic() - start)
            tally.statuses[answer.status_code] += 1
            sent += 1
            if is_good and answer.status_code == 201:
                tally.run_ids.append(answer.json()["runId"])
                tally.tokens.append(answer.json()["tokenValue"])
            elif is_good or [error["param"] for error in answer.json()["errors"]] != wanted:
                tally.mixed_up.append(f"{marker}: {answer.status_code} {answer.text[:300]}")


async def clients(url: str, *, requests: int | None = None, seconds: float = 0) -> Tally:
    """Let fifty clients send a number of requests each, or as many as they can in some time."""
    tally, until = Tally(), time.monotonic() + seconds
    await asyncio.gather(*(client(url, number, requests, until, tally) for number in range(CLIENTS)))
    return tally


def main(seconds: float) -> None:
    with served() as service:
        asyncio.run(clients(service.url, requests=4))
        for part in range(4):
            before = service.resident_kib()
            tally = asyncio.run(clients(service.url, seconds=seconds / 4))
            print(
                json.dumps(
                    {
                        "part": part,
                        "statuses": tally.statuses,
                        "mixed_up": len(tally.mixed_up),
                        "slowest_seconds": round(tally.slowest, 2),
                        "distinct_runs": len(set(tally.run_ids)),
                        "resident_kib_before": before,
                        "resident_kib_after": service.resident_kib(),
                    }
                )
            )


if __name__ == "__main__":
    main(float(sys.argv[1]))
