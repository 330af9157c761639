-- The first checkpoint that was recorded after a moment.
select number, line from checkpoint where recorded_at > $1 order by number limit 1
