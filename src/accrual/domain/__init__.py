"""The nouns of a loyalty programme: pure values, no input or output, no clock, no chance."""
