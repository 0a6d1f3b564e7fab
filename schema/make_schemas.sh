#!/bin/sh
# Prints the SQL of edurange.builtin_schema(): the JSON schemas of schema/, so that the extension
# carries them and reads nothing from disk.
set -eu
cd "$(dirname "$0")"

printf '%s\n' 'CREATE FUNCTION edurange.builtin_schema(name text)' \
  '  RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp' \
  'AS $builtin_schema$ SELECT CASE name'
for file in *.schema.json; do
  if grep -q '\$json\$' "$file"; then
    echo "make_schemas.sh: $file must not contain \$json\$" >&2
    exit 1
  fi
  printf "WHEN '%s' THEN \$json\$" "${file%.schema.json}"
  cat "$file"
  printf '$json$::jsonb\n'
done
printf '%s\n' 'END $builtin_schema$;' \
  "COMMENT ON FUNCTION edurange.builtin_schema(text) IS" \
  "  'A JSON schema that the extension carries: cdf, pack, import (what a challenge is made from, whatever schema is active) or draft-07 (the metaschema); null for any other name.';"
