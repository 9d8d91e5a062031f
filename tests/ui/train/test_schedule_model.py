import pytest
from PySide6.QtCore import Qt

from nasstudio.engine.space.families import build, preset
from nasstudio.engine.train.schedule import schedule_preset
from nasstudio.ui.pages.train import schedule_model as sm
from nasstudio.ui.pages.train.schedule_model import ScheduleModel

QUICK = schedule_preset("progressive_quick")


@pytest.fixture
def model(qapp):
    made = ScheduleModel()
    made.show_schedule(QUICK, build(preset("mbv3_28_fast")), [], editable=True)
    made.said, made.refusals = [], []
    made.edited.connect(made.said.append)
    made.refused.connect(made.refusals.append)
    return made


def shown(model, row, column):
    return model.index(row, column).data()


def test_that_every_phase_shows_the_options_that_it_opens(model):
    assert shown(model, 0, sm.KERNEL) == "7"
    assert shown(model, 1, sm.KERNEL) == "3, 5, 7"
    assert shown(model, 1, sm.DEPTH) == "3"
    assert shown(model, 3, sm.EXPAND) == "2, 3, 4"


def test_that_an_edit_hands_out_a_new_schedule_and_keeps_the_old_one(model):
    assert model.setData(model.index(1, sm.EPOCHS), "6")
    assert model.said[0].phases[1].epochs == 6
    assert model.schedule == QUICK


@pytest.mark.parametrize(
    ("column", "text"),
    [(sm.EPOCHS, "0"), (sm.EPOCHS, "many"), (sm.RATE, "0"), (sm.NETWORKS, "0"), (sm.DISTILL, "-1")],
)
def test_that_what_can_not_be_trained_is_refused_with_a_reason(model, column, text):
    assert not model.setData(model.index(1, column), text)
    assert model.said == []
    assert model.refusals[0].remedy


def test_that_fewer_epochs_shorten_the_warm_up(model):
    model.setData(model.index(0, sm.EPOCHS), "1")
    assert model.said[0].phases[0].warmup <= 1


def test_that_phases_that_have_begun_can_not_be_edited(model):
    model.show_schedule(QUICK, None, ["done", "running", "empty", "empty"], editable=True)
    editable = [
        bool(model.flags(model.index(r, sm.RATE)) & Qt.ItemFlag.ItemIsEditable) for r in range(4)
    ]
    assert editable == [False, False, True, True]
    assert not model.setData(model.index(0, sm.RATE), "1")
    assert not model.remove_phase(1)


def test_that_a_schedule_in_use_can_not_be_edited_at_all(model):
    model.show_schedule(QUICK, None, [], editable=False)
    assert not model.setData(model.index(3, sm.EPOCHS), "9")
    assert not model.add_phase()


def test_that_an_added_phase_has_a_name_of_its_own(model):
    assert model.add_phase()
    names = [p.name for p in model.said[0].phases]
    assert len(set(names)) == 5


def test_that_the_last_phase_can_not_be_removed(model):
    import msgspec

    one = msgspec.structs.replace(QUICK, phases=QUICK.phases[:1])
    model.show_schedule(one, None, [], editable=True)
    assert not model.remove_phase(0)
    assert "at least one phase" in model.refusals[0].what


def test_that_estimated_times_say_that_they_are_estimates(model):
    model.set_times([30.0, 90.0, None, 3600.0], [True, False, False, False])
    assert shown(model, 0, sm.TIME) == "30 s"
    assert shown(model, 1, sm.TIME) == "1 min 30 s, est."
    assert shown(model, 2, sm.TIME) == "–"
    assert shown(model, 3, sm.TIME) == "1 h 00 min, est."
    assert model.total_s() is None
    model.set_times([1.0, 2.0, 3.0, 4.0], [False] * 4)
    assert model.total_s() == 10.0
