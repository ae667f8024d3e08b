"""The commands of ``mxperf``: a module for each few that are alike, which ``cli.py`` lists."""
