-- Gist: splits, updates in place, deletion of tuples and pages, a buffered build.
create table places (id int, p point, b box) with (autovacuum_enabled = off);
create index places_p on places using gist (p);
create index places_b on places using gist (b);
insert into places
    select g, point(g % 211, g / 211), box(point(g, g), point(g + 3, g + 5))
    from generate_series(1, 8000) g;
delete from places where id between 500 and 7500;
vacuum places;
select pg_current_xact_id() is not null;
vacuum places;
insert into places select g, point(g, g), box(point(g, 0), point(0, g)) from generate_series(1, 2000) g;
set enable_seqscan = off;
set enable_bitmapscan = off;
delete from places where p <@ box(point(0, 0), point(1500, 1500));
select count(*) from places where p <@ box(point(0, 0), point(1500, 1500));
insert into places select g, point(g, g), null from generate_series(1, 2000) g;
reset enable_seqscan;
reset enable_bitmapscan;
vacuum places;
create index places_buffered on places using gist (b) with (buffering = on);
