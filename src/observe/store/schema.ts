/** Of the tables below; a file of another version is begun anew. */
export const SCHEMA_VERSION = 1;

/**
 * words: texts that come again and again, told by number; past a bound a text stands for itself.
 * shapes: what many flows have in common. history_10 and history_60: by service and time (ms), a packed PortBucket (history-codec.ts).
 * covered: how much of ten seconds somebody observed, ms. series, counted: totals that outlive this process.
 * lives: routers, and how far they were read. kept: small things as JSON.
 */
export const SCHEMA = `
CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);
CREATE TABLE services (id INTEGER PRIMARY KEY, service TEXT NOT NULL UNIQUE);
CREATE TABLE shapes (id INTEGER PRIMARY KEY, shape TEXT NOT NULL UNIQUE);
CREATE TABLE flows (
  id INTEGER PRIMARY KEY, shape INTEGER NOT NULL, seq INTEGER NOT NULL, started REAL NOT NULL, duration REAL NOT NULL,
  sent INTEGER NOT NULL, received INTEGER NOT NULL, attempts INTEGER NOT NULL, ok INTEGER NOT NULL,
  client, reason, why, method, host, path, status INTEGER, grpc INTEGER);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL,
  site_id TEXT, site TEXT, service TEXT, router_site TEXT);
CREATE TABLE history_10 (service INTEGER NOT NULL, at INTEGER NOT NULL, port INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (service, at, port)) WITHOUT ROWID;
CREATE TABLE history_60 (service INTEGER NOT NULL, at INTEGER NOT NULL, port INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (service, at, port)) WITHOUT ROWID;
CREATE TABLE covered (at INTEGER PRIMARY KEY, ms INTEGER NOT NULL);
CREATE TABLE gaps (id INTEGER PRIMARY KEY, started INTEGER NOT NULL, ended INTEGER NOT NULL, router TEXT);
CREATE TABLE series (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE, seen INTEGER NOT NULL);
CREATE TABLE counted (series INTEGER NOT NULL, router TEXT NOT NULL, site_id TEXT NOT NULL, former INTEGER NOT NULL,
  total INTEGER NOT NULL, PRIMARY KEY (series, router)) WITHOUT ROWID;
CREATE TABLE lives (router TEXT PRIMARY KEY, facts TEXT NOT NULL, epoch TEXT NOT NULL, flows INTEGER NOT NULL,
  events INTEGER NOT NULL, heard INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`;
