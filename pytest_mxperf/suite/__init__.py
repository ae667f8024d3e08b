"""``mxperf.toml``: many models and their gates in one file, without a line of Python."""
