# functions.awk HEADER...: "NUMBER NAME LINE" for each function and table of the
# public headers; the line is the first sentence of its comment.  Functions that share a
# comment have the same number.

# The first sentence of a comment.
function sentence(text) {
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	if (match(text, /[^. ]\.( |$)/))
		text = substr(text, 1, RSTART + 1)
	return text
}

function declared(text) {
	if (text ~ /^ *(typedef|struct [a-z_]+;|enum)/ || text !~ /;$/)
		return
	if (match(text, /socle_[a-z0-9_]+\(/) ||
	    text ~ /^ *extern/ && match(text, /socle_[a-z0-9_]+;/))
		print number, substr(text, RSTART, RLENGTH - 1), sentence(comment)
}

FNR == 1 {
	inside = depth = macro = 0
	text = ""
}

/^\/\*/ {
	inside = 1
	comment = ""
	number++
}
inside {
	inside = !/\*\/$/
	gsub(/^\/?\*+\/? ?|^ \*+\/? ?| *\*\/$/, "")
	comment = comment " " $0
	next
}

/^#/ || macro {
	macro = /\\$/
	next
}
/^extern "C" \{/ { next }

{ sub(/ *\/\*.*\*\/$/, "") }
depth == 0 { text = text " " $0 }
{
	depth += gsub(/\{/, "{") - gsub(/\}/, "}")
	if (depth < 0) # of extern "C"
		depth = 0
}
/;$/ && depth == 0 {
	declared(text)
	text = ""
}
