"""The topology as an SVG picture: a card for each role with its pods and GPUs, and lanes from who calls to who listens.

Cards stand in one column, narrow enough for a phone. Every connection is a row of the card that opens it, with an
arrow the way things flow; a lane right of the cards leads from there to the row of the port that it reaches, or to
the volume. Colours are classes, which the page's style sheet defines for light, dark and paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from rlsplit.characters import visible
from rlsplit.findings import clipped
from rlsplit.preview.text import counted
from rlsplit.preview.topology import Link, Node, Topology, ports_text

MAX_PODS: Final = 24
"""Pods of one role that are drawn one by one."""
MAX_GPUS: Final = 16
"""GPUs of one pod that are drawn one by one."""
COLOURS: Final = 8
"""Classes ``lane-0`` to ``lane-7``."""

CARD_WIDTH: Final = 380
PAD: Final = 14
CARD_GAP: Final = 14
TITLE_HEIGHT: Final = 46
ROW_HEIGHT: Final = 20
GPU: Final = 9
GPU_STEP: Final = 11
GPUS_IN_ROW: Final = 4
POD_GAP: Final = 6
NAME_HEIGHT: Final = 20
LANE_STEP: Final = 11
MARGIN: Final = 1

_INNER: Final = CARD_WIDTH - 2 * PAD
_NAMED_WIDTH: Final = (_INNER - POD_GAP) // 2


def picture(drawn: Topology, beside: Topology | None = None) -> str:
    """Draw the topology, with the cards marked that ``beside`` does not have alike.

    It is well-formed XML without ids, so that a page can hold several.
    """
    cards = tuple(_stacked(drawn))
    lanes = _laned(drawn, {card.node.id: card for card in cards})
    width = MARGIN + CARD_WIDTH + LANE_STEP * (2 + max((lane.track for lane in lanes), default=0))
    height = cards[-1].bottom + MARGIN
    parts = [
        *(part for card in cards for part in _drawn(card, beside)),
        *(part for lane in lanes for part in _wire(lane)),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="topology" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" aria-label="{escape(_summary(drawn))}">\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _summary(drawn: Topology) -> str:
    nodes = "; ".join(f"{visible(node.title)}: {visible(node.detail)}" for node in drawn.nodes)
    return f"Topology of the run. {nodes}. {counted(len(drawn.links), 'connection')}, listed below the picture."


# --- cards -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Card:
    node: Node
    links: tuple[Link, ...]
    title_of: dict[str, str]
    top: int

    @property
    def pods_top(self) -> int:
        return self.top + TITLE_HEIGHT

    @property
    def rows_top(self) -> int:
        return self.pods_top + _pods_height(self.node)

    @property
    def bottom(self) -> int:
        rows = len(self.node.services) + len(self.links)
        return self.rows_top + ROW_HEIGHT * rows + (PAD // 2 if rows else 0)

    def service_y(self, name: str | None) -> int:
        """Middle of a service's row; of the title where a link reaches no service."""
        names = [service.name for service in self.node.services]
        return self._row_y(names.index(name)) if name in names else self.top + TITLE_HEIGHT // 2

    def link_y(self, link: Link) -> int:
        """Middle of the row of a link that starts here."""
        return self._row_y(len(self.node.services) + self.links.index(link))

    def _row_y(self, index: int) -> int:
        return self.rows_top + ROW_HEIGHT * index + ROW_HEIGHT // 2


def _stacked(drawn: Topology) -> Iterator[_Card]:
    top, titles = MARGIN, {node.id: node.title for node in drawn.nodes}
    for node in drawn.nodes:
        card = _Card(node, tuple(link for link in drawn.links if link.source == node.id), titles, top)
        yield card
        top = card.bottom + CARD_GAP


