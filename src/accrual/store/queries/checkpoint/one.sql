-- One checkpoint by its number, where it is still kept. $1 number.
select number, recorded_at, signature, line from checkpoint where number = $1
