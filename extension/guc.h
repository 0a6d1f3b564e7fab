/*
 * guc.h
 *	  The settings of the extension and its worker.
 */
#ifndef EDURANGE_GUC_H
#define EDURANGE_GUC_H

extern char *guc_database;
extern bool guc_webos_compatibility;

extern void guc_define(void);

#endif
