-- Heap and Heap2: every kind of change to plain tables.
create table accounts (id int primary key, note text, amount int) with (fillfactor = 70);

-- INSERT, INSERT+INIT, and by COPY and INSERT ... SELECT into a fresh table MULTI_INSERT and MULTI_INSERT+INIT.
insert into accounts select g, 'account ' || g, 0 from generate_series(1, 3000) g;
create table copied (a int, b text);
copy copied from stdin;
1	one
2	two
3	\N
\.
copy copied from program 'seq -f "%g	copied by COPY" 1 3000';
create table many as select g as a, md5(g::text) as b from generate_series(1, 5000) g;

-- HOT updates (same page, no indexed column), cold ones (other page, indexed column), prefix and suffix kept.
update accounts set amount = amount + 1 where id % 3 = 0;
update accounts set note = note || repeat(' more', 20) where id % 5 = 0;
update accounts set id = id + 100000 where id % 7 = 0;
delete from accounts where id % 11 = 0;

-- Pruning: on access, then by VACUUM with and without index cleaning; visibility map set, cleared, set again.
select count(*) from accounts where note like '%more%';
update accounts set amount = amount + 1 where id < 500;
update accounts set amount = amount + 1 where id < 500;
vacuum accounts;
update accounts set amount = 7 where id between 1000 and 1100;
delete from accounts where id between 1200 and 1250;
vacuum (index_cleanup off) accounts;
vacuum (freeze, analyze) accounts;

-- A tail of empty pages is cut off: truncation of the heap, its free space map and its visibility map.
delete from many where a > 500;
vacuum (freeze) many;

-- CONFIRM of speculative insertions; a conflict that updates.
insert into accounts select g, 'again', 1 from generate_series(1, 50) g on conflict (id) do nothing;
insert into accounts select g, 'again', 1 from generate_series(40, 60) g
    on conflict (id) do update set amount = accounts.amount + 1;

-- TRUNCATE, which logical decoding gets a record of.
create table emptied (a int primary key, b text);
insert into emptied select g, 'b' from generate_series(1, 300) g;
truncate emptied;
insert into emptied values (1, 'after');
truncate emptied, copied restart identity cascade;

-- Replica identity: old tuples in the records of updates and deletes.
create table identified (a int primary key, b text);
alter table identified replica identity full;
insert into identified select g, 'before ' || g from generate_series(1, 200) g;
update identified set b = 'after' where a % 2 = 0;
delete from identified where a % 3 = 0;

-- Rolled back work, a rewrite that adds a default, dropped tables.
begin;
insert into copied select g, 'lost' from generate_series(1, 100) g;
create table lost as select 1 as a;
rollback;
alter table copied alter column a type bigint;
create table dropped as select g as a from generate_series(1, 1000) g;
drop table dropped;
