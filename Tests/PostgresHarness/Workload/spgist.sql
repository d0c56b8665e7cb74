-- SPGist: text (prefix trees: new nodes, split tuples), points (quad and k-d trees), networks; vacuum of each.
select setseed(0.25);
create table paths (id int, path text, p point, net inet) with (autovacuum_enabled = off);
create index paths_path on paths using spgist (path);
create index paths_quad on paths using spgist (p quad_point_ops);
create index paths_kd on paths using spgist (p kd_point_ops);
create index paths_net on paths using spgist (net);
insert into paths
    select g, repeat('/usr', g % 4) || '/' || md5((g % 2000)::text) || '/' || g, point(random() * 100, random() * 100),
        ('10.' || g % 256 || '.' || g / 256 || '.1')::inet
    from generate_series(1, 5000) g;
insert into paths select g, 'same', point(1, 1), '10.0.0.1' from generate_series(1, 1500) g;
insert into paths select g, 'sam' || chr(65 + g % 50), point(1, g), '192.168.0.1' from generate_series(1, 300) g;
delete from paths where id % 3 <> 0;
vacuum paths;
insert into paths select g, '/usr/' || md5(g::text), point(g, g), '10.1.1.1' from generate_series(1, 1000) g;
vacuum paths;

-- A leaf page at the root loses tuples.
create table few (p point);
create index few_p on few using spgist (p);
insert into few select point(g, g) from generate_series(1, 30) g;
delete from few where p <@ box(point(0, 0), point(15, 15));
vacuum few;
