/*
 * make_documents.c
 *	  The program that prints documents.made.c: the OpenAPI document, its page and the help as C.
 *
 * It runs when the shim is built, and fails on a route that cannot work or cannot be described.
 */
#include <stdio.h>
#include <stdlib.h>

#include "describe/faults.h"
#include "describe/help.h"
#include "describe/openapi.h"

#define LINE_LENGTH 100

/* Prints a byte of a string; those above ASCII go as they are. */
static int
print_byte(char byte)
{
	switch (byte)
	{
		case '"':
		case '\\':
			return printf("\\%c", byte);
		case '\n':
			return printf("\\n");
		default:
			putchar(byte);
			return 1;
	}
}

/* Prints the definition of a constant string. */
static void
print_string(const char *name, const char *text)
{
	printf("\nconst char %s[] =", name);
	while (*text != '\0')
	{
		int length = 0;

		printf("\n\t\"");
		while (*text != '\0' && length < LINE_LENGTH)
			length += print_byte(*text++);
		putchar('"');
	}
	printf(";\n");
}

int
main(void)
{
	json_t *document = find_faults() ? NULL : make_openapi();
	char *text = json_dumps(document, JSON_COMPACT | JSON_PRESERVE_ORDER);
	char *page = document != NULL ? page_of_document(document) : NULL;
	char *help = make_help();
	bool made = text != NULL && page != NULL && help != NULL;

	if (made)
	{
		printf(
		    "/* Made by make_documents; not to be edited. */\n#include \"describe/documents.h\"\n");
		print_string("openapi_document", text);
		print_string("openapi_page", page);
		print_string("help_text", help);
	}
	json_decref(document);
	free(text);
	free(page);
	free(help);
	return made && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
