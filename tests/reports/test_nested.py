from typing import Any

from reports.nested import flatten, leaf, pairs, processor


def test_nested_json_becomes_a_row_for_each_leaf_in_order() -> None:
    value = {"cpu": {"model": "A", "cores": 2}, "flags": ["x", "y"], "disks": [{"gb": 1}, {"gb": 2}], "turbo": None}
    assert flatten(value) == [
        (("cpu", "model"), "A"),
        (("cpu", "cores"), "2"),
        (("flags",), "x, y"),
        (("disks", "0", "gb"), "1"),
        (("disks", "1", "gb"), "2"),
        (("turbo",), "–"),
    ]


def test_nesting_deeper_than_python_recurses_is_no_trouble() -> None:
    value: Any = "end"
    for _ in range(3000):
        value = {"a": value}
    assert flatten(value)[0][1] == "end"


def test_plain_values_are_words() -> None:
    assert [leaf(value) for value in (True, False, 0, 0.25, float("nan"), "")] == ["yes", "no", "0", "0.25", "–", "–"]
    assert pairs({"threads": 2, "tf32": False}) == "threads=2, tf32=no"


def test_the_processor_is_found_under_its_usual_names() -> None:
    assert processor({"hardware": {"cpu_model": "Example 9000"}}) == "Example 9000"
    assert processor({"cpu": {"model": "Example 9000", "cores": 2}}) == "Example 9000"
    assert processor({"os": "Linux"}) == ""
