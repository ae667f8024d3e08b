"""The only part that imports MXNet, and only when one of its modules other than ``compat`` is imported."""
