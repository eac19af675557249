#!/usr/bin/perl
# The echo server on Danga::Socket.
use strict;
use warnings;

package Echo;
use base 'Danga::Socket';

our $message = 0;

sub event_read {
	my Echo $self = shift;
	my $in = $self->read(16384);
	return $self->close unless defined $in;
	return $self->write($in) unless $message;
	my $len = length $$in;
	for (my $i = 0; $i < $len; $i += $message) {
		$self->write(substr($$in, $i, $message));
	}
}

sub event_err { $_[0]->close }
sub event_hup { $_[0]->close }

package main;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

for (@ARGV) {
	if (/^--message=(\d+)$/) { $Echo::message = $1 }
	elsif (/^--profile=off$/) { }
	elsif (/^--profile=/) {
		Danga::Socket->EnableProfiling or die "no BSD::Resource\n";
	}
	else { die "$0: what is $_?\n" }
}
my $listener = IO::Socket::INET->new(
	LocalAddr => '127.0.0.1', Listen => 4096, Blocking => 0,
) or die "listen: $!\n";
setsockopt $listener, IPPROTO_TCP, TCP_NODELAY, 1 or die "nodelay: $!\n";
Danga::Socket->AddOtherFds(fileno($listener) => sub {
	my $client = $listener->accept or return;
	$client->blocking(0);
	Echo->new($client)->watch_read(1);
});
$| = 1;
print $listener->sockport, " $$\n";
Danga::Socket->EventLoop;
