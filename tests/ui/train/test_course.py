from hypothesis import given
from hypothesis import strategies as st

from nasstudio.engine.job import events as ev
from nasstudio.engine.train.schedule import Phase, Schedule
from nasstudio.ui.pages.train.course import Course, Curve

QUICK = Schedule(
    "quick",
    "Quick",
    tuple(Phase(n, e, 0.1) for n, e in (("Full", 4), ("Kernel", 1), ("Depth", 2), ("Expand", 2))),
)


def phase(number, state, epoch, seconds):
    values = {
        "state": state,
        "name": "x",
        "number": number,
        "of": 4,
        "epoch": epoch,
        "seconds": seconds,
    }
    return ev.Result(name="phase", values=values)


def started():
    return ev.Started(version="1", protocol=1, pid=1, machine={})


def test_that_a_training_that_has_not_begun_has_only_phases_to_come():
    course = Course(QUICK)
    assert [p.state for p in course.phases()] == ["empty"] * 4
    assert course.best() is None
    assert course.ends == [4, 5, 7, 9]


def test_that_phases_are_done_running_and_to_come():
    course = Course(QUICK)
    course.take([started(), phase(1, "began", 0, 0.0), phase(1, "ended", 4, 40.0)])
    course.take([phase(2, "began", 4, 40.0), ev.Progress(done=4.5, total=9, left_s=20.0)])
    assert [p.state for p in course.phases()] == ["done", "running", "empty", "empty"]
    assert course.phases()[0].seconds == 40.0
    assert course.phases()[1].seconds is None
    assert (course.phase, course.left_s) == (1, 20.0)


def test_that_the_phase_of_a_training_that_no_longer_runs_is_paused():
    course = Course(QUICK)
    course.take([started(), ev.Progress(done=1.0, total=9)])
    assert course.phases(live=False)[0].state == "paused"
    course.take([ev.Paused()])
    assert course.phases()[0].state == "paused"


def test_that_a_finished_training_has_no_time_left():
    course = Course(QUICK)
    course.take(
        [started(), ev.Progress(done=8.9, total=9, left_s=1.0), ev.Done(summary={"seconds": 150.0})]
    )
    assert course.left_s is None
    assert course.seconds == 150.0
    assert [p.state for p in course.phases(live=False)] == ["done"] * 4


def test_that_what_a_resumed_training_says_again_replaces_what_it_said_before():
    course = Course(QUICK)
    said = [
        ev.MetricEvent(step=s, values={"loss": 2.0 - s, "loss_kd": None})
        for s in (0.1, 0.2, 0.3, 0.4)
    ]
    course.take([started(), *said, started(), ev.MetricEvent(step=0.25, values={"loss": 9.0})])
    assert course.curves["loss"].epochs == [0.1, 0.2, 0.25]
    assert course.curves["loss"].values[-1] == 9.0
    assert len(course.curves["loss_kd"]) == 0


def test_that_the_best_accuracy_names_its_epoch():
    course = Course(QUICK)
    course.take(
        [ev.MetricEvent(step=e, values={"largest": v}) for e, v in ((1, 0.7), (2, 0.9), (3, 0.8))]
    )
    assert course.best() == (0.9, 2)


def test_that_a_failure_is_kept():
    course = Course(QUICK)
    course.take([ev.Failed(what="It diverged.")])
    assert course.failure == "It diverged."
    assert course.state == "failed"


@given(st.lists(st.floats(0, 9, allow_nan=False), max_size=60))
def test_that_a_curve_always_rises_in_its_epochs_and_keeps_the_last_word(steps):
    curve = Curve()
    for number, step in enumerate(steps):
        curve.put(step, number)
    assert curve.epochs == sorted(set(curve.epochs))
    if steps:
        assert (curve.epochs[-1], curve.last) == (steps[-1], len(steps) - 1)
