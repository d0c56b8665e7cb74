-- Hash.
select setseed(0.25);
create table hashed (k int, filler text) with (autovacuum_enabled = off);
create index hashed_k on hashed using hash (k);
-- Bucket splits, overflow pages, bitmap pages.
insert into hashed select g, '' from generate_series(1, 12000) g;
insert into hashed select 5, '' from generate_series(1, 3000) g;

-- Dead entries that a scan found go when their page is full.
set enable_seqscan = off;
set enable_bitmapscan = off;
delete from hashed where k = 5 and ctid < '(40,0)';
do $$
begin
    for i in 1..3 loop
        delete from hashed where k between i * 1000 and i * 1000 + 700;
        commit;
        for j in i * 1000 .. i * 1000 + 700 loop
            perform 1 from hashed where k = j;
        end loop;
        insert into hashed select 900000 + g, '' from generate_series(i * 3000, i * 3000 + 3000) g;
        commit;
    end loop;
end $$;
reset enable_seqscan;
reset enable_bitmapscan;

-- Buckets that shrink: entries move, overflow pages are freed.
delete from hashed where k = 5 and random() < 0.9;
vacuum hashed;
delete from hashed where k > 2000;
vacuum hashed;
insert into hashed select g, '' from generate_series(1, 2000) g;
create index hashed_again on hashed using hash (k) with (fillfactor = 20);
