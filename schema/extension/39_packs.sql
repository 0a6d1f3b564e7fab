-- Packs of challenges: installing, updating, uninstalling, and what is installed.

CREATE TYPE edurange.row_counts AS (
  total integer,
  added integer,
  changed integer,
  removed integer);

CREATE TYPE edurange.pack_change AS (
  id text,
  path text,
  status text,
  questions edurange.row_counts,
  app_configs edurange.row_counts,
  warnings edurange.cdf_warning[]);
COMMENT ON TYPE edurange.pack_change IS 'Nullable: path, questions, app_configs.';

CREATE TYPE edurange.skipped_file AS (
  path text,
  reason text);

CREATE TYPE edurange.pack_result AS (
  status text,
  message text,
  installed_count integer,
  skipped_count integer,
  skipped_details edurange.skipped_file[],
  "packId" text,
  version text,
  dry_run boolean,
  changed boolean,
  challenges edurange.pack_change[]);

CREATE TYPE edurange.pack_parts AS (
  manifest text,
  paths text[],
  documents text[],
  dry_run boolean,
  force boolean);
COMMENT ON TYPE edurange.pack_parts IS 'Nullable: manifest, paths, documents, dry_run, force.';

CREATE FUNCTION edurange.pack_parts(
    envelope text, dry_run boolean DEFAULT NULL, force boolean DEFAULT NULL,
    names text[] DEFAULT NULL, texts text[] DEFAULT NULL, faults text[] DEFAULT NULL)
  RETURNS edurange.pack_parts
  AS 'MODULE_PATHNAME', 'edurange_pack_parts' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.pack_parts(text, boolean, boolean, text[], text[], text[]) IS
  'Takes a pack that is one JSON object {"manifest": …, "challenges": […]} apart into what pack_install takes, every text as it is written in the object. A challenge is {"path": …, "document": …}, or the document alone: then the manifest names its path in the same place of its list. dry_run and force may be members of the object instead. Or it finds the pack among the files of an archive, by their names and texts: the manifest is the shallowest pack.json, files elsewhere and what desktops leave in folders are passed over, and of files that the manifest does not name only the paths come back. faults names an error for each file that is no text, whose sentence stands in texts; it is raised when the file is wanted. Without either only dry_run and force come back. Tier: admin. Errors: invalid_json, invalid_text, invalid_encoding, archive_invalid, missing_parameter, invalid_parameter, invalid_type, out_of_range, payload_too_large, too_deep.';

CREATE FUNCTION edurange.pack_install(
    manifest text, paths text[], documents text[], dry_run boolean DEFAULT false,
    installed_by text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.pack_result
  AS 'MODULE_PATHNAME', 'edurange_pack_install' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.pack_install(text, text[], text[], boolean, text, edurange.caller, text) IS
  'Installs a pack whole, or brings an installed one up to this version: the text of its manifest, and paths and texts of its other files, at most 100000, in the same order. A path of the manifest is that of a file also where they differ in a leading ./ or in how accented letters are composed. Files that the manifest does not name are skipped and reported. Tells for each challenge whether it was added, changed, unchanged or removed; a removed one leaves the pack and stays. A challenge of no pack becomes one of this pack. What is there already is not written. dry_run says the same and changes nothing. installed_by is the user whom the log names. Tier: admin. Errors: missing_parameter, invalid_parameter, invalid_json, out_of_range, document_invalid, forbidden, challenge_exists, version_downgrade, dependency_unmet, pack_in_use, too_deep, invalid_text, payload_too_large, schema_invalid, pattern_unsupported.';

CREATE FUNCTION edurange.pack_update(
    manifest text, paths text[], documents text[], force boolean DEFAULT false,
    dry_run boolean DEFAULT false, installed_by text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.pack_result
  AS 'MODULE_PATHNAME', 'edurange_pack_update' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.pack_update(text, text[], text[], boolean, boolean, text, edurange.caller, text) IS
  'Brings an installed pack to another version, as pack_install does. force takes an older version than the installed one, too, and one that other packs cannot do with. Tier: admin. Errors: missing_parameter, invalid_parameter, invalid_json, document_invalid, forbidden, pack_not_found, challenge_exists, version_downgrade, dependency_unmet, pack_in_use, out_of_range, too_deep, invalid_text, payload_too_large, schema_invalid, pattern_unsupported.';

CREATE TYPE edurange.pack_uninstall_result AS (
  status text,
  message text,
  "packId" text,
  kept_challenges integer);

CREATE FUNCTION edurange.pack_uninstall(
    pack_id text, caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.pack_uninstall_result
  AS 'MODULE_PATHNAME', 'edurange_pack_uninstall' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.pack_uninstall(text, edurange.caller, text) IS
  'Removes a pack. Its challenges stay, with all that students did, and belong to no pack until it is installed again. Tier: admin. Errors: missing_parameter, pack_not_found, pack_in_use, invalid_parameter.';

CREATE TYPE edurange.pack_item AS (
  id text,
  name text,
  description text,
  version text,
  author text,
  license text,
  website text,
  installed_date timestamptz,
  "updatedAt" timestamptz,
  challenge_count integer);
COMMENT ON TYPE edurange.pack_item IS 'Nullable: description, author, license, website.';

CREATE TYPE edurange.pack_page AS (
  packs edurange.pack_item[]);

CREATE FUNCTION edurange.pack_list(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.pack_page
  AS 'MODULE_PATHNAME', 'edurange_pack_list' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.pack_list(edurange.caller) IS
  'All installed packs in the order of their names. Tier: service.';

CREATE TYPE edurange.pack_challenge AS (
  id text,
  name text,
  description text,
  difficulty text,
  type text,
  pack_challenge_id text,
  cdf_version text);
COMMENT ON TYPE edurange.pack_challenge IS 'Nullable: description, difficulty, pack_challenge_id, cdf_version.';

CREATE TYPE edurange.pack_detail AS (
  id text,
  name text,
  description text,
  version text,
  author text,
  license text,
  website text,
  installed_date timestamptz,
  "updatedAt" timestamptz,
  challenge_count integer,
  dependencies jsonb,
  challenges edurange.pack_challenge[]);
COMMENT ON TYPE edurange.pack_detail IS 'Nullable: description, author, license, website, dependencies.';

CREATE FUNCTION edurange.pack_details(pack_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.pack_detail
  AS 'MODULE_PATHNAME', 'edurange_pack_details' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.pack_details(text, edurange.caller) IS
  'An installed pack, what it needs, and its challenges in the order of their names. Tier: service. Errors: missing_parameter, pack_not_found.';

CREATE FUNCTION edurange.version_satisfies(version text, range text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_version_satisfies' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION edurange.version_satisfies(text, text) IS
  'Whether a semantic version is in a range, as dependencies of packs give it: comparators (=, <, <=, >, >=, ~, ^, parts left out or written x or *) that all must hold, FROM - TO, alternatives joined by ||. A prerelease is only in a range that names one of the same three numbers. Tier: service. Errors: missing_parameter, invalid_parameter, payload_too_large.';
