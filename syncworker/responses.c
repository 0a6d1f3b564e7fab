/*
 * responses.c
 *	  What became of an HTTP request: where a response sends it on to, and plain words where none came.
 */
#include "postgres.h"

#include "responses.h"

#define MAX_REDIRECTS 3

/* Whether a redirect leads to the server that was asked, or to its encryption: who asks, and by what password, is told there again. */
static bool
same_server(const char *from, const char *to)
{
	CURLU *urls[] = {curl_url(), curl_url()};
	char *hosts[] = {NULL, NULL};
	char *schemes[] = {NULL, NULL};
	char *ports[] = {NULL, NULL};
	const char *texts[] = {from, to};
	bool same = true;

	for (int i = 0; i < 2; i++)
		same = same && urls[i] != NULL &&
		       curl_url_set(urls[i], CURLUPART_URL, texts[i], 0) == CURLUE_OK &&
		       curl_url_get(urls[i], CURLUPART_HOST, &hosts[i], 0) == CURLUE_OK &&
		       curl_url_get(urls[i], CURLUPART_SCHEME, &schemes[i], 0) == CURLUE_OK &&
		       curl_url_get(urls[i], CURLUPART_PORT, &ports[i], CURLU_DEFAULT_PORT) == CURLUE_OK;
	same = same && pg_strcasecmp(hosts[0], hosts[1]) == 0 &&
	       (strcmp(schemes[0], schemes[1]) == 0 ? strcmp(ports[0], ports[1]) == 0
	                                            : strcmp(schemes[1], "https") == 0);
	for (int i = 0; i < 2; i++)
	{
		curl_free(ports[i]);
		curl_free(hosts[i]);
		curl_free(schemes[i]);
		curl_url_cleanup(urls[i]);
	}
	return same;
}

/* Where a response sends on to, in libcurl's memory; NULL: it is to be taken as it is. */
static char *
redirect_of(CURL *easy, bool posted)
{
	char *url = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (posted ? status != 307 && status != 308 : status < 301 || status > 308)
		return NULL;
	curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &url);
	return url;
}

CURLcode
response_redirect(CURL *easy, const char *url, bool posted, int *redirects, char **target)
{
	const char *redirect = redirect_of(easy, posted);

	*target = NULL;
	if (redirect == NULL)
		return CURLE_OK;
	if (!same_server(url, redirect))
		return CURLE_REMOTE_ACCESS_DENIED;
	if (++*redirects > MAX_REDIRECTS)
		return CURLE_TOO_MANY_REDIRECTS;
	*target = strdup(redirect);
	return CURLE_OK;
}

/* Failures that deserve plainer words than libcurl's. */
static const struct
{
	CURLcode code;
	const char *text;
} failures[] = {
    {CURLE_OPERATION_TIMEDOUT, "timed out"},
    {CURLE_COULDNT_CONNECT, "could not connect"},
    {CURLE_COULDNT_RESOLVE_HOST, "could not resolve the host name"},
    {CURLE_GOT_NOTHING, "connection closed without a response"},
    {CURLE_PARTIAL_FILE, "response cut short"},
    {CURLE_RECV_ERROR, "connection lost"},
    {CURLE_SEND_ERROR, "connection lost"},
    {CURLE_UNSUPPORTED_PROTOCOL, "not an HTTP server"},
    {CURLE_WEIRD_SERVER_REPLY, "not an HTTP server"},
    {CURLE_TOO_MANY_REDIRECTS, "too many redirects"},
    {CURLE_REMOTE_ACCESS_DENIED, "redirected to another server"},
    {CURLE_FAILED_INIT, "out of a resource"},
};

const char *
response_failure(CURLcode code)
{
	for (int i = 0; i < lengthof(failures); i++)
		if (failures[i].code == code)
			return failures[i].text;
	return curl_easy_strerror(code);
}
