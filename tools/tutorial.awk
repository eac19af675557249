# Writes the files that a page lists to one folder for each of its sections:
# `dir'/N/NAME for a fenced block below a heading "## N." whose first line is a
# comment with a file's name.  A folder starts with the files of the one before.
function name_of(line) {
	gsub(/^(\/\*|#) | \*\/$/, "", line)
	return line
}

/^## [0-9]+\./ {
	section = $2 + 0
	folder = dir "/" section
	system("mkdir -p " folder)
	if (section > 1)
		system("cp " dir "/" section - 1 "/* " folder)
}

/^```(c|make|ini)$/ { fence = 1; next }
/^```/ {
	if (out != "")
		close(out)
	out = ""
	fence = 0
	next
}
fence { out = folder "/" name_of($0); fence = 0; printf "" >out }
out != "" { print >out }
