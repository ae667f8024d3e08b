"""The only package that imports MXNet. Each of its modules does so when it is imported, except ``compat``."""
