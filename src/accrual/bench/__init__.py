"""Benchmarks, each answering one question about speed; nothing here runs in production."""
