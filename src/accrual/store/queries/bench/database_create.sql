-- Makes a database of a benchmark's own; the names are put in quoted, they are never input.
create database :"name" owner :"owner" template template0
