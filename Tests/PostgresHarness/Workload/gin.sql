-- Gin: direct inserts, the pending list, posting lists that grow into trees, deletion of pages.
create table tagged (id int, tags int[]) with (autovacuum_enabled = off);
create index tagged_direct on tagged using gin (tags) with (fastupdate = off);
insert into tagged select g, array[1, g % 10 + 2, g % 500 + 100] from generate_series(1, 12000) g;
create index tagged_pending on tagged using gin (tags) with (fastupdate = on, gin_pending_list_limit = 64);
insert into tagged select g, array[1, g % 1000 + 1000] from generate_series(1, 4000) g;
select gin_clean_pending_list('tagged_pending') > 0;
insert into tagged select g, array[g] from generate_series(1, 200) g;
delete from tagged where id between 1000 and 11000;
vacuum tagged;
insert into tagged select g, array[1, 2] from generate_series(1, 2000) g;
vacuum tagged;

-- Inner pages of a posting tree become empty and are deleted.
create table common (id int, tags int[]);
copy common from program 'seq -f "%g	{1}" 1 30000';
create index common_tags on common using gin (tags);
delete from common where id between 2000 and 28000;
vacuum common;

create table texts (id int, words tsvector);
create index texts_words on texts using gin (words);
insert into texts select g, to_tsvector('simple', 'word' || g || ' common ' || md5(g::text)) from generate_series(1, 1500) g;
vacuum texts;
