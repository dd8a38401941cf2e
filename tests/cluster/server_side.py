"""Every good fixture on a real API server: which objects it takes, and which pods its Job controller makes of them.

    python tests/cluster/server_side.py --kubeconfig FILE [--kubectl PATH] [--crds FOLDER] [--keep] [FIXTURE...]

Each fixture, in both forms, gets a namespace of its own. Every object is applied alone with ``kubectl apply
--validate=false``. Then the same is applied again, which must change nothing, and the Jobs of a changed run, which must
be refused. Meant for a bare server that runs the Job controller but no pods: a JobSet is only stored there, so its Jobs
are applied as plain Jobs too, under the names that its controller would give them. That the controller refuses changes
of a JobSet itself cannot be seen there.

An old server is good enough. Nothing that it cannot do is passed over silently: the report names the kinds that it
lacks, and the fields that it dropped.

Exit codes: 0 all is well, 1 the report shows something that is not, 2 the check could not run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from rlsplit.compiler import parse
from rlsplit.kubernetes import is_dns_label
from rlsplit.manifests import render
from rlsplit.planning import plan
from rlsplit.run import Run
from rlsplit.secrets import Secrets
from rlsplit.serialize import to_yaml
from rlsplit.splitting import split

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from goldens import platform_of  # noqa: E402  # a script finds only what stands beside it

FIXTURES: Final = ROOT / "fixtures"
KINDS: Final = ("rl.toml", "sft.toml")
CRDS: Final = ROOT.parent / "shared" / "crds"

Object: TypeAlias = dict[str, Any]
Form: TypeAlias = Literal["job", "jobset"]
FORMS: Final[tuple[Form, ...]] = ("job", "jobset")

SECRETS: Final = Secrets(wandb_api_key="a-wandb-key", hf_token="a-hf-token", prime_api_key="a-prime-key")
IMAGE_TAG: Final = "v0.8.0"
OTHER_IMAGE_TAG: Final = "v0.8.1"

MAY_LACK: Final = {
    "policy/v1 PodDisruptionBudget": "core Kubernetes since 1.21",
    "jobset.x-k8s.io/v1alpha2 JobSet": "its CRD is not installed",
    "monitoring.coreos.com/v1 PodMonitor": "its CRD is not installed",
    "scheduling.volcano.sh/v1beta1 PodGroup": "its CRD is not installed",
}
"""Kinds that a server may lack, and why. Any other kind that it does not know counts as refused."""

JOB_SET_CRD: Final = "jobsets.jobset.x-k8s.io"
WAIT_SECONDS: Final = 90.0
CALL_SECONDS: Final = 120.0


class CannotRunError(Exception):
    """The server, kubectl or the fixtures are not there."""


@dataclass(frozen=True)
class Kubectl:
    """One kubectl, and the server that it talks to."""

    program: str
    kubeconfig: str
    cache: str
    """A folder of its own: a cached list of kinds may be that of another server on the same port."""

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command. A failure is an answer, not an exception."""
        command = [self.program, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.cache}", *arguments]
        return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=CALL_SECONDS)

    def read(self, *arguments: str, text: str | None = None) -> Any:
        """Run a command that must succeed, and read what it prints as JSON."""
        done = self.run(*arguments, "-o", "json", text=text)
        if done.returncode:
            raise CannotRunError(done.stderr.strip())
        return json.loads(done.stdout)

    def apply(self, objects: Sequence[Object]) -> subprocess.CompletedProcess[str]:
        """Apply the text that rlsplit writes for these objects."""
        return self.run("apply", "--validate=false", "-f", "-", text=to_yaml(objects))

    def stored(self, objects: Sequence[Object]) -> list[Object]:
        """Read these objects as the server has them, in the same order."""
        found = self.read("get", "-f", "-", text=to_yaml(objects)) if objects else {"items": []}
        items: list[Object] = found["items"] if found.get("kind") == "List" or not objects else [found]
        return items


@dataclass(frozen=True)
class Outcome:
    """What the server said to one object."""

    item: Object
    verdict: Literal["taken", "skipped", "refused"]
    message: str = ""

    def __str__(self) -> str:
        name = f"{self.item['apiVersion']} {self.item['kind']} {self.item['metadata']['name']}"
        return f"{name}: {self.message}" if self.message else name