def _drawn(card: _Card, beside: Topology | None) -> Iterator[str]:
    node = card.node
    mark = " changed" if beside is not None and node not in beside.nodes else ""
    x, height = MARGIN, card.bottom - card.top
    yield (
        f'<g class="card {node.kind}{mark}"><title>{escape(visible(f"{node.title}: {node.detail}"))}</title>'
        f'<rect class="card-box" x="{x}" y="{card.top}" width="{CARD_WIDTH}" height="{height}" rx="8"/>'
    )
    yield _text("title", x + PAD, card.top + 21, clipped(visible(node.title), 30))
    if node.pods:
        yield _text("detail", x + CARD_WIDTH - PAD, card.top + 21, node.detail, anchor="end")
    yield _text("host", x + PAD, card.top + 37, clipped(visible(_hosts(node)), 54))
    yield from _pods(node, x + PAD, card.pods_top)
    for service in node.services:
        yield from _row(card.service_y(service.name), "service", service.name, ports_text(service.ports))
    for link in card.links:
        yield from _row(card.link_y(link), "link", _link_text(card, link), "")
    yield "</g>"


def _hosts(node: Node) -> str:
    """Spell the host names of alike pods as one: their common part, and the indices."""
    if not node.pods:
        return node.detail
    names = [pod.host.partition(".")[0] for pod in node.pods]
    if node.kind == "env-server" or len(names) == 1:
        return names[0] if len(names) == 1 else f"{names[0]} and others"
    return f"{names[0].rpartition('-')[0]}-{{0..{len(names) - 1}}}"


def _link_text(card: _Card, link: Link) -> str:
    if link.target == link.source:
        return f"{link.what} among its pods"
    if link.pulled is not None:
        return f"{link.what} ← {card.title_of[link.target]}, {link.pulled}"
    return f"{link.what} → {card.title_of[link.target]}"


def _row(y: int, kind: str, text: str, tag: str) -> Iterator[str]:
    yield _text(kind, MARGIN + PAD, y + 4, clipped(visible(text), 52))
    if tag:
        yield _text("port", MARGIN + CARD_WIDTH - PAD, y + 4, clipped(tag, 24), anchor="end")


# --- pods ------------------------------------------------------------------------------------------------------


