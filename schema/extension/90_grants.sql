-- Who may call what.  Everything belongs to the superuser who installs, so that no role of ours can replace
-- what runs in a superuser's name, and nothing to PUBLIC but new_id(): where migrate() of before made it the
-- default of the platform's id columns, whoever inserts calls it until migrate() runs again.  Each tier adds to the one before.

DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'edurange'
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  LOOP
    IF member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN
      EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO CURRENT_USER',
                                member.objid::pg_catalog.regprocedure);
      EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC',
                                member.objid::pg_catalog.regprocedure);
    ELSIF EXISTS (SELECT FROM pg_catalog.pg_type t
        WHERE member.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
        AND t.oid = member.objid AND t.typcategory <> 'A') THEN  -- arrays follow their elements
      EXECUTE pg_catalog.format('ALTER TYPE %s OWNER TO CURRENT_USER',
                                member.objid::pg_catalog.regtype);
    END IF;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA edurange
  TO edurange_owner, edurange_game, edurange_player, edurange_service, edurange_admin;

GRANT EXECUTE ON FUNCTION edurange.new_id TO PUBLIC;

-- What the functions themselves call in their statements, which run as these two.
GRANT EXECUTE ON FUNCTION
  edurange.assertions, edurange.shape_faults, edurange.migration_source, edurange.migration_applied, edurange.platform_tables,
  edurange.lent_tables, edurange.rights, edurange.granted, edurange.wanted_indexes,
  edurange.planted_cure, edurange.planted_roles, edurange.planted_objects,
  edurange.planted_platform, edurange.guard_source, edurange.builtin_schema, edurange.sync_status, edurange.sync_drift,
  edurange.sync_drift_summary, edurange.worker_attributes
  TO edurange_owner;
GRANT EXECUTE ON FUNCTION
  edurange.migration_source, edurange.platform_tables, edurange.lent_tables
  TO edurange_game;

-- What the sync worker calls, and nothing else.  What it needs of database and schema comes with migrate(): given
-- here, it would count as the extension's own and be in no dump.
GRANT EXECUTE ON FUNCTION
  edurange.sync_begin, edurange.sync_apply, edurange.sync_apply_list, edurange.set_cdf_schema
  TO edurange_worker;

GRANT EXECUTE ON FUNCTION
  edurange.wire, edurange.wire_piece, edurange.outcomes, edurange.readiness, edurange.authenticate_token,
  edurange.get_points, edurange.leaderboard, edurange.join_competition,
  edurange.challenge_details, edurange.challenge_list, edurange.challenges,
  edurange.question_details, edurange.completed_questions, edurange.attempt_question,
  edurange.complete_question, edurange.complete_challenge, edurange.competition_progress,
  edurange.challenge_instance, edurange.log_activity,
  edurange.cdf_schema, edurange.attempts, edurange.board_access, edurange.events
  TO edurange_player;

GRANT EXECUTE ON FUNCTION
  edurange.add_points, edurange.set_points, edurange.points_history,
  edurange.create_competition, edurange.generate_access_code,
  edurange.add_competition_challenge, edurange.sync_status, edurange.sync_drift,
  edurange.sync_drift_summary, edurange.sync_metrics, edurange.health,
  edurange.challenge_instances, edurange.update_challenge_instance,
  edurange.json_schema_validate, edurange.cdf_validate,
  edurange.pack_list, edurange.pack_details, edurange.version_satisfies,
  edurange.create_user, edurange.users,
  edurange.competitions, edurange.competition, edurange.update_competition, edurange.delete_competition,
  edurange.members, edurange.remove_member, edurange.set_instructors,
  edurange.access_codes, edurange.revoke_access_code, edurange.import_roster, edurange.roster,
  edurange.remove_competition_challenge, edurange.set_challenge_points, edurange.reset_progress,
  edurange.activity, edurange.set_participation, edurange.participation,
  edurange.gradebook, edurange.gradebook_file,
  edurange.rejudge, edurange.accept_answer, edurange.reprice, edurange.grade_question, edurange.void_completion,
  edurange.undo_change, edurange.grade_change, edurange.grade_changes,
  edurange.question_statistics, edurange.timeline, edurange.integrity_findings,
  edurange.set_board_policy, edurange.get_board_policy, edurange.board_state, edurange.feed_state
  TO edurange_service;

GRANT EXECUTE ON FUNCTION
  edurange.cdf_import, edurange.cdf_update, edurange.cdf_export,
  edurange.pack_parts, edurange.pack_install, edurange.pack_update, edurange.pack_uninstall,
  edurange.sync_apply, edurange.sync_apply_list, edurange.sync_now, edurange.sync_release, edurange.sync_begin,
  edurange.sync_confirm, edurange.check_invariants,
  edurange.create_token, edurange.revoke_token, edurange.tokens,
  edurange.set_cdf_schema, edurange.reset_cdf_schema,
  edurange.add_challenge_type, edurange.remove_challenge_type
  TO edurange_admin;
