"""The measuring process, which runs MXNet for all measurements, and the client that talks to it."""
