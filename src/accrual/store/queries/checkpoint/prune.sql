-- Removes old checkpoints from the table; the journal keeps them. $1 numbers below which.
delete from checkpoint where number < $1
