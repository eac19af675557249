# memcached.pl WHAT PORT...: a client of the cache, for tests/verify/memcached.  It
# fails, with the reason, if an answer is not as it should be.
use strict;
use warnings;
use IO::Socket::INET;

$SIG{ALRM} = sub { die "no answer\n" };
my ($what, $port, @more) = @ARGV;

sub client {
	my $to = shift || $port;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to") or die $@;
	$s->autoflush(1);
	return $s;
}

# What is answered until a `version' that follows is.
sub ask {
	my ($s, $text) = @_;
	my $answer = '';
	alarm 20;
	$text .= "version\r\n";
	my $sent = 0;
	while ($sent < length $text) {
		$sent += syswrite($s, $text, 65536, $sent) || die "closed\n";
	}
	until ($answer =~ /(?:^|\n)VERSION [^\r\n]*\r\n\z/) {
		sysread($s, $answer, 1 << 20, length $answer) or die "closed\n";
	}
	alarm 0;
	$answer =~ s/VERSION [^\r\n]*\r\n\z//;
	return $answer;
}

sub set {
	my ($key, $value, $more) = @_;
	$more = '' unless defined $more;
	return "set $key 0 0 " . length($value) . "$more\r\n$value\r\n";
}

sub expect {
	my ($s, $text, $answer) = @_;
	my $got = ask($s, $text);
	die substr($text, 0, 60) . ': ' . substr($got, 0, 200)
		unless $got eq $answer;
}

sub basic {
	my @s = map { client() } 1 .. 8;
	for my $i (0 .. $#s) {
		expect($s[$i], set("key$i", $i x 100), "STORED\r\n");
	}
	my $keys = join ' ', map { "key$_" } 0 .. $#s;
	my $values = join '', map { "VALUE key$_ 0 100\r\n" . $_ x 100 . "\r\n" }
		0 .. $#s;
	expect($_, "get $keys\r\n" x 20, "${values}END\r\n" x 20) for @s;
	my $large = join '', map { chr(rand 256) } 1 .. 300000;
	expect($s[0], set('large', $large), "STORED\r\n");
	my $hit = "VALUE large 0 300000\r\n$large\r\nEND\r\n";
	expect($_, "get large\r\n" x 3, $hit x 3) for @s;
	expect($s[1], set('n', 5, ' noreply') . "incr n 1\r\n" x 200,
		join '', map { "$_\r\n" } 6 .. 205);
}

sub later {
	my $s = client();
	my $now = time;
	expect($s, "set soon 0 1 1\r\n1\r\nset then 0 @{[$now + 2]} 1\r\n2\r\n" .
		set('on', 3), "STORED\r\n" x 3);
	expect($s, "get soon then on\r\n", "VALUE soon 0 1\r\n1\r\n" .
		"VALUE then 0 1\r\n2\r\nVALUE on 0 1\r\n3\r\nEND\r\n");
	sleep 3;
	expect($s, "get soon then on\r\n", "VALUE on 0 1\r\n3\r\nEND\r\n");
	expect($s, "flush_all 1\r\nget on\r\n",
		"OK\r\nVALUE on 0 1\r\n3\r\nEND\r\n");
	sleep 2;
	expect($s, "get on\r\n", "END\r\n");
}

# ---- two servers ----

# Those of the documentation that concern one key, with words that are wrong.
my @keys = (qw(a b c d), 'k' x 250, 'k' x 251);
my @values = ('', 'x', 5, 99, 'abc', '12 x', ' 7', '18446744073709551615', -1,
	1.5, '+5', "two\r\nlines", "\0\xff", 'v' x 3000, 'w' x 20000);
my @seconds = (0, 0, 0, 0, 100, -1, 2592000, 4000000000 % 2147483648, 1000000);

sub pick { return $_[rand @_] }

sub noreply { return rand() < 0.1 ? ' noreply' : '' }

