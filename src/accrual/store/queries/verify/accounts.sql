-- Every account of a bucket, for a cursor. $1 bucket.
select account_id, asset_id, role, member_id, floor from account where bucket = $1 order by account_id
