/*
 * errors.h
 *	  Every error that the project reports, once: its name, SQLSTATE, HTTP status and meaning.
 *
 * The extension raises the SQLSTATE, the shim turns it back into name and status, and
 * docs/errors.md is made from this table.  Pure preprocessor: the shim includes this file without
 * any PostgreSQL header.  Standard SQLSTATEs stand where one fits; the rest is class RG.
 */
#ifndef EDURANGE_ERRORS_H
#define EDURANGE_ERRORS_H

/* The class of the SQLSTATEs that are ours alone. */
#define EDURANGE_ERROR_CLASS "RG"

/*   X(identifier, name on the wire, SQLSTATE, HTTP status, meaning) */
#define EDURANGE_ERRORS(X)                                                                           \
	X(INVALID_PARAMETER, "invalid_parameter", "22023", 400,                                          \
	  "A parameter has a value that is not allowed; the message names the parameter.")               \
	X(MISSING_PARAMETER, "missing_parameter", "22004", 400,                                          \
	  "A required parameter is missing or empty; the message names it.")                             \
	X(INVALID_TYPE, "invalid_type", "22P02", 400, "A value does not have the type it must have.")    \
	X(INVALID_JSON, "invalid_json", "22032", 400, "The request body or document is not JSON.")       \
	X(INVALID_TEXT, "invalid_text", "22P05", 400,                                                    \
	  "A text holds a character that the database cannot store, such as \\u0000.")                   \
	X(INVALID_ENCODING, "invalid_encoding", "22021", 400, "A text is not valid UTF-8.")              \
	X(OUT_OF_RANGE, "out_of_range", "22003", 400,                                                    \
	  "A number, or a total that it would lead to, does not fit the range of its column.")           \
	X(INVALID_TIME, "invalid_time", "22007", 400, "A time is not an ISO 8601 time.")                 \
	X(TIME_OUT_OF_RANGE, "time_out_of_range", "22008", 400,                                          \
	  "A time is outside what can be stored.")                                                       \
	X(TOO_DEEP, "too_deep", "54001", 400, "A document is nested more deeply than can be read.")      \
	X(MALFORMED_REQUEST, "malformed_request", "RG606", 400,                                          \
	  "The request is not well-formed HTTP/1.1, or another server could read it differently.")       \
	X(ACCESS_CODE_INVALID, "access_code_invalid", "RG101", 400,                                      \
	  "The access code is unknown, has expired or has no use left.")                                 \
	X(INVALID_FORM, "invalid_form", "RG110", 400,                                                    \
	  "A form was not sent as forms are, or its file is not what it must be.")                       \
	X(ARCHIVE_INVALID, "archive_invalid", "RG111", 400,                                              \
	  "An uploaded archive is no zip file to be trusted, or holds no pack; the message says why.")   \
	X(UNAUTHENTICATED, "unauthenticated", "28000", 401,                                              \
	  "The request carries no token where one is needed, or one that is not valid.")                 \
	X(FORBIDDEN, "forbidden", "42501", 403, "The caller may not do this.")                           \
	X(NOT_A_MEMBER, "not_a_member", "RG201", 403, "The user is not a member of the competition.")    \
	X(ATTEMPT_REQUIRED, "attempt_required", "RG202", 403,                                            \
	  "A player can complete a question only after a correct attempt at it.")                        \
	X(NOT_AN_INSTRUCTOR, "not_an_instructor", "RG203", 403,                                          \
	  "The acting user may not have this done; the message says what they would have to be.")        \
	X(DISQUALIFIED, "disqualified", "RG204", 403,                                                    \
	  "The user is disqualified in the competition and scores nothing.")                             \
	X(ROUTE_NOT_FOUND, "route_not_found", "RG301", 404, "No route has this path.")                   \
	X(USER_NOT_FOUND, "user_not_found", "RG302", 404, "There is no such user.")                      \
	X(COMPETITION_NOT_FOUND, "competition_not_found", "RG303", 404,                                  \
	  "There is no such competition.")                                                               \
	X(CHALLENGE_NOT_FOUND, "challenge_not_found", "RG304", 404, "There is no such challenge.")       \
	X(GROUP_CHALLENGE_NOT_FOUND, "group_challenge_not_found", "RG305", 404,                          \
	  "There is no such group challenge (a challenge placed in a competition).")                     \
	X(QUESTION_NOT_FOUND, "question_not_found", "RG306", 404,                                        \
	  "There is no such question, or it does not belong to the group challenge.")                    \
	X(INSTANCE_NOT_FOUND, "instance_not_found", "RG307", 404, "There is no such instance.")          \
	X(TOKEN_NOT_FOUND, "token_not_found", "RG308", 404, "There is no such token.")                   \
	X(PACK_NOT_FOUND, "pack_not_found", "RG310", 404, "There is no such pack.")                      \
	X(ACCESS_CODE_NOT_FOUND, "access_code_not_found", "RG311", 404,                                  \
	  "The competition has no such access code.")                                                    \
	X(CHANGE_NOT_FOUND, "change_not_found", "RG320", 404,                                            \
	  "The competition has no such change of grades.")                                               \
	X(METHOD_NOT_ALLOWED, "method_not_allowed", "RG401", 405,                                        \
	  "The path exists, but not with this method; the header Allow lists those it has.")             \
	X(CODE_IN_USE, "code_in_use", "RG501", 409, "Another access code has this text already.")        \
	X(CHALLENGE_IN_COMPETITION, "challenge_in_competition", "RG502", 409,                            \
	  "The challenge is already part of the competition.")                                           \
	X(COMPETITION_NOT_OPEN, "competition_not_open", "RG503", 409,                                    \
	  "The competition has not started yet or has ended.")                                           \
	X(FLAG_NOT_READY, "flag_not_ready", "RG504", 409,                                                \
	  "The flag of the instance is not known yet; the attempt was not counted.")                     \
	X(MIGRATION_CHANGED, "migration_changed", "RG505", 409,                                          \
	  "A migration that was applied differs from the one that the extension carries.")               \
	X(SCHEMA_INCOMPATIBLE, "schema_incompatible", "RG506", 409,                                      \
	  "A table that exists already does not have the shape that is needed.")                         \
	X(CHALLENGE_EXISTS, "challenge_exists", "RG507", 409,                                            \
	  "A challenge with this id exists and belongs to another pack.")                                \
	X(QUESTION_RETIRED, "question_retired", "RG508", 409,                                            \
	  "The challenge's document no longer has the question; it takes no answers any more.")          \
	X(IN_PROGRESS, "in_progress", "RG509", 409,                                                      \
	  "A request with the same idempotency key is being processed.")                                 \
	X(ILLEGAL_TRANSITION, "illegal_transition", "RG510", 409,                                        \
	  "An instance cannot go from its status to the wanted one.")                                    \
	X(CHALLENGE_NOT_COMPLETE, "challenge_not_complete", "RG511", 409,                                \
	  "Not all questions that the challenge needs are completed, or it has none.")                   \
	X(CHALLENGE_MISMATCH, "challenge_mismatch", "RG520", 409,                                        \
	  "The document is of another challenge than the one that is to be updated.")                    \
	X(VERSION_DOWNGRADE, "version_downgrade", "RG521", 409,                                          \
	  "A newer version of the pack is installed.")                                                   \
	X(DEPENDENCY_UNMET, "dependency_unmet", "RG522", 409,                                            \
	  "A pack that is needed is not installed, or not in a version that will do.")                   \
	X(PACK_IN_USE, "pack_in_use", "RG523", 409, "Another installed pack needs the pack.")            \
	X(USER_EXISTS, "user_exists", "RG530", 409,                                                      \
	  "Another user has the id, or several users have the e-mail address.")                          \
	X(COMPETITION_IN_USE, "competition_in_use", "RG531", 409,                                        \
	  "Instances of the competition are running.")                                                   \
	X(CHALLENGE_WORKED_AT, "challenge_worked_at", "RG532", 409,                                      \
	  "Students worked at the challenge; the message says how many.")                                \
	X(QUESTION_NOT_COMPLETED, "question_not_completed", "RG540", 409,                                \
	  "The user has not completed the question.")                                                    \
	X(CHANGE_NOT_LATEST, "change_not_latest", "RG541", 409,                                          \
	  "The question was changed again; the message names the change that is to be undone first.")    \
	X(CONFLICT, "conflict", "23000", 409,                                                            \
	  "A row that somebody else wrote at the same time stands in the way; nothing was written.")     \
	X(START_ANEW, "start_anew", "RG550", 410,                                                        \
	  "The token of the feed is of another server or of a past that is gone; begin without one.")    \
	X(REQUEST_TIMEOUT, "request_timeout", "RG607", 408,                                              \
	  "The request did not come in whole in time; the connection is closed.")                        \
	X(URI_TOO_LONG, "uri_too_long", "RG601", 414, "The request path or query is too long.")          \
	X(PAYLOAD_TOO_LARGE, "payload_too_large", "RG602", 413,                                          \
	  "The request body, or a parameter, is too large or has too many values.")                      \
	X(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "RG603", 415,                                \
	  "The request body has a Content-Type that the route does not take.")                           \
	X(HEADERS_TOO_LARGE, "headers_too_large", "RG604", 431,                                          \
	  "The headers of the request are too large.")                                                   \
	X(RESPONSE_TOO_LARGE, "response_too_large", "RG605", 422,                                        \
	  "The answer would be larger than allowed; ask for less, with limit where there is one.")       \
	X(DOCUMENT_INVALID, "document_invalid", "RG701", 422,                                            \
	  "The document is JSON but breaks the rules; validation_errors lists where.")                   \
	X(IDEMPOTENCY_MISMATCH, "idempotency_mismatch", "RG702", 422,                                    \
	  "The idempotency key was used for another request.")                                           \
	X(SCHEMA_INVALID, "schema_invalid", "RG703", 422,                                                \
	  "The document is JSON but no JSON schema of draft-07 that can be followed.")                   \
	X(SCHEMA_UNKNOWN, "schema_unknown", "RG704", 422,                                                \
	  "A schema refers to another one that was not handed in; nothing is ever fetched.")             \
	X(PATTERN_UNSUPPORTED, "pattern_unsupported", "RG705", 422,                                      \
	  "A pattern of a schema or a question is no regular expression, or none that can be run here.") \
	X(NOT_REJUDGED, "not_rejudged", "RG710", 422,                                                    \
	  "The question has another flag for each instance; no attempt at it is judged once more.")      \
	X(TOO_MANY_ATTEMPTS, "too_many_attempts", "RG801", 429,                                          \
	  "Too many attempts at the question; resetTime says when the next one is allowed.")             \
	X(INTERNAL, "internal", "XX000", 500,                                                            \
	  "Something unexpected happened; the server's log has it.")                                     \
	X(UNAVAILABLE, "unavailable", "08006", 503,                                                      \
	  "The database is away, starting, stopping or out of a resource; try again.")                   \
	X(TOO_MANY_CONNECTIONS, "too_many_connections", "RG803", 503,                                    \
	  "The service has as many HTTP connections as are allowed.")                                    \
	X(TOO_BUSY, "too_busy", "RG804", 503,                                                            \
	  "The service holds as many large requests and answers as it has memory for; try again.")       \
	X(READ_ONLY, "read_only", "25006", 503, "The database takes no writes at the moment.")           \
	X(NOT_INSTALLED, "not_installed", "55000", 503,                                                  \
	  "The tables are missing or older than the extension; run edurange.migrate().")                 \
	X(SCHEMA_CHANGED, "schema_changed", "RG902", 503,                                                \
	  "A table is not as the extension needs it any more; the message names what is wrong.")         \
	X(WORKER_NOT_RUNNING, "worker_not_running", "RG901", 503,                                        \
	  "No sync worker serves this database.")                                                        \
	X(TRY_AGAIN, "try_again", "40001", 503,                                                          \
	  "The transaction collided with another one and nothing was written; try again.")               \
	X(TIMEOUT, "timeout", "57014", 504, "The database did not answer in time.")

/* Of a number in an answer or a document, written out; more are out_of_range. */
#define EDURANGE_MOST_DIGITS 400
/* An exponent from here on is too much in any case, also that of nothing: PostgreSQL reads no larger ones. */
#define EDURANGE_HIGHEST_EXPONENT 100000

typedef enum EdurangeError
{
	EDURANGE_OK = 0,
#define EDURANGE_ERROR_ID(id, name, sqlstate, status, meaning) EDURANGE_##id,
	EDURANGE_ERRORS(EDURANGE_ERROR_ID)
#undef EDURANGE_ERROR_ID
	    EDURANGE_ERROR_COUNT
} EdurangeError;

#endif
