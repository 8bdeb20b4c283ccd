"""Benchmarks of `skaudit.spotlight`."""
