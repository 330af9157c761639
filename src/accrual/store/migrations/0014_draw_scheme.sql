-- How points of a round are made, and what decides it besides the secret in the database. Nothing of it: the first scheme.

alter table draw_round
    add column scheme smallint,
    add column shared boolean,
    add column share text,
    add column beacon text,
    add column beacon_value text;
