-- A million transaction ids fill a segment of CLOG. To save WAL they are subtransactions, on a temporary table.
create temporary table scratch (a bool) on commit delete rows;
do $$
begin
    for i in 1..210 loop
        for j in 1..5000 loop
            begin
                insert into scratch values (true);
            exception when others then raise;
            end;
        end loop;
        commit;
    end loop;
end $$;

-- Old CLOG, commit timestamps and multixacts are cut off once every database is frozen.
alter database template0 allow_connections true;
\c template0
vacuum (freeze);
\c template1
vacuum (freeze);
\c postgres
vacuum (freeze);
alter database template0 allow_connections false;
checkpoint;
