# report.awk TARGETS RESULTS: the tables, in Markdown.  A result is "scenario
# peer metric value"; several of one kind are rounds, in order.  With -v plot=
# "METRIC,... SCENARIO..." instead rows for a plot: each peer and its medians;
# a metric may be "/metric:peer", the ratio to that peer.
#
# What is timed has an A/A row: the ratio of "PEER-again" to PEER, one program
# that ran twice in each round.  Where it is off by more than 3 %, or where a
# server was to set the rate and was busy for less than 0.9 of the time, nothing
# is said but that it was not measured.  The same holds for latencies if the load
# generator was late, or if the rate that they are at half of was not reached.
BEGIN {
	off = 0.03
	least_busy = 0.9
	most_late = 1000 # us
	n = split("rate cpu ns add refresh rearm cancel expire gb p50 p99 p999 " \
		"max mb", list, " ")
	for (i = 1; i <= n; i++)
		timed[list[i]] = 1
	# one request at a time: the server waits for the next
	waits["echo-1"] = waits["churn"] = 1
}

FNR == 1 { files++ }

files == 1 {
	if ($0 !~ /^#/ && NF)
		targets[++ntargets] = $0
	next
}

/^#/ {
	about[$2] = substr($0, length($2) + 4)
	next
}

{
	if (!(($1, $2) in known)) {
		known[$1, $2] = 1
		if (sub(/-again$/, "", $2)) {
			base[$1] = $2
			$2 = $2 "-again"
		} else {
			peers[$1] = peers[$1] " " $2
		}
	}
	value[$1, $2, $3, ++count[$1, $2, $3]] = $4
}

function median(list, n,	i, j, t) {
	if (n < 1)
		return ""
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
			t = list[j]
			list[j] = list[j - 1]
			list[j - 1] = t
		}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

# The median; of worst ticks the least, since a disturbance can only add.
function of(scenario, peer, metric,	i, n, list) {
	n = count[scenario, peer, metric]
	for (i = 1; i <= n; i++)
		list[i] = value[scenario, peer, metric, i] + 0
	i = median(list, n)
	return metric == "worst" && n > 0 ? list[1] : i
}

# The median of the rounds' ratios.
function ratio(scenario, peer, metric, to,	i, n, list) {
	n = count[scenario, to, metric]
	if (count[scenario, peer, metric] < n)
		n = count[scenario, peer, metric]
	for (i = 1; i <= n; i++)
		list[i] = value[scenario, peer, metric, i] / \
			value[scenario, to, metric, i]
	return median(list, n)
}

function again(scenario, metric) {
	if (base[scenario] == "")
		return ""
	return ratio(scenario, base[scenario] "-again", metric, base[scenario])
}

function set_the_rate(scenario, peer,	x) {
	x = of(scenario, peer, "busy")
	return x == "" || waits[scenario] || x >= least_busy
}

# Why that is not measured; "": it is.
function objection(scenario, peer, metric,	x) {
	if (of(scenario, peer, metric) == "")
		return "not run"
	if (!timed[metric])
		return ""
	x = again(scenario, metric)
	if (x == "" || x > 1 + off || x < 1 - off)
		return "not measured: A/A " number(x)
	if (scenario ~ /^latency/) {
		x = of("half", "epoll", "busy")
		if (x < least_busy)
			return "not measured: busy " number(x)
		x = of(scenario, peer, "late")
		if (x > most_late)
			return "not measured: load late by " number(x) " us"
	}
	if (metric != "rate" && metric != "cpu")
		return ""
	if (!set_the_rate(scenario, peer))
		return "not measured: busy " number(of(scenario, peer, "busy"))
	return ""
}

function measured(scenario, peer, metric) {
	return objection(scenario, peer, metric) == "" ? \
		of(scenario, peer, metric) : ""
}

function measured_ratio(scenario, peer, metric, to) {
	return objection(scenario, peer, metric) == "" && \
		objection(scenario, to, metric) == "" ? \
		ratio(scenario, peer, metric, to) : ""
}

function number(x) {
	if (x == "")
		return "-"
	if (x >= 1000 || x <= -1000)
		return sprintf("%.0f", x)
	if (x >= 100)
		return sprintf("%.1f", x)
	return sprintf(x >= 10 ? "%.1f" : "%.2f", x)
}

