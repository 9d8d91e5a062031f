"""What a network, or a file written from it, says about a whole split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from nasstudio.engine.export.card import Accuracy
from nasstudio.engine.export.equality import Images, Logits, OnnxNetwork, torch_logits
from nasstudio.engine.export.origin import Subnet

BATCH = 64


@dataclass(frozen=True)
class Judgement:
    """Logits `(n, classes)` of every image of a split by one runtime, and the labels `(n,)`."""

    split: str
    runtime: str
    logits: Logits
    labels: NDArray[np.int64]

    @property
    def accuracy(self) -> Accuracy:
        """Share of right answers, as the card has it."""
        right = self.logits.argmax(axis=1) == self.labels
        return Accuracy(self.split, self.runtime, float(right.mean()), len(right))


def judge_network(subnet: Subnet, split: str, inside: Callable[[float], None]) -> Judgement:
    """The network under PyTorch. `inside` is told which share is done; it may raise to stop."""
    runtime = f"PyTorch {torch.__version__}"
    return _judge(partial(torch_logits, subnet.network), runtime, subnet, split, inside)


def judge_file(
    file: OnnxNetwork, subnet: Subnet, split: str, inside: Callable[[float], None]
) -> Judgement:
    """The subnet's ONNX file under ONNX Runtime. `inside` is told which share is done; it may raise to stop."""
    return _judge(file.logits, file.what, subnet, split, inside)


def _judge(
    logits_of: Callable[[Images, int], Logits],
    runtime: str,
    subnet: Subnet,
    split: str,
    inside: Callable[[float], None],
) -> Judgement:
    batched, logits, labels = subnet.batches(split, BATCH), [], []
    for number, (images, truth) in enumerate(batched, start=1):
        logits.append(logits_of(images, BATCH))
        labels.append(truth)
        inside(min(1.0, number * BATCH / len(batched)))
    return Judgement(split, runtime, np.concatenate(logits), np.concatenate(labels))
