#!/usr/bin/python3
"""Checking and importing challenge definitions beside Python's jsonschema (Debian's python3-jsonschema) on the
same documents.  cdf.pl runs it; the database is the one that PGHOST, PGPORT and PGDATABASE name.  ROUNDS and
SECONDS_EACH say how often and how long each figure is taken, in turns.  Prints documents a second, medians, and
how long a large pack takes to install."""

import json
import os
import statistics
import subprocess
import sys
import time

import jsonschema

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "1"))
CALLS = {
    "json_schema_validate": "PERFORM edurange.json_schema_validate(schema, document::jsonb)",
    "cdf_validate": "PERFORM edurange.cdf_validate(document)",
    "import, same": "PERFORM edurange.cdf_import(document)",
    "import, edited": "PERFORM edurange.cdf_import(replace(document, '?', clock_timestamp() || '?'))",
    "export": "PERFORM edurange.cdf_export(document::json #>> '{metadata,id}')",
}
PYTHON = "python3-jsonschema"


def sql(script):
    """The lines that a script of statements gives."""
    result = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], input=script, text=True, capture_output=True)
    if result.returncode != 0:
        sys.exit(result.stderr)
    return result.stdout.split("\n")[:-1]


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


def python_rate(validator, text):
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        if list(validator.iter_errors(json.loads(text))):
            sys.exit("the document is not valid")
        count += 1
    return count / (time.perf_counter() - start)


def database_rate(call, text):
    """Runs one call over and over on the server, so that no network is in the figure.  Each has a transaction
    of its own, so that what an import costs to make last is in it."""
    lines = sql(f"""CREATE TEMP TABLE rate (rate numeric);
CREATE PROCEDURE pg_temp.measure(document text) LANGUAGE plpgsql AS $measure$
DECLARE
  start timestamptz;
  schema jsonb := edurange.cdf_schema();
  count integer := 0;
BEGIN
  FOR warming IN 1 .. 3 LOOP
    {call};
    COMMIT;
  END LOOP;
  start := clock_timestamp();
  WHILE clock_timestamp() < start + {SECONDS} * interval '1 s' LOOP
    {call};
    COMMIT;
    count := count + 1;
  END LOOP;
  INSERT INTO rate VALUES (count / extract(epoch FROM clock_timestamp() - start));
END $measure$;
SELECT 'imported' FROM edurange.cdf_import($bench${text}$bench$);
CALL pg_temp.measure($bench${text}$bench$);
SELECT rate FROM rate;""")
    return float(lines[-1])


def compare(size, validator):
    """One line of the table: the medians of rounds in which all take turns."""
    text = json.dumps(document(size))
    rates = {name: [] for name in [PYTHON, *CALLS]}
    for _ in range(ROUNDS):
        rates[PYTHON].append(python_rate(validator, text))
        for name, call in CALLS.items():
            rates[name].append(database_rate(call, text))
    ratio = statistics.median(ours / theirs for ours, theirs in zip(rates["cdf_validate"], rates[PYTHON]))
    figures = "".join(f"{statistics.median(taken):22.0f}" for taken in rates.values())
    print(f"{size:4} components, {len(text):6} B{figures}{ratio:17.2f}", flush=True)


def install_pack():
    """Seconds for a pack of 500 challenges with 50 components: new, the same once more, each edited."""
    text = json.dumps(document(50))
    return [float(line) for line in sql(f"""BEGIN;
CREATE FUNCTION pg_temp.install(edit text) RETURNS numeric LANGUAGE plpgsql AS $install$
DECLARE
  start timestamptz;
  paths text[] := ARRAY(SELECT 'c' || n FROM generate_series(1, 500) n);
  documents text[] := ARRAY(SELECT replace(replace($bench${text}$bench$, 'bench-50', 'bench-' || n), '?', edit)
    FROM generate_series(1, 500) n);
BEGIN
  DELETE FROM "Challenge" WHERE pack_id IS NULL AND id LIKE 'bench-%';
  start := clock_timestamp();
  PERFORM edurange.pack_install(json_build_object('id', 'bench', 'name', 'Bench', 'version', '1.0.0',
    'challenges', paths)::text, paths, documents);
  RETURN extract(epoch FROM clock_timestamp() - start);
END $install$;
SELECT pg_temp.install('?');
SELECT pg_temp.install('?');
SELECT pg_temp.install('!');
ROLLBACK;""")]


def main():
    validator = jsonschema.Draft7Validator(json.loads(sql("SELECT edurange.cdf_schema()")[0]))
    print(f"documents a second, medians of {ROUNDS} rounds of {SECONDS:g} s in turns")
    print(" " * 25 + "".join(f"{name:>22}" for name in [PYTHON, *CALLS]) + f"{'validate/python':>17}")
    for size in (5, 50, 500):
        compare(size, validator)
    new, same, edited = (statistics.median(taken) for taken in zip(*(install_pack() for _ in range(ROUNDS))))
    print(f"a pack of 500 challenges with 50 components: {new:.2f} s new, {same:.2f} s the same, {edited:.2f} s edited")


main()