def _pods(node: Node, left: int, top: int) -> Iterator[str]:
    if node.kind == "env-server":
        yield from _named_pods(node, left, top)
    elif node.pods and len(node.pods) <= MAX_PODS:
        width, height = _pod_size(node)
        for index, pod in enumerate(node.pods):
            x = left + (index % _pods_in_row(node)) * (width + POD_GAP)
            y = top + (index // _pods_in_row(node)) * (height + POD_GAP)
            yield from _pod(pod.host, f"pod {pod.label}", node.gpus, x, y, (width, height))
    elif node.pods:
        text = f"pods 0 to {len(node.pods) - 1}, {counted(node.gpus, 'GPU')} each"
        yield from _pod(node.pods[0].host, text, 0, left, top, (_INNER, NAME_HEIGHT))


def _named_pods(node: Node, left: int, top: int) -> Iterator[str]:
    more = len(node.pods) - MAX_PODS
    shown = node.pods[: MAX_PODS - 1] if more > 0 else node.pods
    names = [(pod.host, clipped(visible(pod.label), 26)) for pod in shown]
    if more > 0:
        names.append(("", f"and {more + 1} more"))
    for index, (host, name) in enumerate(names):
        x = left + (index % 2) * (_NAMED_WIDTH + POD_GAP)
        y = top + (index // 2) * (NAME_HEIGHT + POD_GAP)
        yield from _pod(host, name, 0, x, y, (_NAMED_WIDTH, NAME_HEIGHT))


def _pod(host: str, label: str, gpus: int, x: int, y: int, size: tuple[int, int]) -> Iterator[str]:
    width, height = size
    yield (
        f'<g class="pod"><title>{escape(visible(host))}</title>'
        f'<rect class="pod-box" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'
    )
    yield _text("pod-name", x + 6, y + 14, label)
    if gpus > MAX_GPUS:
        yield _text("pod-name", x + width - 6, y + 14, counted(gpus, "GPU"), anchor="end")
    else:
        yield "".join(_gpus(gpus, x + 6, y + NAME_HEIGHT))
    yield "</g>"


def _gpus(count: int, left: int, top: int) -> Iterator[str]:
    for index in range(count):
        x, y = left + (index % GPUS_IN_ROW) * GPU_STEP, top + (index // GPUS_IN_ROW) * GPU_STEP
        yield f'<rect class="gpu" x="{x}" y="{y}" width="{GPU}" height="{GPU}" rx="1.5"/>'


def _pod_size(node: Node) -> tuple[int, int]:
    """Width and height of one pod: a name, and rows of squares."""
    if node.gpus > MAX_GPUS:
        return 130, NAME_HEIGHT
    rows = -(-node.gpus // GPUS_IN_ROW)
    return max(58, 12 + min(node.gpus, GPUS_IN_ROW) * GPU_STEP - 2), NAME_HEIGHT + rows * GPU_STEP + (4 if rows else 0)


def _pods_in_row(node: Node) -> int:
    return (_INNER + POD_GAP) // (_pod_size(node)[0] + POD_GAP)


def _pods_height(node: Node) -> int:
    if not node.pods:
        return 0
    if node.kind == "env-server":
        return -(-min(len(node.pods), MAX_PODS) // 2) * (NAME_HEIGHT + POD_GAP)
    if len(node.pods) > MAX_PODS:
        return NAME_HEIGHT + POD_GAP
    return -(-len(node.pods) // _pods_in_row(node)) * (_pod_size(node)[1] + POD_GAP)


# --- lanes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Lane:
    """All connections to one port: they share a track right of the cards."""

    sources: tuple[int, ...]
    target: int
    is_files: bool
    colour: int
    track: int = 0

    @property
    def span(self) -> tuple[int, int]:
        return min(*self.sources, self.target), max(*self.sources, self.target)


def _laned(drawn: Topology, cards: dict[str, _Card]) -> tuple[_Lane, ...]:
    """Give each lane the innermost track that is free over its length, short lanes first."""
    ends: dict[tuple[str, str | None], list[Link]] = {}
    for link in drawn.links:
        if link.source != link.target:
            ends.setdefault((link.target, link.service), []).append(link)
    lanes = [
        _Lane(
            sources=tuple(cards[link.source].link_y(link) for link in links),
            target=cards[target].service_y(service),
            is_files=links[0].medium == "files",
            colour=number % COLOURS,
        )
        for number, ((target, service), links) in enumerate(ends.items())
    ]
    return tuple(_on_tracks(sorted(lanes, key=lambda lane: lane.span[1] - lane.span[0])))


def _on_tracks(lanes: Iterable[_Lane]) -> Iterator[_Lane]:
    taken: list[list[tuple[int, int]]] = []
    for lane in lanes:
        track = next((n for n, spans in enumerate(taken) if not _overlaps(spans, lane.span)), len(taken))
        if track == len(taken):
            taken.append([])
        taken[track].append(lane.span)
        yield _Lane(lane.sources, lane.target, lane.is_files, lane.colour, track)


def _overlaps(spans: Sequence[tuple[int, int]], span: tuple[int, int]) -> bool:
    return any(first <= span[1] and span[0] <= last for first, last in spans)


def _wire(lane: _Lane) -> Iterator[str]:
    edge = MARGIN + CARD_WIDTH
    x = edge + LANE_STEP * (lane.track + 1)
    first, last = lane.span
    stubs = "".join(f"M{edge} {y}H{x}" for y in lane.sources)
    files = " files" if lane.is_files else ""
    yield f'<path class="lane lane-{lane.colour}{files}" d="M{x} {first}V{last}{stubs}M{x} {lane.target}H{edge + 5}"/>'
    dots = "".join(f'<circle cx="{edge}" cy="{y}" r="2.5"/>' for y in lane.sources)
    arrow = f'<path d="M{edge - 1} {lane.target}l8 -4v8z"/>'
    yield f'<g class="ends lane-{lane.colour}">{dots}{arrow}</g>'


def _text(kind: str, x: int, y: int, text: str, anchor: str = "start") -> str:
    end = ' text-anchor="end"' if anchor == "end" else ""
    return f'<text class="{kind}" x="{x}" y="{y}"{end}>{escape(text)}</text>'
