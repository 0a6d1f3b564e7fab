-- Activity: what users did, as others report it.

CREATE TYPE edurange.activity_entry AS (
  id text,
  "timestamp" timestamptz);

CREATE FUNCTION edurange.log_activity(
    event_type text, user_id text, severity text DEFAULT 'INFO', metadata text DEFAULT NULL,
    challenge_id text DEFAULT NULL, group_id text DEFAULT NULL,
    challenge_instance_id text DEFAULT NULL, access_code_id text DEFAULT NULL,
    details text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.activity_entry
  AS 'MODULE_PATHNAME', 'edurange_log_activity' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.log_activity(text, text, text, text, text, text, text, text, text, edurange.caller, text) IS
  'Writes an entry to the activity log; metadata is the text of a JSON object of at most 16 KiB and 1000 values. Nothing loses the entry: an unknown event type becomes SYSTEM_ERROR, an unknown severity INFO, unknown ids, of at most 255 characters like all that is named here, are kept in the metadata, an unknown user is stood in for by metadata.deletedBy or updatedBy or by the account edurange-system. Keys answer, flag and token are taken out. A player''s severity is WARNING at most, and a question''s event, or the installation of a pack, that the server has written within a minute is not written twice. Tier: player. Errors: missing_parameter, forbidden, payload_too_large, invalid_parameter.';
