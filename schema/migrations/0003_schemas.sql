-- The schema that challenge definitions are held against.

SET LOCAL search_path = edurange;

-- The schema taken in the place of the built-in one; no row: the built-in one is active.
CREATE TABLE active_cdf_schema (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT active_cdf_schema_pkey PRIMARY KEY
    CONSTRAINT active_cdf_schema_only_row_check CHECK (only_row),
  schema jsonb NOT NULL,
  source text NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL);

-- Challenge types that an operator added to those that the schema has.
CREATE TABLE challenge_type (
  name text NOT NULL CONSTRAINT challenge_type_pkey PRIMARY KEY,
  added_by text NOT NULL,
  added_at timestamptz NOT NULL);
