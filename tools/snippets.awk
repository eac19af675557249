# Writes the programs in a page to files of their own in `dir': in a manual
# what follows a line `.\" compile' as `.Bd -literal', in Markdown a ```c
# block that begins with a line /* compile */.  #line lets the compiler's
# messages point into the page.
function begin() {
	out = FILENAME
	gsub(/[^A-Za-z0-9]/, "_", out)
	out = dir "/" out "_" ++n ".c"
	printf "#line %d \"%s\"\n", FNR + 1, FILENAME >out
}

function end() {
	close(out)
	out = ""
}

FILENAME ~ /\.md$/ {
	if (out != "" && /^```/)
		end()
	else if (out != "")
		print >out
	else if (fence && /^\/\* compile \*\/$/)
		begin()
	fence = /^```c$/
	next
}

/^\.\\" compile$/ { marked = 1; next }
marked && /^\.Bd -literal/ { marked = 0; begin(); next }
marked { printf "%s:%d: .Bd -literal expected\n", FILENAME, FNR; marked = 0 }
out != "" && /^\.Ed/ { end() }
out != "" {
	sub(/^\\&/, "")
	gsub(/\\&/, "")
	gsub(/\\-/, "-")
	gsub(/\\\(aq/, "'")
	gsub(/\\\(dq/, "\"")
	gsub(/\\e/, "\\")
	print >out
}

END {
	if (out != "")
		printf "%s: an example does not end\n", FILENAME
}
