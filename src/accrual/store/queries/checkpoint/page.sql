-- Checkpoints with higher numbers, in order. $1 after which number, $2 limit.
select number, recorded_at, signature, line from checkpoint where number > $1 order by number limit $2
