/*
 * All pages share one style.  Text from outside is escaped.  The literals are
 * short because C11 does not guarantee more than 4095 bytes.
 */
#include "page.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char style[] =
	"<!doctype html><html lang='en'><head><meta charset='utf-8'>\n"
	"<meta name='viewport' content='width=device-width'>\n"
	"<link rel='icon' href='data:,'><style>\n"
	":root{--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--dim:#6b7686;\n"
	"--line:#e3e7ed;--old:#b9c7dc;--new:#e8590c;--main:#2563eb;\n"
	"--good:#15803d}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;\n"
	"--ink:#e6ebf2;--dim:#8c98a9;--line:#2c3541;--old:#46566e;\n"
	"--new:#ff922b;--main:#6ea8fe;--good:#51cf66}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:1160px;\n"
	"padding:28px 24px;background:var(--bg);color:var(--ink);\n"
	"font:14px/1.45 system-ui,sans-serif}\n"
	"h1{font-size:24px;margin:0;letter-spacing:-.02em}\n"
	"a{color:var(--main);text-decoration:none}\n"
	"a:hover{text-decoration:underline}small,.dim{color:var(--dim)}\n"
	"header{display:flex;gap:12px;align-items:center;flex-wrap:wrap;\n"
	"margin-bottom:18px}header "
	"nav{margin-left:auto;display:flex;gap:14px;\n"
	"align-items:center}\n"
	".card{background:var(--card);border:1px solid var(--line);\n"
	"border-radius:10px;box-shadow:0 1px 2px #0000000d}\n"
	"table{width:100%;border-collapse:collapse}\n"
	"th{font-weight:600;color:var(--dim);font-size:12px;text-align:right;\n"
	"padding:10px 12px;border-bottom:1px solid var(--line)}\n"
	"td{padding:8px 12px;text-align:right;border-top:1px solid\n"
	"var(--line);font-variant-numeric:tabular-nums;white-space:nowrap}\n"
	"tr:first-child td{border-top:0}\n"
	"th:first-child,td:first-child{text-align:left}\n";

/* ---- the live profile ---- */

static const char profile_style[] =
	".pill{padding:2px 10px;border-radius:99px;font-size:12px;\n"
	"font-weight:600;color:#fff;background:var(--dim)}\n"
	".pill.on{background:var(--good)}.pill.lost{background:#c92a2a}\n"
	"button{font:inherit;padding:5px "
	"14px;border-radius:7px;cursor:pointer;\n"
	"border:1px solid var(--line);background:var(--card);color:inherit}\n"
	"button:hover{border-color:var(--main)}\n"
	"#tiles{display:grid;grid-template-columns:repeat(5,1fr);gap:12px;\n"
	"margin-bottom:14px}#tiles div{padding:12px 16px}\n"
	"#tiles b{display:block;font-size:24px;letter-spacing:-.02em;\n"
	"font-variant-numeric:tabular-nums}\n"
	"#line{padding:12px 16px 6px;margin-bottom:14px}\n"
	"svg{display:block}#line svg{width:100%;height:72px}\n"
	"td b{font-weight:600}td small{display:block;font-size:11px}\n"
	"td:last-child{width:330px}.hist text{fill:var(--dim);font-size:9px}\n"
	".moved td:first-child b{color:var(--new)}\n"
	"footer{margin-top:14px;color:var(--dim);font-size:12px}\n"
	"i.key{display:inline-block;width:9px;height:9px;border-radius:2px;\n"
	"margin:0 4px 0 10px}\n"
	"@media(max-width:820px){#tiles{grid-template-columns:repeat(2,1fr)}\n"
	"section.card{overflow-x:auto}}\n"
	"</style><title>socle: live profile</title></head><body>\n";

