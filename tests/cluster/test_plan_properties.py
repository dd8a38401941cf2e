"""What holds for every plan: names, ports, hosts, GPUs, references; and that rendering is pure."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from splits import (
    FILESYSTEM,
    FORMS,
    MULTI,
    RUN,
    SECRETS,
    SHAPES,
    SINGLE,
    make,
    make_refused,
    make_sft,
    planned,
    source,
)

from rlsplit.config.sections.rl import RLConfig
from rlsplit.findings import ConfigError
from rlsplit.manifests import render
from rlsplit.planning import Pods, RunPlan, plan
from rlsplit.platform import Platform
from rlsplit.run import Run
from rlsplit.secrets import SecretName, Secrets
from rlsplit.serialize import to_yaml
from rlsplit.splitting import JsonObject, Split

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60)
SUBSETS = st.sets(st.sampled_from(["wandb_api_key", "hf_token", "prime_api_key"]))


@st.composite
def splits(draw: st.DrawFn) -> Split:
    multi = draw(st.booleans())
    tp = draw(st.sampled_from([1, 2, 4, 8]))
    expert = multi and draw(st.booleans())
    nodes = draw(st.integers(1, 3))
    single = {**SINGLE, "gpus_per_node": 16, "num_train_gpus": draw(st.integers(1, 8)), "num_infer_gpus": tp}
    many = {
        **MULTI,
        "num_train_nodes": draw(st.integers(1, 4)),
        "num_infer_nodes": nodes,
        "num_infer_replicas": draw(st.integers(1, 3)),
    }
    port = draw(st.integers(1024, 8000))
    broadcast: JsonObject = {} if draw(st.booleans()) else {"weight_broadcast": FILESYSTEM}
    listed = [
        source(name, draw(st.none() | st.just("tcp://10.9.8.7:7000")))
        for name in draw(st.lists(NAMES, min_size=1, max_size=4))
    ]
    vllm = {"tensor_parallel_size": tp, "enable_expert_parallel": expert}
    return make_refused(
        many if multi else single,
        trainer={"env_vars": {"A_TOKEN": "secret-a", "PLAIN": "$x"}},
        orchestrator={"env_vars": {"A_TOKEN": "secret-b"}},
        inference={
            "server": {"port": port},
            "backend_port": port + 100,
            "vllm": {**vllm, "data_parallel_size": nodes * 8 // tp if expert else 1},
        },
        train=listed[:2],
        evals=listed[2:],
        env_vars={"a_token": "secret-c"},
        **broadcast,
    )


@st.composite
def sft_splits(draw: st.DrawFn) -> Split:
    """SFT runs: without evals, with evals on one node or over nodes, or of a server elsewhere."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    tp = draw(st.sampled_from([1, 2, 4, 8]))
    shape = draw(st.sampled_from(["alone", "alone-on-nodes", "evals", "evals-on-nodes", "external"]))
    nodes = draw(st.integers(1, 3))
    one = {"num_train_gpus": draw(st.sampled_from([1, 2, 4, 8]))}
    many = {"type": "multi_node", "num_train_nodes": draw(st.sampled_from([1, 2, 4]))}
    sources = [source(name, draw(st.none() | st.just("tcp://10.9.8.7:7000"))) for name in names]
    expert = {"enable_expert_parallel": True} if draw(st.booleans()) else {}
    served: JsonObject = {"evals": sources, "inference": {"vllm": {"tensor_parallel_size": tp, **expert}}}
    keys: dict[str, JsonObject] = {
        "alone": {"deployment": one},
        "alone-on-nodes": {"deployment": many},
        "evals": {**served, "deployment": {**one, "gpus_per_node": 16, "num_eval_gpus": tp}},
        "evals-on-nodes": {**served, "deployment": {**many, "num_eval_nodes": nodes}},
        "external": {
            "evals": sources,
            "eval": {"source": sources, "client": {"base_url": "http://10.9.8.7:9000/v1"}},
            "deployment": one,
        },
    }
    secret = {"env_vars": {"A_TOKEN": "secret-c", "PLAIN": "$x"}}
    return make_sft(max_steps=10, **draw(st.sampled_from([{}, secret])), **keys[shape])


RUNS = st.builds(Run, id=st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,62}", fullmatch=True), name=NAMES)
PLATFORMS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    workload=st.sampled_from(FORMS),
    config_delivery=st.sampled_from(["auto", "volume"]),
    metrics=st.sampled_from(["force", "off"]),
    dataset_mount=st.booleans(),
    hf_home=st.sampled_from(["shared", "local", "/models"]),
    read_only_root_filesystem=st.booleans(),
    monitoring=st.sampled_from(["annotations", "podmonitor", "none"]),
)


