"""The types of all kinds of runs, for rules that hold in each; imported by type checkers alone."""

from rlsplit.config.sections.orchestrator import OrchestratorConfig
from rlsplit.config.sections.rl import RLConfig
from rlsplit.config.sections.sft import SFTConfig
from rlsplit.config.sections.trainer import TrainerConfig

AnyConfig = RLConfig | SFTConfig
"""The root of a run."""

Training = TrainerConfig | SFTConfig
"""What a run's trainer reads: a section in RL, the root itself in SFT."""

Tokenizing = TrainerConfig | OrchestratorConfig | SFTConfig
"""What has a model and a tokenizer for it."""
