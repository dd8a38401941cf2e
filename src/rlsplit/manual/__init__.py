"""The manual of keys, settings and codes: what ``rlsplit doc`` prints, and what pages below ``docs/`` are made of."""

from rlsplit.manual.lookup import UnknownTopicError, topic_text

__all__ = ["UnknownTopicError", "topic_text"]
