/*
 * questions.c
 *	  What is asked about single pods, and how many at a time.
 *
 * Ends, statuses and flags do not wait for each other, and none of them waits for a pod that does not answer:
 *
 * - Each kind has places of its own, a share of edurange.sync_concurrency.
 * - A question that takes much longer than usual gives its place to the next one, and goes on beside it until its
 *   own deadline.  Some such are borne for each place.
 * - A first question's deadline is short, and where so many are late that others wait for a place it is given up even
 *   earlier.  What was asked in vain before has the whole of edurange.sync_timeout, and other places: half as many.
 *
 * What to ask is what edurange.sync_apply() wants to know, in its order: whatever waited longest first.
 */
#include "postgres.h"

#include "answers.h"
#include "clock.h"
#include "problems.h"
#include "questions.h"

/* All that can be under way, of which each kind has its part, however many of the others do not answer. */
#define MAX_RUNNING 480
/* How much longer than usual is late, when a first question ends, and when it may be given up for others. */
#define LATE_FACTOR 8
#define MIN_LATE_MS 40
#define DEADLINE_FACTOR 10
#define MIN_DEADLINE_MS 1000
#define GIVEN_UP_FACTOR 2
#define MIN_GIVEN_UP_MS 250
/* What is usual before any answer has come, and how far one answer moves that: it becomes their median. */
#define USUAL_MS 25
#define STEP 1.1
/* How many late questions are borne for each place. */
#define LATE_PER_PLACE 8
/* For how long a decision to end a pod holds: whoever restores an instance undoes it. */
#define FRESH_MS 100
/* So many answers in a row mean that a kind works again. */
#define WORKS_AGAIN 3

/* A question under way. */
typedef struct Running
{
	ImQuestion question;
	json_t *wanted; /* NULL: the element is free */
	bool again;
	HttpRequest request;
} Running;

/* A kind of question: what is left to ask, and how its answers come. */
typedef struct Kind
{
	json_t *wanted; /* array: first questions and others, mixed */
	size_t next[2]; /* where to go on in it: with first questions, with others */
	double usual_ms;
	int answers_in_a_row;
} Kind;

/* Which part is theirs of the concurrency, and of all that can be under way. */
static const int divisors[] = {[IM_END] = 4, [IM_STATUS] = 4, [IM_SECRET] = 2};

static Running running[MAX_RUNNING];
static Kind kinds[IM_QUESTIONS];
static int64 wanted_at = 0; /* when it was decided what is left to ask */

static double
usual_ms(const Kind *kind)
{
	return kind->usual_ms > 0 ? kind->usual_ms : USUAL_MS;
}

/* After how long a question gives its place away. */
static long
late_ms(const Kind *kind)
{
	return (long) Max(LATE_FACTOR * usual_ms(kind), MIN_LATE_MS);
}

/* After how long a first question is given up, if others need its place. */
static long
given_up_ms(const Kind *kind)
{
	return Max(GIVEN_UP_FACTOR * late_ms(kind), MIN_GIVEN_UP_MS);
}

static bool
was_asked_before(const json_t *wanted)
{
	return json_object_get(wanted, "attempts") != NULL;
}

static const char *
name_of(const json_t *wanted)
{
	return json_string_value(json_object_get(wanted, "name"));
}

/* The names of pods of which a question is under way, or its answer not in the database yet. */
static json_t *
busy_names(ImQuestion question)
{
	json_t *names = json_pack("{}"); /* the server has a json_object() of its own */

	for (int i = 0; i < MAX_RUNNING; i++)
		if (running[i].wanted != NULL && running[i].question == question)
			json_object_set_new(names, name_of(running[i].wanted), json_true());
	answers_name(question, names);
	return names;
}

