"""However a file is laid out, the rewritten text holds what it should, and every comment."""

from __future__ import annotations

from collections import Counter

import pytest
import tomli
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsplit.migration import layout, migrate
from rlsplit.releases.changes import changes

LAYOUTS = {
    "dotted keys at the root": 'wandb.project = "p" # name\nwandb.name = "n"\ninference.parallel.tp = 2\n',
    "a dotted key and a header below it": "[orchestrator]\nsampling.max_tokens = 4\n[orchestrator.sampling.extra_body]\na = 1\n",
    "inline tables": 'wandb = { project = "p", name = "n" } # all\ninference = { parallel = { tp = 2 }, seed = 1 }\n',
    "an inline list of tables": 'orchestrator.env = [\n  # one\n  { id = "a" }, # is a\n  { id = "b", args = { x = 1 } },\n]\n',
    "headers out of order": '[inference.model]\nname = "m"\n[trainer]\n[inference]\nseed = 2\n[wandb]\n[inference.parallel]\ntp = 2\n',
    "a header above its table": "[orchestrator.wandb.log_extras]\n# rows\nsamples = true\n[orchestrator]\nbatch_size = 8\n",
    "comments above removed keys": "# top\n\n# about bench\nbench = false # off\n# about steps\nmax_steps = 1\n[trainer.ckpt]\n# weights\nweights = true # on\n# end\n",
    "a removed block with comments": "[trainer]\n# the buffer\n[orchestrator.buffer] # old\n# seed\nseed = 3 # three\n# last\n\n# of the engine\n[inference]\n",
    "quoted keys": '["wandb"]\n"project" = "p"\n[orchestrator."sampling"]\n\'max_tokens\' = 3\n',
    "indented": "[inference]\n  [inference.parallel]\n    tp = 2  # each\n    # dp\n    dp = 3\n",
    "sub-tables of list items": '[[orchestrator.train.env]]\nname = "a"\n[orchestrator.train.env.taskset]\nid = "x"\n[orchestrator.train.env.harness.runtime]\ntype = "docker"\n[[orchestrator.train.env]]\nname = "b"\n[orchestrator.train.env.harness]\nid = "default"\n',
    "items with other tables between": '[[orchestrator.train.env]]\ntaskset = { id = "a" }\n[wandb]\n[[orchestrator.train.env]]\ntaskset = { id = "b" }\nmax_turns = 2\n',
    "filters as items": '[[orchestrator.pre_batch_filters]]\ntype = "zero_advantage"\nenforce = true\n# then\n[[orchestrator.train.source]]\nname = "a" # first\n[orchestrator.train.source.env.taskset]\nid = "x"\n',
    "values of many lines": 'bench = false\n[wandb]\ntags = [ # of the run\n  "a", # first\n  "b",\n]\nname = """\nlong # no comment\n"""\n',
    "windows lines": '# a\r\n[wandb] # b\r\nproject = "p"\r\n',
    "no end of line": '[wandb]\nproject = "p"',
    "blank lines at the end": '[wandb]\nproject = "p"\n\n\n# end\n\n',
    "a byte order mark": '\ufeff[wandb]\nproject = "p"\n',
    "empty tables": "[wandb]\n[ckpt]\n[orchestrator.prime_monitor]\n[inference.model]\n[orchestrator.student]\n",
    "a table twice after moving": '[inference.parallel]\n# tp\ntp = 2\n[inference.model] # model\nname = "m"\n[inference.vllm_extra]\nx = 1 # one\n',
    "dates, numbers and odd strings": "[wandb]\nname = 'C:\\x'\n[orchestrator.wandb]\ngroup = \"\\u00e9\\t\"\n[inference.vllm_extra]\nd = 1979-05-27 07:32:00\nf = +inf\nh = 0xff\n",
    "resume beside ckpt": "[ckpt] # often\ninterval = 5\n# go on\nresume_step = 7 # here\n\n[trainer]\nlr = 1\n",
    "a shared table and its parts": '[model]\nname = "a/b"\n[orchestrator.student.model]\nname = "c" # c\n[orchestrator.student.client]\nbase_url = ["u"]\n',
}


def comments(text: str) -> Counter[str]:
    read = layout.read(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    lines = list(read.tail)
    for block in read.blocks:
        lines += [*block.above, block.behind, *block.below]
        for entry in block.entries:
            lines += [*entry.above, *entry.inner, entry.behind]
    return Counter(line.strip() for line in lines if line.strip())


@pytest.mark.parametrize("start", ["v0.5.0", "v0.6.0", "v0.7.0", "v0.8.0", None])
@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str, start: str | None) -> None:
    text = LAYOUTS[name]
    for pins in (False, True):
        found = migrate(text, from_release=start, pin_defaults=pins)
        assert not found.is_refused, found.findings
        assert found.edits
        assert comments(text) <= comments(found.text), found.text
        again = migrate(found.text, pin_defaults=pins)
        assert (again.text, again.edits) == (found.text, ())
        assert ("\r\n" in text) == ("\r\n" in found.text)
        assert text.startswith("\ufeff") == found.text.startswith("\ufeff")
        assert text.endswith("\n") == found.text.endswith("\n")