static const char profile_body[] =
	"<header><h1>Live profile</h1><span class='pill' "
	"id='state'>...</span>\n"
	"<small id='where'></small><nav><a href='/'>index</a>\n"
	"<a href='/profile.json'>json</a><a href='/profile.folded'>folded</a>\n"
	"<button id='switch'>...</button><button id='reset'>Reset</button>\n"
	"</nav></header><div id='tiles'></div>\n"
	"<div class='card' id='line'><small>handler calls per second,\n"
	"last minute</small><svg viewBox='0 0 600 72'\n"
	"preserveAspectRatio='none'></svg></div>\n"
	"<section class='card'><table><thead><tr><th>Handler<th>Calls\n"
	"<th>User<th>System<th>Wall<th>Longest\n"
	"<th style='text-align:left'>Duration of a call</tr></thead>\n"
	"<tbody></tbody></table></section>\n"
	"<footer>User, system and wall time exclude other handlers that a\n"
	"handler calls. Each bar covers twice the duration of the bar before.\n"
	"<i class='key' style='background:var(--old)'></i>earlier\n"
	"<i class='key' style='background:var(--new)'></i>since the last\n"
	"refresh</footer><script>\n";

static const char profile_script[] =
	"'use strict';\n"
	"const $ = q => document.querySelector(q), trail = [];\n"
	"const esc = s => s.replace(/[&<>]/g, c => '&#' + c.charCodeAt() + "
	"';');\n"
	"let last = null, on = false;\n"
	"const count = n => n >= 1e7 ? (n / 1e6).toFixed(1) + ' M' :\n"
	"  Math.round(n).toLocaleString('en');\n"
	"const time = s => !s ? '0' : s < 1e-6 ? (s * 1e9).toFixed(0) + ' ns' "
	":\n"
	"  s < 1e-3 ? (s * 1e6).toFixed(1) + ' µs' :\n"
	"  s < 1 ? (s * 1e3).toFixed(1) + ' ms' : s.toFixed(2) + ' s';\n"
	"const sum = (l, k) => l.reduce((n, i) => n + i[k], 0);\n"
	"// Bars from 250 ns to 1 s; the height is the square root of the "
	"share.\n"
	"const FROM = 8, TO = 30, W = 300 / (TO - FROM);\n"
	"const bar = (x, y, h, c) => h <= 0 ? '' : `<rect x='${x}' y='${y}'\n"
	"  width='${W - 1.5}' height='${h}' rx='1' fill='var(--${c})'/>`;\n"
	"function histogram(now, old) {\n"
	"  const most = Math.max(1, ...now), high = n => 28 * Math.sqrt(n / "
	"most);\n"
	"  let svg = `<rect y='30' width='300' height='1' "
	"fill='var(--line)'/>`;\n"
	"  now.forEach((n, i) => {\n"
	"    if (!n) return;\n"
	"    const x = (Math.min(Math.max(i, FROM), TO - 1) - FROM) * W;\n"
	"    const all = Math.max(2, high(n)), added = n - (old ? old[i] : "
	"0);\n"
	"    const top = added ? Math.max(2, all * added / n) : 0;\n"
	"    svg += bar(x, 30 - all, top, 'new') +\n"
	"      bar(x, 30 - all + top, all - top, 'old');\n"
	"  });\n"
	"  for (const [i, name] of [[10, '1 µs'], [20, '1 ms'], [29.9, '1 "
	"s']])\n"
	"    svg += `<text x='${(i - FROM) * W}' y='40' text-anchor='${\n"
	"      i > 29 ? 'end' : 'middle'}'>${name}</text>`;\n"
	"  return `<svg class='hist' width='306' height='42'\n"
	"    viewBox='0 0 306 42'>${svg}</svg>`;\n"
	"}\n"
	"function row(i, was, seconds) {\n"
	"  const calls = i.calls - (was ? was.calls : 0);\n"
	"  const [a, b] = i.item.includes(':') ? i.item.split(':') :\n"
	"    i.item.split(/-(.*)/);\n"
	"  const cell = (v, s) => `<td>${v}<small>${s}</small></td>`;\n"
	"  const each = k => time(i[k] / i.calls) + ' each';\n"
	"  return `<tr class='${calls ? 'moved' : ''}'><td><b>${esc(b || "
	"a)}</b>\n"
	"    <small>${esc(a)}</small></td>` +\n"
	"    cell(count(i.calls), seconds ? '+' + count(calls) : '&nbsp;') +\n"
	"    ['utime', 'stime', 'wall'].map(k => cell(time(i[k]),\n"
	"      each(k))).join('') + cell(time(i.longest), '&nbsp;') +\n"
	"    `<td>${histogram(i.histogram, was && was.histogram)}</td></tr>`;\n"
	"}\n";

