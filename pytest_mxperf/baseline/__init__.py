"""Stored measurements: small files in a folder, made for review in a pull request."""
