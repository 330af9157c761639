"""The only SQL: one module a group of tables, named queries, migrations. No rule and no decision lives here."""
