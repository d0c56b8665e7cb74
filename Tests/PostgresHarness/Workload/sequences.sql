-- Sequence.
create sequence counter;
select count(nextval('counter')) from generate_series(1, 200);
select setval('counter', 10000);
alter sequence counter increment by 5 cache 10;
select nextval('counter');
create table numbered (id serial primary key, other int generated always as identity);
insert into numbered select from generate_series(1, 100);
truncate numbered restart identity;
create unlogged table unlogged_numbered (id serial);
drop sequence counter;
