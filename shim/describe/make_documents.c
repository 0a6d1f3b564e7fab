/*
 * make_documents.c
 *	  The program that prints documents.made.c: the OpenAPI document, the pages and the help as C.
 *
 * It runs when the shim is built, in its folder, and fails on a route that cannot work or cannot be described.
 */
#include <stdio.h>
#include <stdlib.h>

#include "describe/examples.h"
#include "describe/faults.h"
#include "describe/help.h"
#include "describe/openapi.h"
#include "describe/pages.h"

#define LINE_LENGTH 100

/* Prints a byte of a string; those above ASCII go as they are. */
static int
print_byte(char byte)
{
	switch (byte)
	{
		case '"':
		case '\\':
		case '?': /* two begin what was a trigraph once */
			return printf("\\%c", byte);
		case '\n':
			return printf("\\n");
		case '\t':
			return printf("\\t");
		case '\r':
			return printf("\\r");
		default:
			putchar(byte);
			return 1;
	}
}

/* Does a byte go on with the character before it? */
static bool
is_inside(char byte)
{
	return ((unsigned char) byte & 0xC0) == 0x80;
}

/* Prints the definition of a constant string, and frees it; false: there is none. */
static bool
print_string(const char *name, char *text)
{
	if (text == NULL)
		return false;
	printf("\nconst char %s[] =", name);
	for (const char *at = text; *at != '\0';)
	{
		int length = 0;

		printf("\n\t\"");
		while (*at != '\0' && (length < LINE_LENGTH || is_inside(*at)))
			length += print_byte(*at++);
		putchar('"');
	}
	printf(";\n");
	free(text);
	return true;
}

int
main(void)
{
	bool readable = !find_faults() && examples_read("describe/examples.json");
	json_t *document = readable ? make_openapi() : NULL;
	char *page = document != NULL ? page_of_document(document, "describe/docs_page.html") : NULL;
	char *policy = page != NULL ? page_policy(page, "") : NULL;
	char *board = page_read("live/board.html");
	/* it asks for the board's stream */
	char *board_policy = board != NULL ? page_policy(board, "; connect-src 'self'") : NULL;
	bool made;

	printf("/* Made by make_documents; not to be edited. */\n#include \"describe/documents.h\"\n");
	made = print_string("openapi_document",
	                    json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER)) &&
	       print_string("openapi_page", page) && print_string("openapi_page_policy", policy) &&
	       print_string("board_page", board) && print_string("board_page_policy", board_policy) &&
	       print_string("help_text", make_help());
	json_decref(document);
	return made && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
