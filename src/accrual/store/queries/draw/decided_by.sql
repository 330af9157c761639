-- Publishes what decides a closed round besides its secret: the hosts' part, and the public value.
update draw_round set share = $3, beacon_value = $4 where promo_id = $1 and round = $2
