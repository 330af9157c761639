"""Pure judgement: what facts are worth under a catalogue. No input or output, no clock, no chance."""
