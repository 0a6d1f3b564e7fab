#!/bin/sh
# Prints the SQL of edurange.migration_source(): the migrations of schema/migrations/ with number,
# name, SHA-256 and text, so that the extension carries them and reads nothing from disk.
set -eu
cd "$(dirname "$0")/migrations"

printf '%s\n' 'CREATE FUNCTION edurange.migration_source()' \
  '  RETURNS TABLE (number integer, name text, sha256 text, sql text)' \
  '  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp' \
  'AS $migration_source$ VALUES'
separator=''
for file in [0-9][0-9][0-9][0-9]_*.sql; do
  if grep -q '\$migration' "$file"; then
    echo "make_migrations.sh: $file must not contain \$migration" >&2
    exit 1
  fi
  name=${file%.sql}
  number=${name%%_*}
  sha256=$(sha256sum "$file" | cut -d ' ' -f 1)
  printf "%s(%d, '%s', '%s', \$migration\$" "$separator" "$((1$number - 10000))" \
    "${name#*_}" "$sha256"
  cat "$file"
  printf '$migration$)'
  separator=',
'
done
printf '\n%s\n' '$migration_source$;' \
  "COMMENT ON FUNCTION edurange.migration_source() IS" \
  "  'The migrations that edurange.migrate() applies, as the extension was built with them.';"