def _secrets(names: set[SecretName]) -> Secrets:
    return Secrets(**{name: f"value-of-{name}" for name in names})


def _jobs(objects: list[JsonObject]) -> dict[str, JsonObject]:
    jobs: dict[str, JsonObject] = {}
    for item in objects:
        if item["kind"] == "Job":
            jobs[item["metadata"]["name"]] = item["spec"]
        for job in item["spec"]["replicatedJobs"] if item["kind"] == "JobSet" else ():
            jobs[f"{item['metadata']['name']}-{job['name']}-0"] = job["template"]["spec"]
    return jobs


def _container(job: JsonObject) -> JsonObject:
    container: JsonObject = job["template"]["spec"]["containers"][0]
    return container


@settings(max_examples=60, deadline=None)
@given(st.one_of(splits(), sft_splits()), RUNS, PLATFORMS, SUBSETS)
def test_every_plan(split: Split, run: Run, platform: dict[str, Any], names: set[SecretName]) -> None:
    before = copy.deepcopy(split)
    run_plan = plan(split, run=run, platform=Platform(**platform))
    objects = render(run_plan, secrets=_secrets(names))
    assert split == before
    _check_names(objects)
    _check_ports(objects)
    _check_hosts(run_plan, objects)
    _check_gpus(run_plan, objects)
    _check_references(objects)
    _check_secrets(objects, names)
    assert to_yaml(render(run_plan, secrets=_secrets(names))) == to_yaml(objects)
    known = plan(split, run=run, platform=Platform(**platform), secrets=_secrets(names))
    assert render(known, secrets=_secrets(names)) == objects


def _check_names(objects: list[JsonObject]) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(names) == len(set(names))
    for kind, name in names:
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name), name
        assert len(name) <= 56, kind
    for name, job in _jobs(objects).items():
        assert len(f"{name}-{job['completions'] - 1}") <= 52
        assert job["template"]["spec"]["subdomain"] == objects[0]["metadata"]["name"]


def _check_ports(objects: list[JsonObject]) -> None:
    for job in _jobs(objects).values():
        ports = _container(job).get("ports", [])
        for key in ("name", "containerPort"):
            assert max(Counter(port[key] for port in ports).values(), default=1) == 1
        assert all(0 < port["containerPort"] < 65536 and len(port["name"]) <= 15 for port in ports)


def _listeners(run_plan: RunPlan, objects: list[JsonObject]) -> set[tuple[str, int]]:
    """Every host and port on which something of the run listens: pods by index, and the Service."""
    found = set()
    for name, job in _jobs(objects).items():
        for index in range(job["completions"]):
            for port in _container(job).get("ports", []):
                found.add((f"{name}-{index}.{run_plan.names.domain}", port["containerPort"]))
    for item in objects:
        for port in item["spec"].get("ports", []) if item["kind"] == "Service" else ():
            host = f"{item['metadata']['name']}.{run_plan.names.namespace}.svc.cluster.local"
            found.add((host, port["port"]))
    return found


def _endpoints(value: Any) -> Iterator[tuple[str, int]]:
    """Every host with its port in a config: URLs, and tables with ``host`` and ``port``."""
    if isinstance(value, dict):
        if {"host", "port"} <= set(value):
            yield value["host"], value["port"]
        for item in value.values():
            yield from _endpoints(item)
    elif isinstance(value, list):
        for item in value:
            yield from _endpoints(item)
    elif isinstance(value, str) and re.match(r"(http|tcp)://", value):
        parts = urlsplit(value)
        yield str(parts.hostname), parts.port or 80


def _read(pods: Pods) -> JsonObject:
    """What a pod reads of its config: an SFT trainer has a copy of ``eval``, of which it reads names and intervals."""
    config = dict(pods.config.resolved) if pods.config else {}
    return {**config, "eval": None} if pods.component == "trainer" else config


def _check_hosts(run_plan: RunPlan, objects: list[JsonObject]) -> None:
    listening = _listeners(run_plan, objects)
    called = [end for pods in run_plan.pods if pods.config for end in _endpoints(_read(pods))]
    called += list(_endpoints(list(run_plan.worker_urls)))
    own = [(host, port) for host, port in called if host not in ("0.0.0.0", "10.9.8.7")]
    assert own or not run_plan.shape.inference_pods
    assert set(own) <= listening
    for pods in run_plan.pods:
        bound = {port for host, port in _endpoints(pods.config.resolved if pods.config else {}) if host == "0.0.0.0"}
        if not (pods.component == "inference" and run_plan.shape.engines > 1):  # --server.port wins there
            assert bound <= {port.number for port in pods.ports}


