-- The merged members of a bucket and whom they became. $1 bucket.
select member_id, merged_into from member where bucket = $1 and merged_into is not null
