"""How long a study will take, before it starts.

The unit of work is that of every training (`train.progressive.Plan.cost`), its pace that of the supernet's own
training on this data: the study trains with the same loop. It is said as "about".
"""

from __future__ import annotations

from dataclasses import dataclass

from nasstudio.engine.job.specification import StudySpec
from nasstudio.engine.space.families import build
from nasstudio.engine.study.order import plan_of, supernet_plan, trainings

_STEPS = 24  # of an epoch; enough to sample the subnets of a phase, and it cancels out


@dataclass(frozen=True)
class StudyEffort:
    """What a study will do.

    Attributes
    ----------
    networks : different ones.
    trainings : all together.
    share : of the work of the supernet's training.
    seconds : about how long it takes; None if the supernet's time is not known.
    """

    networks: int
    trainings: int
    share: float
    seconds: float | None


def study_effort(spec: StudySpec, supernet_seconds: float | None) -> StudyEffort:
    """What a study will do and about how long it takes. Some 10 ms.

    Parameters
    ----------
    supernet_seconds : what the steps of the supernet's training took.
    """
    space = build(spec.space)
    order = trainings(spec)
    own = supernet_plan(spec, space, _STEPS)
    work = 0.0
    for training in order:
        plan = plan_of(training, spec, space, _STEPS)
        work += plan.cost(0, plan.steps)
    share = work / own.cost(0, own.steps)
    networks = len({training.genome for training in order})
    seconds = None if supernet_seconds is None else share * supernet_seconds
    return StudyEffort(networks, len(order), share, seconds)
