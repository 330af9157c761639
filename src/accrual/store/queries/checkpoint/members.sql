-- Every member of a bucket and whom they were merged into, for a cursor. $1 bucket.
select member_id, merged_into from member where bucket = $1
