-- Generic, by an index method that is an extension.
create extension vector;
create table vectors (id int, v vector(3));
insert into vectors select g, array[g % 7, g % 11, g % 13]::vector from generate_series(1, 1000) g;
create index vectors_v on vectors using ivfflat (v vector_l2_ops) with (lists = 10);
insert into vectors select g, array[g % 7, g % 11, g % 13]::vector from generate_series(1, 1000) g;
delete from vectors where id % 2 = 0;
vacuum vectors;
