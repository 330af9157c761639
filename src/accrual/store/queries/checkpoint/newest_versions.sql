-- The newest version of each row but those of the audit and its chain, which only grow.
select distinct on (source, key) source, key, digest from checkpoint_row where source not in ('audit', 'audit_chain')
order by source, key, sequence desc
