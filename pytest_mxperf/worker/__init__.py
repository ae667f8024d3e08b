"""The measuring process, in which MXNet runs while something is timed, and how to talk to it."""
