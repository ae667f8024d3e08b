"""How fast a model runs: pure values and statistics, without a clock."""
