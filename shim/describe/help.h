/*
 * help.h
 *	  What --help prints, from the table of settings.
 */
#ifndef EDURANGE_SHIM_HELP_H
#define EDURANGE_SHIM_HELP_H

/* To be freed; NULL: out of memory. */
extern char *make_help(void);

#endif
