-- Which of these commands were given back: by a row of the whole, in whatever bucket a merger took it to. $1 buckets, $2 tickets.
select distinct target from undone
where bucket = any ($1::integer[]) and target = any ($2::uuid[]) and award = -1 and units_after > 0
