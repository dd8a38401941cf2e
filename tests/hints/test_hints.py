"""What is said of unknown keys: the table ``pairs.txt``, and the rules that make it, over the whole schema."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unknown_keys import PAIRS, line, told

from rlsplit.config.hints import MOST_SPELLINGS, Unknown, hint, hints
from rlsplit.config.schema_index import ENTRY, ITEM, schema_index
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.trainer import TrainerConfig
from rlsplit.config.spelling import apart, nearest
from rlsplit.releases.changes import changes, keys, spelled
from rlsplit.request_fields import REQUEST_FIELDS

INDEX = schema_index(RLConfig)


def pairs() -> list[tuple[str, str]]:
    """Lines of a config with one unknown key, and under each its hint."""
    lines = PAIRS.read_text(encoding="utf-8").splitlines()
    return [(config, text.strip()) for config, text in zip(lines[::2], lines[1::2], strict=True)]


def test_the_table_is_large() -> None:
    assert len(pairs()) >= 250
    assert len({config for config, _ in pairs()}) == len(pairs())


@pytest.mark.parametrize(("config", "expected"), pairs())
def test_the_hint_for_a_line(config: str, expected: str) -> None:
    assert [given.text for given in told(config)] == [expected]


def test_no_hint_lets_go_of_what_has_a_successor() -> None:
    """Followed to the letter, no hint removes an environment, a monitor or a model."""
    checked = 0
    for change in changes():
        if any(keys(new) == keys(change.old) for new in change.new):
            continue
        for found in told(line(spelled(change.old), "1")):
            checked += 1
            if change.new:
                assert "remove it" not in found.text, spelled(change.old)
                if found.reason == "release":
                    assert any(keys(new)[-1] in found.text for new in change.new), spelled(change.old)
            if any(word in spelled(change.old).split(".")[-1] for word in ("env[]", "wandb", "monitor", "inference")):
                assert "remove it" not in found.text, spelled(change.old)
    assert checked > 250


KNOWN = sorted(INDEX.by_name)
SECTIONS = sorted(
    path
    for path in INDEX.sections
    if ITEM not in path and ENTRY not in path and not any(s.keeps_unknown for s in INDEX.sections[path])
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SECTIONS), st.sampled_from(KNOWN))
def test_a_misplaced_key_is_shown_its_place(table: tuple[str, ...], name: str) -> None:
    variants = INDEX.sections[table]
    if any(name in section.model_fields for section in variants):
        return
    places = INDEX.by_name[name]
    value = {} if all(place.kinds == {"table"} for place in places) else 1
    found = hint(RLConfig, Unknown(path=(*table, name), section=variants[0], value=value))
    if found.reason in ("release", "request"):
        return
    assert found.reason == "elsewhere"
    assert name in found.text
    assert any(
        ".".join(step for step in place.path[:-1] if step not in (ITEM, ENTRY)) in found.text for place in places
    )


def test_the_nearest_section_comes_first() -> None:
    assert told("trainer.model.max_steps = 5")[0].text == "it belongs to [trainer]: trainer.max_steps"
    assert told("run.max_steps = 5")[0].text == "it belongs to the root, before the first table: max_steps"


def test_every_field_of_a_request_is_known_at_the_root() -> None:
    for name, field in REQUEST_FIELDS.items():
        found = hint(RLConfig, Unknown(path=(name,), section=RLConfig, value="x"))
        assert (found.reason, found.text) == ("request", field.hint()), name


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("max_step", "max_steps"),
        ("maxSteps", "max_steps"),
        ("max-steps", "max_steps"),
        ("seq_length", "seq_len"),
        ("sequence_length", "seq_len"),
        ("learning_rate", "lr"),
        ("tp", "tensor_parallel_size"),
        ("checkpoint", "ckpt"),
        ("temprature", "temperature"),
        ("grop_size", "group_size"),
        ("warmup_setps", "warmup_steps"),
        ("steps_max", "max_steps"),
        ("maxstep", "max_steps"),
    ],
)
def test_spellings_of_one_meaning(given: str, known: str) -> None:
    assert apart(given, known) is not None
    assert nearest(given, ["x", known, "zzz_zzz"]) == known


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("clean_output_dir", "output_dir"),
        ("micro_batch_size", "batch_size"),
        ("num_train_nodes", "num_train_gpus"),
        ("num_infer_gpus", "num_train_gpus"),
        ("min_steps", "max_steps"),
        ("top_k", "top_p"),
        ("betas1", "betas2"),
        ("cpu_offload", "gpu_offload"),
        ("input_tokens", "output_tokens"),
        ("prefill_nodes", "decode_nodes"),
        ("include", "exclude"),
        ("import_path", "export_path"),
        ("host", "post"),
        ("internal", "external"),
        ("", "x"),
        ("x" * 1000, "x" * 999),
    ],
)
def test_other_meanings_are_not_near(given: str, known: str) -> None:
    assert nearest(given, [known]) is None


def test_a_misspelling_within_its_section_is_told_from_a_newer_key() -> None:
    assert told("max_step = 5")[0].is_misspelled
    assert not told("frobnicate = 5")[0].is_misspelled
    assert not told("trainer.learning_rate = 1.0")[0].is_misspelled


def test_of_thousands_of_unknown_keys_the_first_are_compared_and_all_looked_up() -> None:
    misspelled = [Unknown(path=("trainer", "max_step"), section=TrainerConfig, value=1)] * (MOST_SPELLINGS + 1)
    reasons = [found.reason for found in hints(RLConfig, misspelled)]
    assert reasons == ["spelling"] * MOST_SPELLINGS + ["unknown"]
    misplaced = [Unknown(path=("trainer", "lr"), section=TrainerConfig, value=1)] * 3000
    assert {found.reason for found in hints(RLConfig, misplaced)} == {"elsewhere"}


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text(max_size=12) | st.integers(0, 3) | st.sampled_from(KNOWN), min_size=1, max_size=5),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    ),
)
def test_no_path_and_no_value_raise(path: list[str | int], value: object) -> None:
    found = hint(RLConfig, Unknown(path=(*path, "key"), section=RLConfig, value=value))
    assert found.text
    assert not found.text.endswith(".")


def test_values_are_not_repeated() -> None:
    for config in (
        'wandb_api_key = "s3cret"',
        'wandb = { api_key = "s3cret" }',
        'trainer.x = "s3cret"',
        'orchestrator.env = [{ id = "s3cret" }]',
    ):
        assert not any("s3cret" in found.text for found in told(config))
