/* The common part of all pages, and the page that lists a directory. */
#ifndef DEMO_PAGE_H
#define DEMO_PAGE_H

#include <stddef.h>
#include <stdio.h>

/* The start of a page, up to and with <body>.  The title is text. */
void page_begin(FILE *out, const char *title, size_t len);
void page_end(FILE *out);

/* Writes text with the characters escaped that have a meaning in HTML. */
void page_text(FILE *out, const char *text, size_t len);

/* The shared style, and an icon as SVG. */
void page_style(FILE *out);
void page_icon(FILE *out);

/* `path' ends with a slash; `dir' is an fd and stays open. */
void page_listing(FILE *out, int dir, const char *path, size_t len);

#endif
