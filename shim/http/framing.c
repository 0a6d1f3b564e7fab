/*
 * framing.c
 *	  Where a request ends: refused when two servers could see its end in different places.
 *
 * libmicrohttpd 0.9.75 takes lines that end with LF or CR alone, continued lines, spaces before the
 * colon, and stops reading a value at a null byte.  A proxy before it may read such a head in another
 * way and let a second request through inside the first.  What libmicrohttpd hands over does not
 * show any of this, but the head is still in its buffer, in one piece: it has put one null byte for
 * each character that ended something, the colon of a field and the CR and the LF of a line.  So the
 * head is read once more, strictly.
 *
 * libmicrohttpd 1.0 refuses all of this itself when it is told to be strict, and keeps the head in another
 * way.  There only the fields are looked at, as it hands them over with their lengths.
 *
 * The frames of a chunked body cannot be seen.  A request with one is the last on its connection, so
 * that nothing behind it is ever taken for a request.
 */
#include "http/request.h"

#include <string.h>
#include <strings.h>

/*
 * Fields of which a request has at most one, as what it means depends on which is read; the first two say where its body
 * ends.  Of others that are read the second one changes nothing: Expect is there or not, Access-Control-Request-Headers
 * is a list, and X-Request-Id is a name that proxies may add to.
 */
enum
{
	FIELD_LENGTH,
	FIELD_ENCODING
};
static const char *const singles[] = {
    [FIELD_LENGTH] = MHD_HTTP_HEADER_CONTENT_LENGTH,
    [FIELD_ENCODING] = MHD_HTTP_HEADER_TRANSFER_ENCODING,
    MHD_HTTP_HEADER_HOST,
    MHD_HTTP_HEADER_AUTHORIZATION,
    MHD_HTTP_HEADER_CONTENT_TYPE,
    MHD_HTTP_HEADER_CONTENT_ENCODING,
    "Idempotency-Key",
    "X-Acting-User",
    "X-Uploader-User-Id",
    "Last-Event-ID",
    "Origin",
};
#define SINGLES (sizeof(singles) / sizeof(singles[0]))

/* What the head of a request has, as far as it matters here. */
typedef struct Head
{
	const char *at;
	const char *end;
	const char *values[SINGLES]; /* NULL: it does not have the field */
	bool twice;                  /* it has one of them more than once */
} Head;

/* Do method and target have no character that another server would end them at, or leave out? */
static bool
is_clean(const char *method, const char *target)
{
	while (is_token_character(*method))
		method++;
	while ((unsigned char) *target > ' ' && *target != 0x7f)
		target++;
	return *method == '\0' && *target == '\0';
}

/* Notes a field of the head. */
static void
note_field(Head *head, const char *name, const char *value)
{
	for (size_t i = 0; i < SINGLES; i++)
	{
		if (strcasecmp(name, singles[i]) != 0)
			continue;
		head->twice = head->twice || head->values[i] != NULL;
		head->values[i] = value;
	}
}

/* May the character be part of the value of a field? */
static bool
is_printable(char c)
{
	return (unsigned char) c >= ' ' ? c != 0x7f : c == '\t';
}

#if MHD_VERSION >= 0x01000000

/* Callback: looks at one field; stops, with nothing where the head begins, at one that must not be. */
static enum MHD_Result
look_at_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_length,
              const char *value, size_t value_length)
{
	Head *head = cls;
	bool fine = name_length > 0;

	for (size_t i = 0; i < name_length; i++)
		fine = fine && is_token_character(name[i]);
	for (size_t i = 0; i < value_length; i++)
		fine = fine && is_printable(value[i]);
	if (!fine)
	{
		head->at = NULL;
		return MHD_NO;
	}
	note_field(head, name, value != NULL ? value : "");
	return MHD_YES;
}

/* Goes over all fields; false when anything is not as it must be. */
static bool
read_head(const Request *request, const char *method, const char *version, Head *head)
{
	head->at = method;
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, look_at_field, head);
	return head->at != NULL;
}

#else

/* Goes over the end of a line, which was CR LF. */
static bool
end_line(Head *head)
{
	if (head->end - head->at < 2 || head->at[0] != '\0' || head->at[1] != '\0')
		return false;
	head->at += 2;
	return true;
}

/* Goes over one field: a name, at once the colon, and a value of printable characters. */
static bool
read_field(Head *head)
{
	const char *name = head->at;
	const char *value;

	while (head->at < head->end && is_token_character(*head->at))
		head->at++;
	if (head->at == name || head->at == head->end || *head->at != '\0')
		return false;
	head->at++;
	while (head->at < head->end && (*head->at == ' ' || *head->at == '\t'))
		head->at++;
	value = head->at;
	while (head->at < head->end && *head->at != '\0')
		if (!is_printable(*head->at++))
			return false;
	note_field(head, name, value);
	return end_line(head);
}

/* Goes over the line of the request and all fields; false when anything is not as it must be. */
static bool
read_head(const Request *request, const char *method, const char *version, Head *head)
{
	if (method + strlen(method) + 1 != request->raw_uri ||
	    request->raw_uri + request->raw_uri_length + 1 != version)
		return false;
	head->at = version + strlen(version);
	if (!end_line(head))
		return false;
	while (head->at < head->end && *head->at != '\0')
		if (!read_field(head))
			return false;
	return end_line(head) && head->at == head->end;
}

#endif

/* Is there one way only to find the end of the body? */
static bool
is_framed(const Head *head, const char *version)
{
	bool old = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;

	if (head->twice || (!old && strcmp(version, MHD_HTTP_VERSION_1_1) != 0))
		return false;
	if (head->values[FIELD_ENCODING] == NULL)
		return true;
	return !old && head->values[FIELD_LENGTH] == NULL &&
	       strcasecmp(head->values[FIELD_ENCODING], "chunked") == 0;
}

bool
framing_check(Request *request, const char *method, const char *version)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t size = info != NULL ? info->header_size : 0;
	Head head = {.end = method + size};
	bool fine;

	if (size > (size_t) request->config->max_header)
		fine = failure_set(&request->failure, EDURANGE_HEADERS_TOO_LARGE,
		                   "the head of the request may have at most %d bytes",
		                   request->config->max_header);
	else
		fine = (read_head(request, method, version, &head) && is_framed(&head, version) &&
		        is_clean(method, request->uri)) ||
		       failure_set(&request->failure, EDURANGE_MALFORMED_REQUEST,
		                   "the request is not well-formed HTTP/1.1");
	request->malformed = !fine;
	request->close = !fine || head.values[FIELD_ENCODING] != NULL;
	return fine;
}
