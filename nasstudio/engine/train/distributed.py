"""One training in several processes, as `torchrun` starts them.

All processes take the same steps with the same subnets, each on micro-batches of its own; what these found is summed
before the step. It is done here and not by `DistributedDataParallel`: that hooks every parameter and waits for all of
them, but a subnet uses some, other ones in each backward pass, and a step has several backward passes of which only
the last sum should travel. So the gradients of the parameters in use, which are the same everywhere, travel once a
step in one flat tensor.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor

from nasstudio.engine.errors import StudioError

# Others wait as long as the first process is paused or evaluates; one that has died is noticed at once all the same.
_PATIENCE = timedelta(days=14)


class Ranks:
    """The processes of a training, seen from one of them; `Ranks()` is a process by itself.

    Attributes
    ----------
    rank, world : the number of this process, and how many there are.
    """

    def __init__(self, rank: int = 0, world: int = 1, device: str = "cpu") -> None:
        self.rank, self.world = rank, world
        self._device = device

    @property
    def first(self) -> bool:
        """Whether this is the process that reports and writes."""
        return self.rank == 0

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes. float32, of the same shapes everywhere."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.reshape(-1).to(self._device) for tensor in tensors])
        self._meet(torch.distributed.all_reduce, flat)
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether a flag is set in any process."""
        if self.world == 1:
            return flag
        found = torch.tensor([float(flag)])
        self.sum([found])
        return bool(found)

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by that of the first process."""
        if self.world == 1:
            return
        for tensor in tensors:
            sent = tensor.detach().to(self._device).contiguous()
            self._meet(torch.distributed.broadcast, sent, 0)
            with torch.no_grad():
                tensor.copy_(sent)

    def _meet(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            call(*arguments)
        except RuntimeError as problem:
            raise StudioError(
                f"Another process of this training has gone: {problem}",
                where=f"process {self.rank + 1} of {self.world}",
                remedy="See what it printed, then start the run again: it goes on from its last checkpoint.",
            ) from None


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The processes that `torchrun` started; a process by itself without it.

    Parameters
    ----------
    device : ``cuda:N`` talks by NCCL, anything else by Gloo.
    """
    if not launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield Ranks()
        return
    import torch.distributed as dist

    backend = "nccl" if device.startswith("cuda") else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


def launched() -> bool:
    """Whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def local_device(device: str) -> str:
    """The device of this process: ``cuda`` is the GPU of its number on this machine."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device
