-- A library of version 1, as the engine of 22 November 2026 left it: `.dump` of its file.
BEGIN TRANSACTION;
CREATE TABLE applications ( id TEXT PRIMARY KEY NOT NULL, name TEXT, repository_url TEXT, install_path TEXT, state TEXT NOT NULL CHECK (state IN ('CLONED', 'INSTALLING', 'INSTALLED', 'STARTING', 'RUNNING', 'STOPPING',  'ERROR', 'UNINSTALLING')), version TEXT, installed_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, size INTEGER NOT NULL, description TEXT, icon TEXT, described_at INTEGER NOT NULL, installed INTEGER NOT NULL) STRICT;
INSERT INTO "applications" VALUES('old','Old',NULL,'/home/person/pinokio/api/old','INSTALLED',NULL,1795387138500,1795387138776,-1,NULL,NULL,1795387138308,1);
CREATE TABLE processes ( number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, app_id TEXT, script TEXT, pid INTEGER NOT NULL, command TEXT, log_file_path TEXT, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL, status TEXT NOT NULL CHECK (status IN ('running', 'ended', 'lost')), exit_code INTEGER NOT NULL, step INTEGER NOT NULL, log_offset INTEGER NOT NULL) STRICT;
INSERT INTO "processes" VALUES(1,'20261122-223858-9105.1','20261122-223858-9105','old','/home/person/pinokio/api/old/start.json',20778,'echo hi','/home/person/pinokio/logs/api/old/start.json/shell-20261122-223858-9105.1.log',1795387138774,1795387138776,'ended',0,0,4);
CREATE TABLE runs ( number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, app_id TEXT, script TEXT NOT NULL, kind TEXT NOT NULL, input TEXT, state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'ready', 'stopping', 'finished', 'stopped', 'error',  'interrupted')), journal TEXT NOT NULL, step INTEGER NOT NULL, total INTEGER NOT NULL, error TEXT, scripts TEXT, url TEXT, restarts INTEGER NOT NULL, started_at INTEGER NOT NULL, ready_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, checkpoint INTEGER NOT NULL) STRICT;
INSERT INTO "runs" VALUES(1,'20261122-223858-9105','old','/home/person/pinokio/api/old/start.json','start','{}','finished','/home/person/pinokio/logs/api/old/start.json/run-20261122-223858-9105.journal',0,1,NULL,'[{"path":"/home/person/pinokio/api/old/start.json","uri":"/home/person/pinokio/api/old/start.json","cwd":"/home/person/pinokio/api/old","main":true,"ready":false,"on_stop":false,"step":0,"total":1,"local":{},"global":{},"args":{}}]',NULL,0,1795387138580,0,1795387138776,0);
CREATE TABLE settings ( key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT;
CREATE TABLE tunnels ( id TEXT PRIMARY KEY NOT NULL, app_id TEXT REFERENCES applications (id) ON DELETE CASCADE, local_port INTEGER NOT NULL CHECK (local_port BETWEEN 0 AND 65535), public_url TEXT, provider TEXT, status TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;
CREATE INDEX runs_by_app ON runs (app_id, number);
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX processes_by_run ON processes (run_id);
CREATE INDEX processes_by_status ON processes (status);
CREATE INDEX tunnels_by_app ON tunnels (app_id);
PRAGMA user_version = 1;
COMMIT;
