-- Basics: who calls, rows as JSON, ids.  Attribute names of row types are the names on the wire.

CREATE TYPE edurange.caller AS (
  "tokenId" text,
  "userId" text,
  "instanceId" text,
  "actingUserId" text);
COMMENT ON TYPE edurange.caller IS
  'Who calls on behalf of somebody else: the token that was presented, the user and instance it is bound to, and, where an unbound caller of tier service or admin calls for somebody, the user who acts. Bound ids and the acting user only ever narrow what a call may do.';

CREATE FUNCTION edurange.wire(record) RETURNS json
  AS 'MODULE_PATHNAME', 'edurange_wire' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION edurange.wire(record) IS
  'A row as JSON: attribute names as they are, times as UTC with milliseconds and Z, nested rows and arrays alike; at most 16 MiB in one statement. Tier: player. Errors: response_too_large.';

CREATE FUNCTION edurange.wire_piece(record) RETURNS json
  AS 'MODULE_PATHNAME', 'edurange_wire_piece' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION edurange.wire_piece(record) IS
  'The same for who takes the rows one by one: each is limited, and not all of a statement together. Tier: player. Errors: response_too_large.';

CREATE FUNCTION edurange.new_id() RETURNS text
  AS 'MODULE_PATHNAME', 'edurange_new_id' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION edurange.new_id() IS
  'A new id: a UUID of version 7 as text, ordered by time. Anybody may call it.';

CREATE FUNCTION edurange.fill_row() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_fill_row' LANGUAGE C;
COMMENT ON FUNCTION edurange.fill_row() IS
  'Trigger of the platform''s tables: gives a row that is inserted without an id a new one, and without "updatedAt" the time.';
