-- Whether this session can append to the log, whether it can change it, and as whom it acts.
select has_table_privilege('command', 'INSERT'), has_table_privilege('line', 'UPDATE'), current_user::text
