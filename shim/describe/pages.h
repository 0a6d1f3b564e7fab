/*
 * pages.h
 *	  Pages of HTML that carry their style and their script.
 */
#pragma once

/* The text of a file, to be freed; NULL, and says why on the standard error output, when it cannot be read. */
extern char *page_read(const char *path);

/*
 * The Content-Security-Policy of a page, to be freed: nothing but the styles and scripts that stand in it, by their
 * SHA-256, and what else is named.
 */
extern char *page_policy(const char *page, const char *also);
