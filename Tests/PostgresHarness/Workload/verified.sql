-- Images that replay only compares with: no apply flag.
set wal_consistency_checking = 'all';
create table verified (id int primary key, word text, tags int[], p point, path text);
create index on verified using hash (word);
create index on verified using gin (tags);
create index on verified using gist (p);
create index on verified using spgist (path);
create index on verified using brin (id);
insert into verified
    select g, 'w' || g % 20, array[g, g % 10], point(g, g % 17), md5(g::text) from generate_series(1, 60) g;
select nextval('numbered_id_seq');
update verified set word = 'x' where id % 4 = 0;
delete from verified where id % 3 = 0;
vacuum verified;
set wal_consistency_checking = 'heap,btree';
insert into verified values (1000, 'w', '{}', '(1,1)', 'p');
update verified set word = 'y' where id = 1000;
