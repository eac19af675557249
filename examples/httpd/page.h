/* The common part of all pages, and answers that are made in memory. */
#ifndef HTTPD_PAGE_H
#define HTTPD_PAGE_H

#include "httpd/client.h"

#include <stdio.h>

/* The start of a page, up to and with <body>, and its end. */
void page_begin(FILE *out, const char *title);
void page_end(FILE *out);

/* Writes text with the characters escaped that have a meaning in HTML. */
void page_text(FILE *out, const char *text);

/*
 * Answers with what `put' writes; 503 if that returns false or there is no
 * memory.
 */
void page_answer(struct client *c, const char *type,
	bool (*put)(FILE *out, void *arg), void *arg);

/* Answers if the target is the style or the icon; whether it is. */
bool page_answer_part(struct client *c, const char *head);

#endif
