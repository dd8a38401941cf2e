"""Supervised fine-tuning: the rules and keys that only an ``sft.toml`` has (SFT-rules). Loaded when one is compiled."""