@dataclass(frozen=True)
class Findings:
    """One fixture in one form on the server."""

    fixture: str
    form: Form
    objects: tuple[Outcome, ...]
    """Every rendered object."""
    plain_jobs: tuple[Outcome, ...]
    """The Jobs of the JobSet, applied as plain Jobs."""
    planned_pods: int
    pods: int
    bad_names: tuple[str, ...]
    again: str
    """What the second application changed, empty if nothing."""
    configured: int
    """Objects that kubectl called "configured" the second time, though they were stored unchanged."""
    accepted_changes: tuple[str, ...]
    """Jobs of the changed run that were not refused."""
    lost: frozenset[str]
    """Fields that were sent and not stored."""

    def outcomes(self, verdict: str) -> list[Outcome]:
        """Give the rendered objects and plain Jobs that met with this verdict."""
        return [outcome for outcome in (*self.objects, *self.plain_jobs) if outcome.verdict == verdict]

    def problems(self) -> Iterator[str]:
        """Everything that is not as it must be."""
        yield from (f"refused: {outcome}" for outcome in self.outcomes("refused"))
        if self.pods != self.planned_pods:
            yield f"pods: {self.pods} instead of {self.planned_pods}"
        yield from (f"names: {name}" for name in self.bad_names)
        if self.again:
            yield f"applied again: {self.again}"
        yield from (f"changed run: {message}" for message in self.accepted_changes)


def rendered(fixture: Path, form: Form, namespace: str, image_tag: str = IMAGE_TAG) -> list[Object]:
    """Render a fixture as one run in one namespace."""
    run = Run(id=f"run-{fixture.parent.name}", image_tag=image_tag, team_id="team-1")
    components = split(parse(fixture.read_bytes(), source=fixture.name, run_id=run.id))
    platform = platform_of(fixture, workload=form, namespace=namespace)
    return render(plan(components, run=run, platform=platform, secrets=SECRETS), secrets=SECRETS)


def jobs_of_job_sets(objects: Iterable[Object]) -> list[Object]:
    """Give the Jobs that a JobSet's controller would make, named like its own."""
    return [_job(item, template) for item in objects if item["kind"] == "JobSet" for template in _templates(item)]


def _templates(job_set: Object) -> list[Object]:
    templates: list[Object] = job_set["spec"]["replicatedJobs"]
    return templates


def _job(job_set: Object, template: Object) -> Object:
    name, namespace = f"{job_set['metadata']['name']}-{template['name']}-0", job_set["metadata"]["namespace"]
    spec = template["template"]["spec"]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def apply_alone(kubectl: Kubectl, item: Object) -> Outcome:
    """Apply one object and judge the answer."""
    done = kubectl.apply([item])
    if done.returncode == 0:
        return Outcome(item, "taken")
    kind = f"{item['apiVersion']} {item['kind']}"
    if kind in MAY_LACK and "no matches for kind" in done.stderr:
        return Outcome(item, "skipped", f"the server lacks this kind ({MAY_LACK[kind]})")
    return Outcome(item, "refused", done.stderr.strip())


def settled(item: Object) -> Object:
    """Leave out what the server counts and what controllers report."""
    metadata = {k: v for k, v in item["metadata"].items() if k not in ("resourceVersion", "managedFields")}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def apply_again(kubectl: Kubectl, objects: Sequence[Object], before: Sequence[Object]) -> tuple[str, int]:
    """Apply objects a second time: what changed, and how many kubectl called configured all the same.

    kubectl says "configured" whenever it sent a patch, also one that came to nothing: fields that the server drops, or
    lists of a custom resource in which it fills in defaults.
    """
    done = kubectl.apply(objects)
    if done.returncode:
        return done.stderr.strip(), 0
    pairs = zip(before, kubectl.stored(objects), strict=True)
    changed = [new["metadata"]["name"] for old, new in pairs if settled(old) != settled(new)]
    lines = done.stdout.splitlines()
    return ", ".join(changed), sum(not line.endswith(" unchanged") for line in lines)


def accepted_changes(kubectl: Kubectl, jobs: Iterable[Object]) -> Iterator[str]:
    """Apply Jobs with other templates over the first ones, and tell which are not refused as immutable."""
    for item in jobs:
        done = kubectl.apply([item])
        if done.returncode == 0 or "field is immutable" not in done.stderr:
            yield f"{item['metadata']['name']}: {(done.stdout + done.stderr).strip()}"


def lost_fields(sent: Any, stored: Any, path: str) -> Iterator[str]:
    """Tell which fields of ``sent`` are not in ``stored``; an absent field and an empty one are the same."""
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        for key, value in sent.items():
            if key in stored:
                yield from lost_fields(value, stored[key], f"{path}.{key}")
            elif value not in ({}, [], None, ""):
                yield f"{path}.{key}"
    elif isinstance(sent, list) and isinstance(stored, list):
        if len(stored) < len(sent):
            yield f"{path}[]"
        for value, other in zip(sent, stored, strict=False):
            yield from lost_fields(value, other, f"{path}[]")


