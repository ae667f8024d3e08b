"""How fast a model runs: values and statistics. Nothing in here measures time."""
