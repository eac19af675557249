# uncovered.awk LIST COUNTS: compares what gcovr --json-pretty counted with the
# list of what the tests need not reach.  Prints, and then fails for, a line that
# no test reached, a branch that no test took and the list does not have, and an
# entry of the list that a test took or the source has no more.  The head of
# tests/uncovered.txt describes the list.
function strip(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

function number_in(text) {
	gsub(/[^0-9]/, "", text)
	return text + 0
}

function complain(text) {
	print text
	bad = 1
}

# The place of each line as the list has it: file, function, text; "#2" if the
# function has the same text above it.
function source_read(file,  n, line, fn, key) {
	while ((getline line < file) > 0) {
		if (line ~ /^[a-z_0-9]+\(/)
			fn = substr(line, 1, index(line, "(") - 1)
		key = file " " fn "\n\t" strip(line)
		if (++same[key] > 1)
			key = key " #" same[key]
		place_of[file, ++n] = key
	}
	close(file)
}

function listed_is_right(at, i, n) {
	found[at] = 1
	if (taken[i] && kind_of[at] != "race")
		complain(LIST ":" listed[at] ": branch " i " was taken")
	else if (branches_of[at] != n)
		complain(LIST ":" listed[at] ": the line has " n " branches")
	else
		of_kind[kind_of[at]]++
}

function line_end(line, count, n,  place, i, untaken) {
	place = place_of[file, line]
	if (count == 0)
		complain(file ":" line ": no test reaches this line")
	for (i = 1; i <= n; i++) {
		covered += taken[i]
		if ((place, i) in listed)
			listed_is_right(place SUBSEP i, i, n)
		else if (!taken[i])
			untaken = untaken i " "
	}
	total += n
	if (untaken != "")
		complain(file ":" line ": not taken, and not listed:\n" place \
			"\n\t\t" untaken "of " n)
}

# "1 3 of 6, kind: reason"
function entry(  i, n, k) {
	for (n = 1; $n != "of"; n++)
		;
	k = $(n + 2)
	sub(/:/, "", k)
	if (!(k in kind))
		complain(LIST ":" FNR ": no such kind: " k)
	for (i = 1; i < n; i++) {
		listed[place, $i] = FNR
		branches_of[place, $i] = number_in($(n + 1))
		kind_of[place, $i] = k
	}
}

NR == 1 {
	LIST = FILENAME
}

FILENAME == LIST && /^(#|$)/ {
	next
}
FILENAME == LIST {
	if (/^kind /)
		kind[substr($2, 1, length($2) - 1)] = $0
	else if (/^[^\t]/)
		where = $0
	else if (/^\t[^\t]/)
		place = where "\n\t" strip($0)
	else if (/^\t\t[0-9 ]+ of [0-9]+, [a-z]+: ./)
		entry()
	else if (!/^\t\t\t[^\t]/)
		complain(LIST ":" FNR ": is not understood")
	next
}

# The counts: one key a line, sorted, so that a line's number is its last.
/^ *"file": / {
	file = $2
	gsub(/[",]/, "", file)
	source_read(file)
}
/^ *"gcovr\/noncode": / { noncode = /true/ }
/^ *"branches": / { n = 0 }
/^ *"count": / { count = number_in($2) }
/^ *"throw": / { taken[++n] = count > 0 }
/^ *"line_number": / && !noncode { line_end(number_in($2), count, n) }

END {
	for (at in listed)
		if (!(at in found)) {
			split(at, part, SUBSEP)
			complain(LIST ":" listed[at] ": no such branch: " part[2])
		}
	printf "%d of %d branches (%.1f %%)\n", covered, total,
		100 * covered / total
	for (k in kind)
		printf "%6d %s\n", of_kind[k], substr(kind[k], 6)
	exit bad
}
