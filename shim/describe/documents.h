/*
 * documents.h
 *	  The interface described, as an OpenAPI document and as a page to read, and the command line.
 *
 * They say what the tables of the shim and the row types of SQL say and depend on no setting, so they
 * are made when the shim is built, and are bytes of the program.  The room describe/ is the program that
 * makes them, make_documents; of it only these run in the server.
 */
#pragma once

extern const char openapi_document[];
extern const char openapi_page[];
extern const char openapi_page_policy[]; /* its Content-Security-Policy */
extern const char board_page[];
extern const char board_page_policy[];
extern const char help_text[]; /* what --help prints */
