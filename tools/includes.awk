# Which file may include which.  Below a folder are those that it may use;
# examples and benchmarks are users, and have the umbrella and libc.
BEGIN {
	below["timers"] = ""
	below["profiling"] = ""
	below["reactor"] = "timers profiling"
	below["sockets"] = "timers profiling reactor"
	below["daemon"] = "timers profiling reactor sockets"
	split(ENVIRON["PUBLIC_HEADERS"], list, " ")
	for (i in list)
		public[list[i]] = 1
}

function top(path) {
	return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : ""
}

function bad(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
}

FNR == 1 {
	folder = top(FILENAME)
	user = folder == "examples" || folder == "bench"
}

/^[ \t]*#[ \t]*include/ {
	quoted = $0 ~ /"/
	path = $0
	sub(/^[^"<]*["<]/, "", path)
	sub(/[">].*/, "", path)
}

/^[ \t]*#[ \t]*include/ && user {
	if (path ~ /^(socle|timers|profiling|reactor|sockets|daemon|seam)/ &&
		(quoted || path != "socle/socle.h"))
		bad("users include <socle/socle.h>")
	next
}

/^[ \t]*#[ \t]*include/ && (folder in below || FILENAME in public) {
	if (path ~ /^socle\//)
		bad("that is for users")
	if (!quoted)
		next
	written = path
	relative = sub(/^\.\.\//, "", path)
	if (!relative && path !~ /\/|^(seam|system|socle)\.h$/ && folder != "")
		path = folder "/" path
	if (FILENAME in public && !(path in public))
		bad("a public header includes public ones only")
	if (FILENAME in public && folder != "" && written ~ /^[^.].*\//)
		bad("public headers say \"../folder/name.h\"")
	to = top(path)
	if (path == "socle.h")
		bad("the umbrella is for users")
	else if (folder != "" && to != "" && to != folder &&
		!(to in below && (" " below[folder] " ") ~ (" " to " ")))
		bad("includes point down")
}
