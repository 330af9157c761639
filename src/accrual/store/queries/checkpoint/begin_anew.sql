-- Forgets all checkpoints of a log that cannot go on, as the owner.
truncate checkpoint, checkpoint_stream, checkpoint_row, checkpoint_seal
