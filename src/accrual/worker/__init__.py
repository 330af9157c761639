"""The loops: lanes that decide and post. No SQL, no HTTP; what they use is handed in."""
