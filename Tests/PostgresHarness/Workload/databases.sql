-- Database, Tablespace, Storage, RelMap.
create tablespace shelf location :'shelf';
create database copied_by_file strategy file_copy;
create database copied_by_wal strategy wal_log;
create database on_shelf template template0 tablespace shelf strategy wal_log;

create table on_shelf_table (a int primary key, b text) tablespace shelf;
insert into on_shelf_table select g, 'b' from generate_series(1, 500) g;
create table moving (a int primary key);
insert into moving select generate_series(1, 2000);
alter table moving set tablespace shelf;
alter index moving_pkey set tablespace shelf;
alter table moving set tablespace pg_default;

\c copied_by_file
create table inside (a int primary key);
insert into inside select generate_series(1, 300);
\c copied_by_wal
create table inside (a int primary key);
insert into inside select generate_series(1, 300);
vacuum full pg_class;
\c postgres
alter database on_shelf set tablespace pg_default;
drop database copied_by_file;
drop database copied_by_wal;
drop database on_shelf;
drop table on_shelf_table;
alter index moving_pkey set tablespace pg_default;
drop tablespace shelf;

-- Unlogged tables have an init fork, which is logged.
create unlogged table volatile (a int primary key, b text);
create index volatile_b on volatile using gin (to_tsvector('simple', b));
insert into volatile select g, 'b' from generate_series(1, 300) g;
alter table volatile set logged;
alter table volatile set unlogged;

select setseed(0.25);
-- Rewrites: of tables, by index, of mapped catalogues, which changes the relation map.
create table clustered (a int primary key, b text);
insert into clustered select g, md5(g::text) from generate_series(1, 2000) g order by random();
cluster clustered using clustered_pkey;
delete from clustered where a % 2 = 0;
vacuum full clustered;
vacuum full pg_class;
vacuum full pg_database;
reindex table pg_class;
create materialized view summary as select a % 10 as tens, count(*) from clustered group by 1;
create unique index on summary (tens);
refresh materialized view summary;
refresh materialized view concurrently summary;
create table parted (a int, b text) partition by range (a);
create table parted_low partition of parted for values from (0) to (100);
create table parted_high partition of parted for values from (100) to (200);
insert into parted select g, 'b' from generate_series(0, 199) g;
alter table parted detach partition parted_high;
