#!/usr/bin/perl
# Timers of Danga::Socket, N of them; what takes long is done to 200 only.
use strict;
use warnings;
use Danga::Socket;
use List::Util 'shuffle';
use Time::HiRes qw(clock sleep);

my $n = shift or die "usage: $0 N\n";
my ($few, $fired, @timers) = (200, 0);
$few = $n if $n < $few;

sub timed {
	my ($name, $count, $code) = @_;
	my $from = clock;
	$code->();
	printf "%s %.1f\n", $name, (clock() - $from) * 1e9 / $count;
}

sub start { Danga::Socket->AddTimer($_[0], sub { $fired++ }) }
sub again { $timers[$_[0]]->cancel; $timers[$_[0]] = start($_[1]) }

timed add => $n, sub { $timers[$_] = start(100 + rand 1000) for 0 .. $n - 1 };
my @some = (shuffle 0 .. $n - 1)[0 .. $few - 1];
timed refresh => $few, sub { again($_, 1130) for @some };
timed rearm => $few, sub { again($_, 100 + rand 1000) for @some };
timed cancel => $n, sub { $_->cancel for shuffle @timers };
start(rand 0.05) for 1 .. $n;
sleep 0.1;
$fired = 0;
Danga::Socket->SetLoopTimeout(0);
Danga::Socket->SetPostLoopCallback(sub { $fired < $n });
timed expire => $n, sub { Danga::Socket->EventLoop };
