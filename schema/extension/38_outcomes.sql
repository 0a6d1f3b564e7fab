-- Many calls at once.

CREATE FUNCTION edurange.outcomes(function text, arguments text[], caller_texts integer DEFAULT 3)
  RETURNS TABLE (value text, sqlstate text, message text, detail text, hint text)
  AS 'MODULE_PATHNAME', 'edurange_outcomes' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.outcomes(text, text[], integer) IS
  'Calls a function of this schema several times in one transaction and returns a row for each call, in order: its value as JSON, or the refusal. The arguments of all calls follow each other as texts, with one text for each of the first caller_texts attributes of a caller: four say who acts, too. A refusal changes nothing for the other calls; any other error undoes all of them. Several calls wait for a lock no longer than edurange.batch_lock_timeout; then all are undone with SQLSTATE 55P03. The function that is called must be allowed, too, and be one that is refused before it writes anything: those that HTTP requests of one route share. Nullable: value, sqlstate, message, detail, hint. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, invalid_type, out_of_range, invalid_time, time_out_of_range.';
