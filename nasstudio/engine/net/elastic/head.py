"""The head's convolution behind a last stage of elastic width."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ElasticInput(nn.Conv2d):
    """1x1 convolution that reads as many of its first channels as its input has; its outputs are fixed.

    A convolution by name and shape too, so that files of supernets do not depend on whether a width is elastic.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight[:, : x.shape[1]])