/* Takes what is wanted now in the place of what was before. */
void
questions_want(const char *wanted_text)
{
	json_t *wanted = json_loads(wanted_text, 0, NULL);

	questions_forget();
	wanted_at = clock_ms();
	for (int i = 0; i < IM_QUESTIONS; i++)
	{
		json_t *busy = busy_names(i);
		json_t *element;
		size_t n;

		kinds[i].wanted = json_array();
		json_array_foreach(json_object_get(wanted, im_lists[i]), n, element)
		{
			if (json_object_get(busy, name_of(element)) == NULL)
				json_array_append(kinds[i].wanted, element);
		}
		json_decref(busy);
	}
	json_decref(wanted);
}

/* Begins no more of what was wanted. */
void
questions_forget(void)
{
	for (int i = 0; i < IM_QUESTIONS; i++)
	{
		json_decref(kinds[i].wanted);
		kinds[i].wanted = NULL;
		memset(kinds[i].next, 0, sizeof(kinds[i].next));
	}
}

static void
free_running(Running *question)
{
	json_decref(question->wanted);
	question->wanted = NULL;
	http_free(&question->request);
}

/* Gives up what is under way, too: whoever was asked is asked no more. */
void
questions_cancel(void)
{
	questions_forget();
	for (int i = 0; i < MAX_RUNNING; i++)
	{
		if (running[i].wanted == NULL)
			continue;
		http_cancel(&running[i].request);
		free_running(&running[i]);
	}
}

/* The next thing to ask: of those that were asked before, or of the others; NULL: nothing. */
static json_t *
next_wanted(ImQuestion question, bool again)
{
	Kind *kind = &kinds[question];
	json_t *wanted;

	while ((wanted = json_array_get(kind->wanted, kind->next[again])) != NULL &&
	       was_asked_before(wanted) != again)
		kind->next[again]++;
	return wanted;
}

/* How many places there are. */
static int
count_places(const QuestionLimits *limits, ImQuestion question, bool again)
{
	return Max(limits->concurrency / divisors[question] / (again ? 2 : 1), 1);
}

/* How many late questions are borne beside them. */
static int
count_borne(const QuestionLimits *limits, ImQuestion question, bool again)
{
	int rest = MAX_RUNNING / divisors[question] - count_places(limits, question, false) -
	           count_places(limits, question, true);

	return Min(count_places(limits, question, again) * LATE_PER_PLACE, rest / 2);
}

/* How many questions of a kind are under way that were begun by then. */
static int
count_running(ImQuestion question, bool again, int64 begun_by)
{
	int count = 0;

	for (int i = 0; i < MAX_RUNNING; i++)
		if (running[i].wanted != NULL && running[i].question == question &&
		    running[i].again == again && running[i].request.begun_at <= begun_by)
			count++;
	return count;
}

static int
count_late(ImQuestion question, bool again)
{
	return count_running(question, again, clock_ms() - late_ms(&kinds[question]));
}

static int
count_free(const QuestionLimits *limits, ImQuestion question, bool again)
{
	return count_places(limits, question, again) - count_running(question, again, clock_ms()) +
	       Min(count_late(question, again), count_borne(limits, question, again));
}

/* Gives up first questions that have been late for long, as many as there are places. */
static void
make_room(ImQuestion question, int places)
{
	int64 begun_by = clock_ms() - given_up_ms(&kinds[question]);

	for (int i = 0; i < MAX_RUNNING && places > 0; i++)
		if (running[i].wanted != NULL && running[i].question == question && !running[i].again &&
		    running[i].request.begun_at <= begun_by)
		{
			http_give_up(&running[i].request);
			places--;
		}
}

static Running *
find_free(void)
{
	for (int i = 0; i < MAX_RUNNING; i++)
		if (running[i].wanted == NULL)
			return &running[i];
	return NULL;
}

/* Begins what there is a place for. */
static void
begin_lane(const ImTarget *target, const QuestionLimits *limits, ImQuestion question, bool again)
{
	long deadline = limits->timeout_ms;
	int left = count_free(limits, question, again);
	json_t *wanted;

	if (!again)
		deadline = Min(deadline, Max(late_ms(&kinds[question]) * DEADLINE_FACTOR, MIN_DEADLINE_MS));
	for (; left > 0 && (wanted = next_wanted(question, again)) != NULL; left--)
	{
		Running *free_one = find_free();

		if (free_one == NULL)
			return;
		kinds[question].next[again]++;
		*free_one = (Running){.question = question, .wanted = json_incref(wanted), .again = again};
		im_make_question(target, question, wanted, &free_one->request);
		http_begin(&free_one->request, deadline);
	}
	if (!again && next_wanted(question, false) != NULL &&
	    count_late(question, false) >= count_borne(limits, question, false))
		make_room(question, count_places(limits, question, false));
}

