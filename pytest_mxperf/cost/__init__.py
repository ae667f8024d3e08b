"""What a model costs to run: pure arithmetic over a graph and its shapes, without MXNet."""
