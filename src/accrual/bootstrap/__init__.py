"""The only wiring and the only reader of settings: one module for each thing that has to be put together."""
