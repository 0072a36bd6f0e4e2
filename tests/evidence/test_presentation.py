"""Evidence in words."""

from apps.evidence.presentation import present_table


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
