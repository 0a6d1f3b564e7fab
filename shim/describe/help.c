/*
 * help.c
 *	  What --help prints, from the table of settings.
 */
#include "describe/help.h"

#include <stdio.h>

#include "config/config.h"

/* Prints one setting with its default. */
static void
print_setting(FILE *text, const Setting *setting)
{
	char flag[FLAG_LENGTH];

	if (setting->kind == SETTING_SECRET)
		fprintf(text, "  %s, %s_FILE\n      %s", setting->variable, setting->variable,
		        setting->help);
	else
		fprintf(text, "  --%s=VALUE  (%s)\n      %s", setting_flag(setting, flag),
		        setting->variable, setting->help);
	if (setting->initial != NULL)
		fprintf(text, " [%s]", setting->initial);
	fprintf(text, "\n");
}

char *
make_help(void)
{
	char *help = NULL;
	size_t length;
	FILE *text = open_memstream(&help, &length);

	if (text == NULL)
		return NULL;
	fprintf(text, "edurange_shim: the HTTP interface of the EDURange database controller\n\n"
	              "Usage: edurange_shim [--SETTING=VALUE ...]\n\n");
	for (size_t i = 0; i < setting_count; i++)
		print_setting(text, &settings[i]);
	fprintf(
	    text,
	    "\n  --check-config  print the settings in effect and exit\n"
	    "  --routes        print method, path and tier of each route and exit\n"
	    "  --help          print this and exit\n"
	    "  --version       print the version and exit\n\n"
	    "A secret is no flag, because a command line can be read by others on the machine; the\n"
	    "variable with _FILE names a file that holds it.\n"
	    "Without a URL and without POSTGRES_*, libpq's own variables (PGHOST, ...) are used.\n");
	fclose(text);
	return help;
}
