/*
 * help.h
 *	  What --help prints, from the table of settings.
 */
#pragma once

/* To be freed; NULL: out of memory. */
extern char *make_help(void);
