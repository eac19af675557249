/* Markdown as a page: the part of it that documents of programs use. */
#ifndef DEMO_MARKDOWN_H
#define DEMO_MARKDOWN_H

#include <stdio.h>

/*
 * Headings, paragraphs, lists of one level, tables, code, quotes, links, images
 * and emphasis.  Whatever else there is, HTML too, comes out as text.
 */
void markdown_page(FILE *out, FILE *in, const char *title);

#endif
