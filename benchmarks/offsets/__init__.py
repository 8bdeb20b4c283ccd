"""Benchmarks of `skaudit.offsets`."""