/* Is there a place now for an end that was decided too long ago to be asked for? */
bool
questions_are_old(const QuestionLimits *limits)
{
	if (clock_ms() - wanted_at <= FRESH_MS)
		return false;
	for (int again = 0; again < 2; again++)
		if (next_wanted(IM_END, again) != NULL && count_free(limits, IM_END, again) > 0)
			return true;
	return false;
}

void
questions_begin(const ImTarget *target, const QuestionLimits *limits)
{
	for (int i = 0; i < IM_QUESTIONS; i++)
	{
		begin_lane(target, limits, i, false);
		begin_lane(target, limits, i, true);
	}
}

/* Notes how a question ended, for those that come after it. */
static void
learn(Kind *kind, ProblemArea area, const HttpRequest *request)
{
	double took = (double) (clock_ms() - request->begun_at);

	if (request->status == 0)
	{
		kind->answers_in_a_row = 0;
		problem_report(area, request->problem);
		return;
	}
	kind->usual_ms = took > usual_ms(kind) ? usual_ms(kind) * STEP : usual_ms(kind) / STEP;
	if (++kind->answers_in_a_row >= WORKS_AGAIN)
		problem_over(area);
}

/*
 * An answer that is no use is a problem, too.  An end has no other answer, so that is told; of a flag that is not
 * there yet, or a status that is not known, the drift tells when it lasts.
 */
static void
note_refusal(const Running *question, const json_t *answer)
{
	const HttpRequest *request = &question->request;
	ProblemArea area = question_areas[question->question];
	char reason[64];

	if (request->status == 0 || im_is_of_use(question->question, answer, request))
		return;
	snprintf(reason, sizeof(reason), "HTTP %ld%s", request->status,
	         question->question == IM_STATUS && (request->status == 200 || request->status == 404)
	             ? ", and says nothing of the pod"
	             : "");
	kinds[question->question].answers_in_a_row = 0;
	if (question->question == IM_END)
		problem_report(area, reason);
	else
		problem_note(area, reason);
}

/* Takes what was answered, or timed out.  What was never sent stays wanted. */
void
questions_end(void)
{
	for (int i = 0; i < MAX_RUNNING; i++)
	{
		Running *question = &running[i];
		HttpRequest *request = &question->request;
		json_t *answer;

		if (question->wanted == NULL || !request->done)
			continue;
		answer =
		    !request->sent ? NULL : im_read_answer(question->question, question->wanted, request);
		note_refusal(question, answer);
		learn(&kinds[question->question], question_areas[question->question], request);
		if (answer != NULL)
			answers_add(question->question, answer, request->begun_at);
		free_running(question);
	}
}

int
questions_running(void)
{
	int count = 0;

	for (int i = 0; i < MAX_RUNNING; i++)
		count += running[i].wanted != NULL ? 1 : 0;
	return count;
}

static void
sooner(long *due, long left)
{
	if (left > 0 && (*due < 0 || left < *due))
		*due = left;
}

/* Milliseconds until a question that is under way gives its place away; -1: none will. */
long
questions_due_ms(void)
{
	int64 now = clock_ms();
	long due = -1;

	for (int i = 0; i < MAX_RUNNING; i++)
	{
		const Kind *kind = &kinds[running[i].question];
		long age = (long) (now - running[i].request.begun_at);

		if (running[i].wanted == NULL || kind->wanted == NULL ||
		    kind->next[running[i].again] >= json_array_size(kind->wanted))
			continue;
		sooner(&due, late_ms(kind) - age);
		if (!running[i].again)
			sooner(&due, given_up_ms(kind) - age);
	}
	return due;
}
