"""Advice for callers of functions, in the options of a command."""

import pytest

from pytest_mxperf.arguments import in_keys, in_options


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("15 s are too short; try seconds=41", "15 s are too short; try --seconds 41"),
        ("give the prefix 'a/net', with epoch=7", "give the prefix 'a/net', with --epoch 7"),
        ("with params='a b/net.params'", "with --params 'a b/net.params'"),
        (
            "params='net.params' names the file; leave out epoch=3",
            "--params net.params names the file; leave out --epoch 3",
        ),
        (
            "; to end the graph before it, give output='fc1'",
            "; to end the graph before it, give --output fc1",
        ),
        ("count: output='fc' is no operator", "count: --output fc is no operator"),
        (
            "give its shape in inputs, or in shapes if it is a parameter",
            "give its shape with --input, or with --shape if it is a parameter",
        ),
        ("give their shapes in inputs", "give their shapes with --input"),
        ("give its shape in shapes", "give its shape with --shape"),
        ("give a smaller batch in inputs, or end", "give a smaller batch with --input, or end"),
        ("whatever is not in inputs counts as a parameter", "whatever is not given with --input counts as a parameter"),
        (
            "epochs that exist: 1, 2; give one as the epoch, or 'latest'",
            "epochs that exist: 1, 2; give one with --epoch, or --epoch latest",
        ),
        ("the folder has net.params: name one with params", "the folder has net.params: name one with --params"),
        (
            "'a' is in inputs and in shapes; a parameter goes in shapes only",
            "'a' is given with --input and with --shape; a parameter goes with --shape only",
        ),
        ("vary: axis='dat:0': no shape is given", "--vary dat:0: no shape is given"),
        ("vary: sizes=[1, 1]: give two sizes", "--vary: sizes [1, 1]: give two sizes"),
        ("models/my_epoch=3-symbol.json: no such file", "models/my_epoch=3-symbol.json: no such file"),
        ("num_outputs=3 of SliceChannel", "num_outputs=3 of SliceChannel"),
    ],
)
def test_advice_names_options(message, expected):
    assert in_options(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("epoch='one' is not a whole number", 'epoch = "one" is not a whole number'),
        ("give the prefix 'a/net', with epoch=7", "give the prefix 'a/net', with epoch = 7"),
        ("epoch=latest", 'epoch = "latest"'),
        ("give output='a \u00e9'", 'give output = "a \u00e9"'),
        ("give its shape in inputs", "give its shape in inputs"),
    ],
)
def test_advice_about_a_file_names_its_keys(message, expected):
    assert in_keys(message) == expected
    assert in_options(f"a b/mxperf.toml:3: {message}") == f"a b/mxperf.toml:3: {expected}"
