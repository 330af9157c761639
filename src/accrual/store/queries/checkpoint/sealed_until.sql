-- Up to which position each bucket is sealed, the longest ago first. $1 buckets.
select bucket, max(until) as until from checkpoint_seal where bucket = any ($1::integer[]) group by bucket order by max(sequence)
