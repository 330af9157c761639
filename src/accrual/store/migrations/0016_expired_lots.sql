-- What expired of an earlier command is looked up, not searched for: lots that continue another, and uses that are expiry (kind 4).

create index line_origin on line (bucket, account, origin_position) where origin_position is not null;
create index lot_use_expired on lot_use (bucket, account, lot_position) where kind = 4;
