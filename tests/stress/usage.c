/* usage.h describes the functions. */
#include "usage.h"
#include "case.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

long
usage_fds(pid_t pid)
{
	char path[64];
	long n = -2; /* . and .. */
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
	d = opendir(path);
	must(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

long
usage_rss(pid_t pid)
{
	char line[128];
	long kb = -1;
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%ld/status", (long)pid);
	f = fopen(line, "r");
	must(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "VmRSS: %ld", &kb);
	fclose(f);
	must(kb >= 0);
	return kb * 1024;
}

long
usage_cpu(pid_t pid)
{
	char path[64];
	long user, kernel;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "r");
	must(f);
	n = fscanf(f,
		"%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld "
		"%ld",
		&user, &kernel);
	fclose(f);
	must(n == 2);
	return user + kernel;
}

size_t
usage_heap(void)
{
#ifdef __GLIBC__
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#else
	return 0;
#endif
}

double
seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
need_fds(long n)
{
	struct rlimit l;

	must(getrlimit(RLIMIT_NOFILE, &l) == 0);
	if (l.rlim_max < (rlim_t)n)
		skip_case("needs %ld fds, RLIMIT_NOFILE allows %ld", n,
			(long)l.rlim_max);
	if (l.rlim_cur < (rlim_t)n)
		l.rlim_cur = (rlim_t)n;
	must(setrlimit(RLIMIT_NOFILE, &l) == 0);
}
