-- Values too large for a page: compressed in place, out of line, both.
create table documents (id int primary key, plain text, external text, compressed text);
alter table documents alter column external set storage external;
insert into documents
    select g, repeat('plain', 10), repeat(md5(g::text), 300), repeat('squeezable ', 3000)
    from generate_series(1, 60) g;
insert into documents
    select 1000 + g, null, null, (select string_agg(md5(i::text), '') from generate_series(g, g + 600) i)
    from generate_series(1, 20) g;
update documents set external = external || 'tail' where id % 3 = 0;
update documents set plain = 'untouched values stay where they are' where id % 4 = 0;
delete from documents where id % 5 = 0;
vacuum documents;

-- Large objects.
select count(lo_from_bytea(0, decode(repeat('0123456789abcdef', 1000), 'hex'))) from generate_series(1, 5);
select lo_put(min(oid), 4000, '\xdeadbeef') from pg_largeobject_metadata;
select lo_unlink(max(oid)) from pg_largeobject_metadata;
