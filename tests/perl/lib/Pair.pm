# A Danga::Socket object on one end of a socket pair.  Its handlers are code of
# the test: read, write, err, hup, close, incomplete.
package Pair;
use strict;
use warnings;
use base 'Danga::Socket';
use fields qw(on peer);
use IO::Handle;
use Socket;

our $destroyed = 0;

sub new {
	my ($class, %on) = @_;
	my $self = fields::new($class);
	socketpair my $mine, my $peer, AF_UNIX, SOCK_STREAM, PF_UNSPEC
		or die "socketpair: $!";
	$_->blocking(0) for $mine, $peer;
	$self->SUPER::new($mine);
	$self->{on} = \%on;
	$self->{peer} = $peer;
	$self->watch_read(1) if $on{read};
	return $self;
}

sub say { syswrite $_[0]{peer}, $_[1] }

sub heard {
	my $got = '';
	1 while sysread $_[0]{peer}, $got, 65536, length $got;
	return $got;
}

# Fills the kernel's buffers, so that the next write is queued.
sub fill {
	my $self = shift;
	1 until $self->write('x' x 65536) == 0;
}

sub event_read { $_[0]{on}{read}->($_[0]) }
sub event_write {
	my $self = shift;
	my $write = $self->{on}{write} or return $self->SUPER::event_write;
	$write->($self);
}
sub event_err { my $do = $_[0]{on}{err} || sub { $_[0]->close }; $do->($_[0]) }
sub event_hup { my $do = $_[0]{on}{hup} || sub { $_[0]->close }; $do->($_[0]) }

sub close {
	my ($self, $reason) = @_;
	return if $self->{closed};
	my $close = $self->{on}{close};
	return if $close && !$close->($self, $reason);
	$self->SUPER::close($reason);
}

sub DESTROY { $destroyed++ }

# Runs the loop for some ticks, which do not wait.
sub ticks {
	my $left = pop;
	Danga::Socket->SetLoopTimeout(0);
	Danga::Socket->SetPostLoopCallback(sub { --$left > 0 });
	Danga::Socket->EventLoop;
	Danga::Socket->SetPostLoopCallback(undef);
}

1;