static const char profile_script_end[] =
	"function curve() {\n"
	"  const most = Math.max(10, ...trail), x = i => 600 - (trail.length "
	"-\n"
	"    1 - i) * 10, y = v => 68 - 62 * v / most;\n"
	"  const points = trail.map((v, i) => `${x(i)},${y(v)}`).join(' ');\n"
	"  $('#line svg').innerHTML = `<polygon points='${x(0)},68 ${points}\n"
	"    600,68' fill='var(--main)' opacity='.15'/><polyline fill='none'\n"
	"    points='${points}' stroke='var(--main)' stroke-width='2'\n"
	"    vector-effect='non-scaling-stroke'/>`;\n"
	"}\n"
	"function show(d) {\n"
	"  const items = d.profile.items, by = {};\n"
	"  const calls = sum(items, 'calls'), wall = sum(items, 'wall');\n"
	"  // After a reset the previous numbers are no baseline.\n"
	"  const old = last && last.calls <= calls ? last : null;\n"
	"  const seconds = old ? Math.max(.001, d.now - old.now) : 0;\n"
	"  const rate = (n, o) => old ? Math.max(0, (n - o) / seconds) : 0;\n"
	"  for (const i of old ? old.items : []) by[i.item] = i;\n"
	"  const tile = (v, s) => `<div class='card'><b>${v}</b><small>${s}\n"
	"    </small></div>`;\n"
	"  const slow = items.reduce((m, i) => i.longest > m.longest ? i : m,\n"
	"    {longest: 0, item: 'none'});\n"
	"  const perSecond = rate(calls, old && old.calls);\n"
	"  trail.push(perSecond);\n"
	"  if (trail.length > 61) trail.shift();\n"
	"  $('#tiles').innerHTML =\n"
	"    tile(count(rate(d.requests, old && old.requests)),\n"
	"      'requests per second') +\n"
	"    tile(count(perSecond), 'calls per second') +\n"
	"    tile((100 * rate(wall, old && old.wall)).toFixed(1) + ' %',\n"
	"      'of the time in handlers') +\n"
	"    tile(count(d.clients), 'clients') +\n"
	"    tile(time(slow.longest), 'longest call: ' + esc(slow.item));\n"
	"  items.sort((a, b) => b.wall - a.wall);\n"
	"  $('tbody').innerHTML = items.map(i => row(i, by[i.item],\n"
	"    seconds)).join('') || `<tr><td>No calls yet.</td></tr>`;\n"
	"  on = d.profiling;\n"
	"  $('#state').className = 'pill' + (on ? ' on' : '');\n"
	"  $('#state').textContent = on ? 'on' : 'off';\n"
	"  $('#switch').textContent = on ? 'Switch off' : 'Switch on';\n"
	"  $('#where').textContent = count(d.requests) + ' requests, backend "
	"' +\n"
	"    d.backend;\n"
	"  last = {now: d.now, requests: d.requests, calls, wall, items};\n"
	"  curve();\n"
	"}\n"
	"async function refresh() {\n"
	"  try {\n"
	"    show(await (await fetch('/profile.json',\n"
	"      {cache: 'no-store'})).json());\n"
	"  } catch (e) {\n"
	"    $('#state').className = 'pill lost';\n"
	"    $('#state').textContent = 'offline';\n"
	"  }\n"
	"}\n"
	"const post = to => fetch('/profile/' + to, {method:\n"
	"  'POST'}).then(refresh);\n"
	"$('#switch').onclick = () => post(on ? 'off' : 'on');\n"
	"$('#reset').onclick = () => { trail.length = 0; post('reset'); };\n"
	"(async () => { for (;;) { await refresh();\n"
	"  await new Promise(r => setTimeout(r, 1000)); } })();\n"
	"</script></body></html>\n";

