-- XLOG and Standby: records about the WAL itself.
select pg_create_restore_point('a point to restore, blkref #0: rel 1/2/3') is not null;
select pg_switch_wal() is not null;
create table after_switch as select generate_series(1, 100) as a;
checkpoint;
select current_setting('server_version_num')::int >= 160000 as logs_snapshots \gset
\if :logs_snapshots
select pg_log_standby_snapshot() is not null;
\endif

-- The first change of a page after a checkpoint is only a hint that a scan leaves: FPI_FOR_HINT.
select count(*) from after_switch;
begin;
lock table after_switch;
update after_switch set a = a + 1;
commit;

-- BACKUP_END.
select pg_backup_start('workload', true) is not null;
insert into after_switch values (1);
select count(*) from pg_backup_stop(false);
