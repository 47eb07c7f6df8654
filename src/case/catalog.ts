/** The tables of a case that no analyzer makes. */

export const CATALOG = `
CREATE TABLE IF NOT EXISTS images (
  id VARCHAR PRIMARY KEY,
  job VARCHAR NOT NULL,
  path VARCHAR,
  sha256 VARCHAR,
  bytes HUGEINT NOT NULL,
  format VARCHAR,
  hostname VARCHAR,
  release VARCHAR,
  architecture VARCHAR,
  build_id VARCHAR,
  boot_time TIMESTAMP,
  state VARCHAR NOT NULL,
  exit_code INTEGER NOT NULL,
  error VARCHAR,
  version VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS sources (
  path VARCHAR PRIMARY KEY,
  bytes HUGEINT NOT NULL,
  modified HUGEINT NOT NULL,
  settings VARCHAR NOT NULL,
  state VARCHAR NOT NULL,
  exit_code INTEGER NOT NULL,
  image VARCHAR,
  error VARCHAR
);
CREATE TABLE IF NOT EXISTS outputs (
  image_id VARCHAR NOT NULL,
  table_name VARCHAR NOT NULL,
  rows HUGEINT NOT NULL,
  sha256 VARCHAR NOT NULL,
  failed VARCHAR
);
CREATE TABLE IF NOT EXISTS warnings (
  image_id VARCHAR NOT NULL,
  code VARCHAR NOT NULL,
  message VARCHAR NOT NULL,
  analyzer VARCHAR,
  column_name VARCHAR,
  count HUGEINT,
  address VARCHAR
);
CREATE TABLE IF NOT EXISTS manifests (
  sequence INTEGER PRIMARY KEY,
  image_id VARCHAR NOT NULL,
  sha256 VARCHAR NOT NULL,
  manifest VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS schema_columns (
  table_name VARCHAR NOT NULL,
  analyzer VARCHAR NOT NULL,
  position INTEGER NOT NULL,
  column_name VARCHAR NOT NULL,
  type VARCHAR NOT NULL,
  meaning VARCHAR,
  description VARCHAR NOT NULL,
  key_position INTEGER,
  PRIMARY KEY (table_name, column_name)
);
-- Cases that were begun before images came from buckets lack it.
ALTER TABLE sources ADD COLUMN IF NOT EXISTS etag VARCHAR;
-- Those before objects were read in part have it of every image.
ALTER TABLE images ALTER COLUMN sha256 DROP NOT NULL;
`