def pods_of(kubectl: Kubectl, namespace: str, wanted: int) -> list[Object]:
    """Wait until there are as many pods as wanted, or time is up."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        pods: list[Object] = kubectl.read("get", "pods", "-n", namespace)["items"]
        if len(pods) >= wanted or time.monotonic() > end:
            return pods
        time.sleep(1)


def bad_names(jobs: Sequence[Object], pods: Iterable[Object]) -> Iterator[str]:
    """Tell which names of pods, hosts and subdomains are invalid, or belong to no Job."""
    hosts = {job["metadata"]["name"]: list(_hosts(job)) for job in jobs}
    yield from (f"host {host!r}" for listed in hosts.values() for host in listed if not is_dns_label(host))
    for pod in pods:
        name, spec = pod["metadata"]["name"], pod["spec"]
        for text in (name, spec.get("hostname", name), spec["subdomain"]):
            if not is_dns_label(text):
                yield f"pod {name!r}: {text!r}"
        job = pod["metadata"]["ownerReferences"][0]["name"]
        known = hosts.get(job, [])
        if not name.startswith(f"{job}-") or not known or spec.get("hostname", known[0]) not in known:
            yield f"pod {name!r} of Job {job!r}"


def _hosts(job: Object) -> Iterator[str]:
    """Host names that an Indexed Job gives its pods, and that the rendered configs mention."""
    return (f"{job['metadata']['name']}-{index}" for index in range(job["spec"]["completions"]))


def make_namespace(kubectl: Kubectl, prefix: str) -> str:
    """Make a namespace with a fresh name."""
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": prefix}}
    name: str = kubectl.read("create", "-f", "-", text=json.dumps(item))["metadata"]["name"]
    return name


def examine(kubectl: Kubectl, fixture: Path, form: Form, *, keep: bool) -> Findings:
    """Check one fixture in one form, in a namespace that is deleted afterwards."""
    namespace = make_namespace(kubectl, f"rlsplit-{fixture.parent.name}-{form}-")
    try:
        return examine_in(kubectl, fixture, form, namespace)
    finally:
        if not keep:
            kubectl.run("delete", "namespace", namespace, "--wait=false")


def examine_in(kubectl: Kubectl, fixture: Path, form: Form, namespace: str) -> Findings:
    """Apply everything, look at what came of it, apply it again, then apply a changed run."""
    objects = [apply_alone(kubectl, item) for item in rendered(fixture, form, namespace)]
    plain_jobs = [apply_alone(kubectl, job) for job in jobs_of_job_sets(outcome.item for outcome in objects)]
    outcomes = (*objects, *plain_jobs)
    taken = [outcome.item for outcome in outcomes if outcome.verdict == "taken"]
    jobs = [outcome.item for outcome in outcomes if outcome.item["kind"] == "Job"]
    planned_pods = sum(job["spec"]["parallelism"] for job in jobs)
    pods = pods_of(kubectl, namespace, planned_pods)
    stored = kubectl.stored(taken)
    again, configured = apply_again(kubectl, taken, stored)
    changed = rendered(fixture, form, namespace, OTHER_IMAGE_TAG)
    changed_jobs = [item for item in (*changed, *jobs_of_job_sets(changed)) if item["kind"] == "Job"]
    pairs = zip(taken, stored, strict=True)
    return Findings(
        fixture=fixture.parent.name,
        form=form,
        objects=tuple(objects),
        plain_jobs=tuple(plain_jobs),
        planned_pods=planned_pods,
        pods=len(pods),
        bad_names=tuple(bad_names(jobs, pods)),
        again=again,
        configured=configured,
        accepted_changes=tuple(accepted_changes(kubectl, changed_jobs)),
        lost=frozenset(field for sent, kept in pairs for field in lost_fields(sent, kept, sent["kind"])),
    )


HEADINGS: Final = (
    "fixture", "form", "objects", "taken", "skipped", "refused", "plain Jobs taken",
    "pods", "names", "applied again", "changed run",
)  # fmt: skip


def row(found: Findings) -> tuple[str, ...]:
    """Give the cells of one line of the table."""
    count = {verdict: _count(found.objects, verdict) for verdict in ("taken", "skipped", "refused")}
    plain = f"{_count(found.plain_jobs, 'taken')} of {len(found.plain_jobs)}" if found.plain_jobs else ""
    again = f"same ({found.configured} patched)" if found.configured else "same"
    return (
        found.fixture,
        found.form,
        str(len(found.objects)),
        *(str(count[verdict]) for verdict in ("taken", "skipped", "refused")),
        plain,
        f"{found.pods} of {found.planned_pods}",
        "INVALID" if found.bad_names else "valid",
        "CHANGED" if found.again else again,
        "TAKEN" if found.accepted_changes else "refused",
    )


def _count(outcomes: Iterable[Outcome], verdict: str) -> int:
    return sum(outcome.verdict == verdict for outcome in outcomes)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Set rows as a Markdown table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def report(found: Sequence[Findings]) -> str:
    """Set the table, and below it everything that was skipped, dropped or not well, by name."""
    return "\n".join(
        [
            table([HEADINGS, *(row(one) for one in found)]),
            *_listing("Skipped", [f"{_place(one)}: {item}" for one in found for item in one.outcomes("skipped")]),
            *_listing("Fields that the server dropped", sorted(frozenset().union(*(one.lost for one in found)))),
            *_listing("Problems", [f"{_place(one)}: {problem}" for one in found for problem in one.problems()]),
        ]
    )


def _place(found: Findings) -> str:
    return f"{found.fixture}/{found.form}"


def _listing(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:" if lines else f"{title}: none", *(f"- {line}" for line in lines)]


def install_job_sets(kubectl: Kubectl, folder: Path) -> str:
    """Install the definition of JobSet where the server has none, and tell what was done.

    With ``create``: the definition is too large for the annotation of a plain apply, and an old server refuses younger
    fields in a server-side one.
    """
    if kubectl.run("get", "crd", JOB_SET_CRD).returncode == 0:
        return "JobSet: was there"
    file = folder / "jobset.x-k8s.io_jobsets.yaml"
    if not file.is_file():
        return f"JobSet: not there, and no {file.name} to install it from"
    done = kubectl.run("create", "--validate=false", "-f", str(file))
    if done.returncode:
        return f"JobSet: not there, and not installed: {textwrap.shorten(done.stderr, 500)}"
    end = time.monotonic() + WAIT_SECONDS
    while kubectl.run("get", JOB_SET_CRD).returncode and time.monotonic() < end:
        time.sleep(1)
    return f"JobSet: installed from {file.name}"


def chosen(names: Sequence[str]) -> list[Path]:
    """Give the good fixtures of these names, or all of them."""
    found = {path.parent.name: path for path in sorted(FIXTURES.glob("*/*.toml")) if path.name in KINDS}
    unknown = sorted(set(names) - set(found))
    if unknown or not found:
        raise CannotRunError(f"no such fixture: {', '.join(unknown) or FIXTURES}")
    return [path for name, path in found.items() if name in names or not names]


def versions(kubectl: Kubectl) -> str:
    """Tell which kubectl talks to which server."""
    known = kubectl.read("version")
    if "serverVersion" not in known:
        raise CannotRunError("the server does not answer")
    return f"kubectl {known['clientVersion']['gitVersion']}, server {known['serverVersion']['gitVersion']}"


def check(options: argparse.Namespace, kubectl: Kubectl) -> int:
    """Examine the chosen fixtures, print the report, and give the exit code."""
    cases = [(fixture, form) for fixture in chosen(options.fixture) for form in FORMS]
    print(versions(kubectl))
    print(install_job_sets(kubectl, options.crds), end="\n\n", flush=True)
    found = [examine(kubectl, fixture, form, keep=options.keep) for fixture, form in cases]
    print(report(found))
    return int(any(True for one in found for _ in one.problems()))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("fixture", nargs="*", help="names of fixtures; without any, all good ones")
    parser.add_argument("--kubeconfig", required=True, help="how to reach the server, as one that may do everything")
    parser.add_argument("--kubectl", default="kubectl", help="the kubectl to use, ideally as old as the server")
    parser.add_argument("--crds", type=Path, default=CRDS, help="folder with the definition of JobSet")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces on the server")
    return parser.parse_args()


def main() -> int:
    """Run the check from the command line."""
    options = arguments()
    with tempfile.TemporaryDirectory() as cache:
        try:
            return check(options, Kubectl(options.kubectl, options.kubeconfig, cache))
        except (CannotRunError, OSError, subprocess.TimeoutExpired) as error:
            print(f"could not run: {error}", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main())
