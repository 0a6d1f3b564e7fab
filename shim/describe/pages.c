/*
 * pages.c
 *	  Pages of HTML that carry their style and their script.
 */
#include "describe/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

char *
page_read(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");
	/* up to a byte that no text has: all of it */
	ssize_t length = file != NULL ? getdelim(&text, &size, '\0', file) : -1;

	if (length < 0)
		perror(path);
	if (file != NULL)
		fclose(file);
	return length < 0 ? NULL : text;
}

/* Writes, for each element of a name, the hash of what stands in it. */
static void
put_hashes(FILE *policy, const char *page, const char *name)
{
	char begin[16];
	char end[16];

	snprintf(begin, sizeof(begin), "<%s>", name);
	snprintf(end, sizeof(end), "</%s>", name);
	for (const char *at = page; (at = strstr(at, begin)) != NULL;)
	{
		unsigned char hash[EVP_MAX_MD_SIZE];
		unsigned char text[EVP_MAX_MD_SIZE * 2];
		unsigned length;
		const char *stop;

		at += strlen(begin);
		stop = strstr(at, end);
		if (stop == NULL ||
		    EVP_Digest(at, (size_t) (stop - at), hash, &length, EVP_sha256(), NULL) != 1)
			continue;
		EVP_EncodeBlock(text, hash, (int) length);
		fprintf(policy, " 'sha256-%s'", (const char *) text);
		at = stop;
	}
}

char *
page_policy(const char *page, const char *also)
{
	char *text = NULL;
	size_t length;
	FILE *policy = open_memstream(&text, &length);

	if (policy == NULL)
		return NULL;
	fputs("default-src 'none'; style-src", policy);
	put_hashes(policy, page, "style");
	fputs("; script-src", policy);
	put_hashes(policy, page, "script");
	fprintf(policy, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'%s", also);
	fclose(policy);
	return text;
}
