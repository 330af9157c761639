-- Every bucket's lane: where it stands and who owns it.
select l.bucket, l.cursor, l.epoch, l.owner, l.clean from lane l order by l.bucket
