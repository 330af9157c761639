-- Notes at which position a hold ended.
update hold set resolved_position = $3::bigint where bucket = $1::integer and hold_id = $2::uuid
