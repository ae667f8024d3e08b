"""The first ``mxperf.toml`` of a folder."""

import pytest

from pytest_mxperf.cost.inputs import GraphInput
from pytest_mxperf.cost.params import Role
from pytest_mxperf.suite.first import Guess, first_suite
from pytest_mxperf.suite.read import read_suite, tomllib

UNKNOWN = "nothing in the graph tells how many dimensions it has"


def given(name, shape, role=Role.INPUT, dtype="float32", about="read by Convolution 'conv'"):
    return GraphInput(name, role, shape, dtype, about)


def guess(*inputs, fits=lambda shapes: True):
    return Guess.of("models/net", inputs, fits)


def shapes(found):
    return {each.name: each.shape for each in found.inputs}


def test_an_image_gets_a_usual_size_that_fits():
    """Only 112 x 112 fits here."""
    found = guess(given("data", (None, 3, None, None)), fits=lambda shapes: shapes["data"][0] == (1, 3, 112, 112))
    assert shapes(found) == {"data": (1, 3, 112, 112)}
    assert found.is_complete
    assert found.inputs[0].remark == "unknown sizes are set to a usual size that fits"


def test_what_the_graph_tells_is_no_guess():
    found = guess(given("data", (16, 3, 480, 480)))
    assert (shapes(found), found.inputs[0].remark) == ({"data": (16, 3, 480, 480)}, "")


def test_a_label_is_given_only_where_it_cannot_be_inferred():
    data, label = given("data", (None, 3)), given("label", None, Role.LABEL)
    assert shapes(guess(data, label)) == {"data": (1, 3)}
    known = given("label", (None,), Role.LABEL)
    assert shapes(guess(data, known, fits=lambda shapes: len(shapes) == 2)) == {"data": (1, 3), "label": (1,)}


def test_a_label_that_cannot_be_inferred_is_listed_with_what_is_blank():
    """Then nothing more is asked for when the blanks are filled in."""
    data = given("data", None)
    for is_inferred, expected in ((True, ["data"]), (None, ["data"]), (False, ["data", "label"])):
        label = given("label", None, Role.LABEL)._replace(is_inferred=is_inferred)
        assert list(shapes(guess(data, label, fits=lambda shapes: False))) == expected


def test_a_graph_without_inputs_has_one_to_fill_in():
    found = guess()
    assert (shapes(found), found.is_complete, found.inputs[0].remark) == (
        *({"data": (None,)}, False, "the graph names no input: give its name and all its dimensions"),
    )


def test_a_graph_that_ends_early_says_where(tmp_path):
    found = Guess.of("m/net", [given("data", (1, 3))], lambda shapes: True, output="fc")
    text = first_suite([found], recorded_by="record")
    assert 'output = "fc"    # this MXNet lacks the operator behind it\n' in text
    (tmp_path / "mxperf.toml").write_text(text, encoding="utf-8")
    assert read_suite(tmp_path / "mxperf.toml", {})[0].model["output"] == "fc"


def test_tokens_are_a_batch_of_one_sequence():
    tokens = given("tokens", None, dtype="int32", about="indices below 10000, read by Embedding 'embed'")
    assert shapes(guess(tokens)) == {"tokens": (1, 16)}


@pytest.mark.parametrize(
    ("shape", "expected", "why"),
    [
        ((None, None, None, None), (1, None, None, None), "its channels are unknown"),
        ((None, 3, None, None), (1, 3, None, None), "no usual size fits"),
        (None, (None,), f"{UNKNOWN}: give all, such as [1, 3, 224, 224]"),
    ],
)
def test_what_nobody_knows_stays_blank_with_the_reason(shape, expected, why):
    found = guess(given("data", shape), fits=lambda shapes: False)
    assert (shapes(found), found.is_complete) == ({"data": expected}, False)
    assert found.inputs[0].remark == f"{why}; read by Convolution 'conv'"


@pytest.mark.parametrize(
    ("wanted", "example"),
    [
        (given("tokens", None, dtype="int32", about="indices below 9, read by Embedding 'e'"), "[1, 16]"),
        (given("label", None, Role.LABEL)._replace(is_inferred=False), "[1]"),
        (given("data", None), "[1, 3, 224, 224]"),
    ],
)
def test_an_input_of_any_number_of_dimensions_is_one_blank(wanted, example):
    """Nothing is written that suggests how many there are; the blank is all of them."""
    found = guess(wanted, fits=lambda shapes: False)
    assert found.inputs[0].remark == f"{UNKNOWN}: give all, such as {example}; {wanted.about}"
    assert '["?"]' in first_suite([found], recorded_by="record")


def test_the_file_has_a_table_for_each():
    text = first_suite(
        [
            guess(given("data", (None, 3))),
            Guess.of("b/net", [given("to kens", (1, 16), dtype="int32")], lambda shapes: True),
            Guess("c/odd name.v1", (), "the graph is empty"),
        ],
        recorded_by="make baselines",
    )
    head, tables = text.split("\n\n", 1)
    assert head.endswith('Fill in each "?", then record the baselines: make baselines')
    assert tables == (
        "[defaults]\nbaseline = true    # no cost may grow\n"
        '\n[models.net]\nsource = "models/net"\ninputs = { data = [1, 3] }\n'
        '\n[models.net-2]\nsource = "b/net"\ninputs = { "to kens" = { shape = [1, 16], dtype = "int32" } }\n'
        '\n[models."odd_name.v1"]\nsource = "c/odd name.v1"\n# the graph is empty\n'
    )


@pytest.mark.parametrize(
    "name", ["net\U0001f600", "ne\x7ft", 'a "b" \\c', "$HOME", "${A}$$", "tab\tnew\nline", "\x01\x1b"]
)
def test_what_is_written_can_be_read_whatever_files_and_inputs_are_called(tmp_path, name):
    found = Guess.of(f"m/{name}", [given(name, (None, 3), about=name)], lambda shapes: True)
    blank = Guess.of("n", [given(name, (None, 3), about=name)], lambda shapes: False)
    broken = Guess("o", (), f"{name} is broken")
    assert first_suite([blank, broken], recorded_by="record").count("[models.") == 2
    (tmp_path / "mxperf.toml").write_text(first_suite([found], recorded_by="record"), encoding="utf-8")
    (entry,) = read_suite(tmp_path / "mxperf.toml", {})
    assert entry.model["source"] == str(tmp_path / "m" / name)
    assert list(entry.model["inputs"]) == [name]
    tomllib.loads(first_suite([blank, broken], recorded_by="record"))


def test_an_epoch_other_than_the_first_is_named(tmp_path):
    for epoch, expected in ((0, 0), ("latest", "latest")):
        (tmp_path / "mxperf.toml").write_text(
            first_suite(
                [Guess.of("a", [given("data", (1, 3))], lambda shapes: True, epoch=epoch)], recorded_by="record"
            )
        )
        assert read_suite(tmp_path / "mxperf.toml")[0].model["epoch"] == expected


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("caf\u00e9 1", "caf_1"),
        (".hidden", "hidden"),
        ("-x", "x"),
        ("...", "model"),
        ("a" * 200, "a" * 100),
        ("r+1", "r_1"),
    ],
)
def test_a_model_has_a_name_that_its_baseline_can_have(tmp_path, file, name):
    found = Guess.of(f"m/{file}", [given("data", (1, 3))], lambda shapes: True)
    (tmp_path / "mxperf.toml").write_text(first_suite([found], recorded_by="record"), encoding="utf-8")
    assert [each.name for each in read_suite(tmp_path / "mxperf.toml", {})] == [name]
