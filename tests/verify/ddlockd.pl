# ddlockd.pl WHAT PORT...: a client of the lock daemon, for tests/verify/ddlockd.
# It fails, with the reason, if an answer is not as it should be.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes 'sleep', 'time';

$SIG{ALRM} = sub { die "no answer\n" };
my ($what, $port, @more) = @ARGV;

sub client {
	my $to = shift || $port;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$to") or die $@;
	$s->autoflush(1);
	return $s;
}

# A request, and its answer as far as it comes at once.
sub ask {
	my ($s, $line, $end) = @_;
	my $answer = '';
	alarm 20;
	syswrite $s, $line;
	$end = qr/\n$/ unless defined $end;
	until ($answer =~ $end) {
		sysread($s, $answer, 65536, length $answer) or die "closed\n";
	}
	alarm 0;
	return $answer;
}

sub expect {
	my ($s, $line, $answer) = @_;
	my $got = ask($s, "$line\r\n");
	die "$line: $got" unless $got eq "$answer\r\n";
}

sub basic {
	my @s = map { client() } 1 .. 8;
	for my $i (0 .. $#s) {
		expect($s[$i], "trylock lock=own$i", 'OK ');
		expect($s[$i], 'trylock lock=all', $i ? 'ERR taken ' : 'OK ');
	}
	expect($s[1], 'releaselock lock=all', 'ERR didnthave ');
	expect($s[0], 'releaselock lock=all', 'OK ');
	expect($s[1], 'trylock lock=all', 'OK ');
	my $list = ask($s[2], "locks\r\n", qr/ own7 = .*\n$/);
	my $n = () = $list =~ /^  \S+ = \S+\(R\): open to 127\.0\.0\.1:\d+$/mg;
	die $list unless $n == 9 && $list =~ /^LOCKS:\n/;
	pipeline(200);
}

sub pipeline {
	my $n = shift;
	my $s = client();
	my $answers = ask($s, "noop\r\n" x $n, qr/^(?:OK \r\n){$n}$/);
}

sub killed {
	my $s = client();
	my $pid = fork;
	if (!$pid) {
		my $held = client();
		expect($held, 'trylock lock=held', 'OK ');
		sleep 100;
		exit;
	}
	my $since = time + 10;
	sleep 0.01 while ask($s, "locks\n", qr/\n$/) !~ /held/ && time < $since;
	expect($s, 'trylock lock=held', 'ERR taken ');
	kill 9, $pid;
	$since = time;
	sleep 0.01 until ask($s, "trylock lock=held\n") =~ /^OK/ ||
		time > $since + 1;
	waitpid $pid, 0;
	expect($s, 'releaselock lock=held', 'OK ');
}

sub many {
	my ($s, $other) = (client(), client());
	for my $i (0 .. 99) {
		my $lines = join '', map { "trylock lock=m$_\n" }
			$i * 100 .. $i * 100 + 99;
		ask($s, $lines, qr/^(?:OK \r\n){100}$/);
	}
	my $list = ask($other, "locks\n", qr/ m9999 = .*\n$/);
	die 'not all are there' unless 10000 == (() = $list =~ / = /g);
	die 'not sorted' unless $list =~ / m10 .*\n  m100 .*\n  m1000 /;
	close $s;
	for (1 .. 100) {
		return if ask($other, "locks\n", qr/\n$/) eq "LOCKS:\n\n";
		sleep 0.01;
	}
	die "not free again\n";
}

# ---- two daemons ----

# An argument like what clients send, and unlike it.
sub random_argument {
	my $name = join '', map {
		(qw(a b c foo %61 %2 %zz + %20 %00 %0A & = &lock= 0 .), "\xe9")
			[rand 17]
	} 0 .. rand 3;
	return ('lock=', 'lock=', 'lock=', 'lock=', 'Lock=', 'l%6Fck=', '')[rand 7]
		. $name;
}

sub random_line {
	my $command = (qw(trylock trylock trylock releaselock releaselock
		TryLock RELEASELOCK noop locks load status bogus), '?', ' ',
		'noop2', "\r")[rand 16];
	my $blank = (' ', ' ', ' ', "\t", '  ', '')[rand 6];
	my $argument = $command =~ /lock$/i ? random_argument() : '';
	return $command . $blank . $argument . ("\r\n", "\n")[rand 2];
}

# What differs between any two runs.
sub same_for_all {
	my $text = shift;
	$text =~ s/127\.0\.0\.1:\d+/PEER/g;
	$text =~ s/^((?:RUNTIME|LOAD): )\d+$/$1N/mg;
	return $text;
}

# All that comes before the answer to a noop that follows.
sub answer_of {
	my ($s, $line) = @_;
	my $answer = ask($s, $line);
	$answer .= ask($s, "noop\r\n", qr/OK \r\n$/);
	return same_for_all($answer);
}

sub differ {
	my ($theirs, $n) = @_;
	my @ours = map { client($port) } 1 .. 3;
	my @their = map { client($theirs) } 1 .. 3;
	srand 12;
	answer_of($_->[0], "trylock lock=x\n"), answer_of($_->[1],
		"trylock lock=x\n") for \@ours, \@their; # so that no count is 0
	for my $i (1 .. $n) {
		my $c = int rand 3;
		my $line = random_line();
		my $a = answer_of($ours[$c], $line);
		my $b = answer_of($their[$c], $line);
		die "request $i, '$line': ours '$a', theirs '$b'\n" if $a ne $b;
		if (rand() < 0.01) { # a client comes and goes
			$_ = undef for $ours[$c], $their[$c];
			$ours[$c] = client($port);
			$their[$c] = client($theirs);
			sleep 0.05;
		}
	}
}

my %do = (basic => \&basic, pipeline => sub { pipeline(1000) },
	kill => \&killed, many => \&many, differ => \&differ);
$do{$what}->(@more);
