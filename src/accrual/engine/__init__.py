"""The steps between a request and its answer: submit, process, settle, read. No SQL, no HTTP, no settings."""
