"""Accrual: a self-hosted loyalty and reward engine. Only the version lives here; nothing is imported at package load."""

__version__ = "0.1.0"
