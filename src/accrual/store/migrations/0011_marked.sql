-- Members that are merged or marked are few: a lane knows them by heart and reads no row of the others.

create index member_marked on member (bucket) where merged_into is not null or marks is not null;
