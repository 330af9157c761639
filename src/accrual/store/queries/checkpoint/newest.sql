-- The newest checkpoint that is signed.
select number, recorded_at, signature, line from checkpoint order by number desc limit 1
