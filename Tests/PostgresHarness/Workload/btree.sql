-- Btree.
select setseed(0.25);
create table keys (k int, filler text) with (autovacuum_enabled = off);
create index keys_k on keys (k);
-- Splits to the left and to the right, new roots, equal keys that are deduplicated and posting lists that split.
insert into keys select g, '' from generate_series(1, 20000) g;
insert into keys select (random() * 20000)::int, '' from generate_series(1, 10000) g;
insert into keys select 77, '' from generate_series(1, 3000) g;
create index keys_wide on keys ((k::text || repeat('w', 400))) where k < 2000;

-- Pages that become empty are half dead, unlinked and, later, reused.
delete from keys where k between 500 and 15000;
vacuum keys;
select pg_current_xact_id() is not null;
vacuum keys;
insert into keys select g, '' from generate_series(20000, 40000) g;
vacuum keys;

-- Tuples that scans found dead are deleted when their page is full; versions of one row bottom up.
set enable_seqscan = off;
set enable_bitmapscan = off;
create table versions (id int, version int, payload text) with (fillfactor = 90);
create index versions_id on versions (id);
create index versions_version on versions (version);
insert into versions select g, 0, 'p' from generate_series(1, 600) g;
do $$
begin
    for i in 1..12 loop
        update versions set version = i;
        commit;
        perform count(*) from versions where id between 1 and 600;
    end loop;
end $$;
insert into versions select g % 600, 13, 'q' from generate_series(1, 3000) g;
delete from versions where id < 300;
select count(*) from versions where id between 0 and 300;
insert into versions select g % 300, 14, 'r' from generate_series(1, 3000) g;
reset enable_seqscan;
reset enable_bitmapscan;
reindex table versions;
