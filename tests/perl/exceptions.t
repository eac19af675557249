# What leaves a handler by another way than return.
use strict;
use warnings;
use Test::More;
use Danga::Socket;
use Pair;

sub dies(&) { my $code = shift; eval { $code->(); 1 } ? undef : $@ }

subtest 'a die in a handler leaves the loop, which can be run again' => sub {
	my $calls = 0;
	my $p = Pair->new(read => sub {
		$_[0]->read(1);
		die { number => $calls } if ++$calls == 1;
	});
	$p->say('ab');
	my $error = dies { Pair->ticks(5) };
	is ref $error, 'HASH', 'the exception is the object that was thrown';
	is $error->{number}, 1;
	is dies { Pair->ticks(2) }, undef;
	is $calls, 2, 'the rest of the input is read after that';
	$p->close;
};

subtest 'a die in a timer leaves the loop, and other timers still run' => sub {
	my $ran = 0;
	Danga::Socket->AddTimer(0, sub { die "first\n" });
	Danga::Socket->AddTimer(0, sub { $ran++ });
	is dies { Pair->ticks(3) }, "first\n";
	is dies { Pair->ticks(3) }, undef;
	is $ran, 1;
};

subtest 'a die in code that write runs leaves write' => sub {
	my ($inner, $after) = (undef, 0);
	my $p = Pair->new(read => sub {
		my $self = shift;
		$self->read(1);
		$inner = dies { $self->write(sub { die "in write\n" }) };
		$after = 1;
	});
	$p->say('a');
	is dies { Pair->ticks(2) }, undef, 'it was caught inside the handler';
	is $inner, "in write\n";
	ok $after;
	$p->close;
};

subtest 'a die in queued code leaves the loop' => sub {
	my $p = Pair->new;
	$p->fill;
	$p->write(sub { die "queued\n" });
	my $error = dies { for (1 .. 50) { $p->heard; Pair->ticks(1) } };
	is $error, "queued\n";
	$p->close;
};

subtest 'a die in a post-loop callback leaves the loop' => sub {
	Danga::Socket->SetLoopTimeout(0);
	Danga::Socket->SetPostLoopCallback(sub { die "post\n" });
	is dies { Danga::Socket->EventLoop }, "post\n";
	Danga::Socket->SetPostLoopCallback(undef);
};

subtest 'a die in an other fd leaves the loop' => sub {
	pipe my $r, my $w or die;
	syswrite $w, 'a';
	Danga::Socket->AddOtherFds(fileno $r => sub { die "other\n" });
	is dies { Pair->ticks(2) }, "other\n";
	delete Danga::Socket->OtherFds->{fileno $r};
};

subtest 'a die in close leaves the object open' => sub {
	my $p = Pair->new(close => sub { die "not yet\n" });
	is dies { $p->close }, "not yet\n";
	ok !$p->{closed};
	delete $p->{on}{close};
	$p->close;
	ok $p->{closed};
};

subtest 'a handler that never was defined dies in the loop' => sub {
	socketpair my $a, my $b, Socket::AF_UNIX(), Socket::SOCK_STREAM(), 0;
	my $s = Danga::Socket->new($a);
	$s->watch_read(1);
	syswrite $b, 'x';
	like dies { Pair->ticks(2) }, qr/^Base class event_read called for /;
	$s->close;
};

subtest 'a handler may be left by next and by last' => sub {
	no warnings 'exiting';
	my $reads = 0;
	my $p = Pair->new(read => sub {
		$_[0]->read(1);
		next if ++$reads == 1;
		last if $reads == 2;
	});
	$p->say('abc');
	my $loops = 0;
	for (1) { $loops++; Pair->ticks(5) }
	is $reads, 3;
	is $loops, 1, 'the loop around EventLoop is not left';
	Danga::Socket->AddTimer(0, sub { next });
	$p->write(sub { last });
	Pair->ticks(3);
	pass 'nor by a timer or code in the queue';
	$p->close;
};

subtest 'a label outside the loop is not found' => sub {
	no warnings 'exiting';
	Danga::Socket->AddTimer(0, sub { last OUTSIDE });
	my $error;
	OUTSIDE: for (1) { $error = dies { Pair->ticks(2) } }
	like $error, qr/^Label not found/;
};

subtest 'a signal handler runs while the loop waits, and may die' => sub {
	local $SIG{ALRM} = sub { die "alarm\n" };
	Danga::Socket->SetLoopTimeout(-1);
	alarm 1;
	is dies { Danga::Socket->EventLoop }, "alarm\n";
};

subtest 'an exception that DESTROY throws is a warning' => sub {
	my @warnings;
	local $SIG{__WARN__} = sub { push @warnings, @_ };
	{ package Thrower; sub DESTROY { die "destroyed\n" } }
	my $thrower = bless [], 'Thrower';
	my $p = Pair->new;
	Danga::Socket->AddTimer(0, sub { my $kept = $thrower });
	undef $thrower;
	is dies { Pair->ticks(3) }, undef;
	like "@warnings", qr/destroyed/;
	$p->close;
};

subtest 'a loop in a handler raises in that handler' => sub {
	my $inner;
	Danga::Socket->AddTimer(0, sub {
		Danga::Socket->AddTimer(0, sub { die "inner\n" });
		$inner = dies { Danga::Socket->EventLoop };
	});
	is dies { Pair->ticks(3) }, undef;
	is $inner, "inner\n";
};

done_testing;