# A table of a scenario: a row for each peer, columns "metric=heading", with
# "/metric" for the ratio to `to'.
function table(title, scenario, to, columns,	c, i, j, m, n, p, row, x) {
	if (peers[scenario] == "")
		return
	n = split(columns, c, ";")
	row = sprintf("| %-12s", "")
	for (i = 1; i <= n; i++) {
		split(c[i], x, "=")
		row = row sprintf(" | %*s", width, x[2])
	}
	printf "\n#### %s\n\n%s |\n|---", title, row
	for (i = 1; i <= n; i++)
		printf "|--:"
	print "|"
	m = split(peers[scenario], p, " ")
	for (j = 1; j <= m; j++) {
		row = sprintf("| %-12s", p[j])
		for (i = 1; i <= n; i++) {
			split(c[i], x, "=")
			if (substr(x[1], 1, 1) == "/")
				x[3] = measured_ratio(scenario, p[j], substr(x[1], 2), to)
			else
				x[3] = measured(scenario, p[j], x[1])
			row = row sprintf(" | %*s", width, number(x[3]))
		}
		print row " |"
	}
	if (base[scenario] != "")
		again_row(scenario, c, n)
}

# In the columns of ratios, and of times that have no ratio beside them.
function again_row(scenario, c, n,	i, row, x, y) {
	row = sprintf("| %-12s", "A/A")
	for (i = 1; i <= n; i++) {
		split(c[i], x, "=")
		split(i < n ? c[i + 1] : "", y, "=")
		sub(/^\//, "", x[1])
		x[3] = ""
		if (timed[x[1]] && y[1] != "/" x[1])
			x[3] = number(again(scenario, x[1]))
		row = row sprintf(" | %*s", width, x[3])
	}
	print row " |"
}

# A table of socle's counts in several scenarios.
function rows(title, scenarios,	i, n, s) {
	n = split(scenarios, s, ";")
	if (peers[s[1]] == "")
		return
	printf "\n#### %s\n\n| %-12s | %*s | %*s |\n|---|--:|--:|\n", title, "",
		width, "instr.", width, "sys calls"
	for (i = 1; i <= n; i++)
		printf "| %-12s | %*s | %*s |\n", s[i],
			width, number(of(s[i], "socle", "instructions")),
			width, number(of(s[i], "socle", "syscalls"))
}

# The value that a target limits, for any peer.
function reached(scenario, metric, peer, against,	a, b) {
	a = measured(scenario, peer, metric)
	if (against == ".")
		return a
	if (against ~ /^-:/) {
		b = measured(scenario, substr(against, 3), metric)
		return a == "" || b == "" ? "" : a - b
	}
	if (against ~ /^[=-]/) {
		b = measured(substr(against, 2), peer, metric)
		if (a == "" || b == "")
			return ""
		return against ~ /^=/ ? a / b : a - b
	}
	return measured_ratio(scenario, peer, metric, against)
}

# What the others reached.
function others(f,	i, n, p, x, list) {
	if (f[6] ~ /^-:/)
		return ""
	n = split(peers[f[1]], p, " ")
	for (i = 1; i <= n; i++) {
		x = reached(f[1], f[2], p[i], f[6])
		if (f[3] ~ /-lto$/ ? p[i] "-lto" != f[3] : p[i] ~ /-lto$/)
			continue
		if (p[i] != f[3] && x != "" && p[i] != f[6])
			list = list (list == "" ? "" : ", ") p[i] " " number(x)
	}
	return list
}

function target(line,	f, i, x, verdict, words) {
	split(line, f, " ")
	words = line
	for (i = 1; i <= 6; i++)
		sub(/^[^ ]+ +/, "", words)
	if (f[6] !~ /^[.=-]/)
		words = words ", vs. " f[6]
	x = reached(f[1], f[2], f[3], f[6])
	if (x == "") {
		unmeasured++
		verdict = objection(f[1], f[3], f[2])
		if (verdict == "" && f[6] !~ /^[.=-]/)
			verdict = objection(f[1], f[6], f[2])
		if (verdict == "")
			verdict = "not run"
	} else if (f[4] == "most" ? x <= f[5] : x >= f[5]) {
		met++
		verdict = "met"
	} else {
		missed++
		verdict = "**missed**"
	}
	printf "| %s | %s %s | %s | %s | %s |\n", words,
		f[4] == "most" ? "<=" : ">=", f[5], number(x), verdict, others(f)
}

function plot_value(scenario, peer, what,	m) {
	if (what !~ /^\//)
		return measured(scenario, peer, what)
	split(substr(what, 2), m, ":")
	return measured_ratio(scenario, peer, m[1], m[2])
}

function plot_rows(	f, i, j, k, m, n, np, p, row, what, x) {
	n = split(plot, f, " ")
	m = split(f[1], what, ",")
	np = split(peers[f[2]], p, " ")
	for (i = 1; i <= np; i++) {
		row = p[i]
		for (j = 2; j <= n; j++)
			for (k = 1; k <= m; k++) {
				x = plot_value(f[j], p[i], what[k])
				row = row " " (x == "" ? "-" : x)
			}
		print row
	}
}

END {
	if (plot != "") {
		plot_rows()
		exit
	}
	width = 9
	printf "Measured on %s, %s, %s. ", about["date"], about["system"], about["processor"]
	printf "%s; %s. ", about["compiler"], about["packages"]
	printf "%s, %s in all.\n", about["form"], about["took"]
	if ("cut" in about) # in which part
		printf "\n**Cut short %s.**\n", about["cut"]

	printf "\n### Targets\n\n| measured | target | result | | other peers |\n"
	print "|---|---|--:|---|---|"
	for (i = 1; i <= ntargets; i++)
		target(targets[i])
	printf "\n%d met, %d missed, %d not measured.\n", met, missed, unmeasured

	print "\n### TCP"
	echo = "rate=requests/s;/rate=vs. epoll;cpu=CPU ns;/cpu=vs. epoll;" \
		"busy=busy;instructions=instr.;syscalls=sys calls"
	one = "cpu=CPU ns;/cpu=vs. epoll;busy=busy;instructions=instr.;syscalls=sys calls"
	table("Echo, 64 bytes, 1 connection", "echo-1", "epoll", one)
	table("Echo, 64 bytes, 64 connections", "echo-64", "epoll", echo)
	table("Echo, 64 bytes, 1000 connections", "echo-1000", "epoll", echo)
	table("Echo, 64 bytes, 8000 connections", "echo-8000", "epoll", echo)
	table("Echo, 16 KiB, 64 connections", "echo-16k", "epoll", echo)
	table("Pipelined 16 deep, 64 bytes, 64 connections", "pipelined", "epoll", echo)
	table("Accept, request, close, one at a time", "churn", "epoll", one)
	table("Memory of an idle connection", "memory", "", "bytes=bytes")
	table("Memory with an idle timeout armed", "memory-timeout", "", "bytes=bytes")

	latency = "p50=p50;p99=p99;p999=p99.9;max=worst;late=late;busy=busy"
	if ("half" in about)
		printf "\n### Latency, us, 64 connections, %s\n", about["half"]
	table("Nothing else", "latency", "epoll", latency)
	table("One client reads nothing", "latency-quiet", "epoll", latency)
	table("10,000 timers a second", "latency-timers", "epoll", latency)
	table("A file is sent to one client", "latency-file", "epoll",
		latency ";mb=MB/s")

	print "\n### The chain of socketpairs"
	chain = "ns=ns;/ns=vs. epoll;instructions=instr.;syscalls=sys calls"
	table("100 pairs, 1 active", "chain-100-1", "epoll", chain)
	table("100 pairs, 100 active", "chain-100-100", "epoll", chain)
	table("1000 pairs, 100 active", "chain-1000-100", "epoll", chain)
	table("8000 pairs, 100 active", "chain-8000-100", "epoll", chain)
	table("8000 pairs, 100 active, memory", "lines-8000-100", "",
		"lines=lines")
	table("100 pairs, 1 active, interest off and on in each hop",
		"toggle-100-1", "", "syscalls=sys calls")
	table("100 pairs, 100 active, interest off and on in each hop",
		"toggle-100-100", "", "syscalls=sys calls")

	print "\n### Timers, ns"
	timers = "add=add;/add=vs. wheel;refresh=postpone;/refresh=vs. wheel;" \
		"rearm=re-arm;/rearm=vs. wheel;cancel=cancel;/cancel=vs. wheel;" \
		"expire=expire;/expire=vs. wheel;worst=worst tick, us;" \
		"bytes=bytes"
	table("10,000 pending", "timers-10000", "wheel", timers)
	table("1,000,000 pending", "timers-1000000", "wheel", timers)

	print "\n### Datagrams, files, profiling, idle connections, classes"
	datagrams = "rate=datagrams/s;cpu=CPU ns;/cpu=vs. one;busy=busy"
	table("Datagram echo, 64 bytes", "datagrams-64", "one", datagrams)
	table("Datagram echo, 1200 bytes", "datagrams-1200", "one", datagrams)
	table("Sending a file, GB per second of CPU time", "files", "sendfile",
		"gb=GB/s;/gb=vs. sendfile")
	table("Profiling, echo, 64 connections", "profile", "socle-off",
		"rate=requests/s;cpu=CPU ns;/cpu=vs. off")
	table("Profiling of Danga::Socket", "profile-danga", "danga-off",
		"rate=requests/s;cpu=CPU ns;/cpu=vs. off")
	table("A datagram sent back, batches of 32", "datagram-batch", "",
		"instructions=instr.;syscalls=sys calls")
	table("The worst tick, a million timers, none due", "worst-tick", "",
		"instructions=instr.")
	table("A loop without a timer", "loop-bytes", "", "bytes=bytes")
	rows("A class 1 to 5 levels deep, echo, 64 connections",
		"levels-1;levels-2;levels-3;levels-4;levels-5")
	rows("Idle connections beside one that is active", "idle-0;idle-19000")
}