sub storage {
	my ($verb, $cas) = @_;
	my $key = pick(@keys);
	my $flags = pick(0, 0, 1, 65535, 4294967295, rand() < 0.1 ? 'x' : 2);
	# of a refused command the data is a line, and memcached closes at a long one
	my $is_bad = $flags eq 'x' || length $key > 250;
	my $value = pick($is_bad ? @values[0 .. 12] : @values);
	my $bytes = length($value);
	$bytes-- if rand() < 0.03 && $bytes > 0 && $bytes < 1000;
	return "$verb $key $flags " . pick(@seconds)
		. " $bytes$cas" . noreply() . "\r\n$value\r\n";
}

sub line {
	my $n = rand 100;
	my $key = pick(@keys);
	return 'get ' . join(' ', map { pick(@keys[0 .. 4]) } 0 .. rand 8)
		if $n < 25;
	return "get $key" if $n < 28;
	return 'gat ' . pick(@seconds, 'x') . " $key a" if $n < 34;
	return pick('incr', 'decr') . " $key " . pick(1, 1, 7, 1000, 'x',
		'18446744073709551615') . noreply() if $n < 55;
	return "delete $key" . pick('', '', '', ' 0', ' 1', ' 0 noreply')
		if $n < 65;
	return "touch $key " . pick(@seconds, 'x') . noreply() if $n < 75;
	return 'flush_all' . pick('', '', ' 0', ' -1', ' x', ' noreply')
		if $n < 78;
	return pick('verbosity', 'verbosity 1', 'verbosity x', 'get', 'gat',
		'gat 0', 'set', 'set a 0 0', 'set a 0 0 -1', 'cas a 0 0 1',
		'incr a', 'delete', 'touch a', 'bogus', '', 'x', 'GET a',
		'  get   a  b ', 'stats bogus', 'flush_all 1 2 3');
}

# The commands for both; a cas is each server's own.
my %cas;

sub command {
	my $n = rand 10;
	return ('gets ' . pick(@keys[0 .. 3]) . "\r\n") x 2 if $n < 1;
	if ($n < 2) {
		my $text = storage('cas', ' CAS');
		my ($key) = $text =~ /^cas (\S+)/;
		my $wrong = rand() < 0.3;
		return map {
			my $c = $wrong ? 1 : $cas{$_}{$key} || 1;
			$text =~ s/ CAS/ $c/r;
		} 0, 1;
	}
	return (storage(pick(qw(set set add replace append prepend)), '')) x 2
		if $n < 5;
	return (line() . "\r\n") x 2;
}

sub without_cas {
	my ($which, $text) = @_;
	$text =~ s/^VALUE (\S+) (\d+) (\d+) (\d+)\r$/
		$cas{$which}{$1} = $4; "VALUE $1 $2 $3 CAS\r"/gme;
	return $text;
}

# A number that gets shorter is padded with blanks, by memcached only if nothing
# else, such as its crawler, has the item at that moment.
sub without_blanks {
	return join '', map { s/^(VALUE \S+ \d+) \d+/$1/mgr =~ tr/ //dr } @_;
}

sub are_alike {
	my ($s, $a, $b) = @_;
	return 1 if $a eq $b;
	return 0 if without_blanks($a) ne without_blanks($b);
	for my $key ($a =~ /^VALUE (\S+)/mg) {
		ask($_, "delete $key\r\n") for @$s; # the same again
	}
	return 1;
}

sub differ {
	my ($theirs, $n) = @_;
	my @s = (client(), client($theirs));
	srand 15;
	ask($_, "flush_all\r\n") for @s;
	for my $i (1 .. $n) {
		my @text = command();
		my ($a, $b) = map { without_cas($_, ask($s[$_], $text[$_])) } 0, 1;
		die sprintf "command %d, '%.300s': ours '%.300s', theirs '%.300s'\n",
			$i, $text[0], $a, $b unless are_alike(\@s, $a, $b);
	}
}

my %do = (basic => \&basic, later => \&later, differ => \&differ);
$do{$what}->(@more);
