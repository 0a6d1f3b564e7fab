/*
 * param_texts.c
 *	  What the description of the interface says of each parameter, and the server has no use for.
 */
#include "describe/param_texts.h"

#include <stdio.h>
#include <string.h>

typedef struct ParamText
{
	const char *route; /* method and path; NULL: of all routes that have no other */
	const char *name;  /* as SQL spells it: user_id is userId, too */
	const char *text;
} ParamText;

/* clang-format off */
static const ParamText texts[] = {
	{"POST /add_points", "points", "How many to add; a negative number takes away."},
	{"POST /set_points", "points", "What the total is to be."},
	{"POST /competition/add-challenge", "points", "What the challenge is worth when a service completes it; 0 or more."},
	{"PATCH /competition/{group_id}/challenges/{group_challenge_id}", "points", "What the challenge is to be worth; 0 or more."},
	{"POST /competition/generate-code", "code", "The code: 1 to 20 letters, digits and hyphens, kept in upper case; without it eight random characters."},
	{"DELETE /competition/{group_id}", "name", "The name of the competition, so that none is deleted by a wrong id."},
	{"POST /users", "name", "The name that others see."},
	{"POST /users", "id", "The id that the user is to have; without it one is made."},
	{"GET /users", "search", "What the e-mail address begins with, in upper or lower case."},
	{"GET /competition/{group_id}/instances", "status", "Only instances of this status."},
	{"PATCH /challenge-instances/{instance_id}", "status", "The new status, one that can follow that of the instance."},
	{"POST /challenge-pack/update", "force", "Take a version older than the installed one, too, and one that other packs cannot do with."},
	{"GET /challenge/list", "group_id", "Only challenges of this competition."},
	{"GET /activity", "group_id", "Only entries of this competition."},
	{"POST /activity/log", "group_id", "The competition that it is about."},
	{"POST /activity/log", "challenge_id", "The challenge that it is about."},
	{"POST /activity/log", "challenge_instance_id", "The instance that it is about."},
	{"POST /activity/log", "user_id", "Who did it."},
	{"GET /challenge/list", "pack_id", "Only challenges of this pack."},
	{"POST /cdf/import", "pack_id", "The installed pack that the challenge belongs to from now on."},
	{"GET /competition/{group_id}/attempts", "user_id", "Only attempts of this user."},
	{"GET /competition/{group_id}/attempts", "question_id", "Only attempts at this question."},
	{"GET /activity", "user_id", "Only entries of this user."},
	{"GET /activity", "event_type", "Only entries of this type."},
	{"GET /competition/{group_id}/instances", "user_id", "Only instances of this user."},
	{"POST /competition/{group_id}/questions/{question_id}/accept-answer", "answer", "The further right answer: a text, a number, or a list of texts."},
	{"POST /competition/{group_id}/questions/{question_id}/grade", "points", "What the question is to pay, 0 to all that it is worth."},
	{"PUT /competition/{group_id}/participation/{user_id}", "reason", "Why; it is kept with it."},
	{"GET /competition/{group_id}/gradebook", "at", "The gradebook as it was at this time; without it, of now."},
	{NULL, "access_code_id", "The access code that it is about."},
	{NULL, "answer", "What the user answered: a text, a number, or a list of texts where several choices are right."},
	{NULL, "at", "The board as it was at this time, by the ledger."},
	{NULL, "before_seq", "Only entries with a smaller seq: that of the last entry of the page before."},
	{NULL, "by", "What has a row or column of its own: total, challenge or question; without it total."},
	{NULL, "challenge_id", "Id of the challenge."},
	{NULL, "challenge_instance_id", "Id of the instance."},
	{NULL, "change_id", "Id of the change of grades."},
	{NULL, "code", "The access code, in upper or lower case."},
	{NULL, "corrected", "Of then, but by when points count: with what was given or taken back later."},
	{NULL, "created_by", "Who makes the code."},
	{NULL, "cursor", "The nextCursor of the page before; without it the first page."},
	{NULL, "description", "A sentence for people."},
	{NULL, "details", "A sentence, kept in the metadata."},
	{NULL, "difficulty", "EASY, MEDIUM, HARD or EXPERT."},
	{NULL, "disqualified", "Neither on the board nor scoring, and without points in the gradebook; without it false."},
	{NULL, "document", "The challenge definition: the body as a whole."},
	{NULL, "dry_run", "Say what would be done, and change nothing."},
	{NULL, "email", "The address, which no other user has in any case of its letters."},
	{NULL, "end_date", "When it ends; without it, it stays open."},
	{NULL, "ends_at", "Until when the user may score, later than the end for all; without it, as for all."},
	{NULL, "equal_answers", "From how many equal wrong answers in the same order on two users are named; without it 3."},
	{NULL, "event_type", "What happened; a type that is not known becomes SYSTEM_ERROR."},
	{NULL, "expires_at", "Until when the code can be used; without it always."},
	{NULL, "fastest_seconds", "What was completed sooner after the instance began is named; without it 10."},
	{NULL, "flag", "The flag of this instance."},
	{NULL, "flag_secret_name", "The name of the secret that holds the flag in the cluster."},
	{NULL, "force", "Do it although users worked at it, and take back what was paid."},
	{NULL, "format", "What it is written in: json, csv, canvas or moodle; without it json."},
	{NULL, "freeze_at", "From when on all but staff see the board as it was then; without it never."},
	{NULL, "group_challenge_id", "Id of the challenge in the competition (a group challenge)."},
	{NULL, "group_id", "Id of the competition."},
	{NULL, "hidden", "Not on the board, and all else as before; without it false."},
	{NULL, "in_points", "For moodle: points and not percent."},
	{NULL, "instance_id", "Id of the instance."},
	{NULL, "instructor_ids", "Ids of users; at least one."},
	{NULL, "is_correct", "That the answer was right; false is refused."},
	{NULL, "limit", "How many at most."},
	{NULL, "make_users", "Make a student of each row whose address no user has, in place of an access code."},
	{NULL, "max_uses", "How often the code can be used; without it any number of times."},
	{NULL, "metadata", "An object of at most 16 KiB and 1000 values."},
	{NULL, "name", "What it is called."},
	{NULL, "no_end_date", "Take the end away."},
	{NULL, "offset", "How many to pass over at the beginning."},
	{NULL, "pack_id", "Id of the pack."},
	{NULL, "points", "A number that has no effect: the server knows what a question is worth."},
	{NULL, "points_earned", "What a service has paid for the challenge; a player's is not looked at."},
	{NULL, "question_id", "Id of the question."},
	{NULL, "rare_users", "By how many users at most a wrong answer was given that counts as rare; without it 3."},
	{NULL, "reason", "Why; the ledger keeps it."},
	{NULL, "role", "STUDENT, INSTRUCTOR or ADMIN; without it STUDENT."},
	{NULL, "search", "A text in name or description, in upper or lower case."},
	{NULL, "severity", "INFO, WARNING, ERROR or CRITICAL; without it INFO."},
	{NULL, "since_token", "The sinceToken in the last line of the answer before; without it from the beginning."},
	{NULL, "start_date", "When it begins."},
	{NULL, "thawed_at", "Until when it is frozen; without it until it is set."},
	{NULL, "top", "How many of the first on the board; without it 10."},
	{NULL, "type", "Only challenges of this type."},
	{NULL, "user_id", "Id of the user."},
	{NULL, "visibility", "Who sees the board: staff, members or public, everybody."},
	{NULL, "x_uploader_user_id", "Id of the user whom the log of activity names."},
};
/* clang-format on */

/* Is a name, in whichever spelling, this one of SQL? */
static bool
is_spelling(const char *name, const char *sql)
{
	for (; *sql != '\0'; sql++)
	{
		bool capital = *name >= 'A' && *name <= 'Z';

		if (*sql == '_' && (*name == '_' || *name == '-'))
			name++;
		else if (*sql != '_' && (*name == *sql || (capital && (*name | 0x20) == *sql)))
			name++;
		else if (*sql != '_' || !capital)
			return false;
	}
	return *name == '\0';
}

const char *
param_text(const Route *route, const Param *param)
{
	char name[128];

	snprintf(name, sizeof(name), "%s %s", route->method, route->path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if ((texts[i].route == NULL || strcmp(texts[i].route, name) == 0) &&
		    is_spelling(param->name, texts[i].name))
			return texts[i].text;
	}
	return "";
}
