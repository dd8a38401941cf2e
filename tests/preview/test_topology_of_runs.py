"""The topology says who runs where, who listens and who connects, and both pictures show it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from previews import fixture, hostile, previewed

from goldens import good, sft
from rlsplit.preview.mermaid import flowchart
from rlsplit.preview.svg import MAX_PODS, picture
from rlsplit.preview.topology import MAX_OUTSIDE, Node, Pod, Service, Topology, flow_text, ports_text, topology

SVG = "{http://www.w3.org/2000/svg}"


def drawn(content: str | Path) -> Topology:
    run = previewed(content)
    assert run.planned is not None, run.findings
    return topology(run.planned.plan)


def links(found: Topology) -> set[tuple[str, str, str, str]]:
    return {(link.source, link.target, link.said, ports_text(found.ports(link))) for link in found.links}


def test_one_node_with_a_router_inside() -> None:
    found = drawn(fixture("reverse-text"))
    assert [node.id for node in found.nodes] == ["orchestrator", "env-train", "inference", "trainer", "volume"]
    assert links(found) == {
        ("orchestrator", "env-train", "episodes", "5000"),
        ("orchestrator", "inference", "generation", "8000"),
        ("orchestrator", "inference", "weight updates", "8100"),
        ("orchestrator", "volume", "step markers", ""),
        ("env-train", "inference", "generation", "8000"),
        ("inference", "trainer", "weights, pulled over NCCL", "29501"),
        ("trainer", "orchestrator", "rollouts, pulled over ZMQ", "5555, 5556"),
        ("trainer", "volume", "step markers", ""),
    }


def test_several_nodes_with_a_router_of_their_own() -> None:
    found = drawn(fixture("multi-node-expert-parallel"))
    assert {
        ("orchestrator", "router", "generation", "8000"),
        ("router", "inference", "generation", "8100-8103"),
        ("orchestrator", "inference", "weight updates", "8100-8103"),
        ("inference", "inference", "expert parallelism", "13345"),
        ("trainer", "trainer", "torchrun", "29500"),
    } <= links(found)


def test_weights_through_files_and_through_nixl() -> None:
    assert ("inference", "volume", "weights, read as files", "") in links(drawn(fixture("lora")))
    express = "outside-modelexpress.training.example.org"
    nixl = links(drawn(fixture("nixl")))
    assert {(name, express, "weights (NIXL)", "8001") for name in ("trainer", "orchestrator", "inference")} <= nixl


def test_links_that_pull_say_which_way_things_flow() -> None:
    found = drawn(fixture("disaggregated"))
    flows = {flow_text(found, link) for link in found.links}
    assert {
        "weights: Trainer -> Decode, pulled over NCCL",
        "KV caches: Prefill -> Decode, pulled over NIXL",
        "rollouts: Orchestrator -> Trainer, pulled over ZMQ",
        "generation",
    } <= flows
    assert "weights ← Trainer, pulled over NCCL" in picture(found)
    assert '"weights: Trainer -#62; Decode<br/>pulled over NCCL :29502"' in flowchart(found)


def test_what_goes_through_files_is_written_and_read() -> None:
    files = {link for link in links(drawn(fixture("lora"))) if link[1] == "volume"}
    assert ("trainer", "volume", "checkpoints, weights, step markers", "") in files
    assert ("inference", "volume", "weights, read as files", "") in files


def test_servers_outside_the_run() -> None:
    pool = links(drawn(fixture("external-inference")))
    assert ("orchestrator", "outside-policy-pool.inference.example.org", "generation", "8000") in pool
    assert ("env-train", "outside-policy-pool.inference.example.org", "generation", "8000") in pool
    assert ("orchestrator", "outside-engine-1.inference.example.org", "weight updates", "8100") in pool
    mix = links(drawn(fixture("large")))
    assert ("orchestrator", "outside-alignment-envs.example.org", "episodes", "7000, 7001") in mix
    assert ("orchestrator", "outside-writers.models.example.org", "samples", "443") in mix


def test_a_trainer_alone_talks_to_nobody() -> None:
    found = drawn(fixture("trainer-only-fake"))
    assert [node.id for node in found.nodes] == ["trainer", "volume"]
    assert links(found) == set()


def test_many_servers_outside_become_one_node() -> None:
    text = fixture("reverse-text").read_text(encoding="utf-8")
    for number in range(20):
        text += (
            f'\n[[orchestrator.train.source]]\nname = "far-{number}"\nserve.address = "tcp://far-{number}.example.org:7000"\n'
            'env.taskset.id = "reverse-text"\n'
        )
    found = drawn(text)
    outside = [node.title for node in found.nodes if node.kind == "outside"]
    assert len(outside) == MAX_OUTSIDE
    assert outside[-1] == "13 more servers"


@pytest.mark.parametrize(
    ("ports", "text"), [((), ""), ((1,), "1"), ((1, 2), "1, 2"), ((1, 2, 3), "1-3"), ((7, 1, 2, 3, 9), "7, 1-3, 9")]
)
def test_ports_in_words(ports: tuple[int, ...], text: str) -> None:
    assert ports_text(ports) == text


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_the_svg_is_well_formed_and_shows_every_pod_and_gpu(path: Path) -> None:
    found = drawn(path)
    root = ElementTree.fromstring(picture(found))
    assert root.get("role") == "img"
    assert root.get("aria-label")
    kinds = [element.get("class") for element in root.iter()]
    pods = [pod for node in found.nodes for pod in node.pods]
    assert kinds.count("pod") == len(pods)
    assert kinds.count("gpu") == sum(len(node.pods) * node.gpus for node in found.nodes)
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert {pod.host for pod in pods} <= titles
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    assert width < 520
    for box in root.iter(f"{SVG}rect"):
        assert float(box.get("x", "-1")) >= 0
        assert float(box.get("x", "0")) + float(box.get("width", "0")) <= width
        assert float(box.get("y", "0")) + float(box.get("height", "0")) <= height


def test_lanes_of_one_track_do_not_overlap() -> None:
    root = ElementTree.fromstring(picture(drawn(fixture("large"))))
    spans: dict[str, list[tuple[int, int]]] = {}
    for lane in root.iter(f"{SVG}path"):
        shape = re.match(r"M(\d+) (\d+)V(\d+)", lane.get("d", ""))
        if shape:
            spans.setdefault(shape[1], []).append((int(shape[2]), int(shape[3])))
    assert len(spans) > 3
    for taken in spans.values():
        for (_, end), (start, _) in zip(sorted(taken), sorted(taken)[1:], strict=False):
            assert end < start


def test_many_pods_become_a_count() -> None:
    pods = tuple(Pod(label=str(index), host=f"r-trainer-{index}.r") for index in range(MAX_PODS + 40))
    services = (Service(name="weights", ports=(1,)),)
    node = Node(id="trainer", kind="trainer", title="Trainer", detail="d", pods=pods, gpus=8, services=services)
    text = picture(Topology(nodes=(node,), links=()))
    ElementTree.fromstring(text)
    assert "pods 0 to 63, 8 GPUs each" in text
    assert text.count('class="gpu"') == 0


def test_hostile_names_do_not_break_the_svg_or_the_flowchart() -> None:
    found = drawn(hostile())
    root = ElementTree.fromstring(picture(found))
    assert not list(root.iter(f"{SVG}script"))
    chart = flowchart(found)
    for line in chart.splitlines()[1:]:
        label = re.fullmatch(r"  n\d+(?:\[+\(?|\(\[| -\.?->\||\ -->\|)\"([^\"]*)\"(?:\)?\]+|\]\)|\| n\d+)", line)
        assert label, line
        assert not re.search(r"[<>`|\[\]{}]", label[1].replace("<br/>", "")), line


@pytest.mark.parametrize("path", [*good(), *sft()], ids=lambda path: path.parent.name)
def test_the_flowchart_names_every_role_and_link(path: Path) -> None:
    found = drawn(path)
    chart = flowchart(found)
    assert len(chart.splitlines()) == 1 + len(found.nodes) + len(found.links)
    for node in found.nodes:
        assert node.title in chart
