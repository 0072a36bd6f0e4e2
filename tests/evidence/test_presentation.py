"""Evidence in words."""

from apps.evidence.presentation import measure_in_words, metric_in_words, present_table


def table(*names: str) -> dict:
    return {
        "key": "groups", "title": "Groups",
        "columns": [{"key": "group", "label": "Group", "kind": "text"}, {"key": "n", "label": "n", "kind": "count"}],
        "rows": [{"group": name, "n": 40} for name in names],
    }  # fmt: skip


def test_what_every_row_repeats_stands_once_in_the_head():
    shown = present_table(table("sex x age: male, 19-25", "sex x age: female, 19-25"), 1)
    assert [row.cells[0].text for row in shown.rows] == ["male, 19-25", "female, 19-25"]
    assert shown.columns[0]["label"] == "sex x age"


def test_rows_about_different_attributes_keep_their_attribute():
    shown = present_table(table("sex: male", "age: 19-25"), 1)
    assert [row.cells[0].text for row in shown.rows] == ["sex: male", "age: 19-25"]
    assert shown.columns[0]["label"] == "Group"


def measured(kind: str, **more: object) -> dict:
    columns = [("group", "text"), ("rate", kind), ("interval", "interval")]
    return {
        "key": "groups", "title": "Groups", "columns": [{"key": key, "label": key, "kind": what, **more} for key, what in columns],
        "rows": [{"group": "male", "rate": 0.921, "interval": [0.792, 0.973]}, {"group": "female", "rate": 0.5, "interval": None}],
    }  # fmt: skip


def test_the_interval_of_a_share_is_in_the_unit_of_the_share():
    shares = present_table(measured("share", digits=1), 1).rows[0].cells
    assert [cell.text for cell in shares[1:]] == ["92.1\u202f%", "79.2 to 97.3\u202f%"]
    numbers = present_table(measured("number", digits=3), 1).rows[0].cells
    assert [cell.text for cell in numbers[1:]] == ["0.921", "0.792 to 0.973"]
    metric = {"label": "Turned", "value": 0.921, "unit": "share", "digits": 3, "low": 0.792, "high": 0.973}
    assert metric_in_words(metric).interval == "79.2 to 97.3\u202f%"


def test_a_number_carries_its_interval_for_screens_without_room_beside_it():
    first, second = present_table(measured("number"), 1).rows
    assert [cell.below for cell in first.cells] == ["", "0.792 to 0.973", ""]
    assert [cell.below for cell in second.cells] == ["", "", ""]
    assert [head.below for head in present_table(measured("number"), 1).heads] == ["", "interval", ""]


def test_one_thing_is_not_called_many():
    metric = {"label": "Left out", "unit": "categories", "digits": 0}
    assert metric_in_words({**metric, "value": 1}).value == "1 category"
    assert metric_in_words({**metric, "value": 2}).value == "2 categories"


def test_what_is_withheld_is_said_once():
    row = present_table(
        {**measured("number"), "rows": [{"group": "male", "rate": "withheld", "interval": "withheld"}]}, 1
    ).rows[0]
    assert [cell.below for cell in row.cells] == ["", "", ""]


def test_a_measured_name_is_said_with_its_check():
    assert measure_in_words("metrics.performance.auc") == "Area under the ROC curve, by Performance"
    assert measure_in_words("metrics.none.such") == "metrics.none.such"
    assert measure_in_words("cost per case") == "cost per case"
