-- How far each stream is covered.
select name, size, head, hashes from checkpoint_stream order by name
