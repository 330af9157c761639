-- Makes an asset with the programme's next number, or changes what is said of it.
insert into asset (programme_id, asset_id, code, document)
select $1, coalesce(max(asset_id), 0) + 1, $2, $3 from asset
on conflict (programme_id, code) do update set document = excluded.document
