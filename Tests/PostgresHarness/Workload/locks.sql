-- Row locks and multixacts. Prepared transactions stand in for the other sessions.
create table locked (id int primary key, value int, note text);
insert into locked select g, 0, 'row ' || g from generate_series(1, 2600) g;

begin;
select count(*) from (select id from locked where id <= 100 for key share) rows;
prepare transaction 'key share';
begin;
select count(*) from (select id from locked where id between 50 and 150 for share) rows;
prepare transaction 'share';
begin;
select count(*) from (select id from locked where id between 1 and 40 for no key update) rows;
update locked set value = value + 1 where id between 1 and 20;
commit;
select count(*) from (select id from locked where id <= 150 for key share) rows;
commit prepared 'key share';
rollback prepared 'share';

-- LOCK_UPDATED: the lock follows the chain to the new version, whose transaction is still open.
begin;
update locked set value = value + 1 where id between 200 and 250;
prepare transaction 'updating';
select count(*) from (select id from locked where id between 190 and 260 for key share) rows;
commit prepared 'updating';
select count(*) from (select id from locked where id between 300 and 500 for update) rows;

-- Many multixacts, each with members of its own, so that both of their areas grow by pages.
begin;
select count(*) from (select id from locked for key share) rows;
prepare transaction 'all rows';
do $$
begin
    for i in 1..2500 loop
        begin
            perform 1 from locked where id = i for key share;
        exception when others then raise;
        end;
    end loop;
end $$;
commit prepared 'all rows';
vacuum (freeze) locked;