void
page_profile(FILE *out)
{
	fputs(style, out);
	fputs(profile_style, out);
	fputs(profile_body, out);
	fputs(profile_script, out);
	fputs(profile_script_end, out);
}

/* ---- listings ---- */

static const char list_style[] =
	"body{max-width:760px}p{margin:0 0 18px;max-width:60ch}\n"
	"td:nth-child(n+2){color:var(--dim)}\n"
	"</style><title>socle: ";

static const char introduction[] =
	"<p>This page comes from a small HTTP server on socle, an event loop\n"
	"for C whose sockets are objects. The server profiles its own\n"
	"handlers: open the <a href='/profile'><b>live profile</b></a>, or\n"
	"fetch the numbers as <a href='/profile.json'>JSON</a> or as\n"
	"<a href='/profile.folded'>folded stacks</a> for a flame graph.</p>\n";

static void
put_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("&<>'\"", text[i]))
			fprintf(out, "&#%d;", text[i]);
		else
			putc(text[i], out);
}

/* Escapes a name for a path in an attribute. */
static void
put_link(FILE *out, const char *name)
{
	for (; *name; name++)
		if ((*name >= 'a' && *name <= 'z') ||
			(*name >= 'A' && *name <= 'Z') ||
			(*name >= '0' && *name <= '9') || strchr("-._~", *name))
			putc(*name, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*name);
}

static void
put_entry(FILE *out, int dir, const char *name)
{
	struct stat st;
	struct tm tm;
	char when[32];
	const char *slash;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	slash = S_ISDIR(st.st_mode) ? "/" : "";
	localtime_r(&st.st_mtime, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	fputs("<tr><td><a href='./", out);
	put_link(out, name);
	fprintf(out, "%s'>", slash);
	put_text(out, name, strlen(name));
	fprintf(out, "%s</a><td>", slash);
	if (S_ISREG(st.st_mode))
		fprintf(out, "%.1f KiB", (double)st.st_size / 1024);
	fprintf(out, "<td>%s</tr>\n", when);
}

enum { ENTRIES_MAX = 1000 };

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns how many; names that start with a dot are left out. */
static size_t
read_names(DIR *d, char **names)
{
	struct dirent *e;
	size_t n = 0;

	while (n < ENTRIES_MAX && (e = readdir(d)))
		if (e->d_name[0] != '.' && (names[n] = strdup(e->d_name)))
			n++;
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

static size_t
put_entries(FILE *out, int dir)
{
	char *names[ENTRIES_MAX] = {NULL};
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = d ? read_names(d, names) : 0;

	for (size_t i = 0; i < n; i++) {
		put_entry(out, dir, names[i]);
		free(names[i]);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return n;
}

void
page_listing(FILE *out, int dir, const char *path, size_t len)
{
	fputs(style, out);
	fputs(list_style, out);
	put_text(out, path, len);
	fputs("</title></head><body><header><h1>", out);
	if (len > 1)
		put_text(out, path, len);
	else
		fputs("socle", out);
	fputs("</h1>", out);
	if (len > 1)
		fputs("<nav><a href='../'>up</a></nav>", out);
	fputs("</header>\n", out);
	if (len == 1)
		fputs(introduction, out);
	fputs("<section class='card'><table>\n", out);
	if (put_entries(out, dir) == 0)
		fputs("<tr><td class='dim'>This directory is empty.</tr>\n",
			out);
	fputs("</table></section></body></html>\n", out);
}
