-- Makes the list of applied migrations; everything else is made by the migrations themselves.
create table if not exists migration (
    name text primary key,
    digest text not null,
    applied_at timestamptz not null
)
