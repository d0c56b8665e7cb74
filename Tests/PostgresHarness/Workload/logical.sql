-- LogicalMessage, ReplicationOrigin, and what logical decoding adds to Heap2: NEW_CID, REWRITE.
select slot_name from pg_create_logical_replication_slot('workload', 'pgoutput');
select pg_logical_emit_message(false, 'workload', 'not transactional') is not null;
select pg_logical_emit_message(true, 'workload', 'transactional') is not null;
select pg_logical_emit_message(false, 'neon-file:pg_logical/test', 'file content') is not null;
select pg_logical_emit_message(false, 'neon-file:pg_logical/test', '') is not null;
select pg_logical_emit_message(true, 'neon-file:pg_replslot/workload/state', repeat('s', 3000)) is not null;
select pg_logical_emit_message(false, '', '\x00ff'::bytea) is not null;
select pg_logical_emit_message(false, 'large', repeat('large ', 30000)) is not null;
begin;
select pg_logical_emit_message(true, 'workload', 'rolled back') is not null;
rollback;

select pg_replication_origin_create('upstream') > 0, pg_replication_origin_create('sideways') > 0;
select pg_replication_origin_advance('upstream', '0/1234');
select pg_replication_origin_advance('sideways', 'A/BCDE');
select pg_replication_origin_session_setup('upstream');
begin;
select pg_replication_origin_xact_setup('0/5678', '2020-02-02 02:02:02+00');
create table from_elsewhere (a int primary key, b text);
insert into from_elsewhere select g, 'b' from generate_series(1, 50) g;
commit;
begin;
select pg_replication_origin_xact_setup('0/9ABC', '2020-02-03 02:02:02+00');
update from_elsewhere set b = 'c' where a < 5;
prepare transaction 'from elsewhere';
commit prepared 'from elsewhere';
select pg_replication_origin_session_reset();
select pg_replication_origin_drop('sideways');

-- A table that output plugins may read is rewritten: its new places are logged for the slot.
create table read_by_plugins (a int primary key, b text) with (user_catalog_table = true);
insert into read_by_plugins select g, 'b' from generate_series(1, 300) g;
update read_by_plugins set b = 'c' where a % 2 = 0;
delete from read_by_plugins where a % 3 = 0;
vacuum full read_by_plugins;
begin;
create table catalogue_changes (a int);
alter table catalogue_changes add column b text;
insert into catalogue_changes values (1, 'b');
alter table catalogue_changes drop column a;
commit;
select pg_drop_replication_slot('workload');
