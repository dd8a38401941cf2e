"""The sections of an ``rl.toml``: one class per table, names, types, bounds, defaults and docstrings."""
