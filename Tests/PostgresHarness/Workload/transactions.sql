-- Transaction, CLOG, CommitTs, MultiXact: what ends transactions and what keeps account of them.
create table ledger (a int, b text);

-- More subtransactions than a snapshot lists: ASSIGNMENT records, long lists in the commit record.
do $$
begin
    for i in 1..200 loop
        begin
            insert into ledger values (i, 'sub');
            if i % 10 = 0 then raise division_by_zero; end if;
        exception when division_by_zero then null;
        end;
    end loop;
end $$;
begin;
savepoint a;
insert into ledger values (1, 'a');
savepoint b;
insert into ledger values (2, 'b');
rollback to a;
insert into ledger values (3, 'c');
release a;
rollback;

-- Two phases, with subtransactions, dropped and created relations, invalidations.
create table doomed as select g as a from generate_series(1, 100) g;
begin;
insert into ledger values (10, 'prepared');
savepoint inside;
insert into ledger values (11, 'prepared inside');
release inside;
drop table doomed;
create table made_in_two_phases (a int primary key);
prepare transaction 'to commit';
begin;
insert into ledger values (12, 'never');
savepoint inside;
create table never_made (a int);
release inside;
prepare transaction 'to roll back';
checkpoint;
commit prepared 'to commit';
rollback prepared 'to roll back';

-- Commit records with little in them, aborts, commits that drop many relations and statistics.
insert into ledger values (13, 'small');
begin;
insert into ledger values (14, 'aborted');
create table aborted_1 (a int primary key);
abort;
begin;
create table wide_1 (a serial primary key, b text);
create table wide_2 (a serial primary key, b text);
commit;
drop table wide_1, wide_2;
create domain positive as int check (value > 0);
create function twice(int) returns int language sql as 'select $1 * 2';
drop function twice(int);
set synchronous_commit = remote_apply;
insert into ledger values (15, 'apply feedback');
set synchronous_commit = off;
insert into ledger values (16, 'asynchronous');
reset synchronous_commit;

-- Enough transactions for new pages of CLOG and of commit timestamps.
do $$
begin
    for i in 1..33000 loop
        perform pg_current_xact_id();
        commit;
    end loop;
end $$;
