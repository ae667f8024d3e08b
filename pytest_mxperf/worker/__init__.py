"""A process that owns MXNet while something is timed, and how to talk to it."""
