"""NetworkPolicies by what they do: every connection of a run is allowed, and none to where clouds keep credentials."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest
from policies import End, allowed, pods_of
from splits import FILESYSTEM, FORMS, MULTI, SECRETS, SHAPES, SINGLE, make_refused, planned, source

from rlsplit.addresses import address_of, has_zone, is_metadata, is_network
from rlsplit.findings import ConfigError, dotted
from rlsplit.kubernetes import is_loopback
from rlsplit.manifests import render
from rlsplit.planning import RunPlan
from rlsplit.preview.topology import topology
from rlsplit.splitting import JsonObject, Split

METADATA = ["169.254.169.254", "169.254.170.2", "fe80::a9fe:a9fe", "fd00:ec2::254"]
SOMEWHERE = ["203.0.113.7", "2001:db8::7"]
PLANS = 200


def with_runtime(name: str, kind: str, address: str | None = None) -> JsonObject:
    return source(name, address, env={"taskset": {"id": name}, "agent": {"runtime": {"type": kind}}})


def random_run(dice: random.Random) -> tuple[Split, dict[str, Any]]:
    hosts = ["10.9.8.7", "[2001:db8::5]", "vllm.example.com", "0x0a.9.8.7", "[::ffff:10.1.2.3]"]
    multi = dice.random() < 0.6
    external = not multi and dice.random() < 0.3
    tp = dice.choice([1, 2, 4, 8])
    sources = [
        with_runtime(f"env{i}", dice.choice(["subprocess", "prime", "modal"]), address)
        for i in range(dice.randint(1, 4))
        for address in [dice.choice([None, None, f"tcp://{dice.choice(hosts[:3])}:{dice.randint(1024, 9999)}"])]
    ]
    orchestrator: dict[str, Any] = {}
    if external:
        orchestrator["model"] = {"client": {"base_url": f"http://{dice.choice(hosts)}:{dice.randint(1024, 9999)}/v1"}}
    if dice.random() < 0.4:
        teacher = {"name": "t", "base_url": f"https://{dice.choice(hosts)}/v1"}
        orchestrator["algo"] = {"type": "opd", "teacher": teacher}
    many = {**MULTI, "num_train_nodes": dice.randint(1, 4), "num_infer_replicas": dice.randint(1, 3)}
    single = {**SINGLE, "gpus_per_node": 16, "num_train_gpus": dice.randint(1, 8), "num_infer_gpus": tp}
    split = make_refused(
        many if multi else single,
        orchestrator=orchestrator,
        inference={"vllm": {"tensor_parallel_size": tp}},
        has_inference=not external,
        train=sources,
        **({"weight_broadcast": FILESYSTEM} if external or dice.random() < 0.5 else {}),
    )
    platform: dict[str, Any] = {
        "workload": dice.choice(FORMS),
        "egress_ports": dice.choice([[443], [443, 80], []]),
        "egress_cidrs": dice.choice([["0.0.0.0/0", "::/0"], ["::/0"], ["0.0.0.0/0"], ["10.0.0.0/8", "203.0.113.0/24"]]),
        "host_network": dice.random() < 0.2,
        "pod_security": "privileged",
        "monitoring": dice.choice(["annotations", "podmonitor", "none"]),
        "dns": dice.choice(
            [
                [{"namespace": "kube-system"}],
                [{"namespace": "openshift-dns", "ports": [5353]}],
                [{"namespace": "kube-system"}, {"cidrs": ["169.254.20.10/32"]}],
            ]
        ),
    }
    return split, platform


def policies_of(objects: list[JsonObject]) -> list[JsonObject]:
    return [item for item in objects if item["kind"] == "NetworkPolicy"]


def callers(pods: list[End], components: tuple[str, ...]) -> list[End]:
    return [pod for pod in pods if pod.labels["app.kubernetes.io/component"] in components]


def check_inside(plan: RunPlan, policies: list[JsonObject], pods: list[End]) -> None:
    drawn = topology(plan)
    by_host = {host: pod for planned_pods, pod in zip(plan.pods, pods, strict=True) for host in planned_pods.hosts}
    checked = 0
    for link in drawn.links:
        sources, targets = drawn.node(link.source).pods, drawn.node(link.target).pods
        for port in drawn.ports(link) if sources and targets else ():
            checked += 1
            assert all(
                allowed(policies, by_host[one.host], by_host[other.host], port) for one in sources for other in targets
            ), link
    assert checked or not plan.shape.has_orchestrator
    # NCCL and vLLM take any port.
    assert all(allowed(policies, one, other, 41234) for one in pods for other in pods)


def check_outside(plan: RunPlan, policies: list[JsonObject], pods: list[End]) -> None:
    ranges = [ipaddress.ip_network(cidr) for cidr in plan.platform.egress_cidrs]
    for call in plan.outside:
        address = address_of(call.host)
        ends = (
            [str(address)]
            if address is not None
            else [a for a in SOMEWHERE if any(ipaddress.ip_address(a) in r for r in ranges)]
        )
        for end in ends:
            for pod in callers(pods, call.callers):
                assert allowed(policies, pod, End(address=end), call.port), call


def check_denied(plan: RunPlan, policies: list[JsonObject], pods: list[End]) -> None:
    ports = {53, 80, 443, 7000, *plan.platform.egress_ports, *(call.port for call in plan.outside)}
    for pod in pods:
        assert not any(allowed(policies, pod, End(address=address), port) for address in METADATA for port in ports)
        stranger = End(namespace="default", labels={"app": "other"})
        assert not allowed(policies, stranger, pod, 8000)
        assert not allowed(policies, pod, stranger, 8000)


def check_tunnels(plan: RunPlan, policies: list[JsonObject], pods: list[End], split: Split) -> None:
    ranges = [ipaddress.ip_network(cidr) for cidr in plan.platform.egress_cidrs]
    there = [a for a in SOMEWHERE if any(ipaddress.ip_address(a) in r for r in ranges)]
    opened = {call.port for call in plan.outside} | set(plan.platform.egress_ports)
    for planned_pods, pod in zip(plan.pods, pods, strict=True):
        server = planned_pods.env_server
        served = next((s for s in split.env_servers if server and s.id == server.id), None)
        remote = served is not None and served.config.resolved["env"]["agent"]["runtime"]["type"] != "subprocess"
        for address in there if 7000 not in opened else ():
            assert allowed(policies, pod, End(address=address), 7000) == remote
        assert any(variable.name == "PRIME_API_KEY" for variable in planned_pods.secret_env) == (
            remote or planned_pods.component == "orchestrator"
        )


def check_dns(plan: RunPlan, policies: list[JsonObject], pods: list[End]) -> None:
    for peer in plan.platform.dns:
        servers = [End(namespace=peer.namespace, labels={"k8s-app": "any-dns"})] if peer.namespace else []
        servers += [End(address=cidr.partition("/")[0]) for cidr in peer.cidrs]
        for pod in pods:
            for protocol in ("UDP", "TCP"):
                assert all(allowed(policies, pod, server, port, protocol) for server in servers for port in peer.ports)


@pytest.mark.parametrize("chunk", range(10))
def test_every_connection_of_a_run_is_allowed_and_metadata_never(chunk: int) -> None:
    for seed in range(chunk * PLANS // 10, (chunk + 1) * PLANS // 10):
        split, platform = random_run(random.Random(seed))
        plan = planned(split, secrets=SECRETS, **platform)
        objects = render(plan, secrets=SECRETS)
        policies, pods = policies_of(objects), list(pods_of(objects))
        check_inside(plan, policies, pods)
        check_outside(plan, policies, pods)
        check_denied(plan, policies, pods)
        check_tunnels(plan, policies, pods, split)
        check_dns(plan, policies, pods)
        for policy in policies:
            assert all(rule.get("to") for rule in policy["spec"]["egress"])
            assert all(rule.get("from") for rule in policy["spec"].get("ingress", ()))


def test_nothing_is_open_where_nothing_may_be_called() -> None:
    split = make_refused(orchestrator={"model": {"client": {"base_url": "http://vllm.x:9000/v1"}}}, has_inference=False)
    plan = planned(split, egress_cidrs=[])
    (policy,) = policies_of(render(plan))
    assert len(policy["spec"]["egress"]) == 2
    assert {(note.code, note.severity) for note in plan.notes if "port" in note.code} == {
        ("plan.closed-port", "warning")
    }


def test_an_exception_lies_inside_of_its_range() -> None:
    plan = planned(
        SHAPES["one-plus-one"],
        egress_cidrs=["169.0.0.0/8", "2001:db8::/32", "169.254.20.0/24"],
        deny_cidrs=["169.254.169.0/24", "169.254.20.0/25", "169.254.20.0/25"],
    )
    (policy,) = policies_of(render(plan))[:1]
    assert policy["spec"]["egress"][2]["to"] == [
        {"ipBlock": {"cidr": "169.0.0.0/8", "except": ["169.254.169.0/24", "169.254.20.0/25"]}},
        {"ipBlock": {"cidr": "2001:db8::/32"}},
        {"ipBlock": {"cidr": "169.254.20.0/24", "except": ["169.254.20.0/25"]}},
    ]


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.1.1",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "10.66.0.1",
    ],
)
def test_servers_where_no_pod_may_call_are_refused_at_their_key(host: str) -> None:
    platform = {"deny_cidrs": ["169.254.0.0/16", "10.66.0.0/16"]}
    for key, split in (
        (
            "orchestrator.model.client.base_url",
            make_refused(
                orchestrator={"model": {"client": {"base_url": f"http://{host}:9000/v1"}}}, has_inference=False
            ),
        ),
        ("orchestrator.train.source[0].serve.address", make_refused(train=[source("a", f"tcp://{host}:5000")])),
        (
            "orchestrator.algo.teacher.base_url",
            make_refused(
                orchestrator={"algo": {"type": "opd", "teacher": {"name": "t", "base_url": f"http://{host}/v1"}}}
            ),
        ),
    ):
        with pytest.raises(ConfigError) as refused:
            planned(split, **platform)
        assert ("plan.outside-address", key) in {(f.code, dotted(f.path)) for f in refused.value.findings}


def test_a_monitor_where_no_pod_may_call_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        planned(SHAPES["one-plus-one"], monitor_url="http://169.254.169.254/x")
    assert [(f.code, dotted(f.path)) for f in refused.value.findings] == [
        ("plan.outside-address", "platform.monitor_url")
    ]


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.1", "0177.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "0", "[::]", "127.0.0.1."]
)
def test_loopback_is_known_however_it_is_spelled(host: str) -> None:
    assert is_loopback(host)
    split = make_refused(orchestrator={"model": {"client": {"base_url": f"http://{host}:9/v1"}}}, has_inference=False)
    with pytest.raises(ConfigError) as refused:
        planned(split)
    assert [f.code for f in refused.value.findings] == ["plan.loopback-base-url"]


@pytest.mark.parametrize("host", ["10.1", "0x0a000001", "167772161", "::ffff:10.0.0.1", "012.0.0.1"])
def test_old_spellings_are_addresses(host: str) -> None:
    assert str(address_of(host)) == "10.0.0.1"


@pytest.mark.parametrize(
    "host", ["example.com", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "4294967296", "1..2", "08.1", "-1", "", "9" * 5000]
)
def test_other_hosts_are_names(host: str) -> None:
    assert address_of(host) is None
    assert not is_metadata(host)
    assert not has_zone(host)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "::/0", "fd00:ec2::254/128", "2001:DB8::/32"])
def test_ranges(text: str) -> None:
    assert is_network(text)


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1",
        "10.0.0.1/8",
        "10.0.0.0/255.0.0.0",
        "fe80::%eth0/64",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/33",
        "x/8",
        "10.0.0.0/ 8",
    ],
)
def test_what_is_no_range(text: str) -> None:
    assert not is_network(text)
