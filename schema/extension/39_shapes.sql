-- Whether tables still have the shape that the functions were written for.

CREATE FUNCTION edurange.shape_faults() RETURNS SETOF text
  AS 'MODULE_PATHNAME', 'edurange_shape_faults' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.shape_faults() IS
  'What stops functions, of the tables that are there: one that is no ordinary table or has rules, a column that is not there, has another type or may be null where it must not, an enum without one of its values, row level security that binds the roles the functions read with. migrate() mends none of it: what was altered must be altered back. Those that name such a table or column answer schema_changed.';