def test_what_is_left_of_a_header_stays_in_place() -> None:
    text = LAYOUTS["a removed block with comments"]
    assert migrate(text, from_release="v0.8.0").text == (
        "[trainer]\n# the buffer\n[orchestrator] # old\n# seed\n# three\n# last\n\n# of the engine\n[inference]\n"
    )


def test_a_table_gets_one_header() -> None:
    text = migrate(LAYOUTS["a table twice after moving"], from_release="v0.8.0").text
    assert text.count("[inference.vllm]") == 1
    assert tomli.loads(text) == {"inference": {"vllm": {"tensor_parallel_size": 2, "model": "m", "x": 1}}}


KEYS = {
    ("wandb",): ["project", "name"],
    ("orchestrator",): ["batch_size", "rollouts_per_example", "max_inflight_rollouts", "oversampling_factor"],
    ("orchestrator", "sampling"): ["max_tokens", "temperature"],
    ("orchestrator", "client"): ["base_url", "router_url", "timeout"],
    ("orchestrator", "wandb", "log_extras"): ["samples", "interval"],
    ("inference",): ["seed", "gpu_memory_utilization", "use_deep_gemm"],
    ("inference", "model"): ["max_model_len", "enforce_eager"],
    ("inference", "parallel"): ["tp", "dp"],
    ("inference", "deployment", "router"): ["port", "policy"],
    ("trainer", "ckpt"): ["weights", "resume_step", "keep"],
    ("ckpt",): ["interval", "resume_step"],
    ("trainer", "model"): ["attn", "fp8", "seq_len"],
    (): ["bench", "max_steps", "clean_output_dir", "output_dir"],
}
"""Table to keys of old releases and of today."""

STYLES = st.sampled_from(["header", "dotted", "inline"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Texts in which each table is written in one of three ways, in any order, with comments everywhere."""
    root: list[str] = []
    blocks: list[str] = []
    for table in draw(st.permutations(list(KEYS))):
        chosen = draw(st.lists(st.sampled_from(KEYS[table]), unique=True, max_size=3))
        style = draw(STYLES) if table else "dotted"
        name = ".".join(table)
        pairs = [f"{key} = {number + 1}" for number, key in enumerate(chosen)]
        if style == "header":
            lines = [f"# above {name}", f"[{name}] # behind", *(f"{pair} # {pair[0]}" for pair in pairs)]
            blocks.append("\n".join([*lines, f"# below {name}"]))
        elif style == "dotted":
            root += [f"# above\n{'.'.join([*table, pair])} # {name}" for pair in pairs]
        elif pairs:
            root.append(f"{name} = {{ {', '.join(pairs)} }} # inline {name}")
    return "\n".join([*root, *blocks, ""])


@settings(deadline=None, max_examples=150)
@given(documents(), st.sampled_from(["v0.5.0", "v0.7.0", "v0.8.0"]), st.booleans())
def test_any_layout(text: str, start: str, pins: bool) -> None:
    try:
        tomli.loads(text)
    except tomli.TOMLDecodeError:
        return  # some layouts define a table twice
    found = migrate(text, from_release=start, pin_defaults=pins)
    assert [each for each in found.findings if each.severity == "error"] == []
    assert comments(text) <= comments(found.text), found.text
    again = migrate(found.text, pin_defaults=pins)
    assert again.text == found.text


JUNK: list[object] = [
    3,
    -1,
    True,
    1.5,
    float("nan"),
    float("inf"),
    "x",
    "",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    [{"a": {}}],
    10**18,
]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
@pytest.mark.parametrize("start", ["v0.5.0", "v0.7.0", None])
def test_odd_values_under_old_keys_never_raise(start: str | None, junk: object) -> None:
    number = [repr(each) for each in JUNK].index(repr(junk))
    for change in changes()[number :: len(JUNK)]:
        table: dict[str, object] = {}
        node: dict[str, object] = table
        for step in change.old[:-1]:
            inner: dict[str, object] = {}
            node[step.key] = [inner] if step.is_list else inner
            node = inner
        node[change.old[-1].key] = junk
        text = tomli_w.dumps(table)
        found = migrate(text, from_release=start, pin_defaults=True)
        assert not found.is_refused, (text, found.findings)


@settings(deadline=None)
@given(st.text(alphabet=" \n\t\"#[]{}=.,ab1'\\", max_size=40))
def test_no_text_raises(text: str) -> None:
    found = migrate(text)
    assert found.text == text or found.edits
