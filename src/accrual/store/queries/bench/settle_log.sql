-- Writes everything out before the timed part, so that the next checkpoint is one of its own.
checkpoint
