"""What the head of a run says of the plugin."""

from importlib.metadata import version


def header(result):
    return next(line for line in result.outlines if line.startswith("mxperf "))


def test_it_names_the_versions_and_the_folder_of_the_baselines(write, run):
    write("def test_nothing(): pass")
    expected = f"mxperf {version('pytest-mxperf')}, mxnet {version('mxnet')}, baselines: baselines"
    assert header(run()) == expected


def test_it_names_what_the_policy_does_otherwise(write, run, pytester):
    write("def test_nothing(): pass")
    line = header(run("--mxperf-policy=missing=warn", "--mxperf-policy=improved=fail", "--mxperf-baselines=elsewhere"))
    assert line.endswith(", baselines: elsewhere, policy: missing=warn improved=fail")
