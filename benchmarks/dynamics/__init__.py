"""Benchmarks of `skaudit.dynamics`."""
