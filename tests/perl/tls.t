# IO::Socket::SSL, whose handles are tied.
use strict;
use warnings;
use Test::More;
use Danga::Socket;
use POSIX ();
use File::Temp qw(tempdir);

eval { require IO::Socket::SSL; 1 }
	or plan skip_all => 'there is no IO::Socket::SSL';

package Echo;
use base 'Danga::Socket';

# Less than a record of TLS: the rest is held by the handle.
sub event_read {
	my $self = shift;
	my $bytes = $self->read(1000);
	return $self->close unless defined $bytes;
	$main::empty++ unless length $$bytes;
	$self->write($bytes);
}
sub event_err { $_[0]->close }
sub event_hup { $_[0]->close }

package main;

our $empty = 0;
my $dir = tempdir(CLEANUP => 1);
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost " .
	"-keyout $dir/key -out $dir/cert >$dir/log 2>&1") == 0
	or plan skip_all => 'there is no openssl to make a certificate';

my $listener = IO::Socket::INET->new(
	LocalAddr => '127.0.0.1', Listen => 1, Blocking => 0) or die;
my $sent = join '', map { chr(97 + $_ % 26) } 1 .. 300_000;

# The client: sends all, reads all, and tells by its status.
my $pid = fork // die;
if (!$pid) {
	my $s = IO::Socket::SSL->new(
		PeerAddr => '127.0.0.1', PeerPort => $listener->sockport,
		SSL_verify_mode => 0) or POSIX::_exit(2);
	my ($got, $at) = ('', 0);
	while (length $got < length $sent) {
		my $n = $at < length $sent ? syswrite $s, $sent, 16384, $at : 0;
		$at += $n || 0;
		sysread $s, $got, 16384, length $got or last;
	}
	POSIX::_exit($got eq $sent ? 0 : 3);
}

my $accepted;
Danga::Socket->AddOtherFds(fileno $listener => sub {
	my $socket = $listener->accept or return;
	$accepted = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
		SSL_cert_file => "$dir/cert", SSL_key_file => "$dir/key");
	$accepted->blocking(0);
	Echo->new($accepted)->watch_read(1);
});
my $status;
local $SIG{CHLD} = sub { $status = $? if waitpid($pid, 0) == $pid };
Danga::Socket->SetPostLoopCallback(sub { !defined $status });
Danga::Socket->EventLoop;
is $status >> 8, 0, 'what the client sends comes back';
is $empty, 0, 'event_read is not called for nothing';
done_testing;
