"""Judging what was measured: findings, each with its verdict. Pure values, without MXNet and pytest."""
