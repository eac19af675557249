# The plots of docs/performance.md; publish sets `work' and `out', and `plots' to
# the names of those that there is data for.
set terminal svg size 760,340 font "Helvetica,13" background "#ffffff"
set datafile missing "-"
set style fill solid 1.0 noborder
set border 3 lc rgb "#666666"
set tics nomirror
set grid ytics lt 1 lw 1 lc rgb "#dddddd"
set key below horizontal
set style data histogram
set style histogram clustered gap 1
set boxwidth 0.9

set linetype 1 lc rgb "#636363"
set linetype 2 lc rgb "#9ecae1"
set linetype 3 lc rgb "#3182bd"
set linetype 4 lc rgb "#74c476"
set linetype 5 lc rgb "#238b45"
set linetype 6 lc rgb "#fdae6b"
set linetype 7 lc rgb "#d62728"
set linetype 8 lc rgb "#9467bd"

set logscale y
if (strstrt(plots, "echo")) {
	set output out."/echo.svg"
	set title "User instructions per request"
	set yrange [10:*]
	plot work."/echo" using 2:xtic(1) title "1 connection" \
			lc rgb "#9ecae1", \
		"" using 3 title "64 connections" lc rgb "#3182bd", \
		"" using 4 title "64 connections, pipelined" lc rgb "#e6550d"
}
if (strstrt(plots, "timers")) {
	set output out."/timers.svg"
	set title "A million timers: time relative to a wheel with checks"
	set yrange [0.4:*]
	plot work."/timers" using 2:xtic(1) title "add" lc rgb "#9ecae1", \
		"" using 3 title "postpone" lc rgb "#3182bd", \
		"" using 4 title "cancel" lc rgb "#08519c", \
		"" using 5 title "expire" lc rgb "#e6550d"
}
unset logscale y
if (strstrt(plots, "cpu")) {
	set output out."/cpu.svg"
	set title "CPU time per echo, 64 connections, relative to a hand-written loop"
	set yrange [0:*]
	set ytics 0.5
	unset key
	plot work."/cpu" using 2:xtic(1) lc rgb "#3182bd"
}
if (strstrt(plots, "connections")) {
	set output out."/connections.svg"
	set title "User instructions per echo as connections grow in number"
	set style data linespoints
	set ytics auto
	set key outside right vertical
	set logscale xy
	set yrange [30:*]
	set xlabel "connections"
	set xrange [0.8:10000]
	stats work."/connections" using 1:2 nooutput
	plot for [i = 0:STATS_blocks - 1] work."/connections" index i \
		using 1:2 with linespoints pt 7 ps 0.5 lw 1.5 \
		title columnheader(1)
}
