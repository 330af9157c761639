-- What was used of the stocks of rewards, which count below zero. $1 buckets.
select subject, cap - remaining as used from quota where bucket = any ($1::integer[]) and promo_id < 0
