"""One package a partner's way of speaking: its words are turned into commands here, and nothing is decided here."""
