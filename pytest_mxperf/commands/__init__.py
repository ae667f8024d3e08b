"""The commands of ``mxperf``. Similar commands share a module. ``cli.py`` lists the modules."""
