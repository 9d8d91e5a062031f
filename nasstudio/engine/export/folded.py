"""From a network in torch to the weights of a deployment: batch norms folded in, named by layer and role."""

from __future__ import annotations

import re

import numpy as np
from torch import nn

from nasstudio.engine.export.deployment import Weights
from nasstudio.engine.net.static import fused

_INNER = re.compile(r"\.(conv|widen|depthwise|project|narrow|spatial|shortcut)\.conv\.")


def folded_weights(network: nn.Module) -> Weights:
    """Weights of a `StaticNetwork`, its batch norms folded into its convolutions. `3.depthwise.weight` -> array."""
    return {
        _INNER.sub(r".\1.", name).removeprefix("layers."): np.ascontiguousarray(
            value.detach().cpu().numpy(), dtype=np.float32
        )
        for name, value in fused(network).state_dict().items()
    }
