-- BRIN: summaries new, changed in place and moved, a second page of the range map, desummarisation.
create table readings (at int, label text, filler text) with (fillfactor = 10, autovacuum_enabled = off);
alter table readings alter column filler set storage plain;
create index readings_at on readings using brin (at) with (pages_per_range = 1, autosummarize = off);
create index readings_label on readings using brin (label) with (pages_per_range = 4);
insert into readings select g, 'l', repeat('f', 800) from generate_series(1, 1500) g;
select brin_summarize_new_values('readings_at') > 0, brin_summarize_new_values('readings_label') > 0;
update readings set label = repeat(chr(97 + at % 26), at % 900 + 1) where at % 5 = 0;
insert into readings select -g, repeat('z', 1000 + g % 500), '' from generate_series(1, 300) g;
select brin_desummarize_range('readings_at', 3), brin_desummarize_range('readings_label', 0);
select brin_summarize_range('readings_at', 3);
vacuum readings;
