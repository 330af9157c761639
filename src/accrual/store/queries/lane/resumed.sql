-- Notes at which position a parked command was tried again.
update parked set resumed_position = $3::bigint where bucket = $1::integer and position = $2::bigint
