"""Fields that a key which no section knows may have meant.

Whoever writes ``inference.model`` has given the served model a name, and whoever writes ``[[orchestrator.eval.env]]``
has given the eval group a source; only not where it is read. What such a field holds is then not the user's wish, and
a rule that read its default would complain about a mistake that is none. So each unknown key puts fields in doubt:
they lose their value as fields with a refused value do, and rules that read them stay silent.

A key puts a field in doubt that nobody wrote or shared, and

- whose name is nearly the key's, or is made of some of its words, or of all its words and more, in the same section
  (``num_prefill_nodes`` and ``prefill_nodes_per_replica``);
- or that is called the same, alone or together with its table, in the section that is nearest among those that have
  such a field (``inference.model`` and ``inference.vllm.model``, ``wandb_project`` and ``monitors.wandb.project``);
- or that takes a list of tables, in the same section, where the key holds one (``eval.env`` and ``eval.source``);
- or that holds the section itself, where another variant of it knows the key and no variant was named.

Every other field keeps its value: no finding is lost that has nothing to do with the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, get_origin

from rlsplit.config.reading.locations import alternatives
from rlsplit.config.sections.base import Section
from rlsplit.config.tree import Placed, distance, is_section, members, section_fields, tag_field
from rlsplit.findings import KeyPath
from rlsplit.hints import did_you_mean
from rlsplit.plain_data import is_list, is_table, value_at
from rlsplit.words import words_of

MOST_KEYS: Final = 200
"""Of so many unknown keys the meaning is looked for."""

_COMMON_WORDS: Final = frozenset(
    ["count", "enable", "enabled", "is", "max", "min", "num", "number", "of", "per", "size", "the", "total", "use"]
)
"""Words that say nothing about what a field is for."""

_Words = frozenset[str]


def doubtful(placed: Sequence[Placed], table: Mapping[str, Any], unknown: Sequence[KeyPath]) -> frozenset[KeyPath]:
    """Give the paths of all fields that unknown keys may have meant.

    ``placed`` are all sections of a configuration, the root last, and ``table`` is what they were read from;
    ``unknown`` are the paths of keys that they do not know.
    """
    if not unknown:
        return frozenset()
    sections, names = dict(placed), _by_words(placed)
    root = type(placed[-1][1])
    return frozenset(
        path
        for key in unknown[:MOST_KEYS]
        for path in _meant(key, sections, names) | _variant(key, root, value_at(table, key[:-1], {}))
    )


def _meant(key: KeyPath, sections: Mapping[KeyPath, Section], names: Mapping[_Words, list[KeyPath]]) -> set[KeyPath]:
    above, name = key[:-1], str(key[-1])
    section = sections[above]
    free = [field for field in type(section).model_fields if field not in section.model_fields_set]
    value = (section.model_extra or {}).get(name)
    near = {field for field in free if _is_akin(name, field)} | set(_taking_tables(section, free, value))
    spelled = did_you_mean(name, free)
    near |= {field for field in free if spelled is not None and f'"{field}"' in spelled}
    return {(*above, field) for field in near} | set(_nearest(above, names.get(words_of(name), ())))


def _is_akin(key: str, field: str) -> bool:
    """Whether one name is made of some of the other's words."""
    ours, theirs = words_of(key) - _COMMON_WORDS, words_of(field) - _COMMON_WORDS
    return bool(ours and theirs) and (ours <= theirs or theirs <= ours)


def _taking_tables(section: Section, fields: Iterable[str], value: Any) -> Iterator[str]:
    if not is_list(value) or not value or not all(map(is_table, value)):
        return
    for name in set(fields) & set(section_fields(type(section))):
        annotation: Any = type(section).model_fields[name].annotation
        if any(get_origin(member) is list for member in members(annotation)):
            yield name


def _by_words(placed: Iterable[Placed]) -> dict[_Words, list[KeyPath]]:
    """The fields that nobody wrote, by the words of their names, and of those together with their table's."""
    found: dict[_Words, list[KeyPath]] = {}
    for path, section in placed:
        table = next((part for part in reversed(path) if isinstance(part, str)), "")
        for field in type(section).model_fields:
            if field not in section.model_fields_set:
                for words in {words_of(field), words_of(field) | words_of(table)}:
                    found.setdefault(words, []).append((*path, field))
    return found


def _nearest(above: KeyPath, fields: Sequence[KeyPath]) -> list[KeyPath]:
    """Choose the fields whose sections are the fewest steps away."""
    steps = {field: distance(above, field[:-1]) for field in fields}
    least = min(steps.values(), default=0)
    return [field for field, distance in steps.items() if distance == least]


def _variant(key: KeyPath, root: type[Section], table: Mapping[str, Any]) -> set[KeyPath]:
    """The field of a section of several variants, where the variant was not named and another one knows the key."""
    above, name = key[:-1], str(key[-1])
    variants = [member for member in alternatives(root, above) if is_section(member)]
    if any(tag in table for variant in variants if (tag := tag_field(variant))):
        return set()
    return {above} if any(name in variant.model_fields for variant in variants) else set()
