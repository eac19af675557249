# exit and fork inside handlers.
use strict;
use warnings;
use Test::More;
use POSIX ();

# Runs the text in a process of its own; its status, and what it printed.
sub run {
	my $code = 'use strict; use warnings; use Danga::Socket; use Pair; ' .
		'$| = 1; END { print "end " } ' . shift;
	open my $out, '-|', $^X, (map { "-I$_" } @INC), '-e', $code or die;
	my $said = join '', <$out>;
	close $out;
	return ($? >> 8, $said);
}

my %exits = (
	'a handler' => 'my $p = Pair->new(read => sub { exit 3 });
		$p->say("a"); Danga::Socket->EventLoop; print "not "',
	'a timer' => 'Danga::Socket->AddTimer(0, sub { exit 3 });
		Danga::Socket->EventLoop; print "not "',
	'code of write, in a handler' => 'my $p = Pair->new(read => sub {
			eval { $_[0]->write(sub { exit 3 }) }; print "not " });
		$p->say("a"); Danga::Socket->EventLoop; print "not "',
	'code of write, outside the loop' => 'my $p = Pair->new;
		eval { $p->write(sub { exit 3 }) }; print "not "',
	'a loop in a handler' => 'Danga::Socket->AddTimer(0, sub {
			Danga::Socket->AddTimer(0, sub { exit 3 });
			eval { Danga::Socket->EventLoop }; print "not " });
		Danga::Socket->EventLoop; print "not "',
	'a post-loop callback' => 'Danga::Socket->SetLoopTimeout(0);
		Danga::Socket->SetPostLoopCallback(sub { exit 3 });
		eval { Danga::Socket->EventLoop }; print "not "',
	'close' => 'my $p = Pair->new(close => sub { exit 3 });
		eval { $p->close }; print "not "',
	'a signal handler' => '$SIG{ALRM} = sub { exit 3 }; alarm 1;
		eval { Danga::Socket->EventLoop }; print "not "',
	'an other fd' => 'pipe my $r, my $w; syswrite $w, "a";
		Danga::Socket->AddOtherFds(fileno $r => sub { exit 3 });
		eval { Danga::Socket->EventLoop }; print "not "',
	'DESTROY of a closure' => '{ package D; sub DESTROY { exit 3 } }
		{ my $d = bless []; bless $d, "D";
		Danga::Socket->AddTimer(0, sub { my $k = $d }) }
		eval { Danga::Socket->EventLoop }; print "not "',
);

for my $where (sort keys %exits) {
	my ($status, $said) = run($exits{$where});
	is "$status $said", '3 end ', "exit in $where ends the process";
}

is_deeply [run('exit 0')], [0, 'end '];
is_deeply [run('my $p = Pair->new; $p->fill; undef $p;')], [0, 'end '],
	'objects that are open at the end are no problem';

is_deeply [run('{ package E; our @ISA = "Pair";
		sub DESTROY { $_[0]->close; $_[0]->write("x") } }
	my $p = E->new; $p->fill;')], [0, 'end '],
	'and their DESTROY may call methods';

is_deeply [run('my $p; $p = Pair->new(read => sub {
		$p->read(1);
		my $pid = fork;
		if (!$pid) { $p->close; exit 5 }
		waitpid $pid, 0;
		print $? >> 8, " ";
		$p->{on}{read} = sub { print $p->read(1) ? "read " : "no "; exit };
	});
	$p->say("ab"); Danga::Socket->EventLoop')], [0, 'end 5 read end '],
	'a child that closes an object and exits leaves the parent its own';

is_deeply [run('my $p; $p = Pair->new(read => sub {
		$p->read(1);
		if (!fork) {
			Danga::Socket->AddTimer(0, sub { print "child "; exit 0 });
			return;
		}
		wait;
		exit 0;
	});
	$p->say("a"); Danga::Socket->EventLoop')], [0, 'child end end '],
	'a child may go on with the loop of its parent';

is_deeply [run('my $p = Pair->new; $p->fill; $p->write("tail");
	if (!fork) {
		Danga::Socket->Reset;
		my $q = Pair->new(read => sub { print "served "; exit 0 });
		$q->say("a");
		Danga::Socket->EventLoop;
	}
	wait;
	my $got = "";
	for (1 .. 100) { $got .= $p->heard; Pair->ticks(1) }
	print $got =~ /^x+tail$/ ? "whole " : "broken ";')],
	[0, 'served end whole end '],
	'a child that resets has a loop of its own, and the queue is the parent\'s';

is_deeply [run('use Fcntl; pipe my $r, my $w;
	if (!fork) { Danga::Socket->new($w); exit 0 }
	wait;
	print fcntl($w, F_GETFL, 0) & O_NONBLOCK ? "changed " : "blocking ";')],
	[0, 'end blocking end '],
	'a pipe that others use is blocking again when the process has ended';

done_testing;
