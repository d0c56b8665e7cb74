-- Generic, by an index method that is an extension.
create extension bloom;
create table bloomed (a int, b int);
create index bloomed_ab on bloomed using bloom (a, b);
insert into bloomed select g, g % 10 from generate_series(1, 3000) g;
delete from bloomed where a % 2 = 0;
vacuum bloomed;
insert into bloomed select g, g % 10 from generate_series(1, 500) g;
