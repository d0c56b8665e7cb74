-- Run once for each way of logging pages: after the checkpoint every page changed for the first time is logged whole.
select setseed(0.25);
create table if not exists pages (id int primary key, word text, tags int[], p point);
create index if not exists pages_word on pages using hash (word);
create index if not exists pages_tags on pages using gin (tags);
create index if not exists pages_p on pages using gist (p);
create index if not exists pages_brin on pages using brin (id) with (pages_per_range = 2);
insert into pages
    select (select coalesce(max(id), 0) from pages) + g, md5(g::text), array[g, g % 10], point(g, g % 17)
    from generate_series(1, 1000) g;
checkpoint;
update pages set word = word || '!' where id % 20 = 0;
delete from pages where id % 50 = 1;
select count(*) from pages where p <@ box(point(0, 0), point(10, 10));
checkpoint;
select count(*) from pages where word > '8';
vacuum (freeze) pages;
insert into pages values (-(select count(*) from pages), 'one', '{1}', '(1,1)');
