import csv
import io

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyleOptionViewItem

from nasstudio.engine.errors import StudioError
from nasstudio.ui.kit.number import MINUS
from nasstudio.ui.kit.table import DataTable


@pytest.fixture
def table(qtbot):
    made = DataTable(name="Candidates", select_rows=False)
    qtbot.addWidget(made)
    model = QStandardItemModel(3, 3, made)
    model.setHorizontalHeaderLabels(["Network", "Latency (ms)", "Note"])
    for row, (name, value, note) in enumerate(
        (("a", -1.5, 'x,"y"'), ("b", 2.25, ""), ("c", 3.0, "z"))
    ):
        for column, content in enumerate((name, value, note)):
            item = QStandardItem()
            item.setData(content, Qt.ItemDataRole.DisplayRole)
            model.setItem(row, column, item)
    made.setModel(model)
    made.resize(400, 200)
    return made


def select(table, *cells):
    for row, column in cells:
        index = table.model().index(row, column)
        table.selectionModel().select(index, QItemSelectionModel.SelectionFlag.Select)


def test_that_a_selection_is_copied_as_a_spreadsheet_takes_it(table, qtbot):
    select(table, (0, 0), (0, 1), (1, 0), (1, 1))
    table.show()
    QGuiApplication.clipboard().clear()
    qtbot.keySequence(table, QKeySequence(QKeySequence.StandardKey.Copy))
    assert QGuiApplication.clipboard().text() == "a\t-1.5\nb\t2.25"


def test_that_a_gap_in_the_selection_is_an_empty_cell(table):
    select(table, (0, 0), (2, 1))
    assert table.selection_text() == "a\t\n\t3.0"


def test_that_nothing_selected_leaves_the_clipboard_alone(table):
    QGuiApplication.clipboard().setText("kept")
    table.copy_selection()
    assert QGuiApplication.clipboard().text() == "kept"


def test_that_the_csv_has_heads_and_the_visible_columns_in_their_order(table):
    table.setColumnHidden(0, True)
    table.horizontalHeader().moveSection(2, 0)
    rows = list(csv.reader(io.StringIO(table.csv_text())))
    assert rows == [["Note", "Latency (ms)"], ['x,"y"', "-1.5"], ["", "2.25"], ["z", "3.0"]]


def test_that_an_export_to_a_place_that_is_none_says_so(table, tmp_path):
    with pytest.raises(StudioError):
        table.export_csv(tmp_path / "missing" / "t.csv")
    table.export_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == table.csv_text()


def test_that_numbers_stand_at_the_right_with_a_typographic_minus(table):
    option = QStyleOptionViewItem()
    table.itemDelegate().initStyleOption(option, table.model().index(0, 1))
    assert option.displayAlignment & Qt.AlignmentFlag.AlignRight
    assert option.text.startswith(MINUS)
    option = QStyleOptionViewItem()
    table.itemDelegate().initStyleOption(option, table.model().index(0, 0))
    assert not option.displayAlignment & Qt.AlignmentFlag.AlignRight


def test_that_a_table_paints_its_rows_and_an_empty_one_paints_nothing(table, qtbot):
    select(table, (0, 0))
    assert not table.grab().isNull()
    table.model().setRowCount(0)
    assert not table.grab().isNull()
