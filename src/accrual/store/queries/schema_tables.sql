-- Describes every table of the schema for its printed form: columns in order, options of storage.
select table_of.relname as name, coalesce(array_to_string(table_of.reloptions, ', '), '') as options,
    array_agg(column_of.attname || ' ' || format_type(column_of.atttypid, column_of.atttypmod)
        || case when column_of.attnotnull then ' not null' else '' end order by column_of.attnum) as columns,
    array_agg(column_of.attname || ' ' || column_of.attstorage::text order by column_of.attnum)
        filter (where column_of.attstorage <> type_of.typstorage) as storage
from pg_class table_of
join pg_attribute column_of on column_of.attrelid = table_of.oid and column_of.attnum > 0 and not column_of.attisdropped
join pg_type type_of on type_of.oid = column_of.atttypid
where table_of.relnamespace = 'public'::regnamespace and table_of.relkind in ('r', 'p')
group by table_of.oid, table_of.relname, table_of.reloptions
order by table_of.relname
