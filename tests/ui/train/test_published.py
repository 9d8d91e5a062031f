"""The Train page says of a published supernet and predictor what is known of them, and no more."""

from __future__ import annotations

from pathlib import Path

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.project.records import ArtefactRecord, Snapshot
from nasstudio.engine.space.families import build, preset
from nasstudio.ui.pages.train.checkpoint_card import CheckpointPanel
from nasstudio.ui.pages.train.checkpoint_model import checkpoints, predictor
from nasstudio.ui.pages.train.predictor_card import PredictorPanel

SPACE = build(preset("ofa_mbv3"))
NOTE = "It was published, and its error is not known."
JUDGED = {
    "kind": "published_mlp",
    "networks": 0,
    "n_held": 0,
    "tau": None,
    "rmse_points": None,
    "predicted": [],
    "actual": [],
    "note": NOTE,
}


def snapshot() -> Snapshot:
    def artefact(kind: str, about: dict) -> ArtefactRecord:
        about = {"space_hash": SPACE.hash, **about}
        return ArtefactRecord("importing-1", kind, f"runs/importing-1/{kind}", kind, about, 1.0)

    supernet = artefact("supernet", {"phase": "Published", "epoch": 0, "final": True})
    known = artefact("predictor", JUDGED)
    return Snapshot(
        Path("p.nasproj"),
        "P",
        True,
        "",
        None,
        None,
        None,
        LatencyTable(),
        "",
        artefacts=(supernet, known),
    )


def test_that_a_published_predictor_is_shown_with_its_note_and_without_numbers(qtbot):
    found = predictor(snapshot(), SPACE, "supernet")
    assert found is not None
    panel = PredictorPanel()
    qtbot.addWidget(panel)
    panel.show_state(0, found, None, supernet=True, writable=True)
    assert panel.note.text() == NOTE
    assert panel.plot.isHidden()


def test_that_a_published_supernet_has_no_epochs(qtbot):
    panel = CheckpointPanel()
    qtbot.addWidget(panel)
    panel.show_checkpoints(checkpoints(snapshot(), SPACE), busy=False, writable=True, live="")
    assert panel.view.model().index(0, 0).data() == "Published"
