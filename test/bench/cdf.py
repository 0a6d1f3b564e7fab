#!/usr/bin/env python3
"""Compares cdf_validate, json_schema_validate and importing with Python's jsonschema (Debian's package
python3-jsonschema) on the same documents.  The database is the one that PGHOST, PGPORT, PGDATABASE and PGUSER
name; it has the extension and its tables, and nothing is left behind in it.  SECONDS_EACH is the time for each
figure (default 3).  Prints one line for each size of document: documents a second; then how long a pack of
500 challenges with 50 components each takes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jsonschema

SECONDS = float(os.environ.get("SECONDS_EACH", "3"))
SCHEMA = json.loads((Path(__file__).parents[2] / "schema/cdf.schema.json").read_text())


def document(size):
    """A challenge with so many components, of all types."""
    makers = [
        lambda n: ("question", {"type": "text", "text": f"Question {n}?", "points": n, "answer": ["a", "b"]}),
        lambda n: ("question", {"type": "flag", "text": f"Flag {n}?", "points": 10, "hint": "Look."}),
        lambda n: ("webosApp", {"app_type": "terminal", "title": "T", "width": 60, "height": 55}),
        lambda n: ("container", {"image": "i", "env": {"A": "b"}, "ports": [{"containerPort": 80}]}),
        lambda n: ("secret", {"data": {"key": "value"}}),
    ]
    components = []
    for number in range(size):
        kind, config = makers[number % len(makers)](number)
        components.append({"type": kind, "id": f"c{number}", "config": config})
    metadata = {"id": f"bench-{size}", "name": "Bench", "version": "1", "challenge_type": "web", "tags": ["x"]}
    return {"metadata": metadata, "components": components}


def python_rate(text):
    validator = jsonschema.Draft7Validator(SCHEMA)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        if list(validator.iter_errors(json.loads(text))):
            sys.exit("the document is not valid")
        count += 1
    return count / (time.perf_counter() - start)


def database_rate(call, text):
    """Runs one call over and over on the server, so that no network is in the figure."""
    sql = f"""BEGIN;
CREATE TEMP TABLE bench (text text);
INSERT INTO bench VALUES ($bench${text}$bench$);
CREATE FUNCTION pg_temp.rate() RETURNS numeric LANGUAGE plpgsql AS $rate$
DECLARE
  start timestamptz;
  document text := (SELECT b.text FROM bench b);
  schema jsonb := edurange.cdf_schema();
  count integer := 0;
BEGIN
  PERFORM edurange.cdf_import(document);
  start := clock_timestamp();
  WHILE clock_timestamp() < start + {SECONDS} * interval '1 s' LOOP
    {call};
    count := count + 1;
  END LOOP;
  RETURN count / extract(epoch FROM clock_timestamp() - start);
END $rate$;
SELECT pg_temp.rate();
ROLLBACK;"""
    result = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=sql, text=True, capture_output=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return float(result.stdout)


CALLS = {
    "json_schema_validate": "PERFORM edurange.json_schema_validate(schema, document::jsonb)",
    "cdf_validate": "PERFORM edurange.cdf_validate(document)",
    "cdf_import, the same": "PERFORM edurange.cdf_import(document)",
    "cdf_import, edited": "PERFORM edurange.cdf_import(replace(document, '?', count || '?'))",
    "cdf_export": "PERFORM edurange.cdf_export(document::json #>> '{metadata,id}')",
}

print(f"{'documents a second':24}{'python3-jsonschema':>20}" + "".join(f"{name:>22}" for name in CALLS))
for size in (5, 50, 500):
    text = json.dumps(document(size))
    rates = [database_rate(call, text) for call in CALLS.values()]
    print(f"{size:4} components, {len(text):6} B{python_rate(text):20.0f}" + "".join(f"{rate:22.0f}" for rate in rates))


def pack_seconds():
    """Installing a large pack, the same once more, and with an edit in each challenge: seconds."""
    text = json.dumps(document(50))
    sql = f"""BEGIN;
CREATE FUNCTION pg_temp.install(edit text) RETURNS numeric LANGUAGE plpgsql AS $install$
DECLARE
  start timestamptz;
  paths text[] := ARRAY(SELECT 'c' || n FROM generate_series(1, 500) n);
  documents text[] := ARRAY(SELECT replace(replace($bench${text}$bench$, 'bench-50', 'bench-' || n), '?', edit)
    FROM generate_series(1, 500) n);
BEGIN
  start := clock_timestamp();
  PERFORM edurange.pack_install(json_build_object('id', 'bench', 'name', 'Bench', 'version', '1.0.0',
    'challenges', paths)::text, paths, documents);
  RETURN extract(epoch FROM clock_timestamp() - start);
END $install$;
SELECT pg_temp.install('?');
SELECT pg_temp.install('?');
SELECT pg_temp.install('!');
ROLLBACK;"""
    result = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=sql, text=True, capture_output=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return [float(line) for line in result.stdout.split()]


new, same, edited = pack_seconds()
print(f"a pack of 500 challenges with 50 components: {new:.2f} s new, {same:.2f} s the same, {edited:.2f} s all edited")
