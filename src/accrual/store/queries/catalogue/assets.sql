-- Reads the assets of a programme.
select asset_id, document from asset where programme_id = $1 order by asset_id
