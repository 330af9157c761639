"""The commands that a person types, one module a command group; each calls bootstrap and prints."""
