"""YAML whose every value has a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.reading import Location, locate, read_file, read_yaml

TEXT = """\
name: talk
phases:
  - name: clean
    prompt: |
      One
      two
  - {name: answer, after: [clean]}
"on": yes
date: 2026-11-22
same: &same {a: 1}
again: *same
"""


@pytest.mark.parametrize(
    ("location", "line"),
    [
        ((), 1),
        (("name",), 1),
        (("phases",), 2),
        (("phases", 0), 3),
        (("phases", 0, "prompt"), 4),
        (("phases", 1, "after", 0), 7),
        (("again", "a"), 10),
        (("phases", 1, "lost"), 7),
        (("phases", 9), 2),
        (("lost", "field"), 1),
    ],
)
def test_a_value_is_found_by_its_line(location: Location, line: int) -> None:
    """That of its key or, in a list, its own; of what is not there, that of what is around it."""
    assert read_yaml(TEXT, "a.yaml").line(location) == line
    assert locate(TEXT, location) == line


def test_a_line_of_a_text_is_found_where_the_text_stands_as_it_is() -> None:
    """In a block text line by line; in any other way of writing, the line of its field."""
    source = read_yaml(TEXT, "a.yaml")

    assert source.text_line(("phases", 0, "prompt"), 2) == 6
    assert source.text_line(("name",), 3) == 1


def test_values_are_plain_and_dates_stay_texts() -> None:
    """What is read could stand in JSON."""
    value = read_yaml(TEXT, "a.yaml").value

    assert value["phases"][1] == {"name": "answer", "after": ["clean"]}
    assert (value["date"], value["again"], value["on"]) == ("2026-11-22", {"a": 1}, True)


def test_locations_can_start_further_down() -> None:
    """As those of the pipeline within its file."""
    source = read_yaml(TEXT, "a.yaml").within("phases", 1)

    assert (source.value["name"], source.line(("after",))) == ("answer", 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "'a.yaml, line 1' is not YAML (expected ',' or ']', but got '<stream end>')"),
        ("a: 1\nb: {", "line 2"),
        ("a: 1\n\tb: 2", "line 2"),
        ("a: 1\nb: 2\na: 3", "a.yaml, line 3: a stands there already, in line 1"),
        ("x: {a: 1, a: 2}", "line 1: a stands there already"),
        ("a: &a [*a]", "'a.yaml, line 1' holds itself"),
        (
            "a: 1\n---\nb: 2",
            "'a.yaml, line 2' is not YAML (expected a single document in the stream, but found another",
        ),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: *nobody", "found undefined alias"),
        ("[" * 5000, "is not YAML"),
        ("a: \x00", "is not YAML"),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(text: str, words: str) -> None:
    """And so are equal keys, of which YAML would keep one without a word, and values without end."""
    with pytest.raises(InvalidInput) as refused:
        read_yaml(text, "a.yaml")

    assert words in str(refused.value)


def test_many_references_cost_nothing() -> None:
    """A text that would unfold to a billion values is walked over once."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]

    assert read_yaml("\n".join(lines), "a.yaml").line(("a39", 1, 1)) == 38


def test_a_text_that_is_no_yaml_has_no_lines() -> None:
    """Whoever asks has another complaint already."""
    assert locate("a: [", ("a",)) is None
    assert locate('{"a":\n {"b": 1}}', ("a", "b")) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing one, one that is no text, and a folder."""
    tmp_path.joinpath("bytes").write_bytes(b"\xff\xfe\xff")
    for name, words in (("lost", "does not exist"), ("bytes", "is not UTF-8"), ("", "cannot be read")):
        with pytest.raises(InvalidInput, match=words):
            read_file(tmp_path / name)
    tmp_path.joinpath("marked").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_file(tmp_path / "marked").value == {"a": 1}
