-- complain if this script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION edurange" to load this file. \quit
-- The schema of the extension may be somebody else's still, and hold operators that fit better than PostgreSQL's own.
SET LOCAL search_path = pg_catalog, pg_temp;
