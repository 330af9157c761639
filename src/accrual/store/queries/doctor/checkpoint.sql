-- When the newest checkpoint of the history was signed; null before the first.
select max(recorded_at) from checkpoint
