"""Twenty misspelled attributes, one a line: type checkers find every one of them."""

# pyright: basic

from __future__ import annotations

import rlsplit
from rlsplit.config.keys import key
from rlsplit.config.run_keys import NUM_INFER_REPLICAS, TP
from rlsplit.config.sections.deployment import MultiNodeDeploymentConfig


def misspelled(
    config: rlsplit.RLConfig,
    split: rlsplit.Split,
    plan: rlsplit.RunPlan,
    finding: rlsplit.Finding,
    platform: rlsplit.Platform,
    deployment: MultiNodeDeploymentConfig,
) -> list[object]:
    return [
        config.trainr,
        config.trainer.modle,
        config.trainer.model.seq_lenn,
        config.trainer.model.loss,
        config.trainer.monitors.wandbb,
        config.orchestrator.train.sources,
        config.orchestrator.train.source[0].sampling.temprature,
        config.orchestrator.concurrency.max_inflght,
        config.orchestrator.model.client.base_ulr,
        config.trainer.log.levl,
        config.run.nmae,
        deployment.num_infer_replica,
        key(MultiNodeDeploymentConfig, lambda layout: layout.num_train_node),
        NUM_INFER_REPLICAS.read(deployment).real_number,
        TP.paths,
        split.trainr,
        split.trainer.resolve,
        plan.podz,
        finding.mesage,
        platform.namespaces,
    ]