def _check_gpus(run_plan: RunPlan, objects: list[JsonObject]) -> None:
    asked = sum(
        int(_container(job)["resources"].get("limits", {}).get("nvidia.com/gpu", 0)) * job["completions"]
        for job in _jobs(objects).values()
    )
    shape = run_plan.shape
    assert asked == shape.gpus
    assert asked == shape.trainer_pods * shape.trainer_gpus + shape.inference_pods * shape.inference_gpus
    budget = next(item for item in objects if item["kind"] == "PodDisruptionBudget")
    assert budget["spec"]["minAvailable"] == sum(job["completions"] for job in _jobs(objects).values())


def _check_references(objects: list[JsonObject]) -> None:
    secrets = {item["metadata"]["name"]: set(item["data"]) for item in objects if item["kind"] == "Secret"}
    maps = {item["metadata"]["name"] for item in objects if item["kind"] == "ConfigMap"}
    used = set()
    for job in _jobs(objects).values():
        pod, container = job["template"]["spec"], _container(job)
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert len(volumes) == len(pod["volumes"])
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))
        for variable in container["env"]:
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            assert reference is None or reference["key"] in secrets[reference["name"]]
        used |= {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
    assert used == maps


def _check_secrets(objects: list[JsonObject], names: set[SecretName]) -> None:
    elsewhere = json.dumps([item for item in objects if item["kind"] != "Secret"])
    assert "value-of" not in elsewhere
    assert "secret-" not in elsewhere.replace("secret-key", "")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_rendering_needs_nothing_but_its_arguments(shape: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = to_yaml(render(planned(SHAPES[shape], workload=form), secrets=SECRETS))

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a library call touched the world")

    for target in ("builtins.open", "os.environ.get", "time.time", "random.random", "socket.socket", "os.urandom"):
        monkeypatch.setattr(target, refuse)
    assert to_yaml(render(planned(SHAPES[shape], workload=form), secrets=SECRETS)) == expected


@pytest.mark.parametrize(
    ("shape", "pods", "gpus", "workers"),
    [
        ("one-plus-one", 4, 2, 1),
        ("two-plus-six", 5, 8, 6),
        ("multi-node", 7, 32, 16),
        ("engines-per-node", 7, 32, 16),
        ("expert-parallel", 8, 40, 32),
        ("trainer-only", 2, 16, 0),
        ("trainer-only-one-node", 1, 1, 0),
        ("external-inference", 3, 1, 0),
    ],
)
def test_sizes_of_shapes(shape: str, pods: int, gpus: int, workers: int) -> None:
    run_plan = planned(SHAPES[shape])
    assert (run_plan.pod_count, run_plan.shape.gpus) == (pods, gpus)
    assert run_plan.shape.inference_workers == workers
    for component in ("trainer", "orchestrator"):
        planned_pods = run_plan.component(component)
        config = planned_pods.config.sparse if planned_pods and planned_pods.config else {}
        assert config.get("weight_broadcast", {}).get("inference_world_size") in (None, workers)


def test_run_id_is_derived_from_name_and_config() -> None:
    ids = [planned(split, run=Run(name=name)).run_id for name in ("a", "b") for split in list(SHAPES.values())[:3]]
    assert len(set(ids)) == 6
    assert planned(make(), run=Run(name="a")).run_id == ids[0]
    guesses = [make(env_vars={"A_KEY": value, "A": "b"}) for value in "12"]
    assert len({planned(split, run=Run(name="a")).run_id for split in guesses}) == 1
    assert re.fullmatch(r"run-[0-9a-f]{16}", ids[0])


def test_same_slug_and_other_id_are_other_names() -> None:
    bases = {planned(make(), run=Run(id=run_id, name=name)).names.base for run_id in "ab" for name in ("x y", "x-y")}
    assert len(bases) == 2
    assert all(base.startswith("rl-x-y-") for base in bases)
    assert planned(make(), run=Run(id="a", name="数学")).names.base.startswith("rl-run-")


@pytest.mark.parametrize("form", FORMS)
def test_two_attempts_differ_in_nothing_but_the_attempt(form: str) -> None:
    split = SHAPES["resumed"]
    texts = [
        to_yaml(render(planned(split, run=Run(id="a", image_tag="v1.0.0", attempt=n), workload=form))) for n in (1, 2)
    ]
    changed = [pair for pair in zip(texts[0].splitlines(), texts[1].splitlines(), strict=True) if pair[0] != pair[1]]
    assert {(old.strip(), new.strip()) for old, new in changed} == {('value: "1"', 'value: "2"')}


def test_secret_values_are_in_the_secret_and_nowhere_else() -> None:
    run_plan = planned(SHAPES["secret-env"], secrets=SECRETS)
    assert "t0p" not in repr(run_plan)
    assert "wandb-value" not in repr(run_plan)
    objects = render(run_plan, secrets=SECRETS)
    data = next(item for item in objects if item["kind"] == "Secret")["data"]
    own = ["wandb-api-key", "hf-token", "prime-api-key"]
    assert list(data) == [*own, "env-my_api_key", "env-my_api_key-2", "env-s3_secret"]
    rest = to_yaml([item for item in objects if item["kind"] != "Secret"])
    for value in ("t0p", "r00t", "s3cr3t", "wandb-value", "hf-value", "prime-value"):
        assert value not in rest
    keys = {
        suffix: next(v.key for v in pods.secret_env if v.name == "MY_API_KEY")
        for suffix in ("trainer", "orchestrator", "inference")
        if (pods := run_plan.component(suffix))
    }
    assert keys == {"trainer": "env-my_api_key-2", "orchestrator": "env-my_api_key", "inference": "env-my_api_key"}


def test_redacted_secret_hides_values_and_lengths() -> None:
    run_plan = planned(SHAPES["secret-env"], secrets=SECRETS)
    data = next(item for item in render(run_plan, redact=True) if item["kind"] == "Secret")["data"]
    assert len(data) == 6
    assert len(set(data.values())) == 1
    assert [item["kind"] for item in render(run_plan, redact=True)] == [
        item["kind"] for item in render(run_plan, secrets=SECRETS)
    ]


def test_plan_is_rendered_with_the_secrets_it_was_made_for() -> None:
    run_plan = planned(make(), secrets=SECRETS)
    with pytest.raises(ValueError, match="other secrets"):
        render(run_plan, secrets=Secrets())
    with pytest.raises(ValueError, match="other secrets"):
        render(run_plan)


def test_plan_with_user_secrets_cannot_be_pickled_by_accident() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(planned(SHAPES["secret-env"]).secret_env_values)


def test_no_values_no_secret() -> None:
    objects = render(planned(make()))
    assert not [item for item in objects if item["kind"] == "Secret"]
    assert "secretKeyRef" not in to_yaml(objects)
    assert "PRIME_API_BASE" not in to_yaml(objects)


def test_large_configs_are_mounted() -> None:
    large = make(trainer={"model": {"extra": ["x" * 1000] * 125}})
    by_form = {form: render(planned(large, workload=form)) for form in FORMS}
    maps = {
        form: [item["metadata"]["name"].partition("-config-")[2] for item in objects if item["kind"] == "ConfigMap"]
        for form, objects in by_form.items()
    }
    assert maps == {"job": ["trainer"], "jobset": ["trainer", "orchestrator", "inference", "env-0-math"]}
    config = next(item for item in by_form["job"] if item["kind"] == "ConfigMap")
    assert config["immutable"] is True
    assert json.loads(config["data"]["trainer.json"])["model"]["extra"] == ["x" * 1000] * 125
    template = _jobs(by_form["job"])[f"{by_form['job'][0]['metadata']['name']}-trainer"]["template"]
    assert re.fullmatch("[0-9a-f]{64}", template["metadata"]["annotations"]["rlsplit/config-sha256"])


def test_scripts_of_one_job_set_share_its_limit() -> None:
    medium = {"extra": ["x" * 1000] * 60}
    large = make(trainer={"model": medium}, orchestrator={"model": medium}, inference={"vllm": medium})
    kinds = {form: [item["kind"] for item in render(planned(large, workload=form))] for form in FORMS}
    assert kinds["job"].count("ConfigMap") == 0
    assert kinds["jobset"].count("ConfigMap") == 0
    larger = make(
        trainer={"model": medium}, orchestrator={"model": medium}, inference={"vllm": {"extra": medium["extra"] * 2}}
    )
    assert [i["kind"] for i in render(planned(larger))].count("ConfigMap") == 1
    assert [i["kind"] for i in render(planned(larger, workload="jobset"))].count("ConfigMap") == 4


def test_findings_of_a_plan_are_no_errors() -> None:
    for split in SHAPES.values():
        assert all(note.severity != "error" for note in planned(split, run=RUN).notes)


def _set(config: RLConfig, key: str, number: int) -> None:
    setattr(config.deployment, key, number)


def test_hostile_numbers_never_raise_anything_else() -> None:
    refused = []
    for key in ("gpus_per_node", "num_train_nodes", "num_infer_nodes", "num_infer_replicas"):
        for number in (-(10**9), -1, 0):
            try:
                planned(make_refused(MULTI, edit=partial(_set, key=key, number=number)))
            except ConfigError as error:
                refused.append(error.findings)
    assert len(refused) > 8
    assert all(refused)
