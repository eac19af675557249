# Which file may include which.  The folders are ordered (FOLDERS): a file may
# include headers of its own folder and of the ones before it.  Examples,
# benchmarks and tests/stress are users: they have the umbrella header and libc.
BEGIN {
	split(ENVIRON["FOLDERS"], list, " ")
	for (i = 1; i in list; i++)
		rank[list[i]] = i
	split(ENVIRON["PUBLIC_HEADERS"], headers, " ")
	for (i in headers)
		public[headers[i]] = 1
}

function folder_of(path) {
	return path ~ /\// ? substr(path, 1, match(path, /\/[^\/]*$/) - 1) : ""
}

function bad(why) {
	printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
}

# The path from the top of a file that `folder' includes by a relative path.
function resolve(folder, path) {
	path = folder == "" ? path : folder "/" path
	while (sub(/[^\/.]+\/\.\.\//, "", path))
		;
	return path
}

FNR == 1 {
	folder = folder_of(FILENAME)
	user = folder ~ /^(examples|bench|tests\/stress)/
}

/^[ \t]*#[ \t]*include/ {
	quoted = $0 ~ /"/
	path = $0
	sub(/^[^"<]*["<]/, "", path)
	sub(/[">].*/, "", path)
}

/^[ \t]*#[ \t]*include/ && user {
	if (path ~ /^(socle|timers|profiling|reactor|sockets|seam|system)/ &&
		(quoted || path != "socle/socle.h"))
		bad("users include <socle/socle.h>")
	next
}

/^[ \t]*#[ \t]*include/ && (folder in rank || FILENAME in public) {
	if (path ~ /^socle\//)
		bad("that is for users")
	if (!quoted)
		next
	if (FILENAME in public) {
		path = resolve(folder, path)
		if (!(path in public))
			bad("a public header includes public headers only")
	} else if (path ~ /^\.\.?\//) {
		bad("name it from the top")
	}
	if (path == "socle.h" && folder != "")
		bad("the umbrella is for users")
	to = folder_of(path)
	if (folder != "" && to != "" &&
		(!(to in rank) || rank[to] > rank[folder]))
		bad("folders include only the ones before them")
}
